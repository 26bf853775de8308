//! The structure parser over every statute of the shared collection: nothing lost, no panic, headings found, figures printed.
//!
//! How headings are counted, without the parser's own recognisers: after the header, every line that begins 第, a numeral, 条 counts as a heading
//! unless what follows can only continue a reference (、，。；》) or, with no space between, reads like one (的, 所称, 规定, 款…). In texts whose
//! title says that they amend another (修正案), a number that does not continue the text's own series is the other's article and does not count.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use zhitong::corpus::structure::{DiagnosticCode, ProvisionKind, Structure, normalise, parse};

/// The statutes, or nothing with the reason printed. Under CI their absence is a failure.
pub(crate) fn statutes() -> Option<PathBuf> {
    let shared = std::env::var_os("ZHITONG_SHARED").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = shared.join("data/statutes");
    if folder.is_dir() {
        return Some(folder);
    }
    let reason = format!("real statutes not found at {} (set ZHITONG_SHARED)", folder.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{reason}");
    println!("skipped: {reason}");
    None
}

pub(crate) fn markdown_files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\u{200B}\u{200C}\u{200D}\u{200E}\u{200F}\u{2060}\u{FEFF}\u{AD}".contains(c)
}

/// The words of a file, read independently of the parser.
fn words(text: &str) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    if lines.first().is_some_and(|l| l.trim() == "---")
        && let Some(end) = lines.iter().skip(1).position(|l| l.trim() == "---")
        && lines[1..=end].iter().all(|l| l.trim().is_empty() || l.contains(':') || l.trim().starts_with("- "))
    {
        lines.drain(..end + 2);
    }
    let mut words = String::new();
    for line in lines {
        let line = line.trim_matches(blank);
        if matches!(line, "<!-- INFO END -->" | "<!-- TABLE -->" | "<!-- TABLE END -->" | "<!-- FORCE BREAK -->") {
            continue;
        }
        words.extend(line.trim_start_matches('#').chars().filter(|c| !blank(*c)));
    }
    words
}

/// Lines that are true article headings: line number and the number as written.
fn true_headings(text: &str) -> Vec<(u32, String)> {
    let header = text.lines().position(|l| l.contains("INFO END")).map_or(0, |at| at + 1);
    let amends = text.lines().next().is_some_and(|title| title.contains("修正案"));
    let mut found: Vec<(u32, String)> = Vec::new();
    for (line, number) in text.split('\n').zip(1u32..).skip(header) {
        let line = line.trim_matches(blank).trim_start_matches('#').trim_matches(blank);
        let Some(rest) = line.strip_prefix('第') else { continue };
        let Some((numeral, after)) = rest.split_once('条') else { continue };
        let numeral: String = numeral.chars().filter(|c| !blank(*c)).collect();
        if numeral.is_empty() || !numeral.chars().all(|c| "一二三四五六七八九十百千零〇0123456789０１２３４５６７８９".contains(c))
        {
            continue;
        }
        let spaced = after.starts_with(blank);
        let words = after.trim_start_matches(blank);
        let cut_off = words.starts_with(['、', '，', '。', '；', '》', '〉', '”']);
        let reference =
            !spaced && (words.starts_with(['的', '和', '至', '款', '项']) || words.starts_with("所称") || words.starts_with("规定"));
        if cut_off || reference {
            continue;
        }
        if amends && !found.is_empty() && found.last().map(|(_, last)| successor(last)) != Some(numeral.clone()) {
            continue;
        }
        found.push((number, numeral));
    }
    found
}

/// The Chinese numeral after another; enough for the numbers of amendments.
fn successor(numeral: &str) -> String {
    const ORDER: [&str; 10] = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    (1..100)
        .map(|n| (if n >= 20 { ORDER[n / 10] } else { "" }, if n >= 10 { "十" } else { "" }, ORDER[n % 10]))
        .map(|(a, b, c)| format!("{a}{b}{c}"))
        .skip_while(|n| n != numeral)
        .nth(1)
        .unwrap_or_default()
}

struct Outcome {
    path: PathBuf,
    structure: Option<Structure>,
    lost: bool,
    headings: usize,
    missed: Vec<(u32, String)>,
}

fn examine(path: &Path) -> Outcome {
    let text = String::from_utf8_lossy(&std::fs::read(path).expect("a readable file")).into_owned();
    let structure = std::panic::catch_unwind(|| parse(&text)).ok();
    let tree_words = structure.as_ref().map(Structure::words).unwrap_or_default();
    let lost = tree_words != normalise(&text) || tree_words != words(&text);
    let found: HashSet<u32> =
        structure.iter().flat_map(|s| &s.provisions).filter(|p| p.kind == ProvisionKind::Article).map(|p| p.line).collect();
    let headings = true_headings(&text);
    let missed = headings.iter().filter(|(line, _)| !found.contains(line)).cloned().collect();
    Outcome { path: path.to_path_buf(), structure, lost, headings: headings.len(), missed }
}

#[test]
fn every_statute_becomes_a_tree_without_loss() {
    let Some(folder) = statutes() else { return };
    let outcomes: Vec<Outcome> = markdown_files(&folder).par_iter().map(|path| examine(path)).collect();
    assert!(outcomes.len() > 3_000, "only {} files", outcomes.len());

    let (mut kinds, mut codes) = (BTreeMap::new(), BTreeMap::<DiagnosticCode, (usize, usize)>::new());
    let (mut panics, mut lost, mut headings, mut missed) = (0, 0, 0, 0);
    for outcome in &outcomes {
        let name = outcome.path.display();
        headings += outcome.headings;
        missed += outcome.missed.len();
        for (line, numeral) in &outcome.missed {
            println!("heading not taken: {name}:{line} 第{numeral}条");
        }
        if outcome.lost {
            lost += 1;
            println!("words differ: {name}");
        }
        let Some(structure) = &outcome.structure else {
            panics += 1;
            println!("panic: {name}");
            continue;
        };
        let mut addresses = HashMap::new();
        for provision in &structure.provisions {
            *kinds.entry(provision.kind.as_str()).or_insert(0usize) += 1;
            let earlier = addresses.insert(&provision.address, provision.line);
            assert!(earlier.is_none(), "{name}: {} on lines {earlier:?} and {}", provision.address, provision.line);
        }
        let mut seen = HashSet::new();
        for diagnostic in &structure.diagnostics {
            let counts = codes.entry(diagnostic.code).or_default();
            counts.0 += 1;
            counts.1 += usize::from(seen.insert(diagnostic.code));
        }
    }
    for (kind, count) in &kinds {
        println!("{count:>8} {kind}");
    }
    for (code, (count, files)) in &codes {
        println!("{} {count:>6} in {files:>4} files  {}", code.as_str(), code.message());
    }
    let rate = (headings - missed) as f64 / headings.max(1) as f64;
    println!(
        "{} files, {headings} article headings, {missed} not taken ({:.3} %), {panics} panics, {lost} files with words lost",
        outcomes.len(),
        rate * 100.0
    );
    assert_eq!(panics, 0);
    assert_eq!(lost, 0);
    assert!(rate >= 0.995, "{rate}");
}
