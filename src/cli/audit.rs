//! `audit`: checking, anchoring and exporting the audit log, with the receipts that it seals.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{Days, FixedOffset, NaiveDate, NaiveTime, TimeZone, Utc};
use futures_util::TryStreamExt;
use serde_json::{Value, json};

use crate::app::{Access, App};
use crate::audit::checking::{self, ANCHOR_FILE, Anchor};
use crate::audit::reading;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ids::SHANGHAI_SECONDS;
use crate::opinions::sealing::{self, Verification};
use crate::telemetry;

/// Anchors of the data directory's file, and of further files.
pub fn kept_anchors(app: &App, files: &[PathBuf]) -> Result<Vec<Anchor>> {
    let own = app.config.data_dir.join(ANCHOR_FILE);
    let mut anchors = if own.exists() { checking::read_file(&own)? } else { Vec::new() };
    for file in files {
        anchors.extend(checking::read_file(file)?);
    }
    Ok(anchors)
}

/// What is found of log and seals, as far as they could be read.
#[derive(Default)]
struct Found {
    chain: Option<checking::Verification>,
    seals: Option<Verification>,
}

/// `audit verify`. What could not be checked is a failure, and the object of the machine says so as well.
pub async fn verify(config: Config, files: &[PathBuf], as_json: bool) -> Result<ExitCode> {
    let mut found = Found::default();
    let checked = check(config, files, as_json, &mut found).await;
    if as_json {
        println!("{}", as_object(&found, checked.as_ref().err()));
    }
    checked?;
    let holds = found.chain.is_some_and(|chain| chain.broken_at.is_none());
    let are_sound = found.seals.is_none_or(|seals| seals.different == 0);
    Ok(if holds && are_sound { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Reads log and seals, and notes and, for a person, prints each as soon as it is known.
async fn check(config: Config, files: &[PathBuf], as_json: bool, found: &mut Found) -> Result<()> {
    config.check()?;
    telemetry::start(&config)?;
    let app = App::open(config, Access::ReadOnly).await?;
    let kept = kept_anchors(&app, files)?;
    let chain = found.chain.insert(checking::verify_anchored(&app.db, &app.data_key, &kept).await?);
    // Before the seals are read: whatever becomes of them, the log's own verdict is known.
    if !as_json {
        print_chain(chain);
    }
    if app.db.pending_migrations().await?.contains(&sealing::MIGRATION) {
        if !as_json {
            println!("数据库尚未升级，回执还没有封存。");
        }
        return Ok(());
    }
    let seals = found.seals.insert(sealing::verify(&app.db).await?);
    if !as_json {
        print_seals(seals);
    }
    Ok(())
}

/// Log and seals; each member of what could not be read, or is not there yet, is null, and so is `failure` when nothing went wrong.
fn as_object(found: &Found, failure: Option<&Error>) -> Value {
    let (chain, seals) = (found.chain.as_ref(), found.seals.as_ref());
    let differences = seals.map(|sealed| -> Vec<Value> {
        sealed.differences.iter().map(|d| json!({"seal": d.seal, "what": d.flaw.as_str(), "receipt_number": d.number})).collect()
    });
    json!({
        "entries": chain.map(|c| c.entries), "last_hash": chain.map(|c| &c.last_hash), "anchors": chain.map(|c| c.anchors),
        "broken_at": chain.and_then(|c| c.broken_at), "what": chain.and_then(|c| c.what).map(|what| what.as_str()),
        "seals": seals.map(|s| s.seals), "receipts": seals.map(|s| s.receipts), "waiting": seals.map(|s| s.waiting),
        "different": seals.map(|s| s.different), "differences": differences,
        "failure": failure.map(|e| json!({"code": e.code.slug(), "detail": e.detail, "cause": e.cause_chain()})),
    })
}

fn print_chain(checked: &checking::Verification) {
    match (checked.broken_at, checked.what) {
        (None, _) => {
            println!("审计日志完整：共 {} 条，{} 个锚点相符，末条散列 {}。", checked.entries, checked.anchors, checked.last_hash);
        }
        (Some(seq), what) => {
            let what = what.map_or("记录有误", |what| what.label());
            println!("审计日志从第 {seq} 条起不一致：{what}（此前 {} 条完整）。请立即保全数据并核查。", checked.entries.min(seq - 1));
        }
    }
}

fn print_seals(sealed: &Verification) {
    if sealed.different == 0 {
        println!("意见回执完整：{} 条由 {} 条审计记录封存，全部相符；另有 {} 条待封存。", sealed.receipts, sealed.seals, sealed.waiting);
        return;
    }
    println!("意见回执有 {} 处与封存不一致，请立即保全数据并核查：", sealed.different);
    for difference in &sealed.differences {
        let number = difference.number.as_ref().map(|number| format!("，回执号 {number}")).unwrap_or_default();
        println!("  审计日志第 {} 条：{}{number}", difference.seal, difference.flaw.label());
    }
    if sealed.different > sealed.differences.len() as u64 {
        println!("  ……只列出前 {} 处。", sealed.differences.len());
    }
}

/// `audit anchor`
pub async fn anchor(config: Config) -> Result<ExitCode> {
    let app = App::open(config, Access::ReadOnly).await?;
    if let Some(anchor) = checking::set_anchor(&app.db, &app.clock, &app.data_key).await? {
        checking::keep_in_file(&app.config.data_dir.join(ANCHOR_FILE), &anchor)?;
        println!("{}", serde_json::to_string(&anchor).map_err(|e| Error::internal("an anchor cannot be written", e))?);
        return Ok(ExitCode::SUCCESS);
    }
    let checked = checking::verify_anchored(&app.db, &app.data_key, &[]).await?;
    if checked.broken_at.is_some() {
        println!("审计日志不完整，没有封存锚点。请运行 zhitong audit verify 查看。");
        return Ok(ExitCode::from(2));
    }
    println!("自上一个锚点以来没有新的记录（共 {} 条）。", checked.entries);
    Ok(ExitCode::SUCCESS)
}

/// `audit export`
pub async fn export(config: Config, from: Option<NaiveDate>, until: Option<NaiveDate>) -> Result<ExitCode> {
    let app = App::open(config, Access::ReadOnly).await?;
    let midnight = |day: NaiveDate| {
        let offset = FixedOffset::east_opt(SHANGHAI_SECONDS)?;
        offset.from_local_datetime(&day.and_time(NaiveTime::MIN)).single().map(|at| at.with_timezone(&Utc))
    };
    let until = until.and_then(|day| day.checked_add_days(Days::new(1))).and_then(midnight);
    let pieces = reading::export(&app.db, &app.clock, None, from.and_then(midnight), until).await?;
    let mut pieces = std::pin::pin!(pieces);
    let mut out = std::io::stdout().lock();
    while let Some(lines) = pieces.try_next().await? {
        out.write_all(lines.as_bytes())?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
