//! Work that fell silent with its worker, or was let go by an instance that stopped, is taken up by itself, in the name of whoever began it: no person need press
//! anything.
//!
//! What broke off with a sentence of its own stays for a person, because its cause would come again; so does what fell silent too often.

use tokio::sync::watch;
use uuid::Uuid;

use super::Uploads;
use super::receiving::{RELEASE, work};
use crate::accounts::{Caller, sessions};
use crate::error::Result;
use crate::ids::{AccountId, UploadBatchId};
use crate::storage::leases::{self, Begun};
use crate::storage::sql::failed;
use crate::{on_db, on_tx};

// Who commits is not always who uploaded, and older software did not say who it was.
const NEXT: &str = "SELECT id, COALESCE(worked_for, CASE WHEN state = 'committing' THEN NULL ELSE uploaded_by END) FROM upload_batch
    WHERE state IN ('reading', 'checking', 'committing') AND attempts < $1
    AND ((worker IS NULL AND failure = '') OR (worker IS NOT NULL AND heard_at < $2)) ORDER BY heard_at, id LIMIT 1";
const TAKE_UP: &str = "UPDATE upload_batch SET worker = $2, heard_at = $3, attempts = attempts + 1
    WHERE id = $1 AND state IN ('reading', 'checking', 'committing') AND attempts < $4
    AND ((worker IS NULL AND failure = '') OR (worker IS NOT NULL AND heard_at < $5))";
const GIVE_UP: &str = "UPDATE upload_batch SET worker = NULL, failure = $1
    WHERE state IN ('reading', 'checking', 'committing') AND worker IS NOT NULL AND attempts >= $2 AND heard_at < $3";
const LET_GO: &str = "UPDATE upload_batch SET worker = NULL, attempts = attempts - 1 WHERE id = $1 AND worker = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[NEXT, TAKE_UP, GIVE_UP, LET_GO];

/// What is said of work that fell silent too often.
const GIVEN_UP: &str = "处理几次都意外中断，系统不再自动继续。已完成的部分都在，可以点“继续”再试一次；如果仍然不行，请把文件拆成几份上传。";
/// What is said of work in the name of an account that is closed, and of a commit by older software, which did not say in whose name.
const NOBODY: &str = "处理中断，而经办的账号已停用，或者没有记下由谁经办。已完成的部分都在，请由本联系点的其他同事点“继续”。";

/// Work that was taken up, for [`work`].
#[derive(Clone, Debug)]
pub struct TakenUp {
    /// The batch.
    pub batch: UploadBatchId,
    /// In whose name.
    pub caller: Caller,
    /// Who works.
    pub worker: Uuid,
}

/// Takes up the work that has been silent for longest; `None` when there is none.
pub async fn take_up(at: &Uploads) -> Result<Option<TakenUp>> {
    give_up(at).await?;
    loop {
        let (worker, now) = (at.ids.next(), at.clock.now());
        let silent = leases::silent_before(&at.rules, now);
        let next: Option<(UploadBatchId, Option<AccountId>)> =
            on_db!(&at.db, pool => sqlx::query_as(NEXT).bind(leases::ATTEMPTS).bind(silent).fetch_optional(pool).await).map_err(failed)?;
        let Some((batch, by)) = next else { return Ok(None) };
        let mut tx = at.db.begin().await?;
        let taken: u64 = on_tx!(&mut tx, c => sqlx::query(TAKE_UP)
            .bind(batch).bind(worker).bind(now).bind(leases::ATTEMPTS).bind(silent).execute(c).await.map(|d| d.rows_affected()))
        .map_err(failed)?;
        tx.commit().await?;
        if taken == 0 {
            // Another instance was faster, and has the next one before it as well.
            return Ok(None);
        }
        let caller = match by {
            Some(account) => sessions::find_caller_of(&at.db, account).await?,
            None => None,
        };
        if let Some(caller) = caller {
            tracing::info!(batch = batch.to_string(), "work at a batch of opinions that fell silent is taken up");
            return Ok(Some(TakenUp { batch, caller, worker }));
        }
        let mut tx = at.db.begin().await?;
        on_tx!(&mut tx, c => sqlx::query(RELEASE).bind(batch).bind(worker).bind(NOBODY).bind(now).execute(c).await.map(drop))
            .map_err(failed)?;
        tx.commit().await?;
    }
}

/// Leaves to a person what fell silent too often.
async fn give_up(at: &Uploads) -> Result<()> {
    let silent = leases::silent_before(&at.rules, at.clock.now());
    let mut tx = at.db.begin().await?;
    let given_up: u64 = on_tx!(&mut tx, c => sqlx::query(GIVE_UP)
        .bind(GIVEN_UP).bind(leases::ATTEMPTS).bind(silent).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    tx.commit().await?;
    if given_up > 0 {
        tracing::error!(given_up, "work at batches of opinions was given up: each of its workers fell silent");
    }
    Ok(())
}

/// Lets work go that the instance cannot finish before it stops: another one goes on at once.
async fn let_go(at: &Uploads, batch: UploadBatchId, worker: Uuid) -> Result<()> {
    let mut tx = at.db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(LET_GO).bind(batch).bind(worker).execute(c).await.map(drop)).map_err(failed)?;
    tx.commit().await
}

/// Lets claimed work go on by itself; when the instance stops first, it is let go.
pub fn begin(begun: &Begun, at: Uploads, caller: Caller, batch: UploadBatchId, worker: Uuid) {
    begun.begin(move |mut stopping| async move {
        let (working, letting_go) = (work(at.clone(), caller, batch, worker), let_go(&at, batch, worker));
        leases::unless_stopped("uploaded tables", &mut stopping, working, letting_go).await;
    });
}

/// Takes up work that fell silent until it is told to stop.
pub async fn take_up_until_stopped(at: Uploads, stopping: watch::Receiver<bool>) {
    let work = |TakenUp { batch, caller, worker }| work(at.clone(), caller, batch, worker);
    let let_go = |TakenUp { batch, worker, .. }| let_go(&at, batch, worker);
    leases::take_up_until_stopped("uploaded tables", leases::pause(&at.rules), stopping, || take_up(&at), work, let_go).await;
}
