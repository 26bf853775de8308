//! The report as a document an office files and sends on: 一、公众参与过程; 二、主要意见和采纳情况, numbered 建议…/采纳情况：…; 三、意见汇总表.

use chrono::{DateTime, Utc};

use super::{Report, ReportCounts, ReportEntry, Site, count, list_entries, list_rows, permalink, suggestion};
use crate::calendar;
use crate::documents::writing::{Alignment, Block, Colour, Manuscript, Paragraph, Run, Table, write_docx};
use crate::error::{Error, Result};
use crate::opinions::reading::PublicOpinion;
use crate::storage::Db;

/// Most entries and most rows of the closing table in a document: a longer one cannot be worked with. The rest is named, and stands in the table as a file.
const ENTRIES: usize = 3_000;
const ROWS: usize = 2_000;

/// The bytes of the report as a .docx.
pub async fn write_document(db: &Db, report: &Report, site: &Site, now: DateTime<Utc>) -> Result<Vec<u8>> {
    let permit = super::WRITERS.acquire().await.map_err(|e| Error::internal("the writers are gone", e))?;
    let counts = count(db, report).await?;
    let entries = list_entries(db, report, now, None, None, ENTRIES).await?;
    let rows = if usize::try_from(counts.answered).is_ok_and(|n| n <= ROWS) {
        Some(list_rows(db, report, now, None, ROWS + 1).await?.0)
    } else {
        None
    };
    let (report, site) = (report.clone(), site.clone());
    let bytes = tokio::task::spawn_blocking(move || {
        write_docx(&manuscript(&report, &counts, &site, now, &entries.items, entries.next.is_some(), rows.as_deref()))
    })
    .await
    .map_err(|e| Error::internal("writing a document stopped", e))??;
    drop(permit);
    Ok(bytes)
}

/// What the file is called.
pub fn file_name(report: &Report) -> String {
    format!("{}.docx", report.title())
}

fn manuscript(
    report: &Report,
    counts: &ReportCounts,
    site: &Site,
    now: DateTime<Utc>,
    entries: &[ReportEntry],
    is_cut: bool,
    rows: Option<&[PublicOpinion]>,
) -> Manuscript {
    let title = report.title();
    let mut blocks = vec![Block::Title(title.clone())];
    if report.is_preview {
        blocks.push(Block::Paragraph(Paragraph {
            alignment: Alignment::Centre,
            ..Paragraph::bold("（送审稿，尚未公布；只含已经审核的采纳情况）")
        }));
    }
    blocks.push(Block::Heading(1, "一、公众参与过程".into()));
    blocks.extend(process(report, counts).iter().map(|words| Block::Paragraph(Paragraph::body(words))));
    blocks.push(Block::Table(channels(counts)));
    blocks.push(Block::Heading(1, "二、主要意见和采纳情况".into()));
    let summary = report.round.feedback_summary.lines().map(str::trim).filter(|line| !line.is_empty());
    blocks.extend(summary.map(|words| Block::Paragraph(Paragraph::body(words))));
    blocks.push(Block::Paragraph(Paragraph::body(&outcomes(counts))));
    let mut unit = None;
    for entry in entries {
        let label = report.unit_label(entry.opinion.address.as_deref());
        if unit.as_ref() != Some(&label) {
            blocks.push(Block::Heading(2, label.clone()));
            unit = Some(label);
        }
        blocks.extend(entry_blocks(entry, site));
    }
    if is_cut {
        let words = format!("以上是前 {} 项；其余各项见采纳情况反馈页面和意见汇总表（xlsx）。", entries.len());
        blocks.push(Block::Paragraph(Paragraph::body(&words)));
    }
    blocks.push(Block::Heading(1, "三、意见汇总表".into()));
    match rows {
        Some([]) => blocks.push(Block::Paragraph(Paragraph::body(nothing_to_list(counts)))),
        Some(rows) => blocks.push(Block::Table(row_table(rows, site))),
        None => {
            let words = format!("共 {} 行，篇幅较长，另见同名的意见汇总表（xlsx）；每一条意见占一行。", counts.answered);
            blocks.push(Block::Paragraph(Paragraph::body(&words)));
        }
    }
    let on = report.round.feedback_published_at.unwrap_or(now);
    let signature = |words: &str| Paragraph { alignment: Alignment::Right, ..Paragraph::plain(words) };
    blocks.push(Block::Paragraph(Paragraph { is_kept_with_next: true, ..signature(&site.bureau_name) }));
    blocks.push(Block::Paragraph(signature(&calendar::chinese_day(calendar::day_of(on)))));
    Manuscript { title, creator: site.bureau_name.clone(), is_landscape: false, blocks }
}

/// 公众参与过程, in sentences; the page shows the same.
pub fn process(report: &Report, counts: &ReportCounts) -> Vec<String> {
    let round = &report.round;
    let day = calendar::chinese_day;
    let (first, last) = report.days();
    // The first day does not count, so a round that ended on it has none.
    let days = match calendar::days_between(first, last) {
        0 => String::new(),
        days => format!("，共 {days} 日"),
    };
    let mut paragraphs = vec![format!(
        "{}至{}，就《{}》（第{}稿，{}起草）向社会公开征求意见{days}。",
        day(first),
        day(last),
        report.version.title,
        report.version.number,
        report.draft.drafting_unit
    )];
    if !round.shorter_reason.is_empty() {
        paragraphs.push(format!("征求意见期限较短的理由：{}", round.shorter_reason));
    }
    for extension in &report.extensions {
        paragraphs.push(format!(
            "截止日期由{}延长至{}。{}",
            day(extension.closed_on_before()),
            day(extension.closes_on()),
            extension.notice
        ));
    }
    if round.withdrawn_at.is_some() {
        paragraphs.push(format!("本轮征求意见提前结束，理由：{}", round.withdrawal_reason));
    }
    let late = if counts.late > 0 { format!("，其中逾期意见 {} 条", counts.late) } else { String::new() };
    let withdrawn =
        if counts.withdrawn > 0 { format!("另有 {} 条由提出人撤回，不计入。", counts.withdrawn) } else { String::new() };
    paragraphs.push(format!(
        "共收到意见 {} 条{late}；内容不同的 {} 种；登录提交的 {} 人。{withdrawn}",
        counts.opinions, counts.distinct_texts, counts.signed_in_people
    ));
    if counts.excluded() > 0 {
        let reasons: Vec<String> = counts.exclusions.iter().map(|(reason, n)| format!("{} {n} 条", reason.label())).collect();
        paragraphs.push(format!("其中 {} 条不作反馈：{}。", counts.excluded(), reasons.join("，")));
    }
    if counts.open > 0 {
        paragraphs.push(format!("尚有 {} 条正在办理，采纳情况将另行公布。", counts.open));
    }
    paragraphs
}

/// How the answered opinions fared, in one sentence; the page shows the same.
pub fn outcomes(counts: &ReportCounts) -> String {
    if counts.answered == 0 {
        return if counts.opinions == 0 { "征求意见期间未收到意见。".into() } else { nothing_to_list(counts).into() };
    }
    let kinds: Vec<String> = counts.by_disposition.iter().map(|(kind, n)| format!("{} {n} 条", kind.label())).collect();
    format!("已反馈的 {} 条意见中，{}。同类意见合并列出，注明条数。", counts.answered, kinds.join("，"))
}

/// What stands where no answer does.
fn nothing_to_list(counts: &ReportCounts) -> &'static str {
    if counts.open > 0 { "意见正在办理，目前没有可以列出的采纳情况。" } else { "本轮没有需要反馈的意见。" }
}

fn channels(counts: &ReportCounts) -> Table {
    let cell = |words: &str| vec![Paragraph { alignment: Alignment::Centre, ..Paragraph::plain(words) }];
    let mut rows: Vec<_> = counts.by_channel.iter().map(|(channel, n)| vec![cell(channel.label()), cell(&n.to_string())]).collect();
    rows.push(vec![cell("合计"), cell(&counts.opinions.to_string())]);
    let head = ["渠道", "意见条数"].iter().map(|name| vec![Paragraph { alignment: Alignment::Centre, ..Paragraph::bold(name) }]).collect();
    Table { widths: vec![50, 50], head, rows }
}

/// How many opinions an entry stands for, when more than one; the page says the same.
pub fn together(entry: &ReportEntry) -> String {
    if entry.submissions < 2 {
        return String::new();
    }
    let elsewhere = if entry.has_other_places { "，涉及不止一处条文" } else { "" };
    format!(
        "（同类意见 {} 条，不同内容 {} 种，登录提交 {} 人{elsewhere}）",
        entry.submissions, entry.distinct_texts, entry.signed_in_people
    )
}

fn entry_blocks(entry: &ReportEntry, site: &Site) -> Vec<Block> {
    let opinion = &entry.opinion;
    let mut lines = Vec::new();
    let suggested = suggestion(opinion);
    let mut suggested = suggested.lines();
    let place = &opinion.provision_label;
    let mut first = vec![
        Run { is_bold: true, ..Run::plain(&format!("{}. 建议：", entry.number)) },
        Run::plain(&format!("（{place}）{}", suggested.next().unwrap_or_default())),
    ];
    let together = together(entry);
    if !together.is_empty() {
        first.push(Run { colour: Some(Colour::GREY), ..Run::plain(&together) });
    }
    lines.push(Paragraph { runs: first, is_indented: true, ..Paragraph::default() });
    lines.extend(suggested.map(Paragraph::body));
    if let Some(reason) = opinion.reason.as_deref().filter(|reason| !reason.is_empty()) {
        lines.push(Paragraph::body(&format!("提出的理由：{reason}")));
    }
    if let Some(answer) = &opinion.answer {
        let mut words = format!("{}。{}", answer.kind.label(), answer.reason);
        if !answer.result_label.is_empty() {
            words.push_str(&format!("（修改后条文：{}）", answer.result_label));
        }
        let mut parts = words.lines();
        let mut runs = vec![Run { is_bold: true, ..Run::plain("采纳情况：") }, Run::plain(parts.next().unwrap_or_default())];
        if let Some(link) = permalink(site, opinion) {
            runs.push(Run::plain("　"));
            runs.push(Run { link: Some(link), colour: Some(Colour::GREY), ..Run::plain("查看这条意见") });
        }
        lines.push(Paragraph { runs, is_indented: true, ..Paragraph::default() });
        lines.extend(parts.map(Paragraph::body));
    }
    lines.into_iter().map(Block::Paragraph).collect()
}

fn row_table(rows: &[PublicOpinion], site: &Site) -> Table {
    let words = |text: &str| text.lines().map(Paragraph::plain).collect::<Vec<_>>();
    let row = |(n, opinion): (usize, &PublicOpinion)| {
        let (outcome, reason, result) = match &opinion.answer {
            Some(answer) => (answer.kind.label(), answer.reason.as_str(), answer.result_label.as_str()),
            None => ("", "", ""),
        };
        let number = Run { link: permalink(site, opinion), ..Run::plain(&n.to_string()) };
        vec![
            vec![Paragraph { runs: vec![number], ..Paragraph::default() }],
            words(&opinion.provision_label),
            words(&suggestion(opinion)),
            words(opinion.channel.label()),
            words(&calendar::day_of(opinion.posted_at).format("%m-%d").to_string()),
            words(outcome),
            words(&if result.is_empty() { reason.to_owned() } else { format!("{reason}\n（{result}）") }),
        ]
    };
    let head = ["序号", "条款", "修改建议", "渠道", "日期", "采纳情况", "理由"];
    Table {
        widths: vec![8, 13, 34, 11, 8, 11, 29],
        head: head.iter().map(|name| vec![Paragraph::bold(name)]).collect(),
        rows: (1..).zip(rows).map(row).collect(),
    }
}
