//! 遴选: how units become contact points. A public call, applications with documents, scoring by several members of staff, and the publication of what
//! became of them.
//!
//! `calls.rs` writes and publishes a call, `applying.rs` takes applications and lets a unit look its own up, `scoring.rs` keeps what staff think of
//! them, `deciding.rs` publishes the outcome and makes a selected unit a contact point. Scores are internal; what is published is a list by name.

pub mod applying;
pub mod calls;
pub mod deciding;
pub mod scoring;

use crate::accounts::Caller;
use crate::audit::{self, Act, NewEntry};
use crate::error::{Error, Result};
use crate::ids::{Clock, SelectionApplicationId, SelectionCallId};
use crate::storage::Tx;

/// Writes the audit entry of an act on a call.
async fn note_call(tx: &mut Tx, clock: &Clock, caller: &Caller, act: Act, id: SelectionCallId, detail: &str) -> Result<()> {
    let account_id = Some(caller.account_id);
    let entry = NewEntry { account_id, act, subject: "selection_call", subject_id: Some(id.0), is_success: true, detail };
    audit::append(tx, clock, entry).await
}

/// Writes the audit entry of an act on an application; without a caller the unit itself acted.
async fn note_application(tx: &mut Tx, clock: &Clock, caller: Option<&Caller>, act: Act, id: SelectionApplicationId) -> Result<()> {
    let account_id = caller.map(|c| c.account_id);
    let entry = NewEntry { account_id, act, subject: "selection_application", subject_id: Some(id.0), is_success: true, detail: "" };
    audit::append(tx, clock, entry).await
}

fn absent_call() -> Error {
    Error::not_found("这个遴选公告")
}

fn absent_application() -> Error {
    Error::not_found("这份遴选申报")
}
