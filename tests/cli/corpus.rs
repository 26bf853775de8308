//! The committed inputs of the fuzz targets, replayed on every toolchain: what was found once stays found. See `tests/fuzz/README.md`.

#[path = "../fuzz/targets.rs"]
mod targets;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Most bytes that the inputs of all targets may have together.
const MOST_BYTES: usize = 2 << 20;
/// Places at which each input is also cut off.
const CUTS: usize = 6;

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut found: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn every_input_of_the_fuzz_targets_keeps_what_is_promised() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let mut bytes = 0;
    for (name, _) in targets::TARGETS {
        assert!(manifest.contains(&format!("[[bin]]\nname = \"{name}\"")), "{name} has no binary");
        let inputs = entries(&root.join("corpus").join(name));
        assert!(!inputs.is_empty(), "{name} has no input");
        for path in inputs {
            // Shown when it fails: which input it was.
            println!("{}", path.display());
            let data = std::fs::read(&path).unwrap();
            assert!(data.len() <= targets::MOST_BYTES, "longer than what a target looks at");
            targets::hold(name, &data);
            (0..CUTS).for_each(|cut| targets::hold(name, data.get(..data.len() * cut / CUTS).unwrap_or_default()));
            bytes += data.len();
        }
    }
    assert!(bytes <= MOST_BYTES, "{bytes} bytes of inputs; keep the smaller ones");
    let known: BTreeSet<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    let folders: Vec<PathBuf> = entries(&root.join("corpus"));
    let stray: Vec<&PathBuf> =
        folders.iter().filter(|path| !path.file_name().is_some_and(|name| known.contains(name.to_string_lossy().as_ref()))).collect();
    assert!(stray.is_empty(), "inputs of no target: {stray:?}");
}
