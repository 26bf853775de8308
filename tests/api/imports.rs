//! Imports survive the death of their worker: of several who claim one wins, one that was overtaken changes nothing, and what falls silent is taken up.

use std::io::Write;

use tokio::sync::watch;
use zhitong::accounts::Role;
use zhitong::config::Rules;
use zhitong::corpus::import::{Importer, Report};
use zhitong::corpus::jobs::{self, ImportJob, JobState, Upload};
use zhitong::error::{Code, Error};
use zhitong::ids::{AccountId, ImportJobId};
use zhitong::storage::blobs::BlobHash;
use zhitong::storage::leases::{self, Begun};

use crate::support::TestApp;

const FILES: [(&str, &str); 2] = [
    ("清河市雨伞管理办法.md", "# 清河市雨伞管理办法\n\n第一条 雨伞应当收好。\n\n第二条 本办法自2024年5月1日起施行。\n"),
    ("清河市手套管理办法.md", "# 清河市手套管理办法\n\n第一条 手套成双使用。\n\n第二条 本办法自2024年6月1日起施行。\n"),
];

/// An application with somebody who imports, and nobody who works by themselves.
struct Bench {
    app: TestApp,
    importer: Importer,
    rules: Rules,
    by: AccountId,
}

impl Bench {
    async fn start() -> Bench {
        let app = TestApp::start().await;
        let token = app.token(Role::Handler).await;
        let by = app.caller(&token).await.account_id;
        let (importer, rules) = (app.app.importer(), app.app.config.rules.clone());
        Bench { app, importer, rules, by }
    }

    /// A job with some files that nobody works at yet.
    async fn job(&self, files: &[(&str, &str)], is_dry_run: bool) -> ImportJobId {
        let uploads = files.iter().map(|(name, text)| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            Upload { file, name: (*name).to_owned() }
        });
        jobs::create_job(&self.importer, self.by, uploads.collect(), is_dry_run).await.unwrap()
    }

    async fn seen(&self, id: ImportJobId) -> ImportJob {
        jobs::get_job(&self.importer.db, id).await.unwrap()
    }

    /// Lets so much time pass that whoever works is taken for dead.
    fn silence(&self) {
        self.app.clock.advance(chrono::Duration::seconds(i64::from(self.rules.silent_seconds) + 1));
    }

    async fn attempts(&self, id: ImportJobId) -> i64 {
        const ATTEMPTS: &str = "SELECT attempts FROM import_job WHERE id = $1";
        zhitong::on_db!(&self.importer.db, pool => sqlx::query_scalar(ATTEMPTS).bind(id).fetch_one(pool).await).unwrap()
    }

    async fn documents(&self) -> i64 {
        zhitong::on_db!(&self.importer.db, pool => sqlx::query_scalar("SELECT CAST(COUNT(*) AS BIGINT) FROM corpus_version").fetch_one(pool).await)
            .unwrap()
    }
}

fn outcomes(job: &ImportJob) -> Vec<(&str, &str)> {
    job.report.rows.iter().map(|row| (row.name.as_str(), row.outcome.as_str())).collect()
}

#[tokio::test]
async fn of_two_who_claim_a_job_one_works() {
    let bench = Bench::start().await;
    let (importer, rules) = (&bench.importer, &bench.rules);
    let id = bench.job(&FILES, false).await;
    let (one, other) = tokio::join!(jobs::claim(importer, rules, id), jobs::claim(importer, rules, id));
    let workers: Vec<_> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
    assert_eq!(workers.len(), 1, "{workers:?}");
    assert_eq!(jobs::claim_next(importer, rules).await.unwrap(), None, "somebody works at it");
    jobs::work(importer, rules, id, workers[0]).await;
    let job = bench.seen(id).await;
    assert_eq!((job.state, job.failure.as_str()), (JobState::Finished, ""));
    assert_eq!(outcomes(&job), FILES.map(|(name, _)| (name, "new")));
    assert_eq!(jobs::claim(importer, rules, id).await.unwrap(), None, "it is over");
    bench.app.finish().await;
}

#[tokio::test]
async fn whoever_was_overtaken_changes_nothing() {
    let bench = Bench::start().await;
    let (importer, rules) = (&bench.importer, &bench.rules);
    let id = bench.job(&FILES, false).await;
    let late = jobs::claim(importer, rules, id).await.unwrap().unwrap();
    assert!(jobs::note_progress(importer, id, late, 1, Some(9)).await.unwrap());
    // A sign of life came: the silence begins anew with it.
    bench.silence();
    assert!(jobs::note_progress(importer, id, late, 2, Some(9)).await.unwrap());
    assert_eq!(jobs::claim_next(importer, rules).await.unwrap(), None);
    bench.silence();
    let (again, worker) = jobs::claim_next(importer, rules).await.unwrap().unwrap();
    assert_eq!(again, id);
    assert!(!jobs::note_progress(importer, id, late, 7, Some(9)).await.unwrap());
    assert!(!jobs::finish(importer, id, late, &Err(Error::defect("late"))).await.unwrap());
    let job = bench.seen(id).await;
    assert_eq!((job.state, job.done, job.failure.as_str()), (JobState::Running, 2, ""));
    jobs::work(importer, rules, id, worker).await;
    assert!(!jobs::finish(importer, id, late, &Ok(Report::default())).await.unwrap());
    let job = bench.seen(id).await;
    assert_eq!((job.state, outcomes(&job)), (JobState::Finished, FILES.map(|(name, _)| (name, "new")).to_vec()));
    assert_eq!(bench.documents().await, 2);
    bench.app.finish().await;
}

#[tokio::test]
async fn a_job_whose_worker_died_is_finished_by_another() {
    let bench = Bench::start().await;
    let (importer, rules) = (&bench.importer, &bench.rules);
    let dry = bench.job(&FILES, true).await;
    let real = bench.job(&FILES, false).await;
    for id in [dry, real] {
        jobs::claim(importer, rules, id).await.unwrap().unwrap();
    }
    // The one file that was stored before they died.
    let half = bench.job(&FILES[..1], false).await;
    let worker = jobs::claim(importer, rules, half).await.unwrap().unwrap();
    jobs::work(importer, rules, half, worker).await;
    bench.silence();
    let (stop, stopping) = watch::channel(false);
    let working = tokio::spawn(jobs::work_until_stopped(importer.clone(), rules.clone(), stopping));
    let both = async {
        for id in [dry, real] {
            while bench.seen(id).await.state == JobState::Running {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), both).await.expect("jobs that fell silent are taken up");
    stop.send_replace(true);
    working.await.unwrap();
    for (id, is_dry_run) in [(dry, true), (real, false)] {
        let job = bench.seen(id).await;
        assert_eq!((job.state, job.is_dry_run, job.failure.as_str()), (JobState::Finished, is_dry_run, ""));
        assert_eq!(outcomes(&job), [(FILES[0].0, "unchanged"), (FILES[1].0, "new")], "every file exactly once");
    }
    assert_eq!(bench.documents().await, 2);
    bench.app.finish().await;
}

#[tokio::test]
async fn what_kills_its_worker_each_time_is_given_up() {
    let bench = Bench::start().await;
    let (importer, rules) = (&bench.importer, &bench.rules);
    let id = bench.job(&FILES, false).await;
    for _ in 0..leases::ATTEMPTS {
        assert_eq!(jobs::claim_next(importer, rules).await.unwrap().map(|(id, _)| id), Some(id));
        assert_eq!(bench.seen(id).await.state, JobState::Running);
        bench.silence();
    }
    assert_eq!(jobs::claim_next(importer, rules).await.unwrap(), None);
    let job = bench.seen(id).await;
    assert!(job.state == JobState::Failed && job.failure.contains("三次都没有完成"), "{job:?}");
    assert_eq!(jobs::claim(importer, rules, id).await.unwrap(), None);
    bench.app.finish().await;
}

#[tokio::test]
async fn an_import_outlasts_a_store_that_is_away() {
    let bench = Bench::start().await;
    let rules = Rules { silent_seconds: 1, ..bench.rules.clone() };
    let id = bench.job(&FILES, false).await;
    let worker = jobs::claim(&bench.importer, &rules, id).await.unwrap().unwrap();
    let away = bench.app.take_content_away(jobs::SHELF, FILES[0].1.as_bytes());
    let working = tokio::spawn({
        let importer = bench.importer.clone();
        async move { jobs::work(&importer, &rules, id, worker).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert!(!working.is_finished(), "whoever works keeps their claim");
    away.give_back();
    tokio::time::timeout(std::time::Duration::from_secs(60), working).await.expect("the store is back").unwrap();
    let job = bench.seen(id).await;
    assert_eq!((job.state, outcomes(&job)), (JobState::Finished, FILES.map(|(name, _)| (name, "new")).to_vec()), "{}", job.failure);
    assert_eq!(bench.attempts(id).await, 1);
    bench.app.finish().await;
}

#[tokio::test]
async fn a_stop_hands_over_what_a_request_began() {
    let bench = Bench::start().await;
    let (importer, rules) = (&bench.importer, &bench.rules);
    let trial = bench.job(&FILES, true).await;
    let worker = jobs::claim(importer, rules, trial).await.unwrap().unwrap();
    jobs::work(importer, rules, trial, worker).await;
    // The store is away, so that the stop comes in the middle of the work.
    let away = bench.app.take_content_away(jobs::SHELF, FILES[1].1.as_bytes());
    let (id, begun) = (ImportJobId(importer.ids.next()), Begun::default());
    jobs::start_checked(importer.clone(), rules, &begun, bench.by, trial, id).await.unwrap();
    let claimed = async {
        while bench.attempts(id).await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), claimed).await.expect("the job is begun");
    tokio::time::timeout(std::time::Duration::from_secs(60), begun.stop()).await.expect("the work ends with its instance");
    away.give_back();
    assert_eq!((bench.seen(id).await.state, bench.attempts(id).await), (JobState::Running, 0), "a stop costs no try");
    // Nobody has to wait for a silence.
    let (next, worker) = jobs::claim_next(importer, rules).await.unwrap().expect("it is let go");
    assert_eq!(next, id);
    jobs::work(importer, rules, id, worker).await;
    let job = bench.seen(id).await;
    assert_eq!((job.state, outcomes(&job)), (JobState::Finished, FILES.map(|(name, _)| (name, "new")).to_vec()), "{}", job.failure);
    assert_eq!(bench.documents().await, 2);
    // What begins while the instance stops is begun by another one.
    let late = ImportJobId(importer.ids.next());
    jobs::start_checked(importer.clone(), rules, &begun, bench.by, trial, late).await.unwrap();
    begun.stop().await;
    assert_eq!(jobs::claim_next(importer, rules).await.unwrap().map(|(id, _)| id), Some(late));
    bench.app.finish().await;
}

#[tokio::test]
async fn a_job_without_its_files_says_so() {
    let bench = Bench::start().await;
    let (importer, rules) = (&bench.importer, &bench.rules);
    // The shelf has lost one.
    let lost = bench.job(&FILES[..1], false).await;
    let worker = jobs::claim(importer, rules, lost).await.unwrap().unwrap();
    importer.blobs.shelf(jobs::SHELF).remove(&BlobHash::of(FILES[0].1.as_bytes())).await.unwrap();
    jobs::work(importer, rules, lost, worker).await;
    // Older software kept none.
    let old = bench.job(&FILES[1..], false).await;
    let mut tx = importer.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query("DELETE FROM import_job_file WHERE job_id = $1").bind(old).execute(c).await.map(drop))
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(jobs::claim_next(importer, rules).await.unwrap(), None);
    assert_eq!(bench.seen(old).await.state, JobState::Running, "older software may work at it");
    bench.app.clock.advance(chrono::Duration::minutes(6));
    assert_eq!(jobs::claim_next(importer, rules).await.unwrap(), None);
    for id in [lost, old] {
        let job = bench.seen(id).await;
        assert!(job.state == JobState::Failed && job.failure.contains("重新导入同样的文件"), "{job:?}");
    }
    bench.app.finish().await;
}

#[tokio::test]
async fn files_go_a_day_after_the_last_job_that_needs_them() {
    let bench = Bench::start().await;
    let (importer, rules) = (&bench.importer, &bench.rules);
    let shelf = importer.blobs.shelf(jobs::SHELF);
    let [umbrella, glove] = FILES.map(|(_, text)| BlobHash::of(text.as_bytes()));
    let finish = async |id| {
        let worker = jobs::claim(importer, rules, id).await.unwrap().unwrap();
        jobs::work(importer, rules, id, worker).await;
        assert_eq!(bench.seen(id).await.state, JobState::Finished);
    };
    let forget = async || jobs::forget_files(&importer.db, &importer.blobs, &importer.clock).await.unwrap();
    let first = bench.job(&FILES, false).await;
    finish(first).await;
    assert_eq!(forget().await, 0, "it has only just ended");
    bench.app.clock.advance(chrono::Duration::hours(25));
    let second = bench.job(&FILES[..1], true).await;
    assert_eq!(forget().await, 1, "another job needs the other one");
    assert_eq!((shelf.holds(&umbrella).await.unwrap(), shelf.holds(&glove).await.unwrap()), (true, false));
    finish(second).await;
    bench.app.clock.advance(chrono::Duration::hours(25));
    assert_eq!((forget().await, forget().await), (1, 0));
    assert!(!shelf.holds(&umbrella).await.unwrap());
    assert!(importer.blobs.holds(&umbrella).await.unwrap(), "what was imported has its original");
    assert_eq!(outcomes(&bench.seen(first).await).len(), 2, "the report stays");
    bench.app.finish().await;
}

#[tokio::test]
async fn a_new_job_keeps_what_is_being_tidied_away() {
    let bench = Bench::start().await;
    let (importer, rules) = (&bench.importer, &bench.rules);
    let shelf = importer.blobs.shelf(jobs::SHELF);
    let umbrella = BlobHash::of(FILES[0].1.as_bytes());
    let mut id = bench.job(&FILES[..1], false).await;
    for round in 0..20u64 {
        let worker = jobs::claim(importer, rules, id).await.unwrap().unwrap();
        jobs::work(importer, rules, id, worker).await;
        let job = bench.seen(id).await;
        assert_eq!((job.state, job.failure.as_str()), (JobState::Finished, ""), "round {round}: its file was there");
        bench.app.clock.advance(chrono::Duration::hours(25));
        // The same content comes again at any moment of the tidying.
        let again = async {
            tokio::time::sleep(std::time::Duration::from_micros(round * 300)).await;
            bench.job(&FILES[..1], false).await
        };
        let (tidied, next) = tokio::join!(jobs::forget_files(&importer.db, &importer.blobs, &importer.clock), again);
        tidied.unwrap();
        assert!(shelf.holds(&umbrella).await.unwrap(), "round {round}");
        id = next;
    }
    bench.app.finish().await;
}

#[tokio::test]
async fn what_was_tried_is_imported_without_another_upload() {
    let bench = Bench::start().await;
    let (importer, rules) = (&bench.importer, &bench.rules);
    let trial = bench.job(&FILES, true).await;
    let next = ImportJobId(importer.ids.next());
    let refused = jobs::create_checked(importer, bench.by, trial, next).await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict, "the trial has not ended");
    let worker = jobs::claim(importer, rules, trial).await.unwrap().unwrap();
    jobs::work(importer, rules, trial, worker).await;
    assert_eq!(bench.documents().await, 0);
    let seen = bench.seen(trial).await;
    let read = seen.report.rows[0].particulars.clone().unwrap();
    assert_eq!(read.effective_on, chrono::NaiveDate::from_ymd_opt(2024, 5, 1));

    // The same id again is no change.
    assert!(jobs::create_checked(importer, bench.by, trial, next).await.unwrap());
    assert!(!jobs::create_checked(importer, bench.by, trial, next).await.unwrap());
    let (claimed, worker) = jobs::claim_next(importer, rules).await.unwrap().unwrap();
    assert_eq!(claimed, next);
    jobs::work(importer, rules, next, worker).await;
    let job = bench.seen(next).await;
    assert_eq!((job.name.as_str(), job.is_dry_run, outcomes(&job)), (seen.name.as_str(), false, outcomes(&seen)));
    assert_eq!(bench.documents().await, 2);
    let other = ImportJobId(importer.ids.next());
    assert_eq!(jobs::create_checked(importer, bench.by, next, other).await.unwrap_err().code, Code::Conflict, "it was no trial");
    bench.app.clock.advance(chrono::Duration::hours(25));
    assert_eq!(jobs::create_checked(importer, bench.by, trial, other).await.unwrap_err().code, Code::Conflict, "its files are gone");
    bench.app.finish().await;
}
