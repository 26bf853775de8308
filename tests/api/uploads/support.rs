//! A contact point that collects, and files built for it.

use chrono::NaiveDate;
use rust_xlsxwriter::Workbook;
use zhitong::accounts::Caller;
use zhitong::ids::{AssignmentId, UploadBatchId};
use zhitong::opinions::offline::batches::{self, Batch, BatchRow, RowFilter, RowState, Uploads};

use crate::support::TestApp;

/// A point that works on its assignment.
pub struct Point {
    /// The application.
    pub app: TestApp,
    /// The draft.
    pub draft: String,
    /// Somebody of its staff.
    pub caller: Caller,
    /// Their token.
    pub token: String,
    /// What they collect for.
    pub assignment: AssignmentId,
    /// Somebody of another point, with an assignment of its own that collects, too.
    pub other: Caller,
    /// Their token.
    pub other_token: String,
}

/// A day of March 2026, in the round.
pub fn march(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
}

impl Point {
    pub async fn start() -> Point {
        let app = TestApp::start().await;
        let draft = app.open_draft().await;
        let [ours, theirs] = app.contact_points().await;
        // Ten days later, so that there are days to collect on.
        app.clock.advance(chrono::Duration::days(10));
        let (token, other_token) = (app.point_staff(&ours).await, app.point_staff(&theirs).await);
        let assignments = app.collection_task(&draft, &[&ours, &theirs]).await;
        app.start_collecting(&token, &assignments[0]).await;
        app.start_collecting(&other_token, &assignments[1]).await;
        let assignment = AssignmentId(assignments[0].parse().unwrap());
        let (caller, other) = (app.caller(&token).await, app.caller(&other_token).await);
        app.deliver().await;
        Point { app, draft, caller, token, assignment, other, other_token }
    }

    /// Lets so much time pass that whoever works is taken for dead.
    pub fn silence(&self) {
        self.app.clock.advance(chrono::Duration::seconds(i64::from(self.app.app.config.rules.silent_seconds) + 1));
    }

    pub fn uploads(&self) -> Uploads {
        self.app.app.uploads()
    }

    /// Uploads a file and waits until a person has the word.
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> Batch {
        let at = self.uploads();
        let uploaded = batches::upload(&at, &self.caller, self.assignment, name, bytes).await.unwrap();
        let worker = uploaded.worker.unwrap_or_else(|| panic!("{}", uploaded.notice));
        self.work(uploaded.batch, worker).await
    }

    pub async fn work(&self, batch: UploadBatchId, worker: uuid::Uuid) -> Batch {
        batches::work(self.uploads(), self.caller.clone(), batch, worker).await;
        self.batch(batch).await
    }

    pub async fn batch(&self, batch: UploadBatchId) -> Batch {
        batches::get_batch(&self.app.app.db, &self.caller, batch).await.unwrap()
    }

    /// Rows in a state.
    pub async fn rows(&self, batch: UploadBatchId, state: Option<RowState>) -> Vec<BatchRow> {
        let filter = RowFilter { state, has_warnings: false };
        let mut rows = Vec::new();
        let mut cursor = None;
        loop {
            let (_, page) = batches::list_rows(&self.uploads(), &self.caller, batch, filter, cursor.as_deref(), 100).await.unwrap();
            rows.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return rows;
            }
        }
    }

    /// Commits and waits.
    pub async fn commit(&self, batch: &Batch, which: batches::Which) -> Batch {
        let worker = batches::commit(&self.uploads(), &self.caller, batch.id, batch.revision, which).await.unwrap();
        self.work(batch.id, worker).await
    }

    /// Opinions of the draft that were not withdrawn, as the report counts them.
    pub async fn opinions(&self) -> i64 {
        const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM opinion WHERE state <> 'withdrawn'";
        zhitong::on_db!(&self.app.app.db, pool => sqlx::query_scalar(COUNT).fetch_one(pool).await).unwrap()
    }
}

/// A workbook with one sheet of words.
pub fn xlsx(rows: &[&[&str]]) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (row, cells) in (0u32..).zip(rows) {
        for (column, words) in (0u16..).zip(*cells).filter(|(_, words)| !words.is_empty()) {
            sheet.write_string(row, column, *words).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

/// How many rows of a batch are in each state: ready, duplicate, problem, not an opinion.
pub fn counted(batch: &Batch) -> [i64; 4] {
    [RowState::Ready, RowState::Duplicate, RowState::Problem, RowState::NotOpinion].map(|state| batch.counts.of(state))
}
