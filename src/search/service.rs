//! The index as the rest of the product uses it: searching without blocking, following the change feed, rebuilding while the old one serves.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::query::TitleCatalogue;
use super::{Built, Condition, SearchIndex, SearchRequest, SearchResponse, WorkChange};
use crate::corpus::indexing::{self, IndexedDocument};
use crate::error::{Code, Error, Result};
use crate::ids::Clock;
use crate::storage::Db;

/// Changes taken in by one commit.
const CHANGES_PER_COMMIT: i64 = 200;
/// From this many waiting changes on, building anew is quicker than following.
const REBUILD_FROM: i64 = 2_000;
/// How often the follower looks at the feed.
const POLL: Duration = Duration::from_millis(500);
/// Works read ahead of the writer while building.
const READ_AHEAD: usize = 64;

/// The search index of one process. Cheap to clone.
#[derive(Clone)]
pub struct SearchService {
    index: Arc<SearchIndex>,
    /// Why the index must be built before it can answer; `None` when it serves.
    waiting: Arc<Mutex<Option<String>>>,
}

impl SearchService {
    /// Opens the index of a directory; a damaged or outdated one is rebuilt by the first [`SearchService::catch_up`].
    pub fn open(directory: &Path) -> Result<SearchService> {
        let (index, condition) = SearchIndex::open(directory)?;
        let waiting = match condition {
            Condition::Ready => None,
            Condition::MustRebuild(reason) => Some(reason),
        };
        Ok(SearchService { index: Arc::new(index), waiting: Arc::new(Mutex::new(waiting)) })
    }

    /// Whether searches find what there is.
    pub fn is_ready(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// The index itself, for measuring.
    pub fn index(&self) -> &SearchIndex {
        &self.index
    }

    /// Titles, aliases and document numbers under which works are found.
    pub fn titles(&self) -> Arc<TitleCatalogue> {
        self.index.titles()
    }

    /// Answers a search on a thread of its own.
    pub async fn search(&self, request: SearchRequest) -> Result<SearchResponse> {
        if !self.is_ready() {
            return Err(Error::new(Code::Unavailable, "检索索引正在建立，请稍后再试。"));
        }
        let index = self.index.clone();
        run_blocking(move || index.search(&request)).await
    }

    /// Builds a new index from the database while the old one goes on serving.
    pub async fn rebuild(&self, db: &Db, clock: &Clock, mut progress: impl FnMut(Built) + Send + 'static) -> Result<Built> {
        // Taken before the first document is read: what changes meanwhile is followed afterwards.
        let position = indexing::last_change(db).await?;
        let (sender, mut receiver) = mpsc::channel::<Result<IndexedDocument>>(READ_AHEAD);
        let index = self.index.clone();
        let building = tokio::task::spawn_blocking(move || {
            index.rebuild(position, std::iter::from_fn(move || receiver.blocking_recv()), &mut progress)
        });
        let reading = read_everything(db, clock, &sender).await;
        if let Err(problem) = reading {
            // The builder gives up with this problem; when it is gone already, its own problem is the one to tell.
            drop(sender.send(Err(problem)).await);
        }
        drop(sender);
        let built = building.await.map_err(|e| Error::internal("building the index broke", e))??;
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(built)
    }

    /// Takes in every change of the feed, or builds anew when that is needed or quicker. Gives the number of changes that were waiting.
    pub async fn catch_up(&self, db: &Db, clock: &Clock) -> Result<i64> {
        let behind = indexing::last_change(db).await? - self.index.position();
        let reason = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if reason.is_some() || !(0..REBUILD_FROM).contains(&behind) {
            let reason = reason.unwrap_or_else(|| format!("{behind} changes are waiting"));
            tracing::info!(reason, "building the search index");
            let built = self.rebuild(db, clock, |_| {}).await?;
            tracing::info!(documents = built.documents, provisions = built.provisions, "the search index is built");
            return Ok(behind);
        }
        loop {
            let changes = indexing::changes_since(db, self.index.position(), CHANGES_PER_COMMIT).await?;
            if changes.is_empty() {
                return Ok(behind);
            }
            let mut batch: Vec<WorkChange> = Vec::with_capacity(changes.len());
            for change in &changes {
                // Of several changes of one work only the last needs its text: it is what the database says now.
                if changes.iter().any(|later| later.work_id == change.work_id && later.seq > change.seq) {
                    continue;
                }
                let documents = indexing::for_indexing(db, change.work_id, clock.today()).await?;
                batch.push(WorkChange { seq: change.seq, work_id: change.work_id.0, documents });
            }
            let index = self.index.clone();
            run_blocking(move || index.follow(&batch)).await?;
        }
    }
}

/// Follows the change feed until told to stop. `report` is told the changes waiting and the entries that can be found.
pub async fn follow(service: SearchService, db: Db, clock: Clock, mut stopping: watch::Receiver<bool>, report: impl Fn(i64, i64)) {
    let mut failing = false;
    while !*stopping.borrow() {
        match service.catch_up(&db, &clock).await {
            Ok(_) => failing = false,
            // Logged once per outage, not at every look.
            Err(problem) if !failing => {
                failing = true;
                tracing::error!(
                    error = problem.code.slug(),
                    cause = problem.cause_chain(),
                    "the search index cannot follow the data; trying again"
                );
            }
            Err(_) => {}
        }
        let lag = indexing::last_change(&db).await.map_or(-1, |last| last - service.index.position());
        report(lag, i64::try_from(service.index.size().provisions).unwrap_or(i64::MAX));
        tokio::select! {
            _ = stopping.changed() => {}
            () = tokio::time::sleep(if failing { POLL * 10 } else { POLL }) => {}
        }
    }
}

async fn read_everything(db: &Db, clock: &Clock, sender: &mpsc::Sender<Result<IndexedDocument>>) -> Result<()> {
    let today = clock.today();
    let mut after = None;
    loop {
        let works = indexing::works_after(db, after, 200).await?;
        let Some(last) = works.last().copied() else { return Ok(()) };
        for work in works {
            for document in indexing::for_indexing(db, work, today).await? {
                if sender.send(Ok(document)).await.is_err() {
                    // The builder stopped; it tells why.
                    return Ok(());
                }
            }
        }
        after = Some(last);
    }
}

async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("a search thread broke", e))?
}
