//! What columns say, and what holds for the whole batch, decided by a person; then every row is judged anew.

use sqlx::types::Json;
use uuid::Uuid;

use super::{Batch, Sheet, Uploads, hold_batch};
use crate::accounts::Caller;
use crate::error::{Code, Error, Result};
use crate::ids::{ContactPointId, UploadBatchId};
use crate::on_tx;
use crate::opinions::offline::columns::Field;
use crate::opinions::offline::judging::Defaults;
use crate::opinions::offline::recording::{SHORT_CHARACTERS, owns_activity, owns_station};
use crate::storage::Tx;
use crate::storage::sql::failed;

const RECHECK: &str = "UPDATE upload_batch SET layout = $2, defaults = $3, state = 'checking', revision = revision + 1, done = 0, worker = $4, heard_at = $5, worked_for = $6, attempts = 1,
    failure = ''
    WHERE id = $1";
const REMEMBER: &str = "INSERT INTO upload_mapping (contact_point_id, signature, fields, mapped_by, mapped_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (contact_point_id, signature) DO UPDATE SET fields = $3, mapped_by = $4, mapped_at = $5";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[RECHECK, REMEMBER];

/// Says what the columns of a sheet are; `None`: the sheet is not taken. The mapping is remembered for the next file with the same headings. Gives who works, for
/// [`super::work`].
pub async fn map_columns(
    at: &Uploads,
    caller: &Caller,
    id: UploadBatchId,
    revision: i64,
    sheet: usize,
    fields: Option<Vec<Field>>,
) -> Result<Uuid> {
    let mut tx = at.db.begin().await?;
    let mut batch = hold_batch(&mut tx, caller, id).await?;
    batch.require(revision, batch.state.is_open(), "改动列的对应")?;
    let point = batch.contact_point_id;
    let found = batch.sheets.get_mut(sheet).ok_or_else(|| Error::invalid("sheet", "没有这张工作表。"))?;
    match fields {
        None => found.is_used = false,
        Some(fields) => {
            check(&fields, found)?;
            *found = Sheet { is_used: true, layout: found.layout.clone().mapped(&fields), is_remembered: false, ..found.clone() };
            let signature = found.layout.signature();
            on_tx!(&mut tx, c => sqlx::query(REMEMBER)
                .bind(point).bind(&signature).bind(Json(&fields)).bind(caller.account_id).bind(at.clock.now()).execute(c).await.map(drop))
            .map_err(failed)?;
        }
    }
    recheck(tx, at, caller, batch).await
}

fn check(fields: &[Field], sheet: &Sheet) -> Result<()> {
    if fields.len() != sheet.layout.columns.len() {
        return Err(Error::invalid("fields", format!("这张表有 {} 列，请为每一列各选一项。", sheet.layout.columns.len())));
    }
    if !fields.contains(&Field::Body) && !fields.contains(&Field::Proposed) {
        return Err(Error::invalid("fields", "请至少指定一列为“意见内容”或“建议条文”。"));
    }
    for field in Field::ALL.iter().filter(|field| !field.is_joined()) {
        if fields.iter().filter(|f| *f == field).count() > 1 {
            return Err(Error::invalid("fields", format!("“{}”只能指定一列。", field.label())));
        }
    }
    Ok(())
}

/// Says what holds for rows that do not say it themselves. Gives who works, for [`super::work`].
pub async fn set_defaults(at: &Uploads, caller: &Caller, id: UploadBatchId, revision: i64, defaults: Defaults) -> Result<Uuid> {
    let mut tx = at.db.begin().await?;
    let mut batch = hold_batch(&mut tx, caller, id).await?;
    batch.require(revision, batch.state.is_open(), "改动整批的设定")?;
    for (field, words) in [("collector", &defaults.collector), ("place", &defaults.place)] {
        if words.chars().count() > SHORT_CHARACTERS {
            return Err(Error::invalid(field, format!("不超过 {SHORT_CHARACTERS} 个字。")));
        }
    }
    let defaults = Defaults { station: caller.station.or(defaults.station), ..defaults };
    require_places(&mut tx, caller, batch.contact_point_id, &defaults).await?;
    batch.defaults = defaults;
    recheck(tx, at, caller, batch).await
}

/// Station and activity that hold for a whole batch are there, and the point's own. Asked again at the commit: an activity may have been removed since.
pub(super) async fn require_places(tx: &mut Tx, caller: &Caller, point: ContactPointId, defaults: &Defaults) -> Result<()> {
    if let Some(station) = defaults.station
        && !owns_station(tx, point, station).await?
    {
        return Err(Error::invalid("station_id", "没有这个信息采集点，请在整批的设定中重新选择。"));
    }
    if let Some(activity) = defaults.activity
        && !owns_activity(tx, caller, point, activity).await?
    {
        return Err(Error::invalid("activity_id", "没有这项征集活动，请在整批的设定中重新选择。"));
    }
    Ok(())
}

async fn recheck(mut tx: Tx, at: &Uploads, caller: &Caller, batch: Batch) -> Result<Uuid> {
    if batch.counts.of(super::RowState::Committed) > 0 {
        return Err(Error::new(Code::Conflict, "这一批已经有意见导入，不能再改动列的对应；请先撤销这一批。"));
    }
    let worker = at.ids.next();
    on_tx!(&mut tx, c => sqlx::query(RECHECK)
        .bind(batch.id).bind(Json(&batch.sheets)).bind(Json(&batch.defaults)).bind(worker).bind(at.clock.now()).bind(caller.account_id).execute(c).await.map(drop))
    .map_err(failed)?;
    tx.commit().await?;
    Ok(worker)
}
