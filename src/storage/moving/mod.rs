//! Moving an installation from the embedded engine and local files to PostgreSQL and the configured store of originals.
//!
//! The target is filled table by table, each after those that it refers to, with the triggers of the schema at rest: what they guard was guarded when it was
//! written. How far a move came stands in tables of its own in the target, written in the same transactions; a move that was killed goes on from there. While
//! those tables are there no instance starts on the target ([`is_under_way`]). The source is only read.
//!
//! The statements here are built from the schemas of both engines, so they stand outside the rule of one text for both.

pub mod contents;
pub mod rows;
pub mod tables;
pub mod values;

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, SqlitePool};

use self::rows::Compared;
use self::tables::{Table, quoted};
use super::snapshot::{self, some_of};
use super::sql::failed;
use super::{APPLICATION, Db};
use crate::error::{Error, Result};

/// The tables in which a move keeps how far it came.
const OWN: &[&str] = &["moving_store", "moving_table", "moving_content"];
/// How often the claim of another move is looked at, and the time between. The server notices after a while that a move was killed.
const LOOKS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(500);
/// How often connections of others are looked at: those of a process that was killed linger for a moment.
const LOOKS_FOR_OTHERS: u32 = 10;

/// A source and a target whose tables are the same.
pub struct Moving {
    source: SqlitePool,
    target: PoolConnection<Postgres>,
    pool: PgPool,
    /// The tables, each after those that it refers to.
    pub tables: Vec<Table>,
}

/// Whether a database is the target of a move that has not come to its end.
pub async fn is_under_way(db: &Db) -> Result<bool> {
    let Db::Postgres(pool) = db else { return Ok(false) };
    sqlx::query_scalar("SELECT to_regclass('moving_store') IS NOT NULL").fetch_one(pool).await.map_err(failed)
}

impl Moving {
    /// Claims the target, makes sure that nobody else of ours works on it, and compares the schemas.
    pub async fn open(source: &Db, target: &Db) -> Result<Moving> {
        let (Db::Sqlite(sqlite), Db::Postgres(pool)) = (source, target) else {
            return Err(Error::defect("a move goes from the embedded engine to PostgreSQL"));
        };
        let source = sqlite.read.clone();
        let mut target = pool.acquire().await.map_err(failed)?;
        // A large table takes longer than any request may.
        for setting in ["SET statement_timeout = 0", "SET lock_timeout = 0", "SET idle_in_transaction_session_timeout = 0"] {
            sqlx::query(setting).execute(&mut *target).await.map_err(failed)?;
        }
        claim(&mut target).await?;
        require_alone(&mut target, pool).await?;
        tables::require_same_migrations(&source, &mut target).await?;
        let tables = tables::describe(&source, &mut target).await?;
        Ok(Moving { source, target, pool: pool.clone(), tables })
    }

    /// Refuses a source with characters that PostgreSQL cannot keep.
    pub async fn require_keepable(&self) -> Result<()> {
        let mut found = Vec::new();
        for table in &self.tables {
            found.extend(rows::find_nul(&self.source, table).await?);
        }
        if found.is_empty() {
            return Ok(());
        }
        Err(Error::startup(format!("PostgreSQL 不能保存空字符（NUL），没有搬任何东西。请先在旧库中改正：{}。", some_of(&found))))
    }

    /// Prepares an empty target, or finds what an earlier move of the same source left there; tells whether it found one.
    pub async fn begin(&mut self, counts: &BTreeMap<String, i64>) -> Result<bool> {
        let counts = serde_json::to_string(counts).map_err(|e| Error::internal("the counts cannot be written", e))?;
        let is_begun: bool =
            sqlx::query_scalar("SELECT to_regclass('moving_store') IS NOT NULL").fetch_one(&mut *self.target).await.map_err(failed)?;
        if is_begun {
            let theirs: String =
                sqlx::query_scalar("SELECT counts FROM moving_store").fetch_one(&mut *self.target).await.map_err(failed)?;
            if theirs == counts {
                return Ok(true);
            }
            return Err(Error::startup("目标数据库里有另一次没有完成的搬迁，或者旧数据在中断之后有了变动。请换一个空的数据库，从头再搬。"));
        }
        let filled = self.list_filled().await?;
        if !filled.is_empty() {
            return Err(Error::startup(format!("目标数据库不是空的，没有搬任何东西。已有数据的表：{}。", some_of(&filled))));
        }
        let mut statements = vec![
            "CREATE TABLE moving_store (counts TEXT NOT NULL)".to_owned(),
            "CREATE TABLE moving_table (name TEXT PRIMARY KEY, after TEXT NOT NULL, copied BIGINT NOT NULL, is_whole BOOLEAN NOT NULL)"
                .to_owned(),
            "CREATE TABLE moving_content (path TEXT PRIMARY KEY)".to_owned(),
        ];
        statements.extend(self.tables.iter().map(|table| format!("ALTER TABLE {} DISABLE TRIGGER USER", quoted(&table.name))));
        // What the migrations and a start have put there; the source has its own.
        statements.extend(["DELETE FROM setting".to_owned(), "DELETE FROM audit_tip".to_owned()]);
        // Since the move was opened the whole source was read; from here on none starts.
        require_alone(&mut self.target, &self.pool).await?;
        let mut tx = self.target.begin().await.map_err(failed)?;
        for statement in statements {
            sqlx::query(AssertSqlSafe(statement)).persistent(false).execute(&mut *tx).await.map_err(failed)?;
        }
        sqlx::query("INSERT INTO moving_store (counts) VALUES ($1)").bind(&counts).execute(&mut *tx).await.map_err(failed)?;
        for table in &self.tables {
            sqlx::query("INSERT INTO moving_table (name, after, copied, is_whole) VALUES ($1, '', 0, FALSE)")
                .bind(&table.name)
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(false)
    }

    /// Names of the tables of the target that hold more than the migrations and the first start of an instance put there.
    async fn list_filled(&mut self) -> Result<Vec<String>> {
        let mut filled = Vec::new();
        for table in &self.tables {
            let condition = match table.name.as_str() {
                "setting" => "name <> 'data_key_id'",
                "audit_tip" => "entries > 0",
                _ => "TRUE",
            };
            let statement = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE {condition})", quoted(&table.name));
            let is_filled: bool =
                sqlx::query_scalar(AssertSqlSafe(statement)).persistent(false).fetch_one(&mut *self.target).await.map_err(failed)?;
            if is_filled {
                filled.push(table.name.clone());
            }
        }
        Ok(filled)
    }

    /// Writes the rows of a table that are not written yet, and gives how many it has then.
    pub async fn copy(&mut self, at: usize, on_batch: &mut dyn FnMut(i64)) -> Result<i64> {
        rows::copy(&self.source, &mut self.target, &self.tables[at], on_batch).await
    }

    /// Compares every row of a table.
    pub async fn compare(&mut self, at: usize) -> Result<Compared> {
        rows::compare(&self.source, &mut self.target, &self.tables[at]).await
    }

    /// The connection to the target, for the contents.
    pub fn target(&mut self) -> &mut PgConnection {
        &mut self.target
    }

    /// Tables of the target whose triggers do not guard them.
    pub async fn list_unguarded(&mut self) -> Result<Vec<String>> {
        sqlx::query_scalar(
            "SELECT DISTINCT c.relname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
             WHERE NOT t.tgisinternal AND t.tgenabled::text = 'D' AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
             ORDER BY 1",
        )
        .fetch_all(&mut *self.target)
        .await
        .map_err(failed)
    }

    /// Ends the move: the triggers guard again, counted numbers go on after the last one, and the tables of the move go.
    pub async fn finish(&mut self) -> Result<()> {
        let counted: Vec<(String, String)> = sqlx::query_as(
            "SELECT table_name::text, column_name::text FROM information_schema.columns
             WHERE table_schema = current_schema() AND column_default LIKE 'nextval(%'",
        )
        .fetch_all(&mut *self.target)
        .await
        .map_err(failed)?;
        let mut tx = self.target.begin().await.map_err(failed)?;
        for table in &self.tables {
            let statement = format!("ALTER TABLE {} ENABLE TRIGGER USER", quoted(&table.name));
            sqlx::query(AssertSqlSafe(statement)).persistent(false).execute(&mut *tx).await.map_err(failed)?;
        }
        for (table, column) in counted {
            // The last number that was given, also where its row is gone.
            let last: Option<i64> = sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = $1")
                .bind(&table)
                .fetch_optional(&self.source)
                .await
                .map_err(failed)?;
            if let Some(last) = last.filter(|last| *last > 0) {
                sqlx::query("SELECT setval(pg_get_serial_sequence($1, $2), $3)")
                    .bind(&table)
                    .bind(&column)
                    .bind(last)
                    .execute(&mut *tx)
                    .await
                    .map_err(failed)?;
            }
        }
        for table in OWN {
            sqlx::query(AssertSqlSafe(format!("DROP TABLE {table}"))).persistent(false).execute(&mut *tx).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)
    }

    /// Tells the planner of what was written at once.
    pub async fn analyze(&mut self) -> Result<()> {
        sqlx::query("ANALYZE").execute(&mut *self.target).await.map(drop).map_err(failed)
    }
}

/// Waits until no other move works at the target.
async fn claim(target: &mut PgConnection) -> Result<()> {
    for _ in 0..LOOKS {
        let is_ours: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock(7239022)").fetch_one(&mut *target).await.map_err(failed)?;
        if is_ours {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Error::startup("另一个 zhitong migrate-store 正在向这个数据库搬入数据。"))
}

/// Refuses a target at which an instance or a command is, wherever it runs: what it reads or writes meanwhile would be half of one city and half of another.
async fn require_alone(target: &mut PgConnection, pool: &PgPool) -> Result<()> {
    let mut others = 0;
    for _ in 0..LOOKS_FOR_OTHERS {
        let all: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1")
                .bind(APPLICATION)
                .fetch_one(&mut *target)
                .await
                .map_err(failed)?;
        // Ours may be more than this one: the pool opens another where one is on its way back.
        others = all - i64::from(pool.size());
        if others <= 0 {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Error::startup(format!(
        "目标数据库上还有别的 zhitong 在运行（{others} 个连接），可能在另一台主机上。请停止连着这个数据库的服务和命令，再运行一次。"
    )))
}

/// Rows of every table of the source but that of the migrations.
pub async fn count_rows(source: &Db) -> Result<BTreeMap<String, i64>> {
    let mut counts = snapshot::count_rows(source).await?;
    counts.remove("_sqlx_migrations");
    Ok(counts)
}
