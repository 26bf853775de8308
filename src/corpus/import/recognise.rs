//! Stage 2 and 3, 识别与整理: what the file, its name, its folder, its companion database and the text itself say → one version.
//!
//! Reads: a [`SourceDocument`] and its [`Context`]. Writes: nothing; gives a [`NewVersion`] and notices. Pure.
//!
//! Evidence, strongest first: fields of the file itself; the text's own title note and final article; the companion database; the file name;
//! folder names. A code that its scheme does not have makes the file a problem, not a guess.

use chrono::{Days, NaiveDate};

use super::classify;
use super::companion::Record;
use super::dates::{self, Effective};
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

/// A publication in a collection follows the adoption within this many days; a later date is that of an amendment the header lacks.
const PUBLICATION_DAYS: u64 = 366;

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
    let note = TitleNote::read(&note_text);
    let head = head_text(&structure);
    let mut notices = std::mem::take(&mut source.notices);

    let document_number = source
        .metadata
        .document_number
        .clone()
        .or_else(|| note.order().map(str::to_owned))
        .or_else(|| head.lines().find_map(|line| title_note::leading_document_number(line.trim()).map(|(number, _)| number.to_owned())))
        .or_else(|| (!file.number.is_empty()).then(|| file.number.clone()))
        .unwrap_or_default();
    let has_bracketed_number = title_note::leading_document_number(&document_number).is_some();
    let organ =
        source.metadata.organ.clone().or_else(|| note.organ().map(str::to_owned)).or_else(|| organ_of_title(&title)).unwrap_or_default();
    let category = category(&source, context, &title, &organ, note.order().is_some(), has_bracketed_number)?;
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
    let bare = line.trim_end_matches(|c| c == '）' || c == ')').split(['（', '(']).next().unwrap_or(line);
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

/// The days of one version.
struct VersionDays {
    adopted_on: Option<NaiveDate>,
    promulgated_on: Option<NaiveDate>,
    effective_on: Option<NaiveDate>,
}

impl VersionDays {
    fn find(
        source: &SourceDocument,
        record: Option<&Record>,
        file: &FileName,
        note: &TitleNote,
        structure: &Structure,
        head: &str,
    ) -> VersionDays {
        let metadata = &source.metadata;
        let version_date = metadata.version.as_deref().and_then(|version| NaiveDate::parse_from_str(version, "%Y-%m-%d").ok());
        let dated = file.date.or(version_date).or_else(|| record.and_then(|record| record.published_on));
        let mut adopted_on = metadata.adopted_on.or_else(|| note.latest(|e| e.is_adoption).map(|e| e.date));
        let mut promulgated_on = metadata.promulgated_on.or_else(|| note.latest(|e| e.is_promulgation).map(|e| e.date));
        if promulgated_on < adopted_on && metadata.promulgated_on.is_none() {
            // Promulgated before its last amendment: that day was an earlier version's.
            promulgated_on = None;
        }
        if let Some(dated) = dated
            && metadata.adopted_on.is_none()
            && metadata.promulgated_on.is_none()
        {
            let known = adopted_on.max(promulgated_on);
            let is_publication = known.is_none_or(|known| {
                known <= dated && known.checked_add_days(Days::new(PUBLICATION_DAYS)).is_none_or(|latest| dated <= latest)
            });
            match known {
                Some(known) if known > dated => {}
                _ if is_publication => promulgated_on = promulgated_on.or(Some(dated)),
                // Years after the last known event: an amendment that the header does not list.
                _ => (adopted_on, promulgated_on) = (None, Some(dated)),
            }
        }
        if adopted_on.is_none() && promulgated_on.is_none() {
            promulgated_on = promulgation_in_text(structure, head);
        }
        let known_by = adopted_on.or(promulgated_on);
        let promulgated = promulgated_on.or(adopted_on);
        // An unamended final article names the day the first version took effect; it says nothing about a later one.
        let is_of_this_version = |day: &NaiveDate| known_by.is_none_or(|known_by| *day >= known_by);
        let from_text = effective_in_text(structure).and_then(|effective| match effective {
            Effective::AfterPromulgation(_) if was_amended(note) => None,
            effective => effective.resolve(promulgated),
        });
        let from_note = note.effective.and_then(|effective| effective.resolve(promulgated));
        let from_events = note.latest(|e| e.is_effect).map(|e| e.date);
        let candidates = [from_text, from_events, from_note, record.and_then(|record| record.valid_from)];
        let effective_on = metadata.effective_on.or_else(|| candidates.into_iter().flatten().find(is_of_this_version));
        VersionDays { adopted_on, promulgated_on, effective_on }
    }
}

/// Whether the title note lists more than the first adoption.
fn was_amended(note: &TitleNote) -> bool {
    let mut days: Vec<NaiveDate> = note.events.iter().filter(|e| e.is_adoption && !e.is_approval).map(|e| e.date).collect();
    days.dedup();
    days.len() > 1
}

/// 本条例自…起施行, looked for from the end of the text.
fn effective_in_text(structure: &Structure) -> Option<Effective> {
    structure.provisions.iter().rev().filter(|p| !p.address.starts_with("att-")).find_map(|p| dates::find_effective(&p.text, true))
}

/// A date in the head of a notice, or under its signature.
fn promulgation_in_text(structure: &Structure, head: &str) -> Option<NaiveDate> {
    let signature = structure.provisions.iter().rev().find(|p| p.kind == ProvisionKind::Signature);
    let under = signature.and_then(|p| dates::find_dates(&p.text).last().map(|found| found.date));
    under.or_else(|| {
        // A line that is only a number and a date.
        let line = head.lines().find(|line| {
            line.chars().count() <= 60
                && (title_note::leading_document_number(line.trim()).is_some() || line.trim_start().starts_with(['（', '(']))
        })?;
        dates::find_dates(line).first().map(|found| found.date)
    })
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
