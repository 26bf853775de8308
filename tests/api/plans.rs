//! No statement reads a table that grows from end to end. Each is planned on the engine in use, on empty tables: where no index leads to its rows, the plan
//! says so without a single opinion, and this fails here instead of in an office that has a million of them.

use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Either, Executor, Row, SqlStr, Statement, TypeInfo};
use zhitong::storage::Db;

use crate::statements;
use crate::support::TestApp;

/// Tables that grow with citizens, opinions, visits or the collection. The others hold what an office enters by hand.
const GROWING: &[&str] = &[
    "account",
    "audit_entry",
    "change_feed",
    "corpus_relation",
    "corpus_version",
    "corpus_work",
    "disposition",
    "draft_follower",
    "inbox",
    "moderation_appeal",
    "moderation_case",
    "moderation_entry",
    "opinion",
    "opinion_act",
    "opinion_attachment",
    "opinion_group",
    "opinion_note",
    "opinion_provenance",
    "opinion_revision",
    "opinion_split",
    "opinion_tag",
    "opinion_vote",
    "outbox",
    "phone_code",
    "provision",
    "question_answer",
    "question_choice",
    "recovery_code",
    "session",
    "structure_diagnostic",
    "subscription_consent",
    "subscription_send",
    "upload_row",
];

/// Partial indexes over what waits for somebody and leaves them again: to walk through one of them is to read what waits.
const SHELVES: &[&str] = &[
    "disposition_returned",
    "moderation_appeal_open",
    "opinion_hidden",
    "opinion_hidden_standing",
    "opinion_in_review",
    "opinion_in_review_standing",
    "opinion_unchecked",
    "outbox_given_up",
    "outbox_pending",
    "subscription_send_failed",
    "subscription_send_pending",
];

/// A statement that may read a growing table from end to end.
struct Allowed {
    room: &'static str,
    /// Words that are in the statement.
    words: &'static str,
    /// Empty: any.
    table: &'static str,
    why: &'static str,
}

const fn allow(room: &'static str, words: &'static str, table: &'static str, why: &'static str) -> Allowed {
    Allowed { room, words, table, why }
}

const CENSUS: &str = "counts the collection, some ten thousand works";
const KEY: &str = "SQLite asks whether a child still points at the key; only when a list of points is loaded";
const ALL: &str = "the numbers of every round and every point together; staff choose one of them";

const ALLOWED: &[Allowed] = &[
    allow(
        "accounts::sessions",
        "ORDER BY expires_at, token_hash LIMIT 1000",
        "session",
        "PostgreSQL alone, on an empty table: a thousand at a time are looked up",
    ),
    allow("app::sealed", "", "", "the exchange of the key, by an operator, batch by batch"),
    allow("audit", "LIMIT 1", "audit_entry", "the end of the index, one entry"),
    allow("contact_points", "INSERT INTO contact_point", "", KEY),
    allow("contact_points", "INSERT INTO collection_station", "", KEY),
    allow("corpus::indexing", "LIMIT", "corpus_work", "along the key, page by page, when the index is built"),
    allow("corpus::indexing", "ORDER BY w.id, v.dated_on", "", "all titles, when the index is opened"),
    allow("corpus::reading", "ORDER BY title, id LIMIT", "corpus_work", "along the titles, page by page"),
    allow("corpus::reading", "COUNT(*)", "", CENSUS),
    allow(
        "opinions::offline::entry",
        "UPDATE opinion_provenance",
        "opinion_provenance",
        "PostgreSQL alone, on an empty table: it is the key that is given",
    ),
    allow("opinions::statistics", "(o.consultation_id = $1 OR $1 IS NULL) AND (o.contact_point_id = $3 OR $3 IS NULL)", "opinion", ALL),
    allow(
        "opinions::statistics::behind",
        "(o.consultation_id = $1 OR $1 IS NULL) AND (o.contact_point_id = $3 OR $3 IS NULL)",
        "opinion",
        ALL,
    ),
    allow("storage", "WHERE text_key IS NULL", "opinion", "SQLite alone, along an index, once at each start"),
];

#[tokio::test]
async fn no_statement_reads_a_growing_table_from_end_to_end() {
    let app = TestApp::start().await;
    let all = statements::all();
    let mut found = Vec::new();
    for &(room, statement) in &all {
        let tables = match &app.app.db {
            Db::Sqlite(sqlite) => read_by_sqlite(&sqlite.read, statement).await,
            Db::Postgres(pool) => read_by_postgres(pool, statement).await,
        };
        for (table, plan) in tables {
            let may = |a: &Allowed| a.room == room && statement.contains(a.words) && (a.table.is_empty() || a.table == table);
            if !ALLOWED.iter().any(may) {
                found.push(format!("{room} reads all of {table}:\n{statement}\n{plan}"));
            }
        }
    }
    for allowed in ALLOWED {
        let is_used = all.iter().any(|(room, statement)| allowed.room == *room && statement.contains(allowed.words));
        assert!(is_used, "{}: no statement has the words “{}” any more ({})", allowed.room, allowed.words, allowed.why);
    }
    assert!(found.is_empty(), "{} statements:\n\n{}", found.len(), found.join("\n\n"));
    app.finish().await;
}

#[tokio::test]
async fn a_statement_that_no_index_leads_is_found() {
    let app = TestApp::start().await;
    let (led, unled) = ("SELECT o.body FROM opinion o WHERE o.receipt_number = $1", "SELECT o.body FROM opinion o WHERE o.reason = $1");
    let unordered = "SELECT body FROM opinion WHERE reason = $1 ORDER BY id LIMIT 1";
    for (statement, expected) in [(led, 0), (unled, 1), (unordered, 1)] {
        let tables = match &app.app.db {
            Db::Sqlite(sqlite) => read_by_sqlite(&sqlite.read, statement).await,
            Db::Postgres(pool) => read_by_postgres(pool, statement).await,
        };
        let found = tables.iter().filter(|(table, _)| table == "opinion").count();
        assert_eq!(found.min(1), expected, "{statement}: {tables:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn the_numbers_of_a_round_come_from_one_index_alone() {
    let app = TestApp::start().await;
    // PostgreSQL decides by what it knows of the table, which is empty here.
    if let Db::Sqlite(sqlite) = &app.app.db {
        let of_round = "WHERE o.state <> 'withdrawn' AND o.consultation_id = $1 AND";
        let counts =
            statements::all().into_iter().filter(|(room, statement)| *room == "opinions::statistics" && statement.contains(of_round));
        let mut seen = 0;
        for (_, statement) in counts {
            let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"))).fetch_all(&sqlite.read).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
            assert!(plan.iter().any(|line| line.starts_with("SEARCH o USING COVERING INDEX opinion_numbers ")), "{statement}\n{plan:#?}");
            seen += 1;
        }
        assert_eq!(seen, 6 + 3, "six dimensions, and the opinions, texts and people in all");
    }
    app.finish().await;
}

/// Growing tables that SQLite would read from end to end, each with the line of the plan.
async fn read_by_sqlite(pool: &SqlitePool, statement: &'static str) -> Vec<(String, String)> {
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"))).fetch_all(pool).await.unwrap();
    let mut found = Vec::new();
    for row in rows {
        let detail: String = row.get("detail");
        // An index that is made for one statement is made by reading everything.
        if !detail.starts_with("SCAN ") && !detail.contains(" AUTOMATIC ") {
            continue;
        }
        let name = detail.split_whitespace().nth(1).unwrap_or_default();
        let index = detail.split_once(" INDEX ").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or_default();
        if SHELVES.contains(&index) {
            continue;
        }
        found.extend(tables_called(statement, name).into_iter().map(|table| (table.to_owned(), detail.clone())));
    }
    found
}

/// Growing tables that a statement calls by a name, be it their own.
fn tables_called(statement: &str, name: &str) -> Vec<&'static str> {
    let words: Vec<&str> = statement.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect();
    let is_called = |table: &str| {
        name == table
            || words.windows(2).any(|pair| pair[0] == table && pair[1] == name)
            || words.windows(3).any(|three| three[0] == table && three[1] == "AS" && three[2] == name)
    };
    GROWING.iter().copied().filter(|table| is_called(table)).collect()
}

/// Growing tables that PostgreSQL would read from end to end although it is told to avoid it, each with the plan: once with every value given, and once
/// without those that may be absent.
async fn read_by_postgres(pool: &PgPool, statement: &'static str) -> Vec<(String, String)> {
    let mut connection = pool.acquire().await.unwrap();
    let prepared = (&mut *connection).prepare(SqlStr::from_static(statement)).await.unwrap();
    let types: Vec<String> = match prepared.parameters() {
        Some(Either::Left(types)) => types.iter().map(|kind| kind.name().to_owned()).collect(),
        _ => Vec::new(),
    };
    // On empty tables all ways cost the same: what leads from row to row by a key is to be seen wherever there is such a way.
    for way in ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"] {
        sqlx::query(AssertSqlSafe(format!("SET {way} = off"))).execute(&mut *connection).await.unwrap();
    }
    let mut found = Vec::new();
    for leaves_out in [false, true] {
        let sql = format!("EXPLAIN (COSTS OFF) {}", with_values(statement, &types, leaves_out));
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut *connection).await.unwrap();
        for (at, line) in plan.iter().enumerate() {
            let table = if let Some((_, rest)) = line.split_once("Seq Scan on ") {
                rest
            } else if let Some((_, rest)) = line.split_once(" using ").filter(|_| line.contains("Index ")) {
                let (index, rest) = rest.split_once(" on ").unwrap_or_default();
                let is_led = plan.get(at + 1).is_some_and(|next| next.trim_start().starts_with("Index Cond:"));
                if is_led || SHELVES.contains(&index) {
                    continue;
                }
                rest
            } else {
                continue;
            };
            let table = table.split_whitespace().next().unwrap_or_default();
            if GROWING.contains(&table) {
                found.push((table.to_owned(), plan.join("\n")));
            }
        }
    }
    found
}

/// A statement with values in place of its parameters; those that it allows to be absent are left out on demand.
fn with_values(statement: &str, types: &[String], leaves_out: bool) -> String {
    let mut text = statement.to_owned();
    // From the last to the first: `$1` is also the beginning of `$10`.
    for (at, kind) in types.iter().enumerate().rev() {
        let name = format!("${}", at + 1);
        let may_be_absent = text.contains(&format!("{name} IS NULL")) || text.contains(&format!("{name} AS TEXT) IS NULL"));
        let value = match kind.as_str() {
            "BOOL" => "FALSE".to_owned(),
            _ if leaves_out && may_be_absent => format!("CAST(NULL AS {kind})"),
            "UUID" => "CAST('00000000-0000-7000-8000-000000000000' AS UUID)".to_owned(),
            "INT2" | "INT4" | "INT8" => format!("CAST(50 AS {kind})"),
            "TIMESTAMPTZ" | "DATE" => format!("CAST('2026-03-02' AS {kind})"),
            "JSON" | "JSONB" => format!("CAST('[]' AS {kind})"),
            "TEXT" => "CAST('a' AS TEXT)".to_owned(),
            _ => format!("CAST(NULL AS {kind})"),
        };
        text = text.replace(&name, &value);
    }
    text
}
