//! The public page of a draft as it is kept for a moment, beside a bare handler that returns the same bytes, over HTTP on the loopback.
//!
//! Both servers run in this process; the same clients ask each in turn over kept-alive connections, without compression.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Response, Route, get};
use zhitong::app::App;
use zhitong::config::{Config, Secret};
use zhitong::ids::{Clock, IdSource};
use zhitong::storage::cache::Cache;
use zhitong::storage::crypto::install_tls;
use zhitong::storage::{DataDirLock, Db};
use zhitong::{drafts, seeding, server};

/// Requests of one run; a page made anew costs so much more that a tenth of them tells as much.
const REQUESTS: [usize; 3] = [20_000, 20_000, 2_000];
/// Runs; the median counts.
const RUNS: usize = 5;
/// Clients at once.
const CLIENTS: usize = 8;

fn main() {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(run());
}

async fn run() {
    install_tls();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (kept, made) = (serve_product(folder.path(), 2_000).await, tempfile::tempdir().expect("a temporary folder"));
    let made = serve_product(made.path(), 0).await;
    let client = reqwest::Client::builder().build().expect("a client");
    let body = client.get(&kept).send().await.expect("an answer").bytes().await.expect("the page");
    println!("page of {} bytes", body.len());
    let bytes = body.to_vec();
    let bare = Route::new()
        .at("/", get(poem::endpoint::make_sync(move |_| Response::builder().content_type("text/html; charset=utf-8").body(bytes.clone()))));
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a free port");
    let bare_url = format!("http://{}/", acceptor.local_addr()[0].as_socket_addr().expect("an address"));
    tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(bare));

    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for ((url, requests), rates) in [&kept, &bare_url, &made].into_iter().zip(REQUESTS).zip(&mut rates) {
            rates.push(rate(&client, url, requests).await);
        }
    }
    let [kept, bare, made] = rates.map(|mut rates| {
        rates.sort_by(|a, b| a.0.total_cmp(&b.0));
        rates[rates.len() / 2]
    });
    for ((name, (rate, p50, p99)), requests) in
        [("kept page", kept), ("bare handler", bare), ("made anew each time", made)].into_iter().zip(REQUESTS)
    {
        println!(
            "{name:<20} {rate:8.0} pages/s   p50 {p50:6.2} ms   p99 {p99:6.2} ms (median of {RUNS} runs of {requests}, {CLIENTS} clients)"
        );
    }
    println!("ratio kept / bare {:.2}, made anew / bare {:.2}", kept.0 / bare.0, made.0 / bare.0);
}

/// URL of a draft of the demonstration on a server of its own.
async fn serve_product(folder: &std::path::Path, page_cache_ms: u64) -> String {
    let config = Config {
        data_dir: folder.to_owned(),
        data_key: Secret("5a".repeat(32)),
        listen: ([127, 0, 0, 1], 0).into(),
        page_cache_ms,
        ..Config::default()
    };
    let lock = DataDirLock::acquire(folder).expect("a folder of our own");
    let db = Db::open_sqlite(&folder.join("zhitong.db"), 8).await.expect("SQLite");
    db.migrate().await.expect("a schema");
    let app = App::assemble(config, db, Cache::in_process(), Clock::System, IdSource::Random, Some(lock)).await.expect("an application");
    seeding::load(&app).await.expect("the demonstration");
    let page = drafts::list_drafts(&app.db, &app.clock, None, None, None, 10).await.expect("drafts");
    let draft = page.items.iter().max_by_key(|draft| draft.round).expect("a draft").id;
    let port = server::bind(app.config.listen).await.expect("a free port");
    let (announce, bound) = tokio::sync::oneshot::channel();
    tokio::spawn(server::serve(app, port, |address| announce.send(address).expect("a waiting client")));
    format!("http://{}/drafts/{draft}", bound.await.expect("a bound port"))
}

/// Pages a second, and the times of half and of all but one in a hundred, in milliseconds.
async fn rate(client: &reqwest::Client, url: &str, requests: usize) -> (f64, f64, f64) {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let times = join_all((0..CLIENTS).map(|_| async {
        let mut times = Vec::new();
        while next.fetch_add(1, Ordering::Relaxed) < requests {
            let asked = Instant::now();
            let response = client.get(url).send().await.expect("an answer");
            assert_eq!(response.status().as_u16(), 200);
            assert!(!response.bytes().await.expect("the page").is_empty());
            times.push(asked.elapsed());
        }
        times
    }))
    .await;
    let rate = requests as f64 / started.elapsed().as_secs_f64();
    let mut times: Vec<Duration> = times.into_iter().flatten().collect();
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
    (rate, at(50), at(99))
}
