//! Work at a batch survives the death of its worker without anybody pressing anything.

use tokio::sync::watch;
use zhitong::accounts::{Caller, Role};
use zhitong::opinions::offline::batches::{self, BatchState, RowState, Which};
use zhitong::storage::leases::{self, Begun};

use super::support::{Point, xlsx};

const ROWS: &[&[&str]] = &[&["条款", "意见"], &["第一条", "改"], &["第四条", "时间太短"]];

impl Point {
    /// Somebody else of the same point.
    async fn colleague(&self) -> Caller {
        let token = self.app.staff_token(Role::PointStaff, None, self.caller.contact_point, None).await;
        self.app.caller(&token).await
    }

    /// Uploads a file whose worker dies before it begins.
    async fn orphan(&self) -> (zhitong::ids::UploadBatchId, uuid::Uuid) {
        let uploaded = batches::upload(&self.uploads(), &self.caller, self.assignment, "意见.xlsx", xlsx(ROWS)).await.unwrap();
        (uploaded.batch, uploaded.worker.unwrap())
    }

    async fn set(&self, statement: &'static str, id: uuid::Uuid) {
        let mut tx = self.app.app.db.begin().await.unwrap();
        zhitong::on_tx!(&mut tx, c => sqlx::query(statement).bind(id).execute(c).await.map(drop)).unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn silent_work_goes_on_in_the_name_of_whoever_began_it() {
    let point = Point::start().await;
    let at = point.uploads();
    let (id, late) = point.orphan().await;
    assert!(batches::take_up(&at).await.unwrap().is_none(), "somebody may still work");
    point.silence();
    let (one, other) = tokio::join!(batches::take_up(&at), batches::take_up(&at));
    let mut taken: Vec<_> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
    assert_eq!(taken.len(), 1, "{taken:?}");
    let taken = taken.remove(0);
    assert_eq!((taken.batch, &taken.caller), (id, &point.caller));
    // The one who was thought dead comes back, and has no word any more.
    let before = point.work(id, late).await;
    assert_eq!((before.state, before.counts.all(), before.failure.as_str()), (BatchState::Reading, 0, ""));
    batches::work(at.clone(), taken.caller, id, taken.worker).await;
    let batch = point.batch(id).await;
    assert_eq!((batch.state, batch.counts.of(RowState::Ready)), (BatchState::Checked, 2), "{}", batch.failure);

    // Somebody else commits, and dies.
    let colleague = point.colleague().await;
    batches::commit(&at, &colleague, id, batch.revision, Which::All).await.unwrap();
    point.silence();
    let taken = batches::take_up(&at).await.unwrap().unwrap();
    assert_eq!((taken.batch, taken.caller.account_id), (id, colleague.account_id));
    batches::work(at.clone(), taken.caller, id, taken.worker).await;
    let batch = point.batch(id).await;
    assert_eq!((batch.state, batch.counts.of(RowState::Committed), point.opinions().await), (BatchState::Committed, 2, 2));
    const ENTERED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM opinion_provenance WHERE entered_by = $1";
    let entered: i64 =
        zhitong::on_db!(&at.db, pool => sqlx::query_scalar(ENTERED).bind(colleague.account_id).fetch_one(pool).await).unwrap();
    assert_eq!(entered, 2);
    point.silence();
    assert!(batches::take_up(&at).await.unwrap().is_none(), "nothing is left to do");
    point.app.finish().await;
}

#[tokio::test]
async fn the_server_takes_up_what_is_silent() {
    let point = Point::start().await;
    let at = point.uploads();
    let (id, _) = point.orphan().await;
    point.silence();
    let (stop, stopping) = watch::channel(false);
    let working = tokio::spawn(batches::take_up_until_stopped(at.clone(), stopping));
    let checked = async {
        while point.batch(id).await.state != BatchState::Checked {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), checked).await.expect("what fell silent is taken up");
    stop.send_replace(true);
    working.await.unwrap();
    point.app.finish().await;
}

#[tokio::test]
async fn nobody_works_in_the_name_of_a_closed_account() {
    let point = Point::start().await;
    let at = point.uploads();
    let (id, _) = point.orphan().await;
    let colleague = point.colleague().await;
    point.set("UPDATE account SET is_active = FALSE WHERE id = $1", point.caller.account_id.0).await;
    point.silence();
    assert!(batches::take_up(&at).await.unwrap().is_none());
    let batch = batches::get_batch(&at.db, &colleague, id).await.unwrap();
    assert!(batch.failure.contains("账号已停用") && batch.is_stalled(point.app.clock.now(), &at.rules), "{batch:?}");
    // A colleague goes on, and from then on it is theirs.
    batches::resume(&at, &colleague, id).await.unwrap();
    point.silence();
    assert_eq!(batches::take_up(&at).await.unwrap().unwrap().caller, colleague);
    point.app.finish().await;
}

#[tokio::test]
async fn what_falls_silent_too_often_waits_for_a_person() {
    let point = Point::start().await;
    let at = point.uploads();
    let (id, _) = point.orphan().await;
    for _ in 1..leases::ATTEMPTS {
        point.silence();
        assert_eq!(batches::take_up(&at).await.unwrap().map(|taken| taken.batch), Some(id));
    }
    point.silence();
    assert!(batches::take_up(&at).await.unwrap().is_none());
    let batch = point.batch(id).await;
    assert!(batch.failure.contains("不再自动继续") && batch.is_stalled(point.app.clock.now(), &at.rules), "{batch:?}");
    // What a person resumed has its tries again.
    batches::resume(&at, &point.caller, id).await.unwrap();
    for _ in 1..leases::ATTEMPTS {
        point.silence();
        assert_eq!(batches::take_up(&at).await.unwrap().map(|taken| taken.batch), Some(id));
    }
    point.silence();
    assert!(batches::take_up(&at).await.unwrap().is_none());
    let worker = batches::resume(&at, &point.caller, id).await.unwrap();
    let batch = point.work(id, worker).await;
    assert_eq!((batch.state, batch.failure.as_str()), (BatchState::Checked, ""));
    point.app.finish().await;
}

#[tokio::test]
async fn what_broke_off_with_a_reason_waits_for_a_person_and_what_was_let_go_does_not() {
    let point = Point::start().await;
    let at = point.uploads();
    let (id, _) = point.orphan().await;
    point.set("UPDATE upload_batch SET worker = NULL, failure = '处理中断。' WHERE id = $1", id.0).await;
    point.silence();
    assert!(batches::take_up(&at).await.unwrap().is_none(), "its cause would come again");
    point.set("UPDATE upload_batch SET worker = NULL, failure = '', attempts = 0 WHERE id = $1", id.0).await;
    assert_eq!(batches::take_up(&at).await.unwrap().map(|taken| taken.batch), Some(id), "a server that stopped let it go");
    point.app.finish().await;
}

#[tokio::test]
async fn a_stop_hands_over_what_a_request_began() {
    let point = Point::start().await;
    let at = point.uploads();
    let bytes = xlsx(ROWS);
    let uploaded = batches::upload(&at, &point.caller, point.assignment, "意见.xlsx", bytes.clone()).await.unwrap();
    let id = uploaded.batch;
    // The store is away, so that the stop comes in the middle of the work.
    let away = point.app.take_content_away(batches::SHELF, &bytes);
    let begun = Begun::default();
    batches::begin(&begun, at.clone(), point.caller.clone(), id, uploaded.worker.unwrap());
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(batches::take_up(&at).await.unwrap().is_none(), "somebody works at it");
    tokio::time::timeout(std::time::Duration::from_secs(60), begun.stop()).await.expect("the work ends with its instance");
    away.give_back();
    // Nobody has to wait for a silence, and no person is asked.
    let taken = batches::take_up(&at).await.unwrap().expect("it is let go");
    assert_eq!((taken.batch, &taken.caller), (id, &point.caller));
    batches::work(at.clone(), taken.caller, id, taken.worker).await;
    let batch = point.batch(id).await;
    assert_eq!((batch.state, batch.counts.of(RowState::Ready)), (BatchState::Checked, 2), "{}", batch.failure);

    // What is done by the time of the stop stays done.
    let begun = Begun::default();
    let worker = batches::commit(&at, &point.caller, id, batch.revision, Which::All).await.unwrap();
    batches::begin(&begun, at.clone(), point.caller.clone(), id, worker);
    let committed = async {
        while point.batch(id).await.state != BatchState::Committed {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), committed).await.expect("it goes on by itself");
    begun.stop().await;
    assert!(batches::take_up(&at).await.unwrap().is_none(), "nothing is left to do");
    assert_eq!(point.opinions().await, 2);
    point.app.finish().await;
}

#[tokio::test]
async fn work_outlasts_a_store_that_is_away() {
    let point = Point::start().await;
    let mut at = point.uploads();
    at.rules = std::sync::Arc::new(zhitong::config::Rules { silent_seconds: 1, ..zhitong::config::Rules::clone(&at.rules) });
    let bytes = xlsx(ROWS);
    let uploaded = batches::upload(&at, &point.caller, point.assignment, "意见.xlsx", bytes.clone()).await.unwrap();
    let away = point.app.take_content_away(batches::SHELF, &bytes);
    let working = tokio::spawn(batches::work(at, point.caller.clone(), uploaded.batch, uploaded.worker.unwrap()));
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert!(!working.is_finished(), "whoever works keeps their claim");
    away.give_back();
    tokio::time::timeout(std::time::Duration::from_secs(60), working).await.expect("the store is back").unwrap();
    let batch = point.batch(uploaded.batch).await;
    assert_eq!((batch.state, batch.counts.of(RowState::Ready)), (BatchState::Checked, 2), "{}", batch.failure);
    point.app.finish().await;
}
