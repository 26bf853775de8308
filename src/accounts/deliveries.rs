//! What staff may do about notifications that were given up.

use uuid::Uuid;

use super::{Caller, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::error::Result;
use crate::ids::Clock;
use crate::notifications::outbox;
use crate::storage::Db;

/// Has an event that was given up delivered after all. One that is on its way already changes nothing.
pub async fn retry_delivery(db: &Db, clock: &Clock, caller: &Caller, event: Uuid) -> Result<()> {
    caller.require(Permission::RetryDeliveries)?;
    let mut tx = db.begin().await?;
    if outbox::try_again(&mut tx, event).await? {
        let entry = NewEntry {
            account_id: Some(caller.account_id),
            act: Act::RetryDelivery,
            subject: "outbox",
            subject_id: Some(event),
            is_success: true,
            detail: "",
        };
        audit::append(&mut tx, clock, entry).await?;
    }
    tx.commit().await
}
