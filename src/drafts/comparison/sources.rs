//! Finding the two texts of a comparison: versions of one draft, and versions of a law in the library, in any combination.

use chrono::NaiveDate;
use uuid::Uuid;

use super::{Comparison, Side, rows_of};
use crate::calendar::{self, chinese_day};
use crate::corpus::{self, Version, reading};
use crate::drafts::lineage::{Lineage, Text, keeping};
use crate::drafts::versions::{self, DraftVersion};
use crate::drafts::{Draft, Viewer, promulgations};
use crate::error::{Code, Error, Result};
use crate::ids::{VersionId, WorkId};
use crate::on_db;
use crate::storage::Db;
use crate::storage::sql::failed;

const WORK_OF_VERSION: &str = "SELECT work_id FROM corpus_version WHERE id = $1";
const WORK_OF_TITLE: &str = "SELECT id FROM corpus_work WHERE title_key = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[WORK_OF_VERSION, WORK_OF_TITLE];

/// A text that can be chosen.
enum Source {
    Draft(DraftVersion),
    Law(Version),
}

impl Source {
    fn side(&self) -> Side {
        match self {
            Source::Draft(version) => Side {
                id: version.id.0,
                title: version.title.clone(),
                name: match version.published_at {
                    Some(at) => format!("第 {} 稿（{}公布）", version.number, chinese_day(calendar::day_of(at))),
                    None => format!("第 {} 稿（未公布）", version.number),
                },
                is_law: false,
            },
            Source::Law(version) => Side {
                id: version.id.0,
                title: version.title.clone(),
                name: match version.effective_on.or(version.dated_on) {
                    Some(day) => format!("法规库《{}》（{}起）", version.title, chinese_day(day)),
                    None => format!("法规库《{}》", version.title),
                },
                is_law: true,
            },
        }
    }

    async fn text(&self, db: &Db) -> Result<Text> {
        Ok(match self {
            Source::Draft(version) => Text::from(versions::list_provisions(db, version).await?),
            Source::Law(version) => Text::from(reading::list_provisions(db, version.id).await?),
        })
    }
}

/// The texts that a reader of a draft can choose from: its versions, then the versions of the law that it became,
/// or of the law of the same title in the library; the earliest first.
pub async fn choices(db: &Db, viewer: Viewer<'_>, draft: &Draft, today: NaiveDate) -> Result<Vec<Side>> {
    let mut sides: Vec<Side> = versions::list_versions(db, viewer, draft).await?.into_iter().map(|v| Source::Draft(v).side()).collect();
    let work = match promulgations::find_promulgation(db, draft.id).await? {
        Some(promulgation) => Some(promulgation.work_id),
        None => {
            let key = corpus::title_key(&draft.title);
            on_db!(db, pool => sqlx::query_scalar(WORK_OF_TITLE).bind(&key).fetch_optional(pool).await).map_err(failed)?
        }
    };
    if let Some(work) = work {
        sides.extend(reading::list_versions(db, work, today).await?.into_iter().map(|v| Source::Law(v).side()));
    }
    Ok(sides)
}

/// Compares two texts, each a version of the draft that the viewer may see or a version of any law in the library. Without `to` the newest version of
/// the draft is taken, without `from` the version before that.
///
/// # Errors
/// [`Code::Invalid`] for an id that is neither, [`Code::Conflict`] when there is only one text and no other is named.
pub async fn compare_draft(
    db: &Db,
    viewer: Viewer<'_>,
    draft: &Draft,
    from: Option<Uuid>,
    to: Option<Uuid>,
    today: NaiveDate,
) -> Result<Comparison> {
    let listed = versions::list_versions(db, viewer, draft).await?;
    let new = match to {
        Some(id) => find(db, &listed, id, "to", today).await?,
        None => listed.last().cloned().map(Source::Draft).ok_or_else(|| Error::new(Code::Conflict, "这份草案还没有可以比较的稿次。"))?,
    };
    let old = match from {
        Some(id) => find(db, &listed, id, "from", today).await?,
        None => {
            let before = match &new {
                Source::Draft(new) => listed.iter().rev().find(|v| v.number < new.number),
                Source::Law(_) => listed.last(),
            };
            let none = || Error::new(Code::Conflict, "这份草案只有一个稿次，请另选一个文本来比较。");
            before.cloned().map(Source::Draft).ok_or_else(none)?
        }
    };
    compare(db, old, new).await
}

async fn find(db: &Db, listed: &[DraftVersion], id: Uuid, field: &str, today: NaiveDate) -> Result<Source> {
    if let Some(version) = listed.iter().find(|version| version.id.0 == id) {
        return Ok(Source::Draft(version.clone()));
    }
    let unknown = || Error::invalid(field, "没有找到要比较的文本：它应当是这份草案的稿次，或者法规库中某部法规的一个版本。");
    let work: Option<WorkId> =
        on_db!(db, pool => sqlx::query_scalar(WORK_OF_VERSION).bind(id).fetch_optional(pool).await).map_err(failed)?;
    let work = work.ok_or_else(unknown)?;
    let version = reading::list_versions(db, work, today).await?.into_iter().find(|version| version.id == VersionId(id));
    version.map(Source::Law).ok_or_else(unknown)
}

/// Compares two versions of one law. Without `to` the newest is taken, without `from` the one before it.
///
/// # Errors
/// [`Code::Invalid`] for an id that is no version of the law, [`Code::Conflict`] when the law has one version only.
pub async fn compare_law(db: &Db, work: WorkId, from: Option<VersionId>, to: Option<VersionId>, today: NaiveDate) -> Result<Comparison> {
    reading::get_work(db, work).await?;
    let listed = reading::list_versions(db, work, today).await?;
    let named = |id: VersionId, field: &str| {
        listed.iter().position(|v| v.id == id).ok_or_else(|| Error::invalid(field, "这部法规没有这个版本，请重新选择。"))
    };
    let new = match to {
        Some(id) => named(id, "to")?,
        None => listed.len().checked_sub(1).ok_or_else(|| Error::not_found("这部法规文件的文本"))?,
    };
    let old = match from {
        Some(id) => named(id, "from")?,
        None => new.checked_sub(1).ok_or_else(|| Error::new(Code::Conflict, "这部法规在库中只有一个版本，无从比较。"))?,
    };
    let pick = |at: usize| listed.get(at).cloned().map(Source::Law).ok_or_else(|| Error::not_found("这部法规文件的这个版本"));
    compare(db, pick(old)?, pick(new)?).await
}

/// The versions of a law that a reader can choose from, the earliest first.
pub async fn law_choices(db: &Db, work: WorkId, today: NaiveDate) -> Result<Vec<Side>> {
    Ok(reading::list_versions(db, work, today).await?.into_iter().map(|v| Source::Law(v).side()).collect())
}

async fn compare(db: &Db, old: Source, new: Source) -> Result<Comparison> {
    let stored = match (&old, &new) {
        (Source::Draft(a), Source::Draft(b)) if a.number < b.number => Some(keeping::lineage_between(db, a, b).await?),
        _ => None,
    };
    let texts = match stored {
        Some(_) => None,
        None => Some((old.text(db).await?, new.text(db).await?)),
    };
    let rows = tokio::task::spawn_blocking(move || {
        let lineage = match (stored, texts) {
            (Some(lineage), _) => lineage,
            (None, Some((old, new))) => Lineage::of(old, new),
            (None, None) => Lineage::default(),
        };
        rows_of(&lineage)
    })
    .await
    .map_err(|e| Error::internal("comparing two texts stopped", e))?;
    Ok(Comparison { old: old.side(), new: new.side(), rows })
}
