//! The whole way from files to the database, on SQLite in a temporary folder.

use std::path::Path;

use chrono::{NaiveDate, TimeZone, Utc};
use sqlx::ConnectOptions;

use super::*;
use crate::config::Config;
use crate::corpus::classification::{Category, Level, Validity};
use crate::corpus::reading;

struct Bench {
    folder: tempfile::TempDir,
    importer: Importer,
}

impl Bench {
    async fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir_all(&data).unwrap();
        let db = Db::open_sqlite(&data.join("zhitong.db"), 2).await.unwrap();
        db.migrate().await.unwrap();
        let blobs = Blobs::open(&Config { data_dir: data, ..Config::default() }).unwrap();
        let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 3, 1, 0, 0, 0).unwrap());
        Bench { folder, importer: Importer { db, blobs, clock, ids: IdSource::counting() } }
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let file = self.folder.path().join("in").join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }

    async fn import_with(&self, options: &Options) -> Report {
        let input = Input::new(&self.folder.path().join("in"));
        let mut calls = 0;
        let mut last = Progress::default();
        let report = self
            .importer
            .run(vec![input], options, &mut |progress| {
                calls += 1;
                last = progress;
            })
            .await
            .unwrap();
        assert!(calls > 0 && last.done_bytes == last.total_bytes);
        assert_eq!(last.total_bytes, report.bytes);
        report
    }

    async fn import(&self) -> Report {
        self.import_with(&Options::default()).await
    }

    /// Everything in the database that imports decide, as text, without ids and times.
    async fn state(&self) -> String {
        let Db::Sqlite(sqlite) = &self.importer.db else { panic!("SQLite") };
        let rows: Vec<(String,)> = sqlx::query_as(
            "SELECT w.title_key || '|' || v.dated_on || '|' || v.content_hash || '|' || COALESCE(v.blob_hash, '') || '|' || v.article_count || '|' ||
             (SELECT COUNT(*) FROM provision p WHERE p.version_id = v.id) || '|' || w.title || '|' || w.category
             FROM corpus_work w JOIN corpus_version v ON v.work_id = w.id ORDER BY 1",
        )
        .fetch_all(&sqlite.read)
        .await
        .unwrap();
        rows.into_iter().map(|(row,)| row + "\n").collect()
    }

    async fn changes(&self) -> i64 {
        let Db::Sqlite(sqlite) = &self.importer.db else { panic!("SQLite") };
        sqlx::query_scalar("SELECT COUNT(*) FROM change_feed").fetch_one(&sqlite.read).await.unwrap()
    }

    async fn version(&self, title: &str) -> (crate::corpus::Work, crate::corpus::Version) {
        let works = reading::list_works(&self.importer.db, &reading::WorkFilter::default(), None, 100).await.unwrap();
        let work = works.items.into_iter().find(|work| work.title == title).unwrap_or_else(|| panic!("{title}"));
        let mut versions = reading::list_versions(&self.importer.db, work.id, day(2026, 3, 1)).await.unwrap();
        (work, versions.pop().unwrap())
    }
}

fn day(y: i32, m: u32, d: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(y, m, d).unwrap()
}

fn outcomes(report: &Report) -> Vec<(String, &'static str)> {
    report.rows.iter().map(|row| (row.name.trim_start_matches("in/").to_owned(), row.outcome.as_str())).collect()
}

fn statute(title: &str, events: &[&str], articles: usize) -> String {
    let mut text = format!("# {title}\n\n");
    for event in events {
        text.push_str(&format!("{event}\n\n"));
    }
    text.push_str("<!-- INFO END -->\n\n## 第一章 总则\n\n");
    for number in 1..=articles {
        text.push_str(&format!("第{}条 本条例规定第{number}件事。\n\n", crate::corpus::numerals::to_chinese(number as u32)));
    }
    text
}

async fn companion(bench: &Bench, rows: &str) {
    bench.write("库/占位.md", "# 占位办法\n\n<!-- INFO END -->\n\n第一条 占位。\n");
    let file = bench.folder.path().join("in/库/db.sqlite3");
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await.unwrap();
    let sql = format!(
        "CREATE TABLE category (id TEXT, name TEXT, folder TEXT); INSERT INTO category VALUES ('c', '行政法', '行政法');
         CREATE TABLE law (id TEXT, level TEXT, name TEXT, publish DATE, valid_from DATE, expired INTEGER, category_id TEXT); {rows}"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_dates_and_validity_from_files_and_companion() {
    let bench = Bench::new().await;
    companion(
        &bench,
        "INSERT INTO law VALUES ('1', '法律', '示例公园法', '2010-05-01', '2010-07-01', 1, 'c'), ('2', '法律', '示例公园法', '2020-05-01', '2020-09-01', 0, 'c'),
         ('3', '地方性法规', '甲市养犬条例', '2019-09-30', '', 0, 'c');",
    )
    .await;
    bench.write(
        "库/示例公园法(2010-05-01).md",
        statute("中华人民共和国示例公园法", &["2010年5月1日 第十一届全国人民代表大会常务委员会第十四次会议通过"], 3),
    );
    bench.write(
        "库/示例公园法(2020-05-01).md",
        statute(
            "中华人民共和国示例公园法",
            &[
                "2010年5月1日 第十一届全国人民代表大会常务委员会第十四次会议通过",
                "2020年5月1日 第十三届全国人民代表大会常务委员会第十七次会议修订",
            ],
            4,
        ),
    );
    let local = statute(
        "甲市养犬条例",
        &[
            "2019年6月28日 甲市第七届人民代表大会常务委员会第三次会议通过",
            "2019年9月25日 广东省第十三届人民代表大会常务委员会第十四次会议批准",
        ],
        2,
    ) + "第三条 本条例自2020年1月1日起施行。\n";
    bench.write("库/甲市养犬条例(2019-09-30).md", local);
    let report = bench.import().await;
    assert_eq!(report.count(Outcome::Problem), 0, "{report:?}");
    assert_eq!((report.count(Outcome::New), report.count(Outcome::NewVersion)), (3, 1));

    let (work, newest) = bench.version("中华人民共和国示例公园法").await;
    assert_eq!(
        (work.category, work.level, work.region.as_str(), work.organ.as_str()),
        (Category::Law, Level::Law, "全国", "全国人民代表大会常务委员会")
    );
    let mut versions = reading::list_versions(&bench.importer.db, work.id, day(2026, 3, 1)).await.unwrap();
    versions.sort_by_key(|version| version.dated_on);
    let seen: Vec<_> = versions.iter().map(|v| (v.dated_on, v.effective_on, v.validity, v.source_code.code.as_str())).collect();
    assert_eq!(
        seen,
        [
            (Some(day(2010, 5, 1)), Some(day(2010, 7, 1)), Validity::Amended, "1"),
            (Some(day(2020, 5, 1)), Some(day(2020, 9, 1)), Validity::InForce, "0")
        ]
    );
    assert_eq!(newest.source_code.scheme, "collection-expired");
    assert!(newest.blob_hash.is_some());

    let (work, version) = bench.version("甲市养犬条例").await;
    assert_eq!((work.category, work.level, work.region.as_str()), (Category::LocalRegulation, Level::MunicipalRegulation, "甲市"));
    assert_eq!(
        (version.adopted_on, version.promulgated_on, version.effective_on),
        (Some(day(2019, 6, 28)), Some(day(2019, 9, 30)), Some(day(2020, 1, 1)))
    );
    assert_eq!(version.organ, "甲市人民代表大会常务委员会");
    assert!(version.title_note.contains("广东省第十三届"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_again_is_no_change_and_a_correction_is_one() {
    let bench = Bench::new().await;
    bench.write("甲办法(2020-01-01).md", statute("甲市停车办法", &["2020年1月1日 甲市人民政府令第3号公布"], 3));
    bench.write(
        "乙.txt",
        "乙市绿化规定\n（2021年2月2日乙市人民政府令第5号公布　自2021年3月1日起施行）\n第一条　为了绿化。\n第二条　种树。\n",
    );
    bench.write("丙.html", "<html><head><title>丙市节水办法_网站</title></head><body><h1>丙市节水办法</h1><p>（2022年2月2日丙市人民政府令第6号公布）</p><p>第一条　节水。</p></body></html>");
    let first = bench.import().await;
    assert_eq!(first.count(Outcome::New), 3, "{first:?}");
    let (state, changes) = (bench.state().await, bench.changes().await);
    let second = bench.import().await;
    assert_eq!((second.changes(), second.count(Outcome::Unchanged)), (0, 3), "{second:?}");
    assert_eq!((bench.state().await, bench.changes().await), (state, changes));

    let (_, version) = bench.version("乙市绿化规定").await;
    assert_eq!(
        (version.promulgated_on, version.effective_on, version.document_number.as_str()),
        (Some(day(2021, 2, 2)), Some(day(2021, 3, 1)), "乙市人民政府令第5号")
    );

    bench.write("甲办法(2020-01-01).md", statute("甲市停车办法", &["2020年1月1日 甲市人民政府令第3号公布"], 4));
    let third = bench.import().await;
    assert_eq!((third.count(Outcome::Corrected), third.count(Outcome::Unchanged)), (1, 2));
    assert_eq!(bench.changes().await, changes + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_writes_nothing_and_says_the_same() {
    let bench = Bench::new().await;
    bench.write("一(2019-01-01).md", statute("甲市公园办法", &["2019年1月1日 甲市人民政府令第1号公布"], 2));
    bench.write("二(2021-01-01).md", statute("甲市公园办法", &["2021年1月1日 甲市人民政府令第2号公布"], 2));
    bench.write("三.pdf", "%PDF-1.7");
    let dry = bench.import_with(&Options { is_dry_run: true, ..Options::default() }).await;
    assert_eq!(bench.state().await, "");
    assert_eq!(bench.changes().await, 0);
    assert!(
        !bench.folder.path().join("data/blobs").read_dir().unwrap().any(|entry| entry.unwrap().path().is_dir()),
        "no original is stored"
    );
    let wet = bench.import().await;
    assert_eq!(outcomes(&dry), outcomes(&wet));
    assert_eq!(outcomes(&wet).iter().map(|(_, outcome)| *outcome).collect::<Vec<_>>(), ["new", "problem", "new_version"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_half_way_and_started_again_ends_in_the_same_state() {
    let whole = Bench::new().await;
    let halved = Bench::new().await;
    for bench in [&whole, &halved] {
        for number in 0..150 {
            bench.write(
                &format!("文件{number:03}.md"),
                statute(&format!("甲市第{number}号办法"), &["2020年1月1日 甲市人民政府令第3号公布"], 2),
            );
        }
        // Two files that claim to be one version: the first by name counts, whoever comes later.
        bench.write("文件000重.md", statute("甲市第140号办法", &["2020年1月1日 甲市人民政府令第3号公布"], 5));
    }
    let report = whole.import().await;
    assert_eq!((report.count(Outcome::New), report.count(Outcome::Problem)), (150, 1));
    // The import is dropped, as by a kill, after its first batch.
    let input = Input::new(&halved.folder.path().join("in"));
    let (options, mut batches) = (Options::default(), 0);
    let mut kill = |_| {
        batches += 1;
        assert!(batches < 2, "killed");
    };
    let killed = halved.importer.run(vec![input], &options, &mut kill);
    let outcome = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(killed)).await;
    assert!(outcome.is_err(), "the import did not run to its end");
    let partial = halved.state().await;
    assert!(!partial.is_empty() && partial != whole.state().await);
    halved.import().await;
    assert_eq!(halved.state().await, whole.state().await);
    assert_eq!(halved.changes().await, whole.changes().await, "one change a document, none twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_files_are_rows() {
    let bench = Bench::new().await;
    bench.write("好.md", statute("甲市公园办法", &["2019年1月1日 甲市人民政府令第1号公布"], 2));
    bench.write("README.md", "# 说明");
    bench.write("_index.md", "---\nbookCollapseSection: true\n---\n");
    bench.write("坏.docx", b"PK\x03\x04 broken");
    bench.write("旧.doc", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".repeat(100));
    bench.write("空.txt", b"");
    bench.write("表.csv", "a,b");
    bench.write("无方案.jsonl", "{\"title\": \"甲市某办法\", \"text\": \"第一条　文。\", \"validity\": 3}\n{\"title\": \"甲市某办法\", \"text\": \"第一条　文。\", \"validity\": {\"scheme\": \"sxx\", \"code\": \"8\"}}\n");
    bench.write("深.html", format!("<html><body>{}", "<div>".repeat(100_000)));
    let report = bench.import().await;
    let expected = [
        ("README.md", "skipped"),
        ("_index.md", "skipped"),
        ("坏.docx", "problem"),
        ("好.md", "new"),
        ("旧.doc", "problem"),
        ("无方案.jsonl:1", "problem"),
        ("无方案.jsonl:2", "problem"),
        ("深.html", "problem"),
        ("空.txt", "problem"),
        ("表.csv", "skipped"),
    ];
    let mut rows = outcomes(&report);
    rows.sort();
    let mut expected: Vec<_> = expected.into_iter().map(|(name, outcome)| (name.to_owned(), outcome)).collect();
    expected.sort();
    assert_eq!(rows, expected);
    assert!(report.rows.iter().filter(|row| row.outcome == Outcome::Problem).all(|row| row.reason.ends_with('。')), "{report:?}");
    let missing = bench.importer.run(vec![Input::new(Path::new("/不存在/的"))], &Options::default(), &mut |_| {}).await;
    assert_eq!(missing.unwrap_err().code, crate::error::Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_and_articles_with_their_ids() {
    let bench = Bench::new().await;
    let zip = crate::documents::archive::pack(&[
        (
            "地方性法规/广东/广东省公园条例(2020-05-01).md".into(),
            statute("广东省公园条例", &["2020年5月1日 广东省第十三届人民代表大会常务委员会第二十次会议通过"], 2).into_bytes(),
        ),
        ("里.zip".into(), crate::documents::archive::pack(&[("甲.txt".into(), b"x".to_vec())]).unwrap()),
        ("../外.txt".into(), b"x".to_vec()),
    ])
    .unwrap();
    bench.write("下载.zip", zip);
    let row = |id: u32, law: &str, article: &str| {
        format!(
            "{{\"id\": {id}, \"law\": \"{law}\", \"article\": \"{article}\", \"version\": \"2019-04-23\", \"category\": \"行政法\", \"content\": \"内容{id}。\\n第二款。\"}}\n"
        )
    };
    bench.write("条.jsonl", [row(7, "示例甲法", "第一条"), row(8, "示例乙法", "第一条"), row(9, "示例甲法", "第二条")].concat());
    let report = bench.import().await;
    assert_eq!((report.count(Outcome::New), report.count(Outcome::Problem)), (3, 2), "{report:?}");
    let (work, version) = bench.version("广东省公园条例").await;
    assert_eq!((work.level, work.region.as_str()), (Level::ProvincialRegulation, "广东省"));
    assert_eq!(version.source_name, "in/下载.zip/地方性法规/广东/广东省公园条例(2020-05-01).md");
    let (_, version) = bench.version("示例甲法").await;
    let provisions = reading::list_provisions(&bench.importer.db, version.id).await.unwrap();
    let ids: Vec<_> = provisions.iter().filter_map(|p| Some((p.address.as_str(), p.source_id.as_deref()?))).collect();
    assert_eq!(ids, [("art-1", "7"), ("art-2", "9")]);
    assert_eq!((version.dated_on, version.article_count), (Some(day(2019, 4, 23)), 2));

    // Articles without their frame do not take the place of a whole text.
    bench.write("全文(2019-04-23).md", statute("示例甲法", &["2019年4月23日 第十三届全国人民代表大会常务委员会第十次会议通过"], 2));
    std::fs::rename(bench.folder.path().join("in/条.jsonl"), bench.folder.path().join("in/最后.jsonl")).unwrap();
    bench.import().await;
    let again = bench.import().await;
    assert_eq!(again.changes(), 0, "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_in_several_files_is_one_work() {
    let bench = Bench::new().await;
    for (part, first) in [("总则", "第一条"), ("合同编", "第七条"), ("物权编", "第四条"), ("附则", "第九条")] {
        bench.write(&format!("示例法典/{part}.md"), format!("# 中华人民共和国示例法典\n\n# {part}\n\n2020年5月28日 第十三届全国人民代表大会第三次会议通过\n\n2021年1月1日 施行\n\n<!-- INFO END -->\n\n## 第一章 一般规定\n\n{first} 为了某事，制定本条。\n"));
    }
    let report = bench.import().await;
    assert_eq!(
        (report.count(Outcome::New), report.count(Outcome::Merged), report.documents(), report.articles),
        (1, 3, 1, 4),
        "{report:?}"
    );
    let (_, version) = bench.version("中华人民共和国示例法典").await;
    assert_eq!((version.adopted_on, version.effective_on), (Some(day(2020, 5, 28)), Some(day(2021, 1, 1))));
    let provisions = reading::list_provisions(&bench.importer.db, version.id).await.unwrap();
    let parts: Vec<_> =
        provisions.iter().filter(|p| p.kind == crate::corpus::structure::ProvisionKind::Part).map(|p| p.label.as_str()).collect();
    assert_eq!(parts, ["第一编", "第二编", "第三编"]);
    assert_eq!(bench.import().await.changes(), 0);
}
