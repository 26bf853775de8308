//! Writing the corpus: one version is one transaction, which includes its change-feed row.

use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest, Sha256};
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::structure::ProvisionKind;
use super::{NewVersion, Relation, title_key};
use crate::error::Result;
use crate::ids::{Clock, IdSource, VersionId, WorkId};
use crate::storage::snapshot::ContentColumn;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// The column that names originals.
pub const ORIGINALS: ContentColumn = ContentColumn { table: "corpus_version", column: "blob_hash", shelf: "" };

/// What storing a version did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// A work that was not there.
    New,
    /// Another version of a known work.
    NewVersion,
    /// The version was there with other content or other dates, and now has these.
    Corrected,
    /// The same content was there.
    Unchanged,
}

/// A stored version.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// What was done.
    pub outcome: StoreOutcome,
    /// Its work.
    pub work_id: WorkId,
    /// Its id.
    pub version_id: VersionId,
}

/// Stand-in for "no day known": NULLs would not collide in the unique constraint over (work, day).
pub(super) fn no_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or_default()
}

const FIND_WORK: &str = "SELECT id FROM corpus_work WHERE title_key = $1";
const INSERT_WORK: &str =
    "INSERT INTO corpus_work (id, title, title_key, category, level, region, organ, is_demonstration, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT (title_key) DO NOTHING";
const UPDATE_WORK: &str = "UPDATE corpus_work SET title = $2, category = $3, level = $4, region = $5, organ = $6, is_demonstration = $7, updated_at = $8 WHERE id = $1";
const TOUCH_WORK: &str = "UPDATE corpus_work SET updated_at = $2 WHERE id = $1";
const FIND_VERSION: &str = "SELECT id, content_hash FROM corpus_version WHERE work_id = $1 AND dated_on = $2";
const PREVIEW: &str = "SELECT v.id, v.content_hash, v.source_name FROM corpus_work w LEFT JOIN corpus_version v ON v.work_id = w.id AND v.dated_on = $2 WHERE w.title_key = $1";
const NEWEST_VERSION: &str = "SELECT MAX(dated_on) FROM corpus_version WHERE work_id = $1";
const UPSERT_VERSION: &str = "INSERT INTO corpus_version (id, work_id, title, title_note, organ, document_number, dated_on, adopted_on, promulgated_on,
    effective_on, repealed_on, validity, source_scheme, source_code, source_name, blob_hash, content_hash, article_count, character_count, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20)
    ON CONFLICT (id) DO UPDATE SET title = $3, title_note = $4, organ = $5, document_number = $6, adopted_on = $8, promulgated_on = $9, effective_on = $10,
    repealed_on = $11, validity = $12, source_scheme = $13, source_code = $14, source_name = $15, blob_hash = $16, content_hash = $17, article_count = $18,
    character_count = $19, updated_at = $20";
const DELETE_PROVISIONS: &str = "DELETE FROM provision WHERE version_id = $1";
const DELETE_DIAGNOSTICS: &str = "DELETE FROM structure_diagnostic WHERE version_id = $1";
const INSERT_PROVISIONS: &str = "INSERT INTO provision (version_id, ordinal, parent_ordinal, kind, address, label, number_main, number_sub, heading, body, line, source_id) ";
const INSERT_DIAGNOSTICS: &str = "INSERT INTO structure_diagnostic (version_id, ordinal, code, line, detail) ";
const INSERT_CHANGE: &str = "INSERT INTO change_feed (subject, subject_id, at) VALUES ($1, $2, $3)";
const LOCK_FEED: &str = "SELECT pg_advisory_xact_lock(7239001)";
const INSERT_RELATION: &str = "INSERT INTO corpus_relation (from_work, kind, to_work) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[
    FIND_WORK,
    INSERT_WORK,
    UPDATE_WORK,
    TOUCH_WORK,
    FIND_VERSION,
    PREVIEW,
    NEWEST_VERSION,
    UPSERT_VERSION,
    DELETE_PROVISIONS,
    DELETE_DIAGNOSTICS,
    INSERT_CHANGE,
    INSERT_RELATION,
];

/// Rows of one INSERT: twelve columns stay below SQLite's 32,766 parameters.
const ROWS_PER_INSERT: usize = 500;

/// What is stored already where a version would go.
#[derive(Clone, Debug)]
pub struct Preview {
    /// What storing the version would do.
    pub outcome: StoreOutcome,
    /// The version of that day and where it came from, if there is one.
    pub stored: Option<(VersionId, String)>,
}

/// Says what storing a version would do, without a transaction.
pub async fn preview_version(db: &Db, new: &NewVersion) -> Result<Preview> {
    let dated_on = new.dated_on().unwrap_or_else(no_day);
    let found: Option<(Option<Uuid>, Option<String>, Option<String>)> =
        on_db!(db, pool => sqlx::query_as(PREVIEW).bind(title_key(&new.title)).bind(dated_on).fetch_optional(pool).await)
            .map_err(failed)?;
    Ok(match found {
        None => Preview { outcome: StoreOutcome::New, stored: None },
        Some((Some(id), hash, source_name)) => {
            let outcome =
                if hash.is_some_and(|hash| hash == content_hash(new)) { StoreOutcome::Unchanged } else { StoreOutcome::Corrected };
            Preview { outcome, stored: Some((VersionId(id), source_name.unwrap_or_default())) }
        }
        Some((None, ..)) => Preview { outcome: StoreOutcome::NewVersion, stored: None },
    })
}

/// Stores a version in a transaction of its own. Safe to repeat: the same content is no change.
pub async fn store_version(db: &Db, clock: &Clock, ids: &IdSource, new: &NewVersion) -> Result<Stored> {
    let mut tx = db.begin().await?;
    let stored = store_version_in(&mut tx, clock, ids, new).await?;
    tx.commit().await?;
    Ok(stored)
}

/// Stores a version inside a transaction, so that an importer can batch several documents.
pub async fn store_version_in(tx: &mut Tx, clock: &Clock, ids: &IdSource, new: &NewVersion) -> Result<Stored> {
    let now = clock.now();
    let key = title_key(&new.title);
    let dated_on = new.dated_on().unwrap_or_else(no_day);
    let content_hash = content_hash(new);
    lock_feed(tx).await?;

    let found: Option<Uuid> = on_tx!(tx, c => sqlx::query_scalar(FIND_WORK).bind(&key).fetch_optional(c).await).map_err(failed)?;
    let work_id = WorkId(found.unwrap_or_else(|| ids.next()));
    let mut outcome = StoreOutcome::New;
    let mut version_id = VersionId(ids.next());
    if found.is_none() {
        on_tx!(tx, c => sqlx::query(INSERT_WORK)
            .bind(work_id).bind(&new.title).bind(&key).bind(new.category.as_str()).bind(new.level.as_str()).bind(&new.region).bind(&new.organ)
            .bind(new.is_demonstration).bind(now).execute(c).await.map(drop))
        .map_err(failed)?;
    } else {
        let known: Option<(Uuid, String)> =
            on_tx!(tx, c => sqlx::query_as(FIND_VERSION).bind(work_id).bind(dated_on).fetch_optional(c).await).map_err(failed)?;
        match known {
            Some((id, hash)) if hash == content_hash => {
                return Ok(Stored { outcome: StoreOutcome::Unchanged, work_id, version_id: VersionId(id) });
            }
            Some((id, _)) => {
                outcome = StoreOutcome::Corrected;
                version_id = VersionId(id);
            }
            None => outcome = StoreOutcome::NewVersion,
        }
        // The work shows the facts of its newest version, whatever the order of import.
        let newest: Option<NaiveDate> =
            on_tx!(tx, c => sqlx::query_scalar(NEWEST_VERSION).bind(work_id).fetch_one(c).await).map_err(failed)?;
        if newest.is_none_or(|newest| dated_on >= newest) {
            on_tx!(tx, c => sqlx::query(UPDATE_WORK)
                .bind(work_id).bind(&new.title).bind(new.category.as_str()).bind(new.level.as_str()).bind(&new.region).bind(&new.organ)
                .bind(new.is_demonstration).bind(now).execute(c).await.map(drop))
            .map_err(failed)?;
        } else {
            on_tx!(tx, c => sqlx::query(TOUCH_WORK).bind(work_id).bind(now).execute(c).await.map(drop)).map_err(failed)?;
        }
    }
    write_version(tx, work_id, version_id, dated_on, &content_hash, new, now).await?;
    write_structure(tx, version_id, new, outcome == StoreOutcome::Corrected).await?;
    on_tx!(tx, c => sqlx::query(INSERT_CHANGE).bind("work").bind(work_id).bind(now).execute(c).await.map(drop)).map_err(failed)?;
    Ok(Stored { outcome, work_id, version_id })
}

/// Links two works; repeating it changes nothing.
pub async fn relate(db: &Db, clock: &Clock, from: WorkId, relation: Relation, to: WorkId) -> Result<()> {
    let mut tx = db.begin().await?;
    lock_feed(&mut tx).await?;
    let changed = on_tx!(&mut tx, c => sqlx::query(INSERT_RELATION).bind(from).bind(relation.as_str()).bind(to).execute(c).await.map(|d| d.rows_affected()))
        .map_err(failed)?;
    if changed > 0 {
        let now = clock.now();
        on_tx!(&mut tx, c => sqlx::query(INSERT_CHANGE).bind("work").bind(to).bind(now).execute(c).await.map(drop)).map_err(failed)?;
    }
    tx.commit().await
}

/// Lets the writers of the change feed go one after another on PostgreSQL, so that its numbers become visible in order.
async fn lock_feed(tx: &mut Tx) -> Result<()> {
    if let Tx::Postgres(transaction) = tx {
        sqlx::query(LOCK_FEED).execute(&mut **transaction).await.map_err(failed)?;
    }
    Ok(())
}

async fn write_version(
    tx: &mut Tx,
    work_id: WorkId,
    id: VersionId,
    dated_on: NaiveDate,
    hash: &str,
    new: &NewVersion,
    now: DateTime<Utc>,
) -> Result<()> {
    let (mut articles, mut characters) = (0i64, 0usize);
    for provision in &new.structure.provisions {
        articles += i64::from(provision.kind == ProvisionKind::Article);
        characters += [&provision.label, &provision.heading, &provision.text]
            .iter()
            .map(|t| t.chars().filter(|c| !c.is_whitespace()).count())
            .sum::<usize>();
    }
    let characters = i64::try_from(characters).unwrap_or(i64::MAX);
    on_tx!(tx, c => sqlx::query(UPSERT_VERSION)
        .bind(id).bind(work_id).bind(&new.title).bind(&new.title_note).bind(&new.organ).bind(&new.document_number).bind(dated_on)
        .bind(new.adopted_on).bind(new.promulgated_on).bind(new.effective_on).bind(new.repealed_on).bind(new.validity.as_str())
        .bind(&new.source_code.scheme).bind(&new.source_code.code).bind(&new.source_name).bind(&new.blob_hash).bind(hash)
        .bind(articles).bind(characters).bind(now).execute(c).await.map(drop))
    .map_err(failed)
}

async fn write_structure(tx: &mut Tx, id: VersionId, new: &NewVersion, replaces: bool) -> Result<()> {
    if replaces {
        for statement in [DELETE_PROVISIONS, DELETE_DIAGNOSTICS] {
            on_tx!(tx, c => sqlx::query(statement).bind(id).execute(c).await.map(drop)).map_err(failed)?;
        }
    }
    let source_ids: std::collections::HashMap<&str, &str> = new.source_ids.iter().map(|(a, i)| (a.as_str(), i.as_str())).collect();
    let numbered: Vec<_> = new.structure.provisions.iter().enumerate().collect();
    for chunk in numbered.chunks(ROWS_PER_INSERT) {
        on_tx!(tx, c => {
            let mut insert = QueryBuilder::new(INSERT_PROVISIONS);
            insert.push_values(chunk, |mut row, (ordinal, p)| {
                row.push_bind(id).push_bind(*ordinal as i64).push_bind(p.parent.map(|i| i as i64)).push_bind(p.kind.as_str()).push_bind(&p.address)
                    .push_bind(&p.label).push_bind(p.number.map(|n| i64::from(n.main))).push_bind(p.number.map(|n| i64::from(n.sub)))
                    .push_bind(&p.heading).push_bind(&p.text).push_bind(i64::from(p.line)).push_bind(source_ids.get(p.address.as_str()).copied());
            });
            insert.build().execute(c).await.map(drop)
        })
        .map_err(failed)?;
    }
    let numbered: Vec<_> = new.structure.diagnostics.iter().enumerate().collect();
    for chunk in numbered.chunks(ROWS_PER_INSERT) {
        on_tx!(tx, c => {
            let mut insert = QueryBuilder::new(INSERT_DIAGNOSTICS);
            insert.push_values(chunk, |mut row, (ordinal, d)| {
                row.push_bind(id).push_bind(*ordinal as i64).push_bind(d.code.as_str()).push_bind(i64::from(d.line)).push_bind(&d.detail);
            });
            insert.build().execute(c).await.map(drop)
        })
        .map_err(failed)?;
    }
    Ok(())
}

/// Hash of everything about a version that a reader can see; two imports with the same hash are the same import.
pub(in crate::corpus) fn content_hash(new: &NewVersion) -> String {
    let mut hash = Sha256::new();
    let mut field = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    let day = |day: Option<NaiveDate>| day.map(|d| d.to_string()).unwrap_or_default();
    for text in [
        &new.title,
        new.category.as_str(),
        new.level.as_str(),
        &new.region,
        &new.organ,
        &new.title_note,
        &new.document_number,
        &day(new.adopted_on),
        &day(new.promulgated_on),
        &day(new.effective_on),
        &day(new.repealed_on),
        new.validity.as_str(),
        &new.source_code.scheme,
        &new.source_code.code,
    ] {
        field(text);
    }
    for provision in &new.structure.provisions {
        for text in [provision.kind.as_str(), &provision.address, &provision.label, &provision.heading, &provision.text] {
            field(text);
        }
    }
    for (address, id) in &new.source_ids {
        field(address);
        field(id);
    }
    hex::encode(hash.finalize())
}
