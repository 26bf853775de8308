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

/// Anchors of the data directory's file, and of further files.
pub fn kept_anchors(app: &App, files: &[PathBuf]) -> Result<Vec<Anchor>> {
    let own = app.config.data_dir.join(ANCHOR_FILE);
    let mut anchors = if own.exists() { checking::read_file(&own)? } else { Vec::new() };
    for file in files {
        anchors.extend(checking::read_file(file)?);
    }
    Ok(anchors)
}

/// `audit verify`
pub async fn verify(config: Config, files: &[PathBuf], as_json: bool) -> Result<ExitCode> {
    let app = App::open(config, Access::ReadOnly).await?;
    let kept = kept_anchors(&app, files)?;
    let checked = checking::verify_anchored(&app.db, &app.data_key, &kept).await?;
    // Before the seals are read: whatever becomes of them, the log's own verdict is known.
    if !as_json {
        print_chain(&checked);
    }
    let has_seals = !app.db.pending_migrations().await?.contains(&sealing::MIGRATION);
    let sealed = if has_seals { Some(sealing::verify(&app.db).await?) } else { None };
    let are_sound = sealed.as_ref().is_none_or(|sealed| sealed.different == 0);
    match &sealed {
        _ if as_json => println!("{}", as_object(&checked, sealed.as_ref())),
        Some(sealed) => print_seals(sealed),
        None => println!("数据库尚未升级，回执还没有封存。"),
    }
    Ok(if checked.broken_at.is_none() && are_sound { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Log and seals; without seals each of their members is null.
fn as_object(checked: &checking::Verification, sealed: Option<&Verification>) -> Value {
    let differences = sealed.map(|sealed| -> Vec<Value> {
        sealed.differences.iter().map(|d| json!({"seal": d.seal, "what": d.flaw.as_str(), "receipt_number": d.number})).collect()
    });
    json!({
        "entries": checked.entries, "last_hash": checked.last_hash, "anchors": checked.anchors,
        "broken_at": checked.broken_at, "what": checked.what.map(|what| what.as_str()),
        "seals": sealed.map(|s| s.seals), "receipts": sealed.map(|s| s.receipts), "waiting": sealed.map(|s| s.waiting),
        "different": sealed.map(|s| s.different), "differences": differences,
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
