//! The command line. Results go to standard output, everything else to standard error; a failure is one sentence and exit code 1.

mod account;
mod audit;
mod backup;
mod commands;
mod doctor;
mod health;
mod keys;
mod migrate_store;
mod restore;
mod uploads;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

use crate::config::Config;
use crate::error::{Code, Error, Result};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "zhitong", version, about = "直通：公众参与地方立法与法规一键可查", long_about = include_str!("cli/about.txt"), disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, Args)]
struct Common {
    /// 配置文件（TOML）。给出配置文件即为正式运行：不载入示例数据
    #[arg(long, global = true, value_name = "FILE", env = "ZHITONG_CONFIG")]
    config: Option<PathBuf>,
    /// 数据目录：内置数据库、原件和检索索引所在之处 [默认: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 启动服务（不带子命令时的默认动作）
    Serve {
        /// 监听地址 [默认: 127.0.0.1:8600]
        #[arg(long, value_name = "IP:PORT")]
        listen: Option<SocketAddr>,
    },
    /// 建立或升级数据库结构
    Migrate,
    /// 载入示例城市的数据（已载入则不重复）
    Seed {
        /// 为示例账号换一组新的随机密码并打印
        #[arg(long)]
        new_passwords: bool,
    },
    /// 导入法规文件：文件夹、文件或 zip 压缩包
    #[command(long_about = crate::corpus::import::HELP, after_long_help = crate::documents::jsonl::SCHEMA)]
    Import(ImportArgs),
    /// 上传一份线下意见表格：先试导入，加 --commit 再正式导入
    UploadOpinions(UploadOpinionsArgs),
    /// 重建检索索引（旧索引在新索引就绪前继续服务）
    Reindex,
    /// 检索法规条文，例如：zhitong search 养犬管理条例第12条
    Search(SearchArgs),
    /// 用有标注的查询集评测检索效果
    #[command(long_about = include_str!("cli/evaluate.txt"))]
    Evaluate(EvaluateArgs),
    /// 打印接口说明（OpenAPI）
    Openapi,
    /// 检查部署是否妥当，并说明如何修正；有需要处理的事项时退出码为 2
    Doctor {
        /// 以 JSON 打印
        #[arg(long)]
        json: bool,
    },
    /// 询问本机的服务是否就绪（供容器的健康检查使用）；没有就绪时退出码为 1
    Health {
        /// 服务的监听地址 [默认: 配置中的 listen]
        #[arg(long, value_name = "IP:PORT")]
        listen: Option<SocketAddr>,
    },
    /// 工作人员账号：建立、重置（日常管理请用网页）
    Account {
        #[command(subcommand)]
        command: AccountCommand,
    },
    /// 个人信息密钥：添加、更换、查看
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// 备份到一个新文件夹：数据库、原件、附件和审计锚点；服务可以照常运行
    #[command(long_about = include_str!("cli/backup.txt"))]
    Backup {
        /// 备份文件夹，须还不存在，例如 backups/2026-01-31
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// 从备份恢复到一个新的数据目录（--data-dir），并逐项核对
    Restore {
        /// 备份文件夹
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// 从内置数据库和本地文件搬到 PostgreSQL 和对象存储，逐行逐个文件核对；中断后再次运行即继续
    #[command(long_about = include_str!("cli/migrate_store.txt"))]
    MigrateStore {
        /// 旧的数据目录，服务须已停止
        #[arg(long, value_name = "DIR")]
        from_data_dir: PathBuf,
        /// 只核对两边是否一致，不写入
        #[arg(long)]
        verify_only: bool,
    },
    /// 审计日志
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// 生成一把新密钥，放在密钥文件首位（文件不存在则建立）
    Add {
        /// 密钥文件 [默认: 配置中的 data_key_file]
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// 用首位的密钥重新加密全部个人信息；可以在服务运行时进行，中断后再次运行即继续
    Rotate,
    /// 查看每把密钥加密了多少项
    Status,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// 核验审计日志，找出被改动、删除或调换的记录
    #[command(long_about = include_str!("cli/audit.txt"))]
    Verify {
        /// 另行保存的锚点文件，可以给出多个（数据目录中的锚点文件总会核对）
        #[arg(long, value_name = "FILE")]
        anchors: Vec<PathBuf>,
        /// 以 JSON 打印
        #[arg(long)]
        json: bool,
    },
    /// 现在封存一个锚点并打印，供另行保存
    Anchor,
    /// 导出一段时间的记录，每行一个 JSON 对象
    Export {
        /// 从哪一天起（含）
        #[arg(long, value_name = "YYYY-MM-DD")]
        from: Option<NaiveDate>,
        /// 到哪一天止（含）
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: Option<NaiveDate>,
    },
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// 建立工作人员账号并打印一次性密码，例如首个管理员
    Add {
        /// 登录名
        login_name: String,
        /// 姓名
        #[arg(long, value_name = "NAME")]
        name: String,
        /// 角色：drafter、handler、reviewer、administrator、auditor、county_staff、point_staff
        #[arg(long, value_name = "ROLE")]
        role: String,
        /// 所属联系点的编号（仅联系点工作人员）
        #[arg(long, value_name = "ID")]
        contact_point: Option<uuid::Uuid>,
        /// 所属信息采集点的编号（仅限一个采集点的联系点工作人员）
        #[arg(long, value_name = "ID", requires = "contact_point")]
        station: Option<uuid::Uuid>,
        /// 所属县区司法局的编号（仅县区司法局工作人员）
        #[arg(long, value_name = "ID")]
        organ: Option<uuid::Uuid>,
    },
    /// 重置密码并打印一次性密码
    ResetPassword {
        /// 登录名
        login_name: String,
    },
    /// 清除两步验证，例如手机和恢复码都已丢失
    ResetSecondFactor {
        /// 登录名
        login_name: String,
    },
}

/// Arguments of `upload-opinions`.
#[derive(Debug, Args)]
struct UploadOpinionsArgs {
    /// xlsx、xls、csv 或 docx 文件
    file: PathBuf,
    /// 联系点工作人员的登录名
    #[arg(long, value_name = "NAME")]
    account: String,
    /// 征集任务（本联系点的任务分派）的编号
    #[arg(long, value_name = "UUID")]
    assignment: Uuid,
    /// 试导入之后正式导入：all 有需要更正的行就不导入，ready 只导入可用的行
    #[arg(long, value_name = "WHICH", value_parser = ["all", "ready"])]
    commit: Option<String>,
    /// 以 JSON 打印
    #[arg(long)]
    json: bool,
}

/// Arguments of `import`.
#[derive(Debug, Args)]
struct ImportArgs {
    /// 要导入的文件夹、文件或 zip
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// 只检查，不写入
    #[arg(long)]
    dry_run: bool,
    /// 以 JSON 打印逐个文件的结果
    #[arg(long)]
    json: bool,
}

/// Arguments of `search`.
#[derive(Debug, Args)]
struct SearchArgs {
    /// 查询词，可以是法规名称、条号、文号、拼音或一句话
    #[arg(required = true, value_name = "QUERY")]
    query: Vec<String>,
    /// 只查这一天有效的文本 [默认: 按今天，尚未施行和已经失效的也列出]
    #[arg(long, value_name = "YYYY-MM-DD")]
    on: Option<NaiveDate>,
    /// 显示多少部文件
    #[arg(long, default_value_t = 5)]
    limit: usize,
    /// 以 JSON 打印
    #[arg(long)]
    json: bool,
}

/// Arguments of `evaluate`.
#[derive(Debug, Args)]
struct EvaluateArgs {
    /// 查询集：每行“编号<TAB>查询”或“编号<TAB>分组<TAB>查询”
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// 相关性标注（TREC：编号 0 条文来源编号 1）
    #[arg(long, value_name = "FILE", requires = "queries")]
    qrels: Option<PathBuf>,
    /// 另外从语料随机抽取多少个八字片段和“简称+条号”查询（固定种子）
    #[arg(long, value_name = "N", default_value_t = 0)]
    generated: usize,
    /// 把抽取的查询集写到这个目录（fragments.tsv、lookups.tsv 及其 .qrels），供对照系统使用
    #[arg(long, value_name = "DIR", requires = "generated")]
    write: Option<PathBuf>,
    /// 逐个关闭排序因素，给出前后对比
    #[arg(long)]
    switches: bool,
    /// 以 JSON 打印
    #[arg(long)]
    json: bool,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::internal("starting the runtime failed", e))
        .and_then(|runtime| runtime.block_on(run(cli)));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", error.detail);
            if error.code != Code::Startup || std::env::var_os("ZHITONG_LOG").is_some() {
                let cause = error.cause_chain();
                if !cause.is_empty() {
                    eprintln!("（原因：{cause}）");
                }
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode> {
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
        .filter(|(k, _)| k.starts_with("ZHITONG_"))
        .collect();
    let mut config = Config::read(cli.common.config.as_deref(), &environment)?;
    if let Some(data_dir) = cli.common.data_dir {
        config.data_dir = data_dir;
    }
    let command = cli.command.unwrap_or(Command::Serve { listen: None });
    if let Command::Doctor { json } = command {
        // What is wrong with the settings is a finding among the others.
        return doctor::doctor(config, cli.common.config.as_deref(), json).await;
    }
    if let Command::Health { listen } = command {
        return health::health(listen.unwrap_or(config.listen)).await;
    }
    if let Command::Audit { command: AuditCommand::Verify { anchors, json } } = &command {
        // Settings with which nothing can be checked are told to a machine as whatever else keeps it from a verdict.
        return audit::verify(config, anchors, *json).await;
    }
    config.check()?;
    if let Command::Openapi = command {
        print!("{}", crate::api::spec());
        return Ok(ExitCode::SUCCESS);
    }
    crate::telemetry::start(&config)?;
    match command {
        Command::Serve { listen } => {
            config.listen = listen.unwrap_or(config.listen);
            commands::serve(config).await
        }
        Command::Migrate => commands::migrate(config).await,
        Command::Seed { new_passwords } => commands::seed(config, new_passwords).await,
        Command::UploadOpinions(args) => uploads::upload(config, &args.file, &args.account, args.assignment, args.commit, args.json).await,
        Command::Import(args) => commands::import(config, &args.paths, args.dry_run, args.json).await,
        Command::Reindex => commands::reindex(config).await,
        Command::Search(args) => commands::search(config, &args.query.join(" "), args.on, args.limit, args.json).await,
        Command::Evaluate(args) => commands::evaluate(config, args).await,
        Command::Account { command } => account::run(config, command).await,
        Command::Keys { command: KeysCommand::Add { file } } => keys::add(config, file).await,
        Command::Keys { command: KeysCommand::Rotate } => keys::rotate(config).await,
        Command::Keys { command: KeysCommand::Status } => keys::status(config).await,
        Command::Backup { folder } => backup::backup(config, &folder).await,
        Command::Restore { folder } => restore::restore(config, &folder).await,
        Command::MigrateStore { from_data_dir, verify_only } => migrate_store::migrate_store(config, &from_data_dir, verify_only).await,
        Command::Audit { command: AuditCommand::Anchor } => audit::anchor(config).await,
        Command::Audit { command: AuditCommand::Export { from, until } } => audit::export(config, from, until).await,
        Command::Openapi | Command::Doctor { .. } | Command::Health { .. } | Command::Audit { command: AuditCommand::Verify { .. } } => {
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_subcommand_means_serve() {
        assert!(Cli::parse_from(["zhitong", "--data-dir", "x"]).command.is_none());
        assert!(Cli::try_parse_from(["zhitong", "import"]).is_err());
    }
}
