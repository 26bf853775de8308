//! Acts of staff that are heard once: the idempotency keys of making points, stations, invitations and calls.

use serde::Serialize;
use uuid::Uuid;

use super::managing::Keeping;
use super::once::check_key;
use crate::accounts::Caller;
use crate::error::{Code, Error, Result};
use crate::storage::Tx;
use crate::storage::sql::failed;
use crate::{on_tx, text_enum};

text_enum! {
    /// Acts with a key.
    KeyedAct {
        /// A point is opened.
        OpenPoint = "open_point", "新设联系点";
        /// A station is added.
        AddStation = "add_station", "新增信息采集点";
        /// A responsible person is added.
        AddPerson = "add_person", "新增负责人";
        /// Somebody is invited.
        Invite = "invite", "发出邀请";
        /// A call is written.
        WriteCall = "write_call", "新建遴选公告";
    }
}

const INSERT: &str = "INSERT INTO contact_point_act (account_id, idempotency_key, act, content_hash, subject_id, done_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account_id, idempotency_key) DO NOTHING";
const FIND: &str = "SELECT act, content_hash, subject_id FROM contact_point_act WHERE account_id = $1 AND idempotency_key = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, FIND];

/// Claims a key for an act, first in its transaction. `None`: it is new, and may be done. The same act with the same content gives what was made;
/// another one is [`Code::KeyReused`].
pub(super) async fn claim<T: Serialize>(
    tx: &mut Tx,
    at: Keeping<'_>,
    caller: &Caller,
    key: &str,
    act: KeyedAct,
    sent: &T,
    subject: Uuid,
) -> Result<Option<Uuid>> {
    check_key(key)?;
    let text = serde_json::to_string(sent).map_err(|e| Error::internal("what was sent cannot be written", e))?;
    // Keyed: a telephone number could be found out from a plain hash.
    let hash = at.key.keyed_hash("contact-point-act", &text);
    let is_new: u64 = on_tx!(tx, c => sqlx::query(INSERT)
        .bind(caller.account_id).bind(key).bind(act.as_str()).bind(&hash).bind(subject).bind(at.clock.now())
        .execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if is_new == 1 {
        return Ok(None);
    }
    let (known_act, known_hash, known): (String, String, Uuid) =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(caller.account_id).bind(key).fetch_one(c).await).map_err(failed)?;
    if known_act != act.as_str() || known_hash != hash {
        return Err(Error::new(Code::KeyReused, "这个重复提交标识已用于另一次操作。新的操作请换一个标识再提交。"));
    }
    Ok(Some(known))
}
