//! `doctor`: whether a deployment is as it should be, and how to mend what is not.
//!
//! To add a check: a line that calls `fine` or `mend` where its facts are at hand. What is to be mended says how in one sentence.

mod engines;
mod machine;

use std::path::Path;
use std::process::ExitCode;

use chrono::TimeDelta;
use serde::Serialize;

use super::audit::kept_anchors;
use crate::accounts::Role;
use crate::accounts::sms;
use crate::accounts::staff::{listing, second_factor};
use crate::app::{Access, App};
use crate::audit::checking;
use crate::config::{Config, Gateway, SmsMode};
use crate::corpus::{indexing, jobs, reading};
use crate::error::{Error, Result};
use crate::ids::{Clock, shanghai};
use crate::notifications::outbox;
use crate::opinions::offline::batches;
use crate::opinions::sealing;
use crate::storage::crypto::{keys, rotation};
use crate::storage::{Db, snapshot};

/// Difference between two clocks that is still of no matter, in milliseconds.
const SKEW_MS: i64 = 2_000;
/// Age of the last backup that is of no matter, in hours: one a day, and two hours for the day on which it takes longer.
const BACKUP_HOURS: i64 = 26;

/// One thing that was looked at.
#[derive(Serialize)]
struct Finding {
    /// Stable name.
    name: &'static str,
    /// What was looked at.
    what: &'static str,
    /// Whether it is as it should be.
    is_fine: bool,
    /// The fact, or how to mend it.
    detail: String,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn fine(&mut self, name: &'static str, what: &'static str, fact: impl Into<String>) {
        self.0.push(Finding { name, what, is_fine: true, detail: fact.into() });
    }

    fn mend(&mut self, name: &'static str, what: &'static str, advice: impl Into<String>) {
        self.0.push(Finding { name, what, is_fine: false, detail: advice.into() });
    }

    fn tell(&mut self, name: &'static str, what: &'static str, outcome: Result<String>) {
        match outcome {
            Ok(fact) => self.fine(name, what, fact),
            Err(error) => self.mend(name, what, error.detail),
        }
    }
}

/// `doctor`
pub async fn doctor(config: Config, config_file: Option<&Path>, as_json: bool) -> Result<ExitCode> {
    let is_demonstration = config.is_demonstration;
    let mut findings = Findings::default();
    look_at_settings(&config, &mut findings);
    look_at_keys(&config, &mut findings);
    look_at_data_directory(&config, &mut findings);
    machine::look_at_permissions(&config, config_file, &mut findings);
    machine::look_at_disks(&config, &mut findings);
    machine::look_at_open_files(&config, &mut findings);
    look_at_data(config, &mut findings).await;
    let problems = findings.0.iter().filter(|finding| !finding.is_fine).count();
    if as_json {
        let report = serde_json::json!({ "is_demonstration": is_demonstration, "problems": problems, "findings": findings.0 });
        println!("{}", serde_json::to_string_pretty(&report).map_err(|e| Error::internal("writing the findings failed", e))?);
    } else {
        println!("检查（{}）：", if is_demonstration { "示例" } else { "正式运行" });
        for finding in &findings.0 {
            println!("  {}  {}：{}", if finding.is_fine { "正常  " } else { "需处理" }, finding.what, finding.detail);
        }
        println!("{}", if problems == 0 { "一切正常。".to_owned() } else { format!("共 {problems} 项需处理。") });
    }
    Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn look_at_settings(config: &Config, findings: &mut Findings) {
    let is_production = !config.is_demonstration;
    match config.check() {
        Ok(()) => findings.fine("settings", "配置", "可以使用"),
        Err(error) => findings.mend("settings", "配置", error.detail),
    }
    let wechat = &config.wechat;
    match wechat.gateway {
        Gateway::Sandbox if is_production => {
            findings.mend("wechat", "微信接口", "正式运行不能使用沙箱。请设置 wechat.gateway = \"live\" 并填写 app_id 和 secret；没有小程序的，设置 wechat.gateway = \"off\"。");
        }
        Gateway::Sandbox => findings.fine("wechat", "微信接口", "沙箱"),
        Gateway::Off => findings.fine("wechat", "微信接口", "未开通，微信登录和订阅消息关闭"),
        Gateway::Live if wechat.app_id.is_empty() || wechat.secret.0.is_empty() => {
            findings.mend("wechat", "微信接口", "请填写 wechat.app_id 和 wechat.secret。");
        }
        Gateway::Live => findings.fine("wechat", "微信接口", "正式接口"),
    }
    look_at_sms(config, findings);
    if is_production && !config.public_url.starts_with("https://") {
        findings.mend(
            "public_url",
            "对外地址",
            "请把 public_url 设为 https:// 开头的对外地址，否则登录凭证可能在网络上泄露，对外链接也不完整。",
        );
    } else {
        findings.fine("public_url", "对外地址", if config.public_url.is_empty() { "相对链接" } else { &config.public_url });
    }
    if is_production && !second_factor::is_required(&config.rules) {
        findings.mend("staff_totp", "两步验证", "正式运行应要求工作人员使用两步验证。请去掉 rules.staff_totp，或设为 \"required\"。");
    } else {
        let fact = if second_factor::is_required(&config.rules) { "工作人员必须使用" } else { "自愿使用（示例）" };
        findings.fine("staff_totp", "两步验证", fact);
    }
}

fn look_at_sms(config: &Config, findings: &mut Findings) {
    const WHAT: &str = "短信接口";
    match (sms::check_for_service(config), config.sms.gateway) {
        (Err(error), _) => findings.mend("sms", WHAT, error.detail),
        (Ok(()), SmsMode::Live) if config.sms.url.is_empty() || config.sms.token.0.is_empty() => {
            findings.mend("sms", WHAT, "请填写 sms.url 和 sms.token。");
        }
        (Ok(()), SmsMode::Live) => findings.fine("sms", WHAT, "正式接口"),
        (Ok(()), SmsMode::Off) => findings.fine("sms", WHAT, "未开通，手机号登录关闭"),
        (Ok(()), SmsMode::Sandbox) => findings.fine("sms", WHAT, "沙箱"),
    }
}

fn look_at_keys(config: &Config, findings: &mut Findings) {
    const WHAT: &str = "个人信息密钥";
    let weakness = match &config.data_key_file {
        Some(file) => keys::weakness_of_file(file),
        None if config.data_key.0.is_empty() && config.is_demonstration => Ok(None),
        None => Ok(keys::weakness(&config.data_key)),
    };
    match weakness {
        Err(error) => findings.mend("keys", WHAT, error.detail),
        Ok(Some(weakness)) => {
            findings.mend("keys", WHAT, format!("{weakness}。请用 zhitong keys add 生成随机密钥，再运行 zhitong keys rotate。"));
        }
        Ok(None) => findings.fine(
            "keys",
            WHAT,
            match &config.data_key_file {
                None => "单一密钥".to_owned(),
                Some(file) => match keys::sharing_group(file) {
                    None => "密钥文件".to_owned(),
                    // As secrets are given to containers.
                    Some(group) => format!("密钥文件；编号 {group} 的用户组可以读取，请确认组里只有运行服务的用户"),
                },
            },
        ),
    }
}

fn look_at_data_directory(config: &Config, findings: &mut Findings) {
    let folder = &config.data_dir;
    match tempfile::Builder::new().prefix(".doctor").tempfile_in(folder) {
        Ok(_) => findings.fine("data_dir", "数据目录", folder.display().to_string()),
        Err(e) => findings.mend(
            "data_dir",
            "数据目录",
            format!("不能写入 {}（{e}），请建立这个目录并让运行服务的用户可以写入。", folder.display()),
        ),
    }
}

async fn look_at_data(config: Config, findings: &mut Findings) {
    const DATABASE: &str = "数据库";
    if !config.is_postgres() && !config.data_dir.join("zhitong.db").exists() {
        findings.mend("database", DATABASE, "还没有建立，请先运行 zhitong migrate 或 zhitong serve。");
        return;
    }
    let db = match Db::open(&config).await {
        Ok(db) => db,
        Err(error) => return findings.mend("database", DATABASE, error.detail),
    };
    findings.tell("database", DATABASE, db.ping().await.map(|()| db.engine().into()));
    engines::look_at_server(&db, &config, findings).await;
    match db.clock_ahead_ms(&Clock::System).await {
        Ok(None) => findings.fine("clock", "时钟", "与数据库同一台机器"),
        Ok(Some(ms)) if ms.abs() <= SKEW_MS => findings.fine("clock", "时钟", format!("与数据库相差 {ms} 毫秒")),
        Ok(Some(ms)) => findings.mend("clock", "时钟", format!("与数据库相差 {ms} 毫秒，请在两台机器上都启用时间同步（NTP）。")),
        Err(error) => findings.mend("clock", "时钟", error.detail),
    }
    look_at_version(&db, findings).await;
    match db.pending_migrations().await {
        Ok(pending) if pending.is_empty() => findings.fine("migrations", "数据库结构", "最新"),
        Ok(pending) => {
            // Everything below needs the present tables.
            return findings.mend("migrations", "数据库结构", format!("落后 {} 步，请停止服务后运行 zhitong migrate。", pending.len()));
        }
        Err(error) => return findings.mend("migrations", "数据库结构", error.detail),
    }
    db.close().await;
    match App::open(config, Access::ReadOnly).await {
        Ok(app) => look_inside(&app, findings).await,
        Err(error) => findings.mend("open", "打开数据", error.detail),
    }
}

/// Whether a newer version of this software has been at the database.
async fn look_at_version(db: &Db, findings: &mut Findings) {
    const WHAT: &str = "软件版本";
    let ours = env!("CARGO_PKG_VERSION");
    match db.newer_migrations().await {
        Ok(newer) if newer.is_empty() => findings.fine("version", WHAT, ours),
        Ok(newer) => findings.mend(
            "version",
            WHAT,
            format!("这里是 {ours}，数据库已由更新的版本升级过（多 {} 步）。逐台升级时属正常；否则请把这台机器也换成新版本。", newer.len()),
        ),
        Err(error) => findings.mend("version", WHAT, error.detail),
    }
}

async fn look_inside(app: &App, findings: &mut Findings) {
    engines::look_at_cache(app, findings).await;
    engines::look_at_originals(app, findings).await;
    let totals = reading::totals(&app.db).await;
    findings.tell("corpus", "法规库", totals.map(|t| format!("{} 部，{} 个版本，{} 条", t.works, t.versions, t.articles)));
    let lag = indexing::last_change(&app.db).await.map(|last| last - app.search.index().position());
    match (app.search.is_ready(), lag) {
        (false, _) => findings.mend("index", "检索索引", "索引尚未建立或版本已变。启动服务会自动重建，也可以运行 zhitong reindex。"),
        (true, Ok(0)) => findings.fine("index", "检索索引", "与数据一致"),
        (true, Ok(n)) => findings.mend("index", "检索索引", format!("落后 {n} 项变更。服务运行时会自动跟上；若长期不变，请查看日志。")),
        (true, Err(e)) => findings.mend("index", "检索索引", e.detail),
    }
    look_at_sealed(app, findings).await;
    look_at_backup(app, findings).await;
    look_at_work(app, findings).await;
    look_at_administrators(app, findings).await;
    let checked = match kept_anchors(app, &[]) {
        Ok(kept) => checking::verify_anchored(&app.db, &app.data_key, &kept).await,
        Err(error) => Err(error),
    };
    match checked {
        Ok(v) => match v.broken_at {
            None => findings.fine("audit", "审计日志", format!("{} 条，{} 个锚点相符", v.entries, v.anchors)),
            Some(at) => {
                let what = v.what.map_or("记录有误", |what| what.label());
                findings.mend("audit", "审计日志", format!("从第 {at} 条起不一致（{what}），请保全数据并核查。"));
            }
        },
        Err(error) => findings.mend("audit", "审计日志", error.detail),
    }
    look_at_receipts(app, findings).await;
}

async fn look_at_receipts(app: &App, findings: &mut Findings) {
    const RECEIPTS: &str = "意见回执";
    match sealing::verify(&app.db).await {
        Ok(v) if v.different == 0 => findings.fine("receipts", RECEIPTS, format!("{} 条已封存，{} 条待封存", v.receipts, v.waiting)),
        Ok(v) => {
            findings.mend("receipts", RECEIPTS, format!("有 {} 处与封存不一致，请运行 zhitong audit verify，保全数据并核查。", v.different))
        }
        Err(error) => findings.mend("receipts", RECEIPTS, error.detail),
    }
}

async fn look_at_sealed(app: &App, findings: &mut Findings) {
    const WHAT: &str = "加密的个人信息";
    let counts = match rotation::count_by_key(&app.db, App::SEALED_COLUMNS).await {
        Ok(counts) => counts,
        Err(error) => return findings.mend("sealed", WHAT, error.detail),
    };
    let known = app.field_cipher.key_ids();
    let lost: Vec<&str> = counts.keys().filter(|id| !known.contains(id)).map(String::as_str).collect();
    let old: u64 = counts.iter().filter(|(id, _)| known.first() != Some(id)).map(|(_, n)| n).sum();
    if !lost.is_empty() {
        findings.mend("sealed", WHAT, format!("缺少编号 {} 的密钥，有内容无法读取；请把它加回密钥文件的 keys。", lost.join("、")));
    } else if old > 0 {
        findings.mend("sealed", WHAT, format!("{old} 项仍用旧密钥，请运行 zhitong keys rotate。"));
    } else {
        findings.fine("sealed", WHAT, format!("{} 项", counts.values().sum::<u64>()));
    }
}

/// When the embedded engine was copied last. A PostgreSQL server is copied by its own means, which leave no note here.
async fn look_at_backup(app: &App, findings: &mut Findings) {
    const WHAT: &str = "备份";
    const ADVICE: &str = "请每天运行一次 zhitong backup，并把备份存到另一台机器上。";
    if app.config.is_demonstration || app.config.is_postgres() || app.config.s3.is_some() {
        return;
    }
    let last = match snapshot::last_backup(&app.db).await {
        Ok(last) => last,
        Err(error) => return findings.mend("backup", WHAT, error.detail),
    };
    match last {
        None => findings.mend("backup", WHAT, format!("从来没有备份过。{ADVICE}")),
        Some(at) => {
            let fact = format!("最近一次在 {}", shanghai(at).format("%Y-%m-%d %H:%M"));
            if app.clock.now() - at > TimeDelta::hours(BACKUP_HOURS) {
                findings.mend("backup", WHAT, format!("{fact}，已超过 {BACKUP_HOURS} 小时。{ADVICE}"));
            } else {
                findings.fine("backup", WHAT, fact);
            }
        }
    }
}

/// What broke off and waits for a person.
async fn look_at_work(app: &App, findings: &mut Findings) {
    const WORK: &str = "后台工作";
    const NOTIFICATIONS: &str = "通知";
    let now = app.clock.now();
    match (jobs::count_running(&app.db, now).await, batches::count_working(&app.db, now).await) {
        (Ok((imports, 0)), Ok((uploads, 0))) => findings.fine("jobs", WORK, format!("{} 项正在进行", imports + uploads)),
        (Ok((_, imports)), Ok((_, uploads))) => findings.mend(
            "jobs",
            WORK,
            format!(
                "{imports} 个导入任务、{uploads} 批线下意见中断了，已完成的部分都在。法规导入由运行中的服务自动接着做，长时间不变请查看日志；线下意见请联系点打开那一批，点“继续”。"
            ),
        ),
        (Err(error), _) | (_, Err(error)) => findings.mend("jobs", WORK, error.detail),
    }
    match outbox::count_backlog(&app.db).await {
        Ok(backlog) if backlog.given_up > 0 => findings.mend(
            "notifications",
            NOTIFICATIONS,
            format!("{} 件通知已放弃，请管理员在 /staff/deliveries 查看原因并重试。", backlog.given_up),
        ),
        Ok(backlog) => findings.fine("notifications", NOTIFICATIONS, format!("{} 件待送", backlog.pending)),
        Err(error) => findings.mend("notifications", NOTIFICATIONS, error.detail),
    }
}

async fn look_at_administrators(app: &App, findings: &mut Findings) {
    const WHAT: &str = "管理员";
    match listing::count_active(&app.db, Role::Administrator).await {
        Ok(0) => findings.mend(
            "administrators",
            WHAT,
            "没有可以登录的管理员，请运行 zhitong account add 登录名 --name 姓名 --role administrator。",
        ),
        Ok(n) => findings.fine("administrators", WHAT, format!("{n} 名")),
        Err(error) => findings.mend("administrators", WHAT, error.detail),
    }
}
