//! Migrations: one pair for each number, and none that the software before it cannot live with. See `migrations/README.md`.

use std::collections::BTreeSet;
use std::path::Path;

/// The last migration from before there was software that goes on beside a newer schema.
const BEFORE: u32 = 18;
/// Beginning of the first line of a migration that takes something away.
const CONTRACT: &str = "-- contract: since ";

/// Name and text of every migration for an engine, in order.
fn migrations(engine: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let mut found: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    found.sort();
    found
}

fn number(name: &str) -> u32 {
    name.split('_').next().and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("{name} has no number"))
}

/// The statements of a migration, in capitals, with single spaces and without comments and quoted words.
fn statements(text: &str) -> Vec<String> {
    let bare: String = text.lines().map(|line| format!("{} ", line.split("--").next().unwrap_or_default())).collect();
    let unquoted: String = bare.split('\'').step_by(2).collect::<Vec<_>>().join("''");
    let statements = unquoted.split(';').map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase());
    statements.filter(|statement| !statement.is_empty()).collect()
}

/// The words after each place where `what` stands, one word a time.
fn names_after(statements: &[String], what: &str) -> BTreeSet<String> {
    let after = |rest: &str| rest.trim_start_matches("IF NOT EXISTS ").split([' ', '(']).next().unwrap_or_default().to_owned();
    statements.iter().flat_map(|statement| statement.split(what).skip(1).map(after).collect::<Vec<_>>()).collect()
}

/// What a migration does that the software before it may not survive.
fn contractions(text: &str) -> Vec<String> {
    let statements = statements(text);
    let (tables, columns) = (names_after(&statements, "CREATE TABLE "), names_after(&statements, "ADD COLUMN "));
    let mut found = Vec::new();
    for statement in &statements {
        let words: Vec<&str> = statement.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        let is_change = words.first() == Some(&"ALTER");
        if words.first() == Some(&"DROP") || (is_change && (words.contains(&"DROP") || words.contains(&"RENAME"))) {
            found.push(format!("takes away or renames: {statement}"));
        }
        if is_change && (statement.contains("ALTER COLUMN") || statement.contains("ADD CONSTRAINT") || statement.contains("ADD CHECK")) {
            found.push(format!("makes stricter: {statement}"));
        }
        // What the old software inserts has no value for the new column.
        let clauses = statement.split("ADD COLUMN ").skip(1);
        let is_bare = |clause: &&str| clause.contains("NOT NULL") && !clause.contains("DEFAULT") && !clause.contains("GENERATED");
        found.extend(clauses.filter(is_bare).map(|clause| format!("asks for a value that nobody gives: {clause}")));
        // What the old software writes may stand twice; not so in a table or a column that it does not know.
        if let Some((_, on)) = statement.split_once("CREATE UNIQUE INDEX ").and_then(|(_, rest)| rest.split_once(" ON ")) {
            let (table, list) = on.split_once('(').unwrap_or((on, ""));
            let is_new = list.split([',', ' ', ')']).any(|word| columns.contains(word));
            if !tables.contains(table.trim()) && !is_new {
                found.push(format!("makes stricter: {statement}"));
            }
        }
    }
    found
}

#[test]
fn migrations_come_in_pairs_and_in_order() {
    let [sqlite, postgres] = ["sqlite", "postgres"].map(|engine| migrations(engine).into_iter().map(|(name, _)| name).collect::<Vec<_>>());
    assert_eq!(sqlite, postgres, "each change has its file for both engines");
    let numbers: Vec<u32> = sqlite.iter().map(|name| number(name)).collect();
    assert_eq!(numbers, (1..=numbers.len() as u32).collect::<Vec<_>>(), "numbers without a gap");
}

#[test]
fn migrations_leave_the_software_before_them_running() {
    let mut broken = Vec::new();
    for engine in ["sqlite", "postgres"] {
        for (name, text) in migrations(engine).into_iter().filter(|(name, _)| number(name) > BEFORE) {
            let found = contractions(&text);
            let since = text.lines().next().and_then(|line| line.strip_prefix(CONTRACT)).map(str::trim);
            match since {
                None => broken.extend(found.into_iter().map(|what| format!("{engine}/{name} {what}"))),
                Some("") => broken.push(format!("{engine}/{name} does not say since which version nothing needs what it takes away")),
                Some(_) if !text.contains("'schema_floor'") => {
                    let ends_old = |what: &&String| !["DROP INDEX", "DROP TRIGGER"].iter().any(|small| what.contains(small));
                    broken.extend(found.iter().filter(ends_old).map(|what| format!("{engine}/{name} raises no schema_floor, but {what}")));
                }
                Some(_) => {}
            }
        }
    }
    assert!(broken.is_empty(), "expand first, contract a release later (migrations/README.md): {broken:#?}");
}

/// Tables that an office fills by hand: an index over them is there at once.
const SMALL: &[&str] = &["IMPORT_JOB", "UPLOAD_BATCH"];

#[test]
fn indexes_of_large_tables_can_be_built_beforehand() {
    let mut seen = 0;
    for (name, text) in migrations("postgres").into_iter().filter(|(name, _)| number(name) > BEFORE) {
        let statements = statements(&text);
        let new = names_after(&statements, "CREATE TABLE ");
        for statement in &statements {
            let Some((_, on)) = statement.strip_prefix("CREATE INDEX ").and_then(|rest| rest.split_once(" ON ")) else { continue };
            let table = on.split([' ', '(']).next().unwrap_or_default();
            if new.contains(table) || SMALL.contains(&table) {
                continue;
            }
            assert!(statement.starts_with("CREATE INDEX IF NOT EXISTS "), "{name}: {statement}");
            seen += 1;
        }
        // The runbook turns each of them into one that keeps nobody waiting, line by line.
        let starts = text.lines().filter(|line| line.starts_with("CREATE INDEX IF NOT EXISTS "));
        assert!(starts.clone().all(|line| line.ends_with(';')), "{name}: an index goes over several lines");
        let named = statements.iter().filter(|statement| statement.starts_with("CREATE INDEX IF NOT EXISTS ")).count();
        assert_eq!(starts.count(), named, "{name}");
    }
    assert!(seen > 0, "0019 and 0022 have some");
}

#[test]
fn what_old_software_may_not_survive_is_seen() {
    for (text, count) in [
        ("CREATE TABLE t (id BLOB NOT NULL, a TEXT NOT NULL);\nCREATE UNIQUE INDEX t_a ON t (a);", 0),
        ("ALTER TABLE t ADD COLUMN a TEXT;\nALTER TABLE t ADD COLUMN b BIGINT NOT NULL DEFAULT 0;", 0),
        ("ALTER TABLE t ADD COLUMN a TEXT; CREATE UNIQUE INDEX t_a ON t (b, a) WHERE a IS NOT NULL;", 0),
        ("CREATE INDEX IF NOT EXISTS t_a ON t (a); -- DROP nothing\nUPDATE t SET a = 'DROP TABLE t; x' WHERE a IS NULL;", 0),
        ("ALTER TABLE t ADD COLUMN a TEXT NOT NULL;", 1),
        ("ALTER TABLE t ADD COLUMN a TEXT DEFAULT '', ADD COLUMN b TEXT NOT NULL;", 1),
        ("CREATE UNIQUE INDEX t_a ON t (a);", 1),
        ("CREATE UNIQUE INDEX IF NOT EXISTS t_a ON t(lower(a), b) WHERE b > 0;", 1),
        ("alter table t drop column a;\nDROP TABLE u;", 2),
        ("ALTER TABLE t RENAME TO u; DROP TRIGGER x;", 2),
        ("ALTER TABLE t ALTER COLUMN a SET NOT NULL;", 1),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0);", 1),
    ] {
        assert_eq!(contractions(text).len(), count, "{text}: {:?}", contractions(text));
    }
}
