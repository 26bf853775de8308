//! What a contact point prints and fills in for an assignment: the draft with its explanation, the opinion form, the tables with one row for each article.
//!
//! The headings of the tables are those in use (序号, 条款, 原文, 修改建议, 理由, 提出人/单位, 联系方式, 渠道, 日期), so that what comes back filled in is read without asking. Examples
//! stand outside of the tables, or they would come back as opinions. Each file names the version that it was made for.

use chrono::NaiveDate;

use super::assignments::{self, own};
use crate::accounts::Caller;
use crate::calendar;
use crate::documents::writing::xlsx::{Cell, Column, SheetWriter};
use crate::documents::writing::{Alignment, Block, Colour, Manuscript, Paragraph, Run, Table, write_docx};
use crate::drafts::versions::{self, DraftProvision, DraftVersion, ProvisionKind};
use crate::drafts::{self, Viewer};
use crate::error::{Error, Result};
use crate::ids::{AssignmentId, Clock, DraftVersionId};
use crate::storage::Db;
use crate::text_enum;

text_enum! {
    /// A file to print or to fill in.
    Material {
        /// The draft and its explanation.
        Draft = "draft", "征求意见稿和说明（Word）";
        /// An empty form with the usual columns.
        Form = "form", "意见登记表（Word，打印后手写）";
        /// A table with one row for each article, as a document.
        WordTable = "word-table", "意见填报表（Word，已列出条文）";
        /// The same as a spreadsheet.
        Spreadsheet = "spreadsheet", "意见填报表（Excel，已列出条文）";
    }
}

impl Material {
    /// Ending of the file's name, without the dot.
    pub fn extension(self) -> &'static str {
        if self == Material::Spreadsheet { "xlsx" } else { "docx" }
    }
}

/// What the files are made from.
#[derive(Clone, Debug)]
struct Source<'a> {
    /// Title of the draft.
    draft_title: &'a str,
    /// The version that opinions are collected on.
    version: &'a DraftVersion,
    /// Its text.
    provisions: &'a [DraftProvision],
    /// Title of the task.
    task_title: &'a str,
    /// Name of the contact point.
    point_name: &'a str,
    /// Name of the bureau.
    bureau: &'a str,
    /// Last day of the task.
    due_on: NaiveDate,
    /// Questions to ask.
    questions: &'a [String],
    /// The day on which it is made.
    today: NaiveDate,
}

/// Makes a file for an assignment of the caller's own point, and names it.
pub async fn make_own(
    db: &Db,
    clock: &Clock,
    caller: &Caller,
    bureau: &str,
    id: AssignmentId,
    material: Material,
) -> Result<(String, Vec<u8>)> {
    let assignment = assignments::get_own(db, caller, id).await?;
    let task = own::get_own_task(db, caller, &assignment).await?;
    let viewer = Viewer::Public(Some(caller));
    let draft = drafts::get_draft(db, clock, viewer, assignment.draft_id).await?;
    let version = versions::get_version(db, viewer, &draft, assignment.version_id).await?;
    let provisions = versions::list_provisions(db, &version).await?;
    let (bureau, today) = (bureau.to_owned(), clock.today());
    let made = tokio::task::spawn_blocking(move || {
        let source = Source {
            draft_title: &draft.title,
            version: &version,
            provisions: &provisions,
            task_title: &assignment.task_title,
            point_name: &assignment.point_name,
            bureau: &bureau,
            due_on: assignment.due_on(),
            questions: &task.questions,
            today,
        };
        Ok((file_name(material, &source), write(material, &source)?))
    });
    made.await.map_err(|e| Error::internal("making a file stopped", e))?
}

/// Headings of the tables, with the widths of their columns in a spreadsheet.
const COLUMNS: [(&str, u8); 9] = [
    ("序号", 7),
    ("条款", 14),
    ("原文", 48),
    ("修改建议", 40),
    ("理由", 32),
    ("提出人/单位", 16),
    ("联系方式", 16),
    ("渠道", 12),
    ("日期", 13),
];
/// Widths of the columns in a document, in parts of the whole.
const WIDTHS: [u16; 9] = [5, 9, 24, 22, 15, 8, 8, 7, 8];
/// Column of the ways of collecting.
const CHANNEL: u16 = 7;
/// Ways of collecting that the spreadsheet offers.
const CHANNELS: [&str; 6] = ["座谈会", "走访", "问卷", "听证会", "公告栏", "来信来访"];
/// Empty rows of the form, and below the articles of a table.
const EMPTY_ROWS: usize = 12;

/// Name of the file.
fn file_name(material: Material, source: &Source<'_>) -> String {
    let what = match material {
        Material::Draft => "征求意见稿",
        Material::Form => "意见登记表",
        Material::WordTable | Material::Spreadsheet => "意见填报表",
    };
    let title: String =
        source.draft_title.chars().filter(|c| !matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')).take(60).collect();
    format!("{title}{what}.{}", material.extension())
}

/// Makes a file.
fn write(material: Material, source: &Source<'_>) -> Result<Vec<u8>> {
    match material {
        Material::Draft => write_docx(&draft(source)),
        Material::Form => write_docx(&form(source)),
        Material::WordTable => write_docx(&word_table(source)),
        Material::Spreadsheet => spreadsheet(source),
    }
}

/// Each article with its words: label, and a line for each 款, 项 and 目.
fn articles<'a>(source: &Source<'a>) -> Vec<(&'a str, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    let mut inside = String::new();
    for provision in source.provisions {
        if provision.kind == ProvisionKind::Article {
            inside = format!("{}/", provision.address);
            found.push((&provision.label, [provision.heading.as_str(), provision.text.as_str()].concat()));
        } else if !inside.is_empty()
            && provision.address.starts_with(&inside)
            && let Some((_, words)) = found.last_mut()
        {
            if !words.is_empty() {
                words.push('\n');
            }
            words.extend([provision.label.as_str(), &provision.heading, &provision.text]);
        }
    }
    found
}

/// What the mark begins with.
const MARK: &str = "稿次标记：";

/// By which a file that comes back is known to be made for this version.
fn mark(source: &Source<'_>) -> String {
    format!("{MARK}第{}稿 {}", source.version.number, source.version.id)
}

/// The version that a line of a file that came back names, when it is the mark.
pub fn marked_version(line: &str) -> Option<DraftVersionId> {
    let (_, id) = line.trim().strip_prefix(MARK)?.rsplit_once(' ')?;
    id.parse().ok().map(DraftVersionId)
}

fn heading(source: &Source<'_>) -> Vec<Block> {
    let line = |text: String| Block::Paragraph(Paragraph::plain(&text));
    vec![
        line(format!("征集任务：{}　　联系点：{}", source.task_title, source.point_name)),
        line(format!("请在{}前交回联系点。", calendar::written(source.due_on))),
    ]
}

/// How to fill a table in.
const HOW: [&str; 5] = [
    "一行写一条意见；对同一条款有几条意见的，分行写，或者另加一行，并写明同样的条款。",
    "“条款”写明第几条第几款，例如“第四条”“第十二条第二款”；对整个草案的意见写“全文”。",
    "“修改建议”写意见内容或者建议的条文；没有意见的条款，这一栏空着即可。",
    "“提出人/单位”和“联系方式”可以不填；填写的只供核实和反馈，不会公开。",
    "“渠道”写座谈会、走访、问卷等；“日期”写听取意见的日期，例如 2026-03-10。",
];
/// A filled-in row, in words.
const EXAMPLE: &str =
    "填写示例　条款：第四条；修改建议：归还时限改为四十八小时；理由：夜间不便归还；提出人/单位：某商户；渠道：走访；日期：2026-03-10。";

fn how() -> Vec<Block> {
    let mut blocks = vec![Block::Paragraph(Paragraph::bold("填写说明"))];
    blocks.extend(HOW.iter().zip(1..).map(|(line, n)| Block::Paragraph(Paragraph::plain(&format!("{n}. {line}")))));
    blocks.push(Block::Paragraph(Paragraph::plain(EXAMPLE)));
    blocks
}

fn asked(source: &Source<'_>) -> Vec<Block> {
    if source.questions.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![Block::Paragraph(Paragraph::bold("想请您回答的问题"))];
    blocks.extend(source.questions.iter().zip(1..).map(|(question, n)| Block::Paragraph(Paragraph::plain(&format!("{n}. {question}")))));
    blocks
}

fn table(rows: Vec<Vec<Vec<Paragraph>>>) -> Block {
    Block::Table(Table { widths: WIDTHS.to_vec(), head: COLUMNS.iter().map(|(name, _)| vec![Paragraph::bold(name)]).collect(), rows })
}

/// An empty row, as high as three lines of handwriting.
fn empty_row(number: usize) -> Vec<Vec<Paragraph>> {
    let mut row = vec![vec![Paragraph { alignment: Alignment::Centre, ..Paragraph::plain(&number.to_string()) }]];
    row.extend(std::iter::repeat_with(Vec::new).take(COLUMNS.len() - 2));
    row.push(vec![Paragraph::default(), Paragraph::default(), Paragraph::default()]);
    row
}

fn sheet(source: &Source<'_>, title: &str, rows: Vec<Vec<Vec<Paragraph>>>) -> Manuscript {
    let title = format!("《{}》{title}", source.draft_title);
    let mut blocks = vec![Block::Title(title.clone())];
    blocks.extend(heading(source));
    blocks.extend(how());
    blocks.extend(asked(source));
    blocks.push(table(rows));
    blocks.push(Block::Paragraph(Paragraph {
        runs: vec![Run { colour: Some(Colour::GREY), ..Run::plain(&mark(source)) }],
        ..Paragraph::default()
    }));
    Manuscript { title, creator: source.bureau.to_owned(), is_landscape: true, blocks }
}

fn form(source: &Source<'_>) -> Manuscript {
    sheet(source, "意见登记表", (1..=EMPTY_ROWS).map(empty_row).collect())
}

fn word_table(source: &Source<'_>) -> Manuscript {
    let articles = articles(source);
    let count = articles.len();
    let lines = |words: &str| words.lines().map(Paragraph::plain).collect::<Vec<_>>();
    let mut rows: Vec<Vec<Vec<Paragraph>>> = articles
        .into_iter()
        .zip(1..)
        .map(|((label, words), n): (_, usize)| vec![lines(&n.to_string()), lines(label), lines(&words)])
        .collect();
    rows.push(vec![lines(&(count + 1).to_string()), lines("全文")]);
    sheet(source, "意见填报表", rows)
}

fn spreadsheet(source: &Source<'_>) -> Result<Vec<u8>> {
    let title = format!("《{}》意见填报表", source.draft_title);
    let mut writer = SheetWriter::new(&title, source.bureau, source.today)?;
    writer.table("意见填报表", &COLUMNS.map(|(name, width)| Column { name, width }))?;
    let articles = articles(source);
    let count = i64::try_from(articles.len()).unwrap_or(i64::MAX);
    for ((label, words), n) in articles.into_iter().zip(1..) {
        writer.row(vec![Cell::Number(n), Cell::text(label), Cell::text(words)])?;
    }
    writer.row(vec![Cell::Number(count + 1), Cell::text("全文")])?;
    writer.choices(CHANNEL, &CHANNELS)?;
    writer.table("填写说明", &[Column { name: "填写说明", width: 100 }])?;
    let lines = [title, format!("联系点：{}", source.point_name), format!("请在{}前交回或者上传。", calendar::written(source.due_on))];
    for line in lines.into_iter().chain(HOW.iter().map(|line| (*line).to_owned())).chain([EXAMPLE.to_owned()]) {
        writer.row(vec![Cell::text(line)])?;
    }
    for question in source.questions {
        writer.row(vec![Cell::text(format!("请群众回答的问题：{question}"))])?;
    }
    writer.row(vec![Cell::text(mark(source))])?;
    writer.finish()
}

/// The text of the version as it is printed, with its explanation.
fn draft(source: &Source<'_>) -> Manuscript {
    let mut blocks = vec![Block::Title(source.version.title.clone())];
    // The label of an article stands before its first words.
    let mut pending = String::new();
    let flush = |pending: &mut String, blocks: &mut Vec<Block>| {
        if !pending.is_empty() {
            blocks.push(Block::Paragraph(Paragraph::body(pending)));
            pending.clear();
        }
    };
    for provision in source.provisions {
        let words = [provision.heading.as_str(), provision.text.as_str()].concat();
        match provision.kind {
            ProvisionKind::Article => {
                flush(&mut pending, &mut blocks);
                pending = format!("{}　{words}", provision.label);
            }
            ProvisionKind::Part | ProvisionKind::SubPart | ProvisionKind::Chapter | ProvisionKind::Section => {
                flush(&mut pending, &mut blocks);
                blocks.push(Block::Heading(1, format!("{}　{words}", provision.label)));
            }
            ProvisionKind::Contents => {}
            _ => {
                let line = format!("{}{}{words}", std::mem::take(&mut pending), provision.label);
                if !line.trim().is_empty() && line.trim() != source.version.title {
                    blocks.push(Block::Paragraph(Paragraph::body(&line)));
                }
            }
        }
    }
    flush(&mut pending, &mut blocks);
    let explanation: Vec<&str> = source.version.explanation.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if !explanation.is_empty() {
        blocks.push(Block::Heading(1, "起草说明".into()));
        blocks.extend(explanation.into_iter().map(|line| Block::Paragraph(Paragraph::body(line))));
    }
    Manuscript { title: source.version.title.clone(), creator: source.bureau.to_owned(), is_landscape: false, blocks }
}
