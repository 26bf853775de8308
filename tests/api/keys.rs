//! Personal data at rest: sealed, moved to another key while the service runs, and never readable in the files.

use sqlx::AssertSqlSafe;
use zhitong::accounts::staff::second_factor;
use zhitong::app::App;
use zhitong::config::{Config, Secret};
use zhitong::error::Code;
use zhitong::ids::{Clock, IdSource};
use zhitong::storage::Db;
use zhitong::storage::cache::Cache;
use zhitong::storage::crypto::FieldCipher;
use zhitong::storage::crypto::keys::add_key;
use zhitong::storage::crypto::rotation::{self, BATCH_ROWS};

use crate::support::{TestApp, beginning};

/// Puts sealed secrets into the table of accounts.
async fn fill(db: &Db, cipher: &FieldCipher, number: usize) {
    let mut tx = db.begin().await.unwrap();
    for n in 0..number {
        let sealed = cipher.seal(second_factor::SEALED.purpose, &format!("secret of {n}")).unwrap();
        zhitong::on_tx!(&mut tx, c => sqlx::query(
            "INSERT INTO account (id, role, display_name, is_active, is_demonstration, created_at, updated_at, totp_sealed)
            VALUES ($1, 'handler', 'x', TRUE, FALSE, $2, $2, $3)")
            .bind(IdSource::Random.next()).bind(beginning()).bind(&sealed).execute(c).await.map(drop))
        .unwrap();
    }
    tx.commit().await.unwrap();
}

async fn opened(db: &Db, cipher: &FieldCipher) -> Vec<String> {
    let sealed: Vec<String> =
        zhitong::on_db!(db, pool => sqlx::query_scalar("SELECT totp_sealed FROM account WHERE totp_sealed IS NOT NULL").fetch_all(pool).await)
            .unwrap();
    let mut texts: Vec<String> = sealed.iter().map(|s| cipher.open(second_factor::SEALED.purpose, s).unwrap()).collect();
    texts.sort();
    texts
}

#[tokio::test]
async fn a_rotation_that_breaks_off_goes_on_where_it_stopped_beside_a_running_service() {
    let app = TestApp::start().await;
    let db = &app.app.db;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.toml");
    add_key(&file, Some(&Secret("5a".repeat(32))), &IdSource::Random).unwrap();
    let running = FieldCipher::of_file(&file, &IdSource::Random).unwrap();
    let batch = usize::try_from(BATCH_ROWS).unwrap();
    // Half under the application's only key, half under the first of the file.
    fill(db, &app.app.field_cipher, batch + 100).await;
    fill(db, &running, 100).await;
    let before = opened(db, &running).await;
    add_key(&file, None, &IdSource::Random).unwrap();
    let rotating = FieldCipher::of_file(&file, &IdSource::Random).unwrap();
    let ids = rotating.key_ids();
    assert_eq!(ids.len(), 3);

    // One batch, and then nothing more, as after a kill.
    let (_, written) = rotation::rotate_batch(db, &rotating, &second_factor::SEALED, None).await.unwrap().unwrap();
    assert_eq!(written, BATCH_ROWS as u64);
    let counts = rotation::count_by_key(db, App::SEALED_COLUMNS).await.unwrap();
    assert_eq!(counts[&ids[0]], BATCH_ROWS as u64);
    assert_eq!(counts.values().sum::<u64>(), before.len() as u64);
    assert_eq!(opened(db, &running).await, before, "the running service reads both");

    let mut told = Vec::new();
    let done = rotation::rotate(db, &rotating, App::SEALED_COLUMNS, |p| told.push(p)).await.unwrap();
    assert_eq!((done.done, done.total), (200, 200));
    assert!(!told.is_empty());
    let counts = rotation::count_by_key(db, App::SEALED_COLUMNS).await.unwrap();
    assert_eq!(counts.keys().collect::<Vec<_>>(), [&ids[0]]);
    assert_eq!(opened(db, &running).await, before);
    assert_eq!(rotation::rotate(db, &rotating, App::SEALED_COLUMNS, |_| ()).await.unwrap().done, 0, "nothing is left");
    app.finish().await;
}

#[tokio::test]
async fn what_the_service_changes_meanwhile_is_kept() {
    let app = TestApp::start().await;
    let (db, old) = (&app.app.db, &app.app.field_cipher);
    fill(db, old, 1).await;
    // The rotation has read the row, and the service writes another value before it is written back.
    let (id, read): (uuid::Uuid, String) =
        zhitong::on_db!(db, pool => sqlx::query_as("SELECT id, totp_sealed FROM account WHERE totp_sealed IS NOT NULL").fetch_one(pool).await)
            .unwrap();
    let newer = old.seal(second_factor::SEALED.purpose, "newer").unwrap();
    for (value, expected) in [(&newer, 1), (&"v1.00000000.AAAA".to_owned(), 0)] {
        let mut tx = db.begin().await.unwrap();
        let written =
            zhitong::on_tx!(&mut tx, c => sqlx::query(AssertSqlSafe(second_factor::SEALED.update)).bind(value).bind(id).bind(&read)
            .execute(c).await.map(|d| d.rows_affected()))
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(written, expected);
    }
    assert_eq!(opened(db, old).await, ["newer"]);
    app.finish().await;
}

#[tokio::test]
async fn a_missing_or_wrong_key_is_one_clear_sentence() {
    let app = TestApp::start().await;
    let db = &app.app.db;
    let foreign = FieldCipher::of_key(&Secret("77".repeat(32)), &IdSource::Random).unwrap();
    fill(db, &foreign, 2).await;
    let error = rotation::rotate(db, &app.app.field_cipher, App::SEALED_COLUMNS, |_| ()).await.unwrap_err();
    assert_eq!(error.code, Code::Startup);
    assert!(error.detail.contains(&foreign.key_ids()[0]) && error.detail.contains("加回"), "{}", error.detail);

    // The whole application does not start on data that was written under another key.
    let folder = tempfile::tempdir().unwrap();
    let config =
        Config { data_dir: folder.path().to_owned(), data_key: Secret("77".repeat(32)), is_demonstration: false, ..Config::default() };
    let started = App::assemble(config, db.clone(), Cache::in_process(), Clock::System, IdSource::Random, None).await;
    let error = started.map(drop).unwrap_err();
    assert!(error.code == Code::Startup && error.detail.contains("密钥不对"), "{}", error.detail);
    app.finish().await;
}

#[tokio::test]
async fn every_sealed_column_is_known_to_the_rotation() {
    let app = TestApp::start().await;
    let mut columns: Vec<(String, String)> = match &app.app.db {
        Db::Sqlite(sqlite) => sqlx::query_as(
            "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND p.name LIKE '%\\_sealed' ESCAPE '\\'",
        )
        .fetch_all(&sqlite.read)
        .await
        .unwrap(),
        Db::Postgres(pool) => sqlx::query_as(
            "SELECT table_name::text, column_name::text FROM information_schema.columns
            WHERE table_schema = 'public' AND column_name LIKE '%\\_sealed' ESCAPE '\\'",
        )
        .fetch_all(pool)
        .await
        .unwrap(),
    };
    columns.sort();
    let mut known: Vec<(String, String)> = App::SEALED_COLUMNS.iter().map(|c| (c.table.to_owned(), c.column.to_owned())).collect();
    known.sort();
    assert!(!columns.is_empty());
    assert_eq!(columns, known, "name the column in App::SEALED_COLUMNS");
    app.finish().await;
}
