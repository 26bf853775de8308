//! Typed lines over every statute of the shared collection: no word lost, the normal form is stable, and how many trees are the parser's own.

use rayon::prelude::*;
use zhitong::corpus::structure::typed::{TypedLine, build, lines_of};
use zhitong::corpus::structure::{Structure, parse};

use crate::structure::{markdown_files, statutes};

/// What a tree says, without the places in the file.
fn said(structure: &Structure) -> Vec<(String, String, String, String, Option<usize>)> {
    let nodes = structure.provisions.iter();
    nodes.map(|p| (p.address.clone(), p.label.clone(), p.heading.clone(), p.text.clone(), p.parent)).collect()
}

#[test]
fn a_tree_written_down_as_lines_is_built_again() {
    let Some(folder) = statutes() else { return };
    let files = markdown_files(&folder);
    let results: Vec<(String, bool)> = files
        .par_iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let parsed = parse(&text);
            let lines: Vec<TypedLine> = lines_of(&parsed.provisions).into_iter().map(|(line, _)| line).collect();
            let built = build(&lines);
            assert_eq!(built.words(), parsed.words(), "{name}: words were lost or moved");
            let again: Vec<TypedLine> = lines_of(&built.provisions).into_iter().map(|(line, _)| line).collect();
            assert_eq!(said(&build(&again)), said(&built), "{name}: not stable");
            (name, said(&built) == said(&parsed))
        })
        .collect();
    let same = results.iter().filter(|(_, same)| *same).count();
    println!("typed lines: {same} of {} trees are built again node for node", results.len());
    let others: Vec<&str> = results.iter().filter(|(_, same)| !same).map(|(name, _)| name.as_str()).take(20).collect();
    println!("others, first 20: {others:?}");
    assert!(same * 1000 >= results.len() * 985, "{same} of {}", results.len());
}
