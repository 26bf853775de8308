//! Opinions accepted in a second, durable, over HTTP on the loopback, beside the same rows written straight through the driver.
//!
//!     cargo bench --bench opinions                     SQLite, synchronous = FULL
//!     SERVERS_DURABLE=1 … ZHITONG_TEST_POSTGRES=URL    PostgreSQL with fsync; tests/servers.sh starts one
//!
//! The whole server runs in this process with everything a request passes through: session, limits, idempotency, the round's clock, moderation, outbox.
//! The driver writes one transaction for each opinion, as the product does: the opinion and its message. Both with the same number of writers at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;
use zhitong::accounts::Actor;
use zhitong::app::App;
use zhitong::config::{Config, Quota, Secret};
use zhitong::drafts::consultations::{NewConsultation, open_consultation};
use zhitong::drafts::versions::{NewVersionFile, add_version};
use zhitong::drafts::{DraftKind, NewDraft, create_draft};
use zhitong::ids::{Clock, DraftId, IdSource};
use zhitong::server;
use zhitong::storage::cache::Cache;
use zhitong::storage::crypto::install_tls;
use zhitong::storage::{DataDirLock, Db};
use zhitong::{on_db, on_tx};

/// Opinions of one run.
const OPINIONS: usize = 3_000;
/// Runs; the median counts.
const RUNS: usize = 3;
/// Writers at once.
const WRITERS: usize = 16;
/// Citizens that take turns.
const CITIZENS: usize = 100;

const OPINION: &str =
    "INSERT INTO opinion (id, receipt_number, draft_id, consultation_id, version_id, account_id, author_kind, channel, provision_label,
    address, stance, body, reason, is_public, state, idempotency_key, content_hash, text_hash, posted_at, display)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
const MESSAGE: &str = "INSERT INTO outbox (id, account_id, event, subject_id, about, created_at) VALUES ($1, $2, $3, $4, $5, $6)";

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    install_tls();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut config = Config {
        data_dir: folder.path().to_owned(),
        data_key: Secret("5a".repeat(32)),
        listen: ([127, 0, 0, 1], 0).into(),
        ..Config::default()
    };
    let without_end = Quota { count: u32::MAX, seconds: 3_600 };
    let limits = &mut config.rules.limits;
    for limit in [
        &mut limits.sign_in_per_address,
        &mut limits.registration_per_address,
        &mut limits.opinion_per_identity,
        &mut limits.opinion_per_address,
        &mut limits.opinion_per_draft,
    ] {
        *limit = without_end;
    }
    let db = match std::env::var("ZHITONG_TEST_POSTGRES") {
        Ok(url) => Db::open_postgres(&url, 32).await.expect("PostgreSQL"),
        Err(_) => Db::open_sqlite(&folder.path().join("zhitong.db"), 16).await.expect("SQLite"),
    };
    println!("engine {}", if matches!(db, Db::Postgres(_)) { "PostgreSQL" } else { "SQLite" });
    db.migrate().await.expect("a schema");
    let lock = DataDirLock::acquire(folder.path()).expect("a folder of our own");
    let app = App::assemble(config, db, Cache::in_process(), Clock::System, IdSource::Random, Some(lock)).await.expect("an application");
    let draft = open_draft(&app).await;
    let port = server::bind(app.config.listen).await.expect("a free port");
    let (announce, bound) = tokio::sync::oneshot::channel();
    tokio::spawn(server::serve(app.clone(), port, |address| announce.send(address).expect("a waiting client")));
    let url = format!("http://{}/api/v1", bound.await.expect("a bound port"));
    let client = reqwest::Client::builder().build().expect("a client");
    let tokens = citizens(&client, &url).await;
    let url = format!("{url}/drafts/{draft}/opinions");

    let (mut product, mut driver) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        product.push(post(&client, &url, &tokens, run).await);
        driver.push(write(&app.db, run).await);
    }
    let (product, driver) = (median(product), median(driver));
    println!("accepted over HTTP        {product:8.0} opinions/s (median of {RUNS} runs of {OPINIONS}, {WRITERS} writers)");
    println!("straight through the driver {driver:6.0} opinions/s");
    println!("ratio {:.2}", product / driver);
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn open_draft(app: &App) -> DraftId {
    let new = NewDraft {
        id: None,
        title: "示例市共享雨伞管理办法".into(),
        kind: DraftKind::GovernmentRule,
        drafting_unit: "示例市城市管理局".into(),
        seed_key: None,
    };
    let draft = create_draft(&app.db, &app.clock, &app.ids, Actor::System, new).await.expect("a draft").id;
    let text = "# 示例市共享雨伞管理办法\n\n第一条 为了方便市民，制定本办法。\n\n第二条 使用者应当在二十四小时内归还。\n";
    let file = NewVersionFile { id: None, name: "办法.md".into(), bytes: text.into(), explanation: "说明".into() };
    add_version(&app.db, &app.blobs, &app.clock, &app.ids, Actor::System, draft, file).await.expect("a version");
    let new = NewConsultation { notice: "公告".into(), ..NewConsultation::default() };
    open_consultation(&app.db, &app.clock, &app.ids, &app.config.rules, Actor::System, draft, new).await.expect("a round");
    draft
}

/// Tokens of citizens who may speak.
async fn citizens(client: &reqwest::Client, url: &str) -> Vec<String> {
    let notice: Value = client.get(format!("{url}/privacy-notice")).send().await.expect("an answer").json().await.expect("the notice");
    let mut tokens = Vec::with_capacity(CITIZENS);
    for n in 0..CITIZENS {
        let body = json!({"code": format!("sandbox-citizen{n}"), "privacy_version": notice["version"], "is_fourteen_or_over": true});
        let answer = client.post(format!("{url}/sessions/wechat")).json(&body).send().await.expect("an answer");
        let session: Value = answer.json().await.expect("a session");
        tokens.push(session["token"].as_str().expect("a token").to_owned());
    }
    tokens
}

/// Does something `OPINIONS` times with `WRITERS` at once, and gives how often in a second.
async fn rate<F: Future<Output = ()>>(act: impl Fn(usize) -> F) -> f64 {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    join_all((0..WRITERS).map(|_| async {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= OPINIONS {
                return;
            }
            act(n).await;
        }
    }))
    .await;
    OPINIONS as f64 / started.elapsed().as_secs_f64()
}

async fn post(client: &reqwest::Client, url: &str, tokens: &[String], run: usize) -> f64 {
    rate(|n| async move {
        let body = json!({"address": "art-2", "stance": "amend", "body": format!("第{run}轮第{n}条：归还时间改为四十八小时。"), "reason": "出差", "is_public": true});
        let request = client.post(url).bearer_auth(&tokens[n % tokens.len()]).header("idempotency-key", format!("run-{run}-opinion-{n}"));
        let response = request.json(&body).send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 201, "{}", response.text().await.unwrap_or_default());
    })
    .await
}

/// What an opinion of the product hangs on.
#[derive(Clone, Copy, sqlx::FromRow)]
struct Place {
    draft_id: Uuid,
    consultation_id: Uuid,
    version_id: Uuid,
    account_id: Uuid,
}

const PLACE: &str = "SELECT draft_id, consultation_id, version_id, account_id FROM opinion LIMIT 1";

async fn write(db: &Db, run: usize) -> f64 {
    let place: Place = on_db!(db, pool => sqlx::query_as(PLACE).fetch_one(pool).await).expect("an opinion that was posted");
    rate(|n| async move {
        let (id, now) = (IdSource::Random.next(), Clock::System.now());
        let mut tx = db.begin().await.expect("a transaction");
        let (number, key, hash) = (format!("D{run}-{n}"), format!("driver-{run}-{n}"), format!("{run:032}{n:032}"));
        let body = format!("第{run}轮第{n}条：归还时间改为四十八小时。");
        on_tx!(&mut tx, c => sqlx::query(OPINION)
            .bind(id).bind(&number).bind(place.draft_id).bind(place.consultation_id).bind(place.version_id).bind(place.account_id).bind("市民").bind("wechat")
            .bind("第二条").bind("art-2").bind("amend").bind(&body).bind("出差").bind(true).bind("received").bind(&key).bind(&hash).bind(&hash).bind(now)
            .bind("shown").execute(c).await.map(drop))
        .expect("a row");
        on_tx!(&mut tx, c => sqlx::query(MESSAGE)
            .bind(IdSource::Random.next()).bind(place.account_id).bind("opinion_received").bind(id).bind("草案第二条").bind(now).execute(c).await.map(drop))
        .expect("a row");
        tx.commit().await.expect("a commit");
    })
    .await
}
