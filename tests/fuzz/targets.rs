//! What is promised of every input, whatever it is, held to by libFuzzer (`tests/fuzz`) and by the replay of the committed inputs (`tests/cli`).
//!
//! A target takes bytes and panics when a promise is broken. To add one: a function here, its line in [`TARGETS`], a `[[bin]]` in
//! `Cargo.toml`, and an input of its own under `corpus/`.

use std::collections::HashSet;
use std::io::Cursor;
use std::sync::LazyLock;

use uuid::Uuid;
use zhitong::corpus::citations::{Names, Outline, Resolution, find_aliases, find_citations};
use zhitong::corpus::structure::typed::{TypedLine, build, lines_of};
use zhitong::corpus::structure::{ProvisionKind, Structure, normalise, parse};
use zhitong::documents::archive::{Archive, Entry, pack};
use zhitong::documents::tables::{self, TableFormat, TableLimits};
use zhitong::documents::{self, Format, Limits};
use zhitong::error::{Code, Error};
use zhitong::search::query::{TitleCatalogue, TitleEntry, understand};
use zhitong::search::suggest::complete;

/// A target: takes an input, and panics when a promise is broken.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("structure", structure),
    ("citations", citations),
    ("query", query),
    ("docx", docx),
    ("xlsx", xlsx),
    ("csv", csv),
    ("zip", zip),
    ("html", html),
];

/// The parts of a workbook that only say where its one sheet is.
const WORKBOOK: &[(&str, &str)] = &[
    ("[Content_Types].xml", r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#),
    (
        "_rels/.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
    ),
    (
        "xl/workbook.xml",
        r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
    ),
];

/// Longest input that is looked at, in bytes.
pub const MOST_BYTES: usize = 64 << 10;

/// Holds the named target to its promises on one input.
pub fn hold(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of the table");
    if data.len() <= MOST_BYTES {
        target(data);
    }
}

/// Between the parts of an input that has several.
const SEPARATOR: u8 = 0x1f;
/// Most titles that one query names.
const MOST_TITLES: usize = 20;
/// Provisions that citations are resolved from, of one text.
const MOST_PLACES: usize = 40;

/// Low enough for a small input to reach them.
static LIMITS: LazyLock<Limits> = LazyLock::new(|| Limits {
    max_file_bytes: 256 << 10,
    max_archive_bytes: 1 << 20,
    max_unpacked_bytes: 512 << 10,
    max_ratio: 20,
    max_entries: 40,
    max_depth: 60,
    max_elements: 2_000,
    max_line_bytes: 16 << 10,
    max_grouping_bytes: 64 << 10,
});
static TABLE_LIMITS: LazyLock<TableLimits> = LazyLock::new(|| TableLimits {
    max_file_bytes: 256 << 10,
    max_part_bytes: 256 << 10,
    max_unpacked_bytes: 512 << 10,
    max_rows: 60,
    max_columns: 12,
    max_cells: 400,
    max_text_bytes: 8 << 10,
    max_tables: 4,
});
static NAMES: LazyLock<Names> = LazyLock::new(|| Names::new([("刑法", "中华人民共和国刑法"), ("物业管理条例", "物业管理条例")]));
static CATALOGUE: LazyLock<TitleCatalogue> = LazyLock::new(|| {
    let works = [
        ("中华人民共和国刑法", ""),
        ("中华人民共和国民法典", ""),
        ("中华人民共和国水法", ""),
        ("物业管理条例", ""),
        ("清河市物业管理条例", "清府〔2021〕7号"),
        ("清河市养犬管理规定", "清河市人民政府令第98号"),
        ("关于适用《中华人民共和国水法》的解释", "QHGS-2022-7"),
    ];
    let entry = |(number, (title, document)): (u128, (&str, &str))| TitleEntry {
        work_id: Uuid::from_u128(number),
        title: title.to_owned(),
        aliases: Vec::new(),
        document_numbers: if document.is_empty() { Vec::new() } else { vec![document.to_owned()] },
        weight: 0.5,
    };
    TitleCatalogue::new((1..).zip(works).map(entry).collect())
});

/// The tree of a text adds up to the text, has addresses of its own and parents before children; corrected as lines it loses nothing and settles.
pub fn structure(data: &[u8]) {
    check_text(&String::from_utf8_lossy(data));
}

fn check_text(text: &str) {
    let parsed = parse(text);
    assert_eq!(parsed.words(), normalise(text), "nothing lost, nothing moved");
    check_tree(&parsed);
    let most = 1 + text.matches(['\n', '\r']).count();
    assert!(parsed.provisions.iter().all(|p| p.line >= 1 && p.line as usize <= most), "a line that is not there");

    let built = build(&typed(&parsed));
    assert_eq!(built.words(), parsed.words(), "words were lost or moved");
    check_tree(&built);
    let normal = typed(&built);
    assert_eq!(typed(&build(&normal)), normal, "the normal form is not stable");
}

fn typed(tree: &Structure) -> Vec<TypedLine> {
    lines_of(&tree.provisions).into_iter().map(|(line, _)| line).collect()
}

fn check_tree(tree: &Structure) {
    let mut addresses = HashSet::new();
    let mut has_paragraph = HashSet::new();
    for (i, p) in tree.provisions.iter().enumerate() {
        assert!(addresses.insert(p.address.as_str()), "address twice: {}", p.address);
        assert!(p.parent.is_none_or(|parent| parent < i), "parent after child: {}", p.address);
        let depth = p.parent.map_or(0, |parent| tree.provisions[parent].depth.saturating_add(1));
        assert_eq!(p.depth, depth, "{}", p.address);
        assert!(![&p.label, &p.heading, &p.text].iter().any(|words| words.contains('\0')), "{}", p.address);
        if p.kind == ProvisionKind::Paragraph {
            has_paragraph.extend(p.parent);
        }
    }
    for (i, p) in tree.provisions.iter().enumerate().filter(|(_, p)| p.kind == ProvisionKind::Article) {
        assert!(p.text.is_empty() && has_paragraph.contains(&i), "{} has words of its own, or no paragraph", p.address);
    }
}

/// Citations come in order, stand in the text, and lead only to what is there.
pub fn citations(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let names: &Names = &NAMES;
    let found = find_citations(&text, &[names]);
    let tree = parse(&format!("规定\n第一条 {text}"));
    let addresses: HashSet<&str> = tree.provisions.iter().map(|p| p.address.as_str()).collect();
    let outline = Outline::new(&tree);
    let mut last = 0;
    for citation in &found {
        assert!(citation.start >= last && citation.start < citation.end, "out of order: {citation:?}");
        assert!(text.get(citation.start..citation.end).is_some(), "not at characters: {citation:?}");
        assert!(citation.targets.iter().all(|t| t.start < t.end && text.get(t.start..t.end).is_some()), "{citation:?}");
        last = citation.end;
        for at in 0..tree.provisions.len().min(MOST_PLACES) {
            let resolved = outline.resolve(citation, at);
            assert_eq!(resolved.len(), citation.targets.len().max(1), "{citation:?}");
            for address in resolved.iter().flat_map(|r| if let Resolution::Here(here) = r { here.as_slice() } else { &[] }) {
                assert!(address == "title" || addresses.contains(address.as_str()), "{address} is nowhere");
            }
        }
    }
    for alias in find_aliases(&text) {
        assert!(text.contains(&alias.short) && !alias.full.is_empty() && alias.short != alias.full, "{alias:?}");
    }
}

/// The normal form of a query keeps its places; few works, each at most once, with a certainty that is one.
pub fn query(data: &[u8]) {
    let line = String::from_utf8_lossy(data);
    let meant = understand(&line, &CATALOGUE, Some(Uuid::from_u128(3)));
    assert_eq!(meant.normalised.chars().count(), line.chars().count());
    assert!(meant.titles.len() <= MOST_TITLES);
    assert!(meant.titles.iter().all(|found| (0.0..=1.0).contains(&found.certainty)), "{:?}", meant.titles);
    let works: HashSet<Uuid> = meant.titles.iter().map(|found| found.work_id).collect();
    assert_eq!(works.len(), meant.titles.len(), "a work twice");
    let offered = complete(&line, &CATALOGUE, 5);
    let works: HashSet<Uuid> = offered.iter().map(|one| one.work_id).collect();
    assert!(offered.len() <= 5 && works.len() == offered.len(), "a work twice");
}

/// A Word document, or the XML of its main part: text and tables.
pub fn docx(data: &[u8]) {
    let bytes = if is_container(data) { data.to_vec() } else { packed(&[("word/document.xml", data)]) };
    if let Some(body) = read_document("文.docx", &bytes, Format::Docx) {
        assert!(body.len() as u64 <= 4 * LIMITS.max_file_bytes, "grew beyond what was unpacked");
    }
    read_tables("表.docx", &bytes, TableFormat::Docx);
}

/// A workbook, or the XML of its sheet, shared strings and styles.
pub fn xlsx(data: &[u8]) {
    if is_container(data) {
        return read_tables("表.xlsx", data, TableFormat::Xlsx);
    }
    let mut parts = data.split(|byte| *byte == SEPARATOR);
    let mut files: Vec<(&str, &[u8])> = WORKBOOK.iter().map(|(name, part)| (*name, part.as_bytes())).collect();
    for name in ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"] {
        if let Some(part) = parts.next() {
            files.push((name, part));
        }
    }
    read_tables("表.xlsx", &packed(&files), TableFormat::Xlsx);
}

/// Separated values in any encoding.
pub fn csv(data: &[u8]) {
    read_tables("表.csv", data, TableFormat::Csv);
}

/// An archive, or the names of its files a line each: entries stay inside, and within the limits one by one and together.
pub fn zip(data: &[u8]) {
    let bytes = if is_container(data) {
        data.to_vec()
    } else {
        let names = String::from_utf8_lossy(data);
        let files: Vec<(String, Vec<u8>)> = names.lines().map(|name| (name.to_owned(), name.as_bytes().to_vec())).collect();
        let Ok(bytes) = pack(&files) else { return };
        bytes
    };
    let mut archive = match Archive::open(Cursor::new(bytes), LIMITS.clone()) {
        Ok(archive) => archive,
        Err(error) => return check_refusal(&error),
    };
    assert!(archive.len() <= LIMITS.max_entries);
    let mut unpacked = 0;
    for index in 0..archive.len() {
        match archive.entry(index) {
            Ok(Entry::File(file)) => {
                unpacked += file.bytes.len() as u64;
                assert!(file.bytes.len() as u64 <= LIMITS.max_file_bytes && unpacked <= LIMITS.max_unpacked_bytes);
                let is_safe = |part: &str| !part.is_empty() && !matches!(part, "." | "..") && !part.contains(['\\', '\0']);
                assert!(file.name.split('/').all(is_safe), "{:?} leaves the archive", file.name);
                let start = file.name.as_bytes();
                let has_drive = start.get(1) == Some(&b':') && start.first().is_some_and(u8::is_ascii_alphabetic);
                assert!(!has_drive, "{:?} leaves the archive", file.name);
            }
            Ok(Entry::Refused { error, .. }) => check_refusal(&error),
            Ok(Entry::Ignored) => {}
            Err(error) => return check_refusal(&error),
        }
    }
}

/// A web page, or what its bytes show instead: no line over the limit, and a tree that adds up.
pub fn html(data: &[u8]) {
    let format = match documents::sniff("页.html", data) {
        Format::Zip => Format::Docx,
        other => other,
    };
    if let Some(body) = read_document("页.html", data, format) {
        // The text of a Word document has no lines before it is read.
        assert!(format == Format::Docx || body.split('\n').all(|line| line.len() <= LIMITS.max_line_bytes), "a line over the limit");
    }
}

/// Reads a document and the tree of its text; gives its body, or nothing when it was refused in a sentence.
fn read_document(name: &str, bytes: &[u8], expected: Format) -> Option<String> {
    match documents::read(name, bytes, &LIMITS) {
        Ok(document) => {
            assert_eq!(document.format, expected);
            let (text, before) = document.full_text();
            assert!(before <= 2 && text.ends_with(&document.body));
            check_text(&text);
            Some(document.body)
        }
        Err(error) => {
            check_refusal(&error);
            None
        }
    }
}

/// Reads a file of tables: rows rise, cells end with words, and nothing is over its limit.
fn read_tables(name: &str, bytes: &[u8], expected: TableFormat) {
    let file = match tables::read(name, bytes, &TABLE_LIMITS) {
        Ok(file) => file,
        Err(error) => return check_refusal(&error),
    };
    // A raw input may hold a file of another kind; its bytes decide.
    assert!(file.format == expected || is_container(bytes) || bytes.starts_with(b"\xD0\xCF"), "{:?}", file.format);
    assert!((1..=TABLE_LIMITS.max_tables).contains(&file.tables.len()));
    let (mut rows, mut cells, mut text_bytes) = (0, 0, 0);
    for table in &file.tables {
        let (first, last) = (table.rows.first().expect("a row with content"), table.rows.last().expect("a row with content"));
        assert!(first.number >= 1 && table.first_row == first.number);
        assert!(table.rows.windows(2).all(|pair| pair[0].number < pair[1].number), "rows do not rise");
        assert_eq!(table.blank_rows as usize + table.rows.len(), last.number as usize);
        rows += table.rows.len();
        for row in &table.rows {
            assert!(row.cells.len() <= TABLE_LIMITS.max_columns && row.cells.last().is_some_and(|words| !words.is_empty()));
            assert!(row.spread.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", row.spread);
            assert!(row.spread.iter().all(|column| usize::from(*column) < row.cells.len()), "{:?}", row.spread);
            assert!(!row.cells.iter().any(|words| words.contains('\0')));
            cells += row.cells.iter().filter(|words| !words.is_empty()).count();
            text_bytes += row.cells.iter().map(String::len).sum::<usize>();
        }
    }
    assert!(rows <= TABLE_LIMITS.max_rows && cells <= TABLE_LIMITS.max_cells && text_bytes <= TABLE_LIMITS.max_text_bytes);
}

/// Whether an input is an archive itself, and not a part to be put into one.
fn is_container(data: &[u8]) -> bool {
    [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"].iter().any(|mark| data.starts_with(*mark))
}

/// An archive of files given by name and content.
fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let files: Vec<(String, Vec<u8>)> = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
    pack(&files).expect("names that differ")
}

/// A refusal is one of three kinds, and a sentence.
fn check_refusal(error: &Error) {
    assert!(matches!(error.code, Code::TooLarge | Code::UnreadableFile | Code::UnsupportedMedia), "{error:?}");
    assert!(error.detail.ends_with('。'), "{}", error.detail);
}
