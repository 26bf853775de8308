//! The report as a table, 意见汇总表: one row for each opinion, with a lasting id and link; a second sheet says how the numbers come together.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use tokio::sync::mpsc;

use super::{Report, ReportCounts, Site, count, list_rows, permalink, suggestion};
use crate::calendar;
use crate::documents::writing::xlsx::{Cell, Column, SheetWriter};
use crate::drafts::places;
use crate::error::{Code, Error, Result};
use crate::opinions::reading::PublicOpinion;
use crate::storage::Db;

/// Opinions read at a time.
const AT_ONCE: usize = 1_000;

const fn column(name: &'static str, width: u8) -> Column {
    Column { name, width }
}

const COLUMNS: &[Column] = &[
    column("序号", 6),
    column("条款", 12),
    column("原文", 26),
    column("修改建议", 34),
    column("提出的理由", 20),
    column("态度", 9),
    column("提出人类别", 12),
    column("渠道", 12),
    column("提出日期", 11),
    column("采纳情况", 10),
    column("采纳情况的理由", 30),
    column("修改后条文", 12),
    column("反馈日期", 11),
    column("意见编号", 20),
    // The last: left out without the site's own address.
    column("链接", 24),
];

const NUMBERS: &[Column] = &[column("项目", 44), column("数量", 12), column("说明", 60)];

/// The bytes of the report as a .xlsx. Its rows are read and written some at a time: memory does not grow with their number.
///
/// # Errors
/// [`Code::Conflict`] when answers were published while it was written, so that rows and numbers would differ.
pub async fn write_table(db: &Db, report: &Report, site: &Site, now: DateTime<Utc>) -> Result<Vec<u8>> {
    let permit = super::WRITERS.acquire().await.map_err(|e| Error::internal("the writers are gone", e))?;
    let (sender, mut receiver) = mpsc::channel::<Vec<Vec<Cell>>>(2);
    let (title, bureau, made_on) = (report.title(), site.bureau_name.clone(), calendar::day_of(now));
    let counts = count(db, report).await?;
    let (numbers, expected) = (numbers(report, &counts, made_on), counts.answered);
    let columns = match COLUMNS.split_last() {
        Some((_, others)) if site.public_url.is_empty() => others,
        _ => COLUMNS,
    };
    let writer = tokio::task::spawn_blocking(move || {
        let mut book = SheetWriter::new(&title, &bureau, made_on)?;
        book.table("意见汇总表", columns)?;
        let mut written = 0;
        while let Some(rows) = receiver.blocking_recv() {
            for row in rows {
                written += 1;
                book.row(row)?;
            }
        }
        if written != expected {
            return Err(Error::new(Code::Conflict, "采纳情况刚刚有变动，请稍后重新下载。"));
        }
        book.table("数量", NUMBERS)?;
        for row in numbers {
            book.row(row)?;
        }
        book.finish()
    });
    let sent = send_rows(db, report, site, now, &sender).await;
    drop(sender);
    let bytes = writer.await.map_err(|e| Error::internal("writing a table stopped", e))?;
    drop(permit);
    // A failure of reading is the cause of whatever the writer missed.
    sent?;
    bytes
}

/// What the file is called.
pub fn file_name(report: &Report) -> String {
    format!("{}（意见汇总表）.xlsx", report.title())
}

async fn send_rows(db: &Db, report: &Report, site: &Site, now: DateTime<Utc>, sender: &mpsc::Sender<Vec<Vec<Cell>>>) -> Result<()> {
    let mut originals: HashMap<String, String> = HashMap::new();
    let (mut after, mut number) = (None, 0);
    loop {
        let (opinions, next) = list_rows(db, report, now, after, AT_ONCE).await?;
        let mut rows = Vec::with_capacity(opinions.len());
        for opinion in &opinions {
            number += 1;
            rows.push(cells(number, opinion, original(db, report, opinion, &mut originals).await?, site));
        }
        // A writer that stopped says itself why.
        if sender.send(rows).await.is_err() || next.is_none() {
            return Ok(());
        }
        after = next;
    }
}

/// The words that the opinion points at, else those of its provision.
async fn original(db: &Db, report: &Report, opinion: &PublicOpinion, known: &mut HashMap<String, String>) -> Result<String> {
    if let Some(quote) = opinion.quote_text.as_ref().filter(|quote| !quote.is_empty()) {
        return Ok(quote.clone());
    }
    let Some(address) = &opinion.address else { return Ok(String::new()) };
    if let Some(text) = known.get(address) {
        return Ok(text.clone());
    }
    let text = places::find_place(db, report.version.id, address).await?.map(|place| place.text).unwrap_or_default();
    known.insert(address.clone(), text.clone());
    Ok(text)
}

fn cells(number: i64, opinion: &PublicOpinion, original: String, site: &Site) -> Vec<Cell> {
    let answer = opinion.answer.as_ref();
    let mut cells = vec![
        Cell::Number(number),
        Cell::text(&opinion.provision_label),
        Cell::Text(original),
        Cell::Text(suggestion(opinion)),
        Cell::text(opinion.reason.clone().unwrap_or_default()),
        Cell::text(opinion.stance.map(|stance| stance.label()).unwrap_or_default()),
        Cell::text(opinion.author_kind.clone().unwrap_or_default()),
        Cell::text(opinion.channel.label()),
        Cell::Day(calendar::day_of(opinion.posted_at)),
        Cell::text(answer.map(|answer| answer.kind.label()).unwrap_or_default()),
        Cell::text(answer.map(|answer| answer.reason.clone()).unwrap_or_default()),
        Cell::text(answer.map(|answer| answer.result_label.clone()).unwrap_or_default()),
        answer.map_or_else(|| Cell::text(""), |answer| Cell::Day(calendar::day_of(answer.published_at))),
        Cell::text(opinion.id.to_string()),
    ];
    cells.extend(permalink(site, opinion).map(Cell::Link));
    cells
}

fn numbers(report: &Report, counts: &ReportCounts, made_on: NaiveDate) -> Vec<Vec<Cell>> {
    let (first, last) = report.days();
    let say = |name: &str, words: String| vec![Cell::text(name), Cell::text(""), Cell::Text(words)];
    let count = |name: &str, n: i64, words: &str| vec![Cell::text(name), Cell::Number(n), Cell::text(words)];
    let mut rows = vec![
        say("草案", report.version.title.clone()),
        say("起草单位", report.draft.drafting_unit.clone()),
        say("征求意见期间", format!("{}至{}", first.format("%Y-%m-%d"), last.format("%Y-%m-%d"))),
        say("制表日期", made_on.format("%Y-%m-%d").to_string()),
        count("收到意见（条）", counts.opinions, "不含提出人撤回的意见"),
        count("不同内容（种）", counts.distinct_texts, "内容完全相同的算一种"),
        count("登录提交（人）", counts.signed_in_people, "不登录提交的不在内"),
        count("其中逾期意见（条）", counts.late, "截止以后、逾期接收期内收到的意见"),
        count("提出人撤回（条）", counts.withdrawn, "不计入其他各项"),
    ];
    rows.extend(counts.by_channel.iter().map(|(channel, n)| count(&format!("渠道：{}", channel.label()), *n, "按条数")));
    rows.extend(counts.by_disposition.iter().map(|(kind, n)| count(&format!("采纳情况：{}", kind.label()), *n, "按条数")));
    rows.extend(counts.exclusions.iter().map(|(reason, n)| count(&format!("不作反馈：{}", reason.label()), *n, "不列入意见汇总表")));
    rows.push(count("尚在办理（条）", counts.open, "不列入意见汇总表"));
    rows.push(count(
        "意见汇总表行数",
        counts.answered,
        &format!("收到意见 {} 条，减去不作反馈 {} 条、尚在办理 {} 条", counts.opinions, counts.excluded(), counts.open),
    ));
    rows
}
