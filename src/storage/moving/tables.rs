//! The tables of both engines: that they are the same, how they are read and written, and in which order they are filled.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use sqlx::{PgConnection, SqlitePool};
use uuid::Uuid;

use super::OWN;
use super::values::Kind;
use crate::error::{Error, Result};
use crate::storage::snapshot::some_of;
use crate::storage::sql::failed;

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether the engine computes it.
    pub is_generated: bool,
}

/// A row: a value for each column in order, in the words that its engine gave.
pub type Row = Vec<Option<String>>;

/// A table that both engines have.
#[derive(Clone, Debug)]
pub struct Table {
    /// Name.
    pub name: String,
    /// Columns, in the order of SQLite.
    pub columns: Vec<Column>,
    /// Places of the columns of the primary key, in its order.
    pub key: Vec<usize>,
    /// Whether its rows name rows of its own: they are then written at once, because each batch is checked at its end.
    pub names_itself: bool,
}

impl Table {
    /// Names of the columns of the key, as a list of SQL.
    fn key_list(&self) -> String {
        self.key.iter().map(|at| quoted(&self.columns[*at].name)).collect::<Vec<_>>().join(", ")
    }

    /// Reads the whole table from SQLite in the order of its key, from after a place on. The last value of each row is its own place.
    pub fn select_in_sqlite(&self, after: &str) -> String {
        let values = self.columns.iter().map(|column| column.kind.in_sqlite(&quoted(&column.name))).collect::<Vec<_>>().join(", ");
        // A literal of SQL for each column of the key: what is read here is compared in the next run.
        let place =
            self.key.iter().map(|at| format!("quote({})", quoted(&self.columns[*at].name))).collect::<Vec<_>>().join(" || ', ' || ");
        let key = self.key_list();
        let begin = if after.is_empty() { String::new() } else { format!(" WHERE ({key}) > ({after})") };
        format!("SELECT {values}, {place} FROM {}{begin} ORDER BY {key}", quoted(&self.name))
    }

    /// Reads the whole table from PostgreSQL in the order in which SQLite gives it: that of the bytes.
    pub fn select_in_postgres(&self) -> String {
        let values = self.columns.iter().map(|column| column.kind.in_postgres(&quoted(&column.name))).collect::<Vec<_>>().join(", ");
        // A name alone would be the value above that has it, in words: 10 before 9. With its table it is the column.
        let name = quoted(&self.name);
        let order = self.key.iter().map(|at| {
            let column = &self.columns[*at];
            format!("{name}.{}{}", quoted(&column.name), if column.kind == Kind::Words { " COLLATE \"C\"" } else { "" })
        });
        format!("SELECT {values} FROM {name} ORDER BY {}", order.collect::<Vec<_>>().join(", "))
    }

    /// Reads the rows from SQLite that may hold a NUL character; `None` where no column can.
    pub fn select_nul_in_sqlite(&self) -> Option<String> {
        let values = self.columns.iter().map(|column| column.kind.in_sqlite(&quoted(&column.name))).collect::<Vec<_>>().join(", ");
        let conditions: Vec<String> = self
            .columns
            .iter()
            .filter(|column| !column.is_generated && matches!(column.kind, Kind::Words | Kind::Structure))
            .map(|column| {
                let name = quoted(&column.name);
                let escaped = if column.kind == Kind::Structure { format!(" OR instr({name}, '\\u0000') > 0") } else { String::new() };
                format!("instr(CAST({name} AS BLOB), X'00') > 0{escaped}")
            })
            .collect();
        (!conditions.is_empty()).then(|| format!("SELECT {values} FROM {} WHERE {}", quoted(&self.name), conditions.join(" OR ")))
    }

    /// What takes rows into PostgreSQL.
    pub fn copy_statement(&self) -> String {
        let columns = self.columns.iter().filter(|column| !column.is_generated).map(|column| quoted(&column.name));
        format!("COPY {} ({}) FROM STDIN", quoted(&self.name), columns.collect::<Vec<_>>().join(", "))
    }

    /// Adds a row to what the copy statement reads.
    pub fn write(&self, row: &Row, to: &mut String) {
        let mut is_first = true;
        for (column, value) in self.columns.iter().zip(row).filter(|(column, _)| !column.is_generated) {
            if !is_first {
                to.push('\t');
            }
            is_first = false;
            match value {
                None => to.push_str("\\N"),
                Some(words) if column.kind == Kind::Instant => to.push_str(&column.kind.canonical(words.clone())),
                Some(words) => {
                    for character in words.chars() {
                        match character {
                            '\\' => to.push_str("\\\\"),
                            '\t' => to.push_str("\\t"),
                            '\n' => to.push_str("\\n"),
                            '\r' => to.push_str("\\r"),
                            other => to.push(other),
                        }
                    }
                }
            }
        }
        to.push('\n');
    }

    /// A row in the words that are the same on both engines.
    pub fn canonical(&self, row: Row) -> Row {
        self.columns.iter().zip(row).map(|(column, value)| value.map(|words| column.kind.canonical(words))).collect()
    }

    /// Which of two rows in canonical words comes first.
    pub fn compare_keys(&self, one: &Row, other: &Row) -> Ordering {
        for at in &self.key {
            let order = match (self.columns[*at].kind, &one[*at], &other[*at]) {
                (Kind::Number, Some(one), Some(other)) => one.parse::<i64>().ok().cmp(&other.parse::<i64>().ok()),
                (_, one, other) => one.cmp(other),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }

    /// The key of a row for a person: `id=…`, in the form in which PostgreSQL writes ids.
    pub fn key_of(&self, row: &Row) -> String {
        let parts = self.key.iter().map(|at| {
            let (column, value) = (&self.columns[*at], row[*at].as_deref().unwrap_or("NULL"));
            let shown = match column.kind {
                Kind::Id => Uuid::parse_str(value).map_or_else(|_| value.to_owned(), |id| id.to_string()),
                _ => value.replace('\0', "␀"),
            };
            format!("{}={shown}", column.name)
        });
        parts.collect::<Vec<_>>().join("，")
    }

    /// Names of the columns in which two rows differ.
    pub fn differing_columns(&self, one: &Row, other: &Row) -> Vec<String> {
        self.columns.iter().zip(one.iter().zip(other)).filter(|(_, (one, other))| one != other).map(|(c, _)| c.name.clone()).collect()
    }
}

/// A name as SQL writes it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The migrations that a database has seen must be those that the other has seen.
pub async fn require_same_migrations(source: &SqlitePool, target: &mut PgConnection) -> Result<()> {
    let statement = "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version";
    let ours: Vec<i64> = sqlx::query_scalar(statement).fetch_all(source).await.map_err(failed)?;
    let theirs: Vec<i64> = sqlx::query_scalar(statement).fetch_all(target).await.map_err(failed)?;
    if ours == theirs {
        return Ok(());
    }
    let only = |these: &[i64], those: &[i64]| {
        let list: Vec<String> = these.iter().filter(|one| !those.contains(one)).map(i64::to_string).collect();
        if list.is_empty() { "无".to_owned() } else { some_of(&list) }
    };
    Err(Error::startup(format!(
        "两边的数据库结构不是同一个版本：只有旧库有的升级 {}，只有新库有的升级 {}。请用同一个版本的 zhitong 先在旧目录上运行 zhitong migrate。",
        only(&ours, &theirs),
        only(&theirs, &ours)
    )))
}

/// The tables of both engines, each after those that it refers to. Refuses where they are not the same.
pub async fn describe(source: &SqlitePool, target: &mut PgConnection) -> Result<Vec<Table>> {
    let ours: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT m.name, p.name, p.hidden, p.pk FROM sqlite_master m JOIN pragma_table_xinfo(m.name) p
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND m.name <> '_sqlx_migrations' ORDER BY m.name, p.cid",
    )
    .fetch_all(source)
    .await
    .map_err(failed)?;
    let theirs: Vec<(String, String, String, bool)> = sqlx::query_as(
        "SELECT c.table_name::text, c.column_name::text, c.data_type::text, c.is_generated::text = 'ALWAYS'
         FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
         WHERE table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND table_name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut *target)
    .await
    .map_err(failed)?;
    let references: Vec<(String, String)> = sqlx::query_as(
        "SELECT a.relname::text, b.relname::text FROM pg_constraint k JOIN pg_class a ON a.oid = k.conrelid JOIN pg_class b ON b.oid = k.confrelid
         WHERE k.contype = 'f' AND a.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())",
    )
    .fetch_all(&mut *target)
    .await
    .map_err(failed)?;
    let theirs = theirs.into_iter().filter(|(table, ..)| !OWN.contains(&table.as_str())).collect();
    in_order(match_columns(ours, theirs)?, &references)
}

/// Puts the columns of both engines together: (table, column, hidden, place in the key) and (table, column, type, is generated).
fn match_columns(ours: Vec<(String, String, i64, i64)>, theirs: Vec<(String, String, String, bool)>) -> Result<Vec<Table>> {
    let mut types: BTreeMap<(String, String), (String, bool)> =
        theirs.into_iter().map(|(table, column, name, is_generated)| ((table, column), (name, is_generated))).collect();
    let mut tables: Vec<(Table, Vec<(i64, usize)>)> = Vec::new();
    let mut wrong = Vec::new();
    for (table, column, hidden, place_in_key) in ours {
        // 2 and 3: generated, computed or kept.
        let is_generated = hidden >= 2;
        let Some((type_name, theirs_is_generated)) = types.remove(&(table.clone(), column.clone())) else {
            wrong.push(format!("新库没有 {table}.{column}"));
            continue;
        };
        let kind = match Kind::of_type(&type_name) {
            Some(kind) if is_generated == theirs_is_generated => kind,
            _ => {
                wrong.push(format!("{table}.{column} 的类型不同（{type_name}）"));
                continue;
            }
        };
        if tables.last().is_none_or(|(last, _)| last.name != table) {
            tables.push((Table { name: table, columns: Vec::new(), key: Vec::new(), names_itself: false }, Vec::new()));
        }
        let Some((last, key)) = tables.last_mut() else { continue };
        if place_in_key > 0 {
            key.push((place_in_key, last.columns.len()));
        }
        last.columns.push(Column { name: column, kind, is_generated });
    }
    wrong.extend(types.into_keys().map(|(table, column)| format!("旧库没有 {table}.{column}")));
    let mut found = Vec::new();
    for (mut table, mut key) in tables {
        key.sort_unstable();
        table.key = key.into_iter().map(|(_, at)| at).collect();
        if table.key.is_empty() {
            wrong.push(format!("{} 没有主键", table.name));
        }
        found.push(table);
    }
    if wrong.is_empty() {
        return Ok(found);
    }
    Err(Error::startup(format!("两边的表不一样，没有搬任何东西：{}。", some_of(&wrong))))
}

/// Sorts tables so that each stands after those that it refers to: (table, what it refers to).
fn in_order(tables: Vec<Table>, references: &[(String, String)]) -> Result<Vec<Table>> {
    let mut waiting: BTreeMap<String, Table> = tables.into_iter().map(|table| (table.name.clone(), table)).collect();
    let mut sorted = Vec::new();
    while !waiting.is_empty() {
        let held: BTreeSet<&String> =
            references.iter().filter(|(from, to)| from != to && waiting.contains_key(to)).map(|(from, _)| from).collect();
        let ready: Vec<String> = waiting.keys().filter(|name| !held.contains(name)).cloned().collect();
        if ready.is_empty() {
            return Err(Error::defect("the tables refer to each other in a circle"));
        }
        for name in ready {
            if let Some(mut table) = waiting.remove(&name) {
                table.names_itself = references.iter().any(|(from, to)| *from == name && *to == name);
                sorted.push(table);
            }
        }
    }
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: Kind) -> Column {
        Column { name: name.to_owned(), kind, is_generated: false }
    }

    fn table(name: &str, columns: Vec<Column>, key: Vec<usize>) -> Table {
        Table { name: name.to_owned(), columns, key, names_itself: false }
    }

    #[test]
    fn what_would_end_a_value_or_a_row_is_escaped() {
        let mut one = table("t", vec![column("id", Kind::Id), column("body", Kind::Words), column("at", Kind::Instant)], vec![0]);
        one.columns.push(Column { name: "head".into(), kind: Kind::Words, is_generated: true });
        let row = vec![Some("00ff".into()), Some("a\tb\\N\r\nc".into()), None, Some("computed".into())];
        let mut written = String::new();
        one.write(&row, &mut written);
        assert_eq!(written, "00ff\ta\\tb\\\\N\\r\\nc\t\\N\n");
        assert_eq!(one.copy_statement(), r#"COPY "t" ("id", "body", "at") FROM STDIN"#);
    }

    #[test]
    fn rows_are_ordered_and_named_by_their_key() {
        let one = table("t", vec![column("number", Kind::Number), column("id", Kind::Id), column("body", Kind::Words)], vec![1, 0]);
        let id = "0198000000007000800000000000000a";
        let row = |number: &str, body: &str| vec![Some(number.to_owned()), Some(id.to_owned()), Some(body.to_owned())];
        assert_eq!(one.compare_keys(&row("9", "a"), &row("10", "b")), Ordering::Less);
        assert_eq!(one.compare_keys(&row("9", "a"), &row("9", "b")), Ordering::Equal);
        assert_eq!(one.differing_columns(&row("9", "a"), &row("9", "b")), ["body"]);
        assert_eq!(one.key_of(&row("9", "a")), "id=01980000-0000-7000-8000-00000000000a，number=9");
        let read = one.select_in_sqlite("X'01', 2");
        assert!(
            read.ends_with(
                r#"quote("id") || ', ' || quote("number") FROM "t" WHERE ("id", "number") > (X'01', 2) ORDER BY "id", "number""#
            ),
            "{read}"
        );
    }

    #[test]
    fn both_engines_give_rows_in_the_order_of_the_columns_and_not_of_their_words() {
        let one = table("t", vec![column("seq", Kind::Number), column("name", Kind::Words)], vec![0, 1]);
        let read = one.select_in_postgres();
        assert_eq!(read, r#"SELECT "seq"::text, "name"::text FROM "t" ORDER BY "t"."seq", "t"."name" COLLATE "C""#);
        // No value has a name of its own here, by which SQLite would order.
        let read = one.select_in_sqlite("");
        assert!(read.ends_with(r#" ORDER BY "seq", "name""#) && !read.contains(" AS \""), "{read}");
    }

    #[test]
    fn tables_that_differ_are_named_and_the_others_stand_after_what_they_refer_to() {
        let words = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        let ours = |name: &str| (name.to_owned(), "id".to_owned(), 0, 1);
        let theirs = |name: &str| (name.to_owned(), "id".to_owned(), "uuid".to_owned(), false);
        let found = match_columns(vec![ours("a"), ours("b"), ours("c")], vec![theirs("c"), theirs("b"), theirs("a")]).unwrap();
        let sorted = in_order(found.clone(), &words(&[("a", "c"), ("c", "b"), ("b", "b")])).unwrap();
        assert_eq!(
            sorted.iter().map(|table| (table.name.as_str(), table.names_itself)).collect::<Vec<_>>(),
            [("b", true), ("c", false), ("a", false)]
        );
        assert!(in_order(found, &words(&[("a", "b"), ("b", "a")])).is_err());
        for (ours, theirs, sentence) in [
            (vec![ours("a"), ours("b")], vec![theirs("a")], "新库没有 b.id"),
            (vec![ours("a")], vec![theirs("a"), theirs("b")], "旧库没有 b.id"),
            (vec![ours("a")], vec![("a".to_owned(), "id".to_owned(), "bytea".to_owned(), false)], "a.id 的类型不同（bytea）"),
            (vec![("a".to_owned(), "id".to_owned(), 0, 0)], vec![theirs("a")], "a 没有主键"),
        ] {
            let error = match_columns(ours, theirs).unwrap_err();
            assert!(error.detail.contains(sentence), "{}", error.detail);
        }
    }
}
