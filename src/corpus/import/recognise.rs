//! Stage 2 and 3, 识别与整理: what the file, its name, its folder, its companion database and the text itself say → one version.
//!
//! Reads: a [`SourceDocument`] and its [`Context`]. Writes: nothing; gives a [`NewVersion`] and notices. Pure.
//!
//! Evidence, strongest first: fields of the file itself; the text's own title note and final article; the companion database; the file name;
//! folder names. A code that its scheme does not have makes the file a problem, not a guess.

use chrono::NaiveDate;

use super::classify;
use super::companion::Record;
use super::dates;
use super::days::VersionDays;
use super::region::{self, Region};
use super::title_note::{self, TitleNote};
use crate::corpus::classification::{Category, Level, Validity};
use crate::corpus::structure::{self, ProvisionKind, Structure};
use crate::corpus::{NewVersion, SourceCode, title_key};
use crate::documents::{SourceDocument, extension};
use crate::error::{Code, Error, Result};

/// What is known about a file besides its content.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Folders above the file, outermost first.
    pub folders: Vec<String>,
    /// What a companion database says of it.
    pub record: Option<Record>,
    /// Whether it belongs to the demonstration city.
    pub is_demonstration: bool,
}

/// A recognised version with what a person should know about it.
#[derive(Clone, Debug)]
pub struct Recognised {
    /// The version, without its original's address.
    pub version: NewVersion,
    /// Sentences in Chinese.
    pub notices: Vec<String>,
}

/// How much of the text before the first article can hold document number and dates, in lines.
const HEAD_LINES: usize = 30;

/// Recognises one document.
///
/// # Errors
/// [`Code::UnreadableFile`] without a title or with a code or word that its scheme does not have.
pub fn recognise(source: SourceDocument, context: &Context) -> Result<Recognised> {
    let mut source = source;
    let file = FileName::read(&source.name);
    strip_number_from_title(&mut source);
    if source.title.is_empty() && !file.number.is_empty() && source.metadata.document_number.is_none() {
        source.metadata.document_number = Some(file.number.clone());
    }
    let (text, lines_before) = source.full_text();
    let mut structure = structure::parse(&text);
    let title =
        title(&source, &structure, &file).ok_or_else(|| Error::new(Code::UnreadableFile, "没有找到标题：正文开头和文件名中都没有。"))?;
    // A title known only from the file name still belongs to the text.
    if source.title.is_empty() && !structure.provisions.iter().any(|p| p.kind == ProvisionKind::Title) {
        let titled = SourceDocument { title: title.clone(), ..source.clone() };
        structure = structure::parse(&titled.full_text().0);
    }
    let note_text = note_text(&source, &structure);
    let head = head_text(&structure);
    let mut note = TitleNote::read(&note_text);
    if note.events.is_empty() {
        // Without a title note the order or announcement before the text says the same.
        note = TitleNote::read(&announcement(&head));
    }
    let mut notices = std::mem::take(&mut source.notices);

    let document_number = source
        .metadata
        .document_number
        .clone()
        .or_else(|| note.order().map(str::to_owned))
        .or_else(|| title_note::order_over_lines(&head))
        .or_else(|| head.lines().find_map(|line| title_note::leading_document_number(line.trim()).map(|(number, _)| number.to_owned())))
        .or_else(|| (!file.number.is_empty()).then(|| file.number.clone()))
        .unwrap_or_default();
    let stated_organ = source.metadata.organ.clone().or_else(|| note.organ().map(str::to_owned));
    let organ = stated_organ.or_else(|| title_note::find_organ(&document_number)).or_else(|| organ_of_title(&title));
    let has_order = note.order().is_some() || document_number.contains('令');
    let has_number = !has_order && !document_number.is_empty();
    let category = category(&source, context, &title, organ.as_deref().unwrap_or_default(), has_order, has_number)?;
    let organ = organ.or_else(|| organ_of_category(category, context)).map(|organ| with_place(organ, &title)).unwrap_or_default();
    let region = find_region(&source, context, &title, &organ, category);
    let level = level(&source, category, &region)?;
    let days = VersionDays::find(&source, context.record.as_ref(), &file, &note, &structure, &head);
    let (validity, source_code) = validity(&source, context.record.as_ref(), &title)?;
    let source_ids = source_ids(&source, &structure, lines_before, &mut notices);
    if !structure.provisions.iter().any(|p| !matches!(p.kind, ProvisionKind::Title | ProvisionKind::TitleNote | ProvisionKind::Contents)) {
        notices.push("只有标题，没有正文。".into());
    }
    let version = NewVersion {
        title,
        category,
        level,
        region: region.name,
        organ,
        title_note: note_text,
        document_number,
        adopted_on: days.adopted_on,
        promulgated_on: days.promulgated_on,
        effective_on: days.effective_on,
        repealed_on: source.metadata.repealed_on,
        validity,
        source_code,
        source_name: source.name,
        blob_hash: None,
        structure,
        source_ids,
        is_demonstration: context.is_demonstration,
    };
    Ok(Recognised { version, notices })
}

/// What a file name says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileName {
    /// The name without extension, date and document number.
    pub title: String,
    /// The name without extension and date, as a companion database lists it.
    pub stem: String,
    /// The date.
    pub date: Option<NaiveDate>,
    /// The document number before the title.
    pub number: String,
}

impl FileName {
    /// Reads a name or path.
    pub fn read(name: &str) -> FileName {
        let file = name.rsplit('/').next().unwrap_or(name);
        let extension = extension(file);
        let stem = if extension.is_empty() { file } else { file.get(..file.len() - extension.len() - 1).unwrap_or(file) };
        let (stem, date) = dates::split_file_date(stem);
        let (number, title) = match title_note::leading_document_number(stem) {
            Some((number, rest)) if rest.chars().count() >= 4 => (number, rest.trim()),
            _ => ("", stem),
        };
        FileName { title: title.to_owned(), stem: stem.to_owned(), date, number: number.to_owned() }
    }

    /// Whether the name can be a title at all: `new_file`, `附件1`, `扫描件` cannot.
    fn is_title(&self) -> bool {
        let chinese = self.title.chars().filter(|c| ('\u{4E00}'..='\u{9FFF}').contains(c)).count();
        chinese >= 3 && !["附件", "新建", "扫描", "文档", "未命名"].iter().any(|word| self.title.starts_with(word))
    }
}

/// Takes a document number off the beginning of the title.
fn strip_number_from_title(source: &mut SourceDocument) {
    let Some((number, rest)) = title_note::leading_document_number(&source.title) else { return };
    if rest.trim().chars().count() < 4 {
        return;
    }
    let (number, rest) = (number.to_owned(), rest.trim().to_owned());
    source.metadata.document_number.get_or_insert(number);
    source.title = rest;
}

/// The title: as the file sets it apart, else as the text prints it, else as the file is named.
fn title(source: &SourceDocument, structure: &Structure, file: &FileName) -> Option<String> {
    let tidy = |title: &str| title.split_whitespace().collect::<Vec<_>>().join(" ").trim_matches(['《', '》']).to_owned();
    if !source.title.is_empty() {
        return Some(tidy(&source.title)).filter(|title| !title.is_empty());
    }
    let printed = structure.provisions.iter().find(|p| p.kind == ProvisionKind::Title).map(|p| {
        // A title set over several lines is one title.
        let whole = if p.text.is_empty() { &p.heading } else { &p.text };
        tidy(&whole.replace('\n', ""))
    });
    let named = file.is_title().then(|| tidy(&file.title));
    match (printed.filter(|title| !title.is_empty()), named) {
        (Some(printed), Some(named)) => {
            let (p, n) = (title_key(&printed), title_key(&named));
            // The printed form is fuller; a first line that is none of the title gives way to the name.
            Some(if p.contains(&n) || n.contains(&p) || looks_like_title(&printed) { printed } else { named })
        }
        (printed, named) => printed.or(named),
    }
}

fn looks_like_title(line: &str) -> bool {
    const ENDS: &[&str] = &[
        "法",
        "条例",
        "规定",
        "办法",
        "细则",
        "规则",
        "决定",
        "解释",
        "通知",
        "意见",
        "批复",
        "纲要",
        "方案",
        "规划",
        "公告",
        "决议",
        "修正案",
        "规程",
    ];
    let bare = line.trim_end_matches(['）', ')']).split(['（', '(']).next().unwrap_or(line);
    line.chars().count() <= 80 && ENDS.iter().any(|end| bare.ends_with(end))
}

/// The title note: set apart by the file, else recognised in the text.
fn note_text(source: &SourceDocument, structure: &Structure) -> String {
    if !source.title_note.is_empty() {
        return source.title_note.clone();
    }
    let notes = structure.provisions.iter().filter(|p| p.kind == ProvisionKind::TitleNote);
    let note = notes.map(|p| p.text.trim()).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
    let inner = note.strip_prefix(['（', '(']).and_then(|rest| rest.strip_suffix(['）', ')']));
    inner.map_or(note.clone(), str::to_owned)
}

/// The text before the first article or numbered unit, where order numbers and dates stand in documents without a title note.
fn head_text(structure: &Structure) -> String {
    let mut head = String::new();
    let before = structure
        .provisions
        .iter()
        .take_while(|p| !matches!(p.kind, ProvisionKind::Article | ProvisionKind::Chapter | ProvisionKind::Part | ProvisionKind::Item));
    for provision in before.take(HEAD_LINES) {
        head.push_str(&provision.text);
        head.push('\n');
    }
    head
}

/// The lines of the head that tell of adoption and promulgation (《…》已经…通过，现予公布，自…起施行).
fn announcement(head: &str) -> String {
    let tells = |line: &&str| {
        ["已经", "已由", "现予公布", "现予发布", "令第", "公布", "发布"].iter().any(|word| line.contains(word))
            && line.chars().count() <= 300
    };
    head.lines().filter(tells).take(3).collect::<Vec<_>>().join("\n")
}

/// 省人民政府, as a text of its own province calls it, with the name of the province.
fn with_place(organ: String, title: &str) -> String {
    let is_bare = ["自治区人民", "省人民", "市人民", "自治州人民", "县人民"].iter().any(|start| organ.starts_with(start));
    match region::leading(title).filter(|_| is_bare) {
        Some(place) => format!("{}{}", place.name, organ.get(organ.find("人民").unwrap_or(0)..).unwrap_or_default()),
        None => organ,
    }
}

/// The organ that alone makes texts of a category, or the one whose folder the text lies in.
fn organ_of_category(category: Category, context: &Context) -> Option<String> {
    match category {
        Category::AdministrativeRegulation => Some("国务院".into()),
        Category::DepartmentalRule => {
            let is_department = |folder: &&String| {
                ["部", "总局", "总署", "委员会", "银行"].iter().any(|end| folder.ends_with(end)) && folder.chars().count() <= 20
            };
            context.folders.iter().rev().find(is_department).cloned()
        }
        _ => None,
    }
}

/// The organ with which a title begins (甲市人民政府关于…的通知).
fn organ_of_title(title: &str) -> Option<String> {
    let (organ, _) = title.split_once("关于").or_else(|| title.split_once("印发"))?;
    let organ = organ.trim().trim_end_matches("印发").trim();
    let ends = [
        "人民政府",
        "政府办公厅",
        "政府办公室",
        "办公厅",
        "办公室",
        "委员会",
        "国务院",
        "人民法院",
        "人民检察院",
        "大会",
        "部",
        "局",
        "署",
        "厅",
        "中央",
        "军委",
        "军事委员会",
        "法院、最高人民检察院",
    ];
    ((2..=40).contains(&organ.chars().count()) && ends.iter().any(|end| organ.ends_with(end))).then(|| organ.to_owned())
}

fn category(source: &SourceDocument, context: &Context, title: &str, organ: &str, has_order: bool, has_number: bool) -> Result<Category> {
    if let Some(stated) = &source.metadata.category {
        let category = classify::category(stated)?;
        return Ok(refine(category, title, organ));
    }
    if let Some(level) = source.metadata.level.as_deref()
        && let Some(category) = classify::category_word(level)
    {
        return Ok(refine(category, title, organ));
    }
    if let Some(category) = context.record.as_ref().and_then(|record| classify::category_word(&record.level)) {
        return Ok(refine(category, title, organ));
    }
    let by_evidence = classify::by_evidence(title, organ, has_order, has_number);
    let by_folder = || context.folders.iter().rev().find_map(|folder| classify::category_word(folder));
    Ok(by_evidence.or_else(by_folder).or_else(|| classify::by_title(title)).unwrap_or(Category::Other))
}

/// Where a source knows only the broad category, title and organ tell the narrower one.
fn refine(category: Category, title: &str, organ: &str) -> Category {
    match (category, classify::by_evidence(title, organ, false, false)) {
        (Category::Law, Some(narrow @ (Category::Decision | Category::LegalInterpretation | Category::Constitution))) => narrow,
        (
            Category::LocalRegulation,
            Some(narrow @ (Category::Decision | Category::SpecialZoneRegulation | Category::AutonomousRegulation)),
        ) => narrow,
        (category, _) => category,
    }
}

fn find_region(source: &SourceDocument, context: &Context, title: &str, organ: &str, category: Category) -> Region {
    if let Some(stated) = source.metadata.region.as_deref() {
        return region::stated(stated);
    }
    if classify::is_national(category) {
        return region::nation();
    }
    let local = || region::leading(title).or_else(|| region::of_folders(context.folders.iter().map(String::as_str)));
    region::of_organ(organ).or_else(local).unwrap_or_else(region::nation)
}

fn level(source: &SourceDocument, category: Category, region: &Region) -> Result<Level> {
    match source.metadata.level.as_deref() {
        None => Ok(classify::level(category, region)),
        Some(word) => match classify::stated_level(word) {
            Some(level) => Ok(level),
            None if classify::category_word(word).is_some() => Ok(classify::level(category, region)),
            None => Err(Error::new(Code::UnreadableFile, format!("效力位阶“{word}”不认识，没有导入。"))),
        },
    }
}

fn validity(source: &SourceDocument, record: Option<&Record>, title: &str) -> Result<(Validity, SourceCode)> {
    if let Some(stated) = &source.metadata.validity {
        let code = SourceCode { scheme: stated.scheme.clone(), code: stated.code.clone() };
        return Ok((classify::validity(stated)?, code));
    }
    let amending = classify::is_amending(title);
    match record {
        Some(record) => {
            let code = SourceCode { scheme: classify::COLLECTION_SCHEME.into(), code: record.expired.to_string() };
            let stated = classify::validity(&crate::documents::Coded { scheme: code.scheme.clone(), code: code.code.clone() })?;
            Ok((
                match stated {
                    // The collection calls expired what a later version of its own replaced.
                    Validity::Repealed if record.has_later => Validity::Amended,
                    Validity::InForce if amending => Validity::AmendingDecision,
                    stated => stated,
                },
                code,
            ))
        }
        None => Ok((if amending { Validity::AmendingDecision } else { Validity::Unknown }, SourceCode::default())),
    }
}

/// Gives each source id to the article that begins on its line, or else to the next article with its marker.
fn source_ids(source: &SourceDocument, structure: &Structure, lines_before: u32, notices: &mut Vec<String>) -> Vec<(String, String)> {
    let mut by_line: std::collections::HashMap<u32, &structure::Provision> = std::collections::HashMap::new();
    for provision in &structure.provisions {
        // Parents come first: the article, not its paragraph, owns the line, and not the chapter printed before it on the same line.
        let owner = by_line.entry(provision.line).or_insert(provision);
        if owner.kind != ProvisionKind::Article && provision.kind == ProvisionKind::Article {
            *owner = provision;
        }
    }
    let mut ids = Vec::with_capacity(source.articles.len());
    let mut missing = 0usize;
    for article in &source.articles {
        match by_line.get(&(article.line + lines_before)) {
            Some(provision) => ids.push((provision.address.clone(), article.source_id.clone())),
            None => missing += 1,
        }
    }
    if missing > 0 {
        notices.push(format!("有 {missing} 个条文编号没有对应的条文。"));
    }
    ids
}
