//! What `doctor` finds at the engines: how a PostgreSQL and a Redis server are set up, and whether originals can be kept.

use super::Findings;
use crate::app::App;
use crate::config::Config;
use crate::error::Result;
use crate::storage::Db;

/// The oldest release of PostgreSQL that is served.
const POSTGRES: u32 = 14;
/// The oldest release of Redis that is served.
const REDIS: (u32, u32) = (6, 2);
/// Connections that commands, backups and monitoring leave to the instances.
const OTHER_CONNECTIONS: u32 = 10;
/// How each connection asks that statements are planned, and what the finding about it is called.
const PLANNED: &str = "force_custom_plan";
const PLANS: &str = "查询计划";
/// What is kept for a moment to see whether it can be.
const TRIAL: &str = "zhitong doctor";

/// Whether a PostgreSQL server keeps what it acknowledges.
pub(super) async fn look_at_server(db: &Db, config: &Config, findings: &mut Findings) {
    const WHAT: &str = "数据库服务器";
    let version = match db.server_setting("server_version_num").await {
        Ok(Some(number)) => number.parse::<u32>().unwrap_or(0) / 10_000,
        Ok(None) => return,
        Err(error) => return findings.mend("server", WHAT, error.detail),
    };
    if version < POSTGRES {
        findings.mend("server", WHAT, format!("PostgreSQL {version} 过旧，请升级到 {POSTGRES} 或更新的版本。"));
    } else {
        findings.fine("server", WHAT, format!("PostgreSQL {version}"));
    }
    look_at_connections(db, config, findings).await;
    look_at_wal(db, findings).await;
    look_at_plans(db, findings).await;
    let mut off = Vec::new();
    for name in ["fsync", "full_page_writes", "synchronous_commit"] {
        match db.server_setting(name).await {
            Ok(value) if value.as_deref() == Some("off") => off.push(name),
            Ok(_) => {}
            Err(error) => return findings.mend("durability", "落盘", error.detail),
        }
    }
    if off.is_empty() {
        findings.fine("durability", "落盘", "提交即落盘");
    } else {
        let names = off.join("、");
        findings.mend("durability", "落盘", format!("断电会丢失已经回执的意见：请在 PostgreSQL 的配置中把 {names} 设为 on。"));
    }
}

/// Whether the server has connections for the instances: one, or two where Redis says that there are several.
async fn look_at_connections(db: &Db, config: &Config, findings: &mut Findings) {
    const WHAT: &str = "数据库连接数";
    let mut numbers = [0_u32; 2];
    for (number, name) in numbers.iter_mut().zip(["max_connections", "superuser_reserved_connections"]) {
        match db.server_setting(name).await {
            Ok(value) => *number = value.and_then(|value| value.parse().ok()).unwrap_or(0),
            Err(error) => return findings.mend("connections", WHAT, error.detail),
        }
    }
    let [most, reserved] = numbers;
    let each = config.database_connections.max(1);
    let instances = most.saturating_sub(reserved).saturating_sub(OTHER_CONNECTIONS) / each;
    let wanted = if config.redis_url.0.is_empty() { 1 } else { 2 };
    if instances < wanted {
        findings.mend(
            "connections",
            WHAT,
            format!(
                "max_connections 是 {most}，每个实例要 {each} 个，不够 {wanted} 个实例用。请把 max_connections 调高到实例数 × {each} + {} 以上，或者调低 database_connections。",
                reserved + OTHER_CONNECTIONS
            ),
        );
    } else {
        findings.fine("connections", WHAT, format!("max_connections 是 {most}，够 {instances} 个实例"));
    }
}

/// Whether the server can be copied while it runs.
async fn look_at_wal(db: &Db, findings: &mut Findings) {
    const WHAT: &str = "数据库日志级别";
    match db.server_setting("wal_level").await {
        Ok(Some(level)) if level == "minimal" => {
            findings.mend("wal_level", WHAT, "wal_level 是 minimal，不能做 pg_basebackup 和时间点恢复。请改为 replica 并重启 PostgreSQL。");
        }
        Ok(level) => findings.fine("wal_level", WHAT, level.unwrap_or_default()),
        Err(error) => findings.mend("wal_level", WHAT, error.detail),
    }
}

/// Whether what a connection asks for when it begins comes to the server: a pooler between them may drop it.
async fn look_at_plans(db: &Db, findings: &mut Findings) {
    match db.server_setting("plan_cache_mode").await {
        Ok(mode) => judge_plans(&mode.unwrap_or_default(), findings),
        Err(error) => findings.mend("plans", PLANS, error.detail),
    }
}

fn judge_plans(mode: &str, findings: &mut Findings) {
    if mode == PLANNED {
        findings.fine("plans", PLANS, mode);
    } else {
        findings.mend(
            "plans",
            PLANS,
            format!(
                "plan_cache_mode 是 {mode}，多半是中间的连接池没有转达，意见多了以后列表和统计会很慢。请在数据库里执行 ALTER ROLE 服务所用的账号 SET plan_cache_mode = {PLANNED}，再重启连接池和服务。"
            ),
        );
    }
}

/// Whether the cache answers, and whether a Redis server drops what it should keep.
pub(super) async fn look_at_cache(app: &App, findings: &mut Findings) {
    findings.tell("cache", "缓存", app.cache.ping().await.map(|()| app.cache.kind().into()));
    let server = match app.cache.server().await {
        Ok(Some(server)) => server,
        // In this process; or the finding above says that it does not answer.
        Ok(None) | Err(_) => return,
    };
    let (major, minor) = server.version;
    if server.version < REDIS {
        findings.mend("cache_version", "Redis", format!("Redis {major}.{minor} 过旧，请升级到 {}.{} 或更新的版本。", REDIS.0, REDIS.1));
    } else {
        findings.fine("cache_version", "Redis", format!("Redis {major}.{minor}"));
    }
    const WHAT: &str = "Redis 淘汰策略";
    if server.forgets_at_random() {
        findings.mend(
            "cache_eviction",
            WHAT,
            format!("内存满时按 {} 淘汰，会丢掉还在计数的次数限制。请设置 maxmemory-policy volatile-ttl。", server.eviction),
        );
    } else {
        findings.fine("cache_eviction", WHAT, if server.memory_bytes == 0 { "不限内存" } else { &server.eviction });
    }
}

/// Whether a content can be kept, read back and removed.
pub(super) async fn look_at_originals(app: &App, findings: &mut Findings) {
    const WHAT: &str = "原件存储";
    match try_originals(app).await {
        Ok(()) => findings.fine("originals", WHAT, app.blobs.kind()),
        Err(error) => {
            let advice = if app.config.s3.is_some() {
                "请检查 s3 各项、到对象存储的网络，以及访问密钥是否可以读、写、删除"
            } else {
                "请检查数据目录中 blobs 的权限和剩余空间"
            };
            findings.mend("originals", WHAT, format!("试着写入、读出再删除一份内容，没有成功：{}{advice}。", error.detail));
        }
    }
}

async fn try_originals(app: &App) -> Result<()> {
    let shelf = app.blobs.shelf("doctor/");
    // Machines that share a store may all be looked at in the same minute; the folders of a local one would grow with every other content.
    let content = if app.config.s3.is_some() { app.ids.secret(32) } else { TRIAL.to_owned() };
    let hash = shelf.put(content.into_bytes()).await?;
    let back = shelf.get(&hash).await;
    shelf.remove(&hash).await?;
    back.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_for_all_values_at_once_are_found() {
        let mut findings = Findings::default();
        for mode in [PLANNED, "auto", ""] {
            judge_plans(mode, &mut findings);
        }
        assert_eq!(findings.0.iter().map(|finding| finding.is_fine).collect::<Vec<_>>(), [true, false, false]);
        assert!(findings.0[1].detail.contains("ALTER ROLE") && findings.0[1].detail.contains(PLANNED), "{}", findings.0[1].detail);
    }
}
