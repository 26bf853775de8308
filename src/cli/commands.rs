//! What each command does. A command opens the application, works, and prints its result.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use chrono::NaiveDate;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::EvaluateArgs;
use crate::accounts::sms;
use crate::app::{Access, App};
use crate::config::Config;
use crate::corpus::classification::Validity;
use crate::corpus::import::{Input, Options, Outcome, Progress};
use crate::error::{Error, Result};
use crate::search::evaluate::{self, FragmentTruth, JudgedQuery, Measures};
use crate::search::{Hit, SearchRequest, suggest};
use crate::seeding::{self, DemonstrationLogin};
use crate::{server, telemetry};

/// Titles offered when nothing was found.
const SUGGESTIONS: usize = 5;

/// Seed of the generated query sets; the same number gives the same queries from the same corpus.
const GENERATED_SEED: u64 = 20_260_101;

/// `serve`
pub async fn serve(config: Config) -> Result<ExitCode> {
    sms::check_for_service(&config)?;
    // An address that is taken is told before anything else is done.
    let port = server::bind(config.listen).await?;
    let app = App::open(config, Access::Exclusive).await?;
    let mut logins = Vec::new();
    if app.config.is_demonstration && !seeding::is_seeded(&app).await? {
        eprintln!("首次启动：正在载入示例城市的数据……");
        let seeded = seeding::load(&app).await?;
        if seeded.versions == 0 {
            eprintln!("示例数据已由同时启动的另一个实例载入，账号和密码印在它那里。");
        } else {
            eprintln!("已载入 {} 个法规文件版本、{} 个联系点、{} 个草案。", seeded.versions, seeded.contact_points, seeded.drafts);
        }
        logins = seeded.logins;
    }
    let (site, is_demonstration) = (app.config.site_name.clone(), app.config.is_demonstration);
    if is_demonstration {
        // Whoever tries the demonstration looks things up at once. A service answers first, says in its readiness how far its index is, and
        // builds it meanwhile: a large one takes minutes, for which nobody may take it for dead.
        app.search.catch_up(&app.db, &app.clock).await?;
    }
    let is_building = !app.search.is_ready();
    server::serve(app, port, move |address| {
        println!("{site} 已启动：");
        println!("  门户      http://{address}/");
        println!("  一键可查  http://{address}/search?q=养犬");
        println!("  接口说明  http://{address}/api-reference");
        if is_demonstration {
            println!("这是示例：数据均为虚构，只用于试用。正式运行请用 --config 指定配置文件。");
        }
        if is_building {
            println!("检索索引正在建立，建好之前查不到法规；进展见 http://{address}/health/ready。");
        }
        print_logins(&logins, &format!("http://{address}/login"));
        println!("按 Ctrl-C 停止。");
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}

fn print_logins(logins: &[DemonstrationLogin], url: &str) {
    if logins.is_empty() {
        return;
    }
    println!("示例账号（密码随机生成，只显示这一次；忘记了可运行 zhitong seed --new-passwords）：");
    for login in logins {
        println!("  {:<10} {}  {}", login.login_name, login.password, login.role);
    }
    println!("  登录网址  {url}");
}

/// `migrate`
pub async fn migrate(config: Config) -> Result<ExitCode> {
    let app = App::open(config, Access::Exclusive).await?;
    println!("数据库结构已是最新（{}）。", app.db.engine());
    Ok(ExitCode::SUCCESS)
}

/// `seed`
pub async fn seed(config: Config, new_passwords: bool) -> Result<ExitCode> {
    if !config.is_demonstration {
        return Err(Error::startup("正式运行（给出了配置文件）不载入示例数据。"));
    }
    let app = App::open(config, Access::Exclusive).await?;
    if new_passwords && seeding::is_seeded(&app).await? {
        print_logins(&seeding::renew_passwords(&app).await?, "（服务启动后的 /login）");
        return Ok(ExitCode::SUCCESS);
    }
    let seeded = seeding::load(&app).await?;
    app.search.catch_up(&app.db, &app.clock).await?;
    if seeded.versions == 0 {
        println!("示例数据已经载入过，没有改动。");
    } else {
        println!("已载入 {} 个法规文件版本、{} 个联系点、{} 个草案。", seeded.versions, seeded.contact_points, seeded.drafts);
    }
    print_logins(&seeded.logins, "（服务启动后的 /login）");
    Ok(ExitCode::SUCCESS)
}

/// `import`
pub async fn import(config: Config, paths: &[PathBuf], is_dry_run: bool, as_json: bool) -> Result<ExitCode> {
    let app = App::open(config, Access::Exclusive).await?;
    let importer = app.importer();
    let inputs: Vec<Input> = paths.iter().map(|path| Input::new(path)).collect();
    let bar = ProgressBar::new(0);
    bar.set_style(
        ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {msg} 剩余 {eta}")
            .map_err(|e| Error::internal("the progress bar is malformed", e))?,
    );
    let mut on_progress = |p: Progress| {
        bar.set_length(p.total_bytes);
        bar.set_position(p.done_bytes);
        let rate = p.done as f64 / p.elapsed.as_secs_f64().max(0.001);
        bar.set_message(format!("{} 个文件，每秒 {rate:.0} 个", p.done));
    };
    let report = importer.run(inputs, &Options { is_dry_run, ..Options::default() }, &mut on_progress).await?;
    bar.finish_and_clear();
    if !is_dry_run && report.changes() > 0 {
        eprintln!("正在更新检索索引……");
        app.search.catch_up(&app.db, &app.clock).await?;
    }
    if as_json {
        let text = serde_json::to_string_pretty(&json!({
            "report": report, "peak_memory_bytes": telemetry::peak_resident_bytes(), "index_bytes": folder_bytes(&app.config.data_dir.join("search")),
        }))
        .map_err(|e| Error::internal("writing the report failed", e))?;
        println!("{text}");
    } else {
        for row in report.rows.iter().filter(|row| row.outcome == Outcome::Problem) {
            println!("有问题  {}：{}", row.name, row.reason);
        }
        let counts: Vec<String> = report.counts.iter().map(|(outcome, n)| format!("{} {n}", outcome.label())).collect();
        let verb = if is_dry_run { "检查" } else { "导入" };
        println!("{verb}完成：{}；共 {} 条，用时 {:.1} 秒。", counts.join("，"), report.articles, report.elapsed_ms as f64 / 1000.0);
        if !report.diagnostics.is_empty() {
            let diagnostics: Vec<String> = report.diagnostics.iter().map(|(code, n)| format!("{code} {n}")).collect();
            println!("结构提示：{}", diagnostics.join("，"));
        }
    }
    Ok(if report.count(Outcome::Problem) > 0 { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

/// Bytes of all files below a folder; what cannot be read counts as nothing.
fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| entry.metadata().map_or(0, |m| if m.is_dir() { folder_bytes(&entry.path()) } else { m.len() })).sum()
}

/// `reindex`
pub async fn reindex(config: Config) -> Result<ExitCode> {
    let app = App::open(config, Access::Exclusive).await?;
    let started = Instant::now();
    let bar = ProgressBar::new_spinner();
    let telling = bar.clone();
    let built = app
        .search
        .rebuild(&app.db, &app.clock, move |b| telling.set_message(format!("{} 部文件，{} 条", b.documents, b.provisions)))
        .await?;
    bar.finish_and_clear();
    println!("索引已重建：{} 个文件版本，{} 条，用时 {:.1} 秒。", built.documents, built.provisions, started.elapsed().as_secs_f64());
    Ok(ExitCode::SUCCESS)
}

/// `search`
pub async fn search(config: Config, query: &str, on: Option<NaiveDate>, limit: usize, as_json: bool) -> Result<ExitCode> {
    let app = App::open(config, Access::ReadOnly).await?;
    let mut request = SearchRequest::new(query, on.unwrap_or_else(|| app.clock.today()));
    request.only_in_force = on.is_some();
    request.group_by_document = !as_json;
    request.limit = limit.max(1);
    let found = app.search.search(request).await?;
    if as_json {
        println!("{}", serde_json::to_string_pretty(&found).map_err(|e| Error::internal("writing the result failed", e))?);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(notice) = &found.notice {
        println!("{notice}\n");
    }
    if let Some(answer) = &found.answer {
        println!("{}", heading(&answer.hit, on));
        for paragraph in &answer.paragraphs {
            println!("    {}", paragraph.replace('\n', "\n    "));
        }
        println!();
    }
    if let Some(better) = &found.did_you_mean {
        println!("您是不是要找：{better}\n");
    }
    for group in &found.groups {
        println!("{}（{} 条）", group.title, group.count);
        for hit in &group.hits {
            let snippet: String =
                hit.snippet.iter().map(|s| if s.is_highlighted { format!("【{}】", s.text) } else { s.text.clone() }).collect();
            println!("  {} {}", hit.label, snippet.replace('\n', " "));
        }
    }
    if found.groups.is_empty() && found.answer.is_none() {
        println!("没有找到“{query}”。可以换个说法，或只输入法规名称、条号、文号。");
        for suggestion in suggest::complete(query, &app.search.titles(), limit.clamp(1, SUGGESTIONS)) {
            println!("您是不是要找：{}", suggestion.text);
        }
        return Ok(ExitCode::from(1));
    }
    println!("\n共 {} 部文件、{} 条，用时 {:.1} 毫秒。", found.total_documents, found.total_articles, found.took_us as f64 / 1000.0);
    Ok(ExitCode::SUCCESS)
}

fn heading(hit: &Hit, on: Option<NaiveDate>) -> String {
    let validity = match Validity::parse(&hit.validity) {
        Some(Validity::InForce) if on.is_some() => "当日有效",
        validity => validity.map_or("", Validity::label),
    };
    let since = hit.effective_on.map(|d| format!("，{d} 起施行")).unwrap_or_default();
    let path = if hit.path.is_empty() { String::new() } else { format!("  {}", hit.path) };
    format!("《{}》{}  [{validity}{since}]{path}", hit.title, hit.label)
}

/// `evaluate`
pub async fn evaluate(config: Config, args: EvaluateArgs) -> Result<ExitCode> {
    if args.queries.is_none() && args.generated == 0 {
        return Err(Error::startup("请用 --queries 和 --qrels 指定查询集，或用 --generated 指定抽取数量。"));
    }
    let app = App::open(config, Access::ReadOnly).await?;
    if !app.search.is_ready() {
        return Err(Error::startup("还没有检索索引。请先运行 zhitong import 或 zhitong reindex。"));
    }
    let base = SearchRequest::new("", app.clock.today());
    let mut sets: Vec<(&str, Vec<JudgedQuery>)> = Vec::new();
    if let (Some(queries), Some(qrels)) = (&args.queries, &args.qrels) {
        let read = |path: &Path| std::fs::read_to_string(path).map_err(|e| Error::startup(format!("无法读取 {}：{e}。", path.display())));
        sets.push(("judged", evaluate::read_judged(&read(queries)?, &read(qrels)?)?));
    } else if args.queries.is_some() {
        return Err(Error::startup("--queries 需要与 --qrels 一起使用。"));
    }
    if args.generated > 0 {
        let (index, n) = (app.search.index(), args.generated);
        // The same fragments, judged twice: by the article they were taken from, and by every article that holds them.
        sets.push(("fragments", evaluate::fragments(index, n, GENERATED_SEED, FragmentTruth::Source)?));
        sets.push(("fragments_any_holder", evaluate::fragments(index, n, GENERATED_SEED, FragmentTruth::AnyHolder)?));
        sets.push(("lookups", evaluate::lookups(index, &base, n, GENERATED_SEED)?));
    }
    let mut results = BTreeMap::new();
    for (name, judged) in &sets {
        if let Some(folder) = args.write.as_deref().filter(|_| *name != "judged") {
            write_set(folder, name, judged)?;
        }
        let measures = evaluate::evaluate(app.search.index(), judged, &base)?;
        let switched = if args.switches { evaluate::evaluate_switches(app.search.index(), judged, &base)? } else { Vec::new() };
        if !args.json {
            println!("{name}（{} 个查询）", judged.len());
            println!("  {}", line(&measures));
            for (switch, measures) in &switched {
                println!("  关闭 {switch:<24} {}", line(measures));
            }
        }
        results.insert(
            *name,
            json!({ "queries": judged.len(), "measures": measures, "without": switched.into_iter().collect::<BTreeMap<_, _>>() }),
        );
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&results).map_err(|e| Error::internal("writing the result failed", e))?);
    }
    Ok(ExitCode::SUCCESS)
}

fn line(m: &Measures) -> String {
    format!(
        "MRR@10 {:.4}  Recall@10 {:.4}  Recall@100 {:.4}  nDCG@10 {:.4}  Hit@10 {:.4}  {:.2} 毫秒",
        m.mrr_10, m.recall_10, m.recall_100, m.ndcg_10, m.hit_10, m.mean_ms
    )
}

fn write_set(folder: &Path, name: &str, judged: &[JudgedQuery]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let (mut queries, mut qrels) = (String::new(), String::new());
    for (i, query) in judged.iter().enumerate() {
        queries.push_str(&format!("{i}\t{}\n", query.text));
        let relevant: BTreeMap<_, _> = query.relevant.iter().collect();
        for (id, grade) in relevant {
            qrels.push_str(&format!("{i}\t0\t{id}\t{grade}\n"));
        }
    }
    std::fs::write(folder.join(format!("{name}.tsv")), queries)?;
    std::fs::write(folder.join(format!("{name}.qrels")), qrels)?;
    Ok(())
}
