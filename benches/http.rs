//! Search over HTTP on the loopback beside the same search in process, and resident memory when idle and after 10,000 queries.
//!
//! The whole server runs in this process, with everything that a request passes through, over 20,000 articles that another run of this
//! program imported and indexed, so that the memory of importing is not counted. One client, one kept-alive connection, one query after another.

mod synthetic;

use std::path::Path;
use std::time::{Duration, Instant};

use zhitong::app::{Access, App};
use zhitong::config::Config;
use zhitong::corpus::import::{Importer, Input, Options};
use zhitong::search::SearchRequest;
use zhitong::server;
use zhitong::storage::crypto::install_tls;
use zhitong::telemetry::resident_bytes;

/// Queries for the figure of resident memory.
const QUERIES: usize = 10_000;
/// Of these, queries whose time is taken.
const TIMED: usize = 3_000;

/// Set for the run that prepares: the data directory.
const PREPARE: &str = "ZHITONG_BENCH_PREPARE";

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Some(data_dir) = std::env::var_os(PREPARE) {
        return runtime.block_on(prepare(configuration(data_dir.as_ref())));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = std::env::current_exe().expect("this program");
    let prepared = std::process::Command::new(program).env(PREPARE, folder.path()).status().expect("a second run");
    assert!(prepared.success());
    runtime.block_on(run(configuration(folder.path())));
}

fn configuration(data_dir: &Path) -> Config {
    Config { data_dir: data_dir.to_owned(), listen: ([127, 0, 0, 1], 0).into(), ..Config::default() }
}

fn memory(when: &str) {
    let mib = resident_bytes().map_or(f64::NAN, |bytes| bytes as f64 / f64::from(1 << 20));
    println!("{when:<44} {mib:7.1} MiB resident");
}

async fn prepare(config: Config) {
    let source = tempfile::tempdir().expect("a temporary folder");
    synthetic::write(source.path(), &synthetic::documents(synthetic::DOCUMENTS, synthetic::ARTICLES)).expect("written documents");
    let app = App::open(config, Access::Exclusive).await.expect("an application");
    let importer = Importer { db: app.db.clone(), blobs: app.blobs.clone(), clock: app.clock.clone(), ids: app.ids.clone() };
    let report = importer.run(vec![Input::new(source.path())], &Options::default(), &mut |_| {}).await.expect("an import");
    assert_eq!(report.articles, (synthetic::DOCUMENTS * synthetic::ARTICLES) as u64, "{:?}", report.counts);
    app.search.catch_up(&app.db, &app.clock).await.expect("an index");
    app.db.close().await;
}

async fn run(config: Config) {
    let queries = synthetic::queries(&synthetic::documents(synthetic::DOCUMENTS, synthetic::ARTICLES), QUERIES);
    let app = App::open(config.clone(), Access::Exclusive).await.expect("an application");
    let port = server::bind(config.listen).await.expect("a free port");
    let (announce, bound) = tokio::sync::oneshot::channel();
    // Stopped by the end of the process.
    tokio::spawn(server::serve(app.clone(), port, |address| announce.send(address).expect("a waiting client")));
    let url = format!("http://{}/api/v1/search", bound.await.expect("a bound port"));
    install_tls();
    let client = reqwest::Client::builder().build().expect("a client");
    // Once unmeasured: dictionaries are loaded, the connection is open.
    ask(&client, &url, &queries[0]).await;
    memory("idle");

    let mut in_process = Vec::with_capacity(TIMED);
    let mut over_http = Vec::with_capacity(TIMED);
    for query in &queries[..TIMED] {
        let request = SearchRequest::new(query.as_str(), app.clock.today());
        let started = Instant::now();
        app.search.search(request).await.expect("an answer");
        in_process.push(started.elapsed());
        over_http.push(ask(&client, &url, query).await);
    }
    let inside = synthetic::report("in process", &mut in_process);
    let outside = synthetic::report("over HTTP", &mut over_http);
    println!("ratio of p50 {:.2}", outside.as_secs_f64() / inside.as_secs_f64());
    for query in &queries[TIMED..] {
        ask(&client, &url, query).await;
    }
    memory(&format!("after {QUERIES} queries over HTTP"));
}

async fn ask(client: &reqwest::Client, url: &str, query: &str) -> Duration {
    let started = Instant::now();
    let response = client.get(url).query(&[("q", query)]).send().await.expect("a response");
    assert_eq!(response.status().as_u16(), 200);
    let body = response.bytes().await.expect("a body");
    let took = started.elapsed();
    assert!(!body.is_empty());
    took
}
