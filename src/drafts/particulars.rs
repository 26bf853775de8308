//! What a draft is called, what it is to become and who drafts it: may be changed until the public knows of it.

use super::{Draft, DraftKind, DraftState, check_title, check_unit, get_draft, lock_draft, record, refused, staff_view};
use crate::accounts::{Actor, Permission};
use crate::audit::Act;
use crate::error::Result;
use crate::ids::{Clock, DraftId};
use crate::on_tx;
use crate::storage::Db;
use crate::storage::sql::failed;

/// A change of a draft's particulars.
#[derive(Clone, Debug)]
pub struct DraftChange {
    /// Title of what it is to become, without 征求意见稿.
    pub title: String,
    /// What it is to become.
    pub kind: DraftKind,
    /// 起草单位
    pub drafting_unit: String,
}

const CHANGE: &str = "UPDATE draft SET title = $2, kind = $3, drafting_unit = $4, updated_at = $5 WHERE id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[CHANGE];

/// Changes a draft that is still being prepared.
pub async fn change_draft(db: &Db, clock: &Clock, by: Actor<'_>, id: DraftId, change: DraftChange) -> Result<Draft> {
    by.require(Permission::EditDrafts)?;
    let title = change.title.trim();
    check_title(change.kind, title)?;
    let unit = check_unit(&change.drafting_unit)?;
    let mut tx = db.begin().await?;
    let draft = lock_draft(&mut tx, clock, id).await?;
    let is_same = draft.title == title && draft.kind == change.kind && draft.drafting_unit == unit;
    if !is_same {
        if draft.state != DraftState::Preparing {
            return Err(refused(draft.state, "修改标题、类别和起草单位"));
        }
        on_tx!(&mut tx, c => sqlx::query(CHANGE).bind(id).bind(title).bind(change.kind.as_str()).bind(unit).bind(clock.now()).execute(c).await
            .map(drop))
        .map_err(failed)?;
        record(&mut tx, clock, by, Act::ChangeDraft, id, change.kind.as_str()).await?;
        tx.commit().await?;
    }
    get_draft(db, clock, staff_view(by), id).await
}
