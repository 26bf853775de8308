//! Citations over the shared collection of statutes: how many of each kind are found, and how many lead to a provision of the same document.
//!
//! An unoptimised build reads every fifth document; `cargo test --release` reads all.

use std::collections::BTreeMap;

use rayon::prelude::*;
use zhitong::corpus::citations::{CitationKind, Names, Outline, Resolution, find_aliases, find_citations};
use zhitong::corpus::structure::{ProvisionKind, parse};

use crate::structure::{markdown_files, statutes};

/// Citations, members led to a provision here, to another document, nowhere; and nowhere in documents that have articles and amend none.
#[derive(Default, Clone, Copy)]
struct Counts {
    citations: usize,
    here: usize,
    elsewhere: usize,
    nowhere: usize,
    unexplained: usize,
}

#[test]
fn citations_lead_to_provisions() {
    let Some(folder) = statutes() else { return };
    let step = if cfg!(debug_assertions) { 5 } else { 1 };
    let files: Vec<_> = markdown_files(&folder).into_iter().step_by(step).collect();
    println!("every document in {step}: {} documents", files.len());
    let documents: Vec<_> =
        files.par_iter().map(|path| parse(&String::from_utf8_lossy(&std::fs::read(path).expect("a readable file")))).collect();
    let titles = documents.iter().filter_map(|s| s.provisions.iter().find(|p| p.kind == ProvisionKind::Title)).map(|p| p.text.as_str());
    let laws = titles.filter(|t| t.ends_with("法") || t.ends_with("法典") || t.ends_with("条例"));
    let catalogue = Names::new(laws.flat_map(|t| [(t.strip_prefix("中华人民共和国").unwrap_or(t), t), (t, t)]));

    let tables: Vec<BTreeMap<CitationKind, Counts>> = documents
        .par_iter()
        .map(|structure| {
            let aliases: Vec<_> = structure.provisions.iter().flat_map(|p| find_aliases(&p.text)).filter(|a| a.is_document).collect();
            let names = Names::new(aliases.into_iter().map(|a| (a.short, a.full)));
            let outline = Outline::new(structure);
            let title = structure.provisions.first().map_or("", |p| p.text.as_str());
            let amends =
                title.contains("修正案") || title.contains("修改") || structure.provisions.iter().all(|p| p.kind != ProvisionKind::Article);
            let mut table = BTreeMap::<CitationKind, Counts>::new();
            for (at, provision) in structure.provisions.iter().enumerate() {
                if matches!(provision.kind, ProvisionKind::Title | ProvisionKind::TitleNote | ProvisionKind::Contents) {
                    continue;
                }
                for citation in find_citations(&provision.text, &[&names, &catalogue]) {
                    let counts = table.entry(citation.kind).or_default();
                    counts.citations += 1;
                    for resolution in outline.resolve(&citation, at) {
                        match resolution {
                            Resolution::Here(addresses) => {
                                assert!(!addresses.is_empty());
                                counts.here += 1;
                            }
                            Resolution::Elsewhere { .. } => counts.elsewhere += 1,
                            Resolution::Nowhere => {
                                counts.nowhere += 1;
                                counts.unexplained += usize::from(!amends && !provision.address.starts_with("h-"));
                            }
                        }
                    }
                }
            }
            table
        })
        .collect();

    let mut total = BTreeMap::<CitationKind, Counts>::new();
    for (kind, counts) in tables.iter().flatten() {
        let sum = total.entry(*kind).or_default();
        sum.citations += counts.citations;
        sum.here += counts.here;
        sum.elsewhere += counts.elsewhere;
        sum.nowhere += counts.nowhere;
        sum.unexplained += counts.unexplained;
    }
    println!("{:<20} {:>9} {:>9} {:>9} {:>9} {:>11}", "kind", "citations", "here", "elsewhere", "nowhere", "unexplained");
    for (kind, c) in &total {
        println!("{:<20} {:>9} {:>9} {:>9} {:>9} {:>11}", kind.as_str(), c.citations, c.here, c.elsewhere, c.nowhere, c.unexplained);
    }
    for kind in [CitationKind::ThisDocument, CitationKind::PreviousParagraph, CitationKind::ThisArticle, CitationKind::PreviousArticle] {
        let counts = total.get(&kind).copied().unwrap_or_default();
        assert!(counts.citations > 0, "{}", kind.as_str());
        assert!(
            counts.here as f64 >= 0.99 * (counts.here + counts.unexplained) as f64,
            "{}: {} of {}",
            kind.as_str(),
            counts.unexplained,
            counts.here
        );
    }
}
