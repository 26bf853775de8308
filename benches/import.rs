//! Import: documents a second through all stages, from Markdown files to rows and change feed, into a fresh SQLite database each time.

mod synthetic;

use std::path::PathBuf;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use tokio::runtime::Runtime;
use zhitong::config::Config;
use zhitong::corpus::import::{Importer, Input, Options};
use zhitong::ids::{Clock, IdSource};
use zhitong::storage::Db;
use zhitong::storage::blobs::Blobs;

/// Documents of one import.
const DOCUMENTS: usize = 200;

fn main() {
    divan::main();
}

struct Fresh {
    importer: Importer,
    _folder: tempfile::TempDir,
}

async fn fresh() -> Fresh {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
    let db = Db::open(&config).await.expect("a database");
    db.migrate().await.expect("a schema");
    let importer = Importer { db, blobs: Blobs::open(&config).expect("a store"), clock: Clock::System, ids: IdSource::Random };
    Fresh { importer, _folder: folder }
}

fn import(bencher: Bencher, is_known: bool) {
    let runtime = Runtime::new().expect("a runtime");
    let source = tempfile::tempdir().expect("a temporary folder");
    let documents = synthetic::documents(DOCUMENTS, synthetic::ARTICLES);
    synthetic::write(source.path(), &documents).expect("written documents");
    let bytes: usize = documents.iter().enumerate().map(|(place, d)| synthetic::markdown(place, d).len()).sum();
    let run = |fresh: &Fresh, path: PathBuf| {
        let report = runtime.block_on(fresh.importer.run(vec![Input::new(&path)], &Options::default(), &mut |_| {})).expect("an import");
        assert_eq!(report.documents(), DOCUMENTS as u64, "{:?}", report.counts);
        report
    };
    bencher
        .counter(ItemsCount::new(DOCUMENTS))
        .counter(BytesCount::new(bytes))
        .with_inputs(|| {
            let fresh = runtime.block_on(fresh());
            if is_known {
                run(&fresh, source.path().to_owned());
            }
            fresh
        })
        .bench_local_values(|fresh| {
            let report = run(&fresh, source.path().to_owned());
            assert_eq!(report.changes(), if is_known { 0 } else { DOCUMENTS as u64 });
            fresh
        });
}

/// Documents that are new, 50 articles each.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn new_documents(bencher: Bencher) {
    import(bencher, false);
}

/// The same documents again: read and compared, nothing written.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn unchanged_documents(bencher: Bencher) {
    import(bencher, true);
}
