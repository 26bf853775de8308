//! The order of the house: who may import whom, where the words of vendors stay, that no statement is left out of the prepare test, that migrations
//! leave the software before them running, and that the documents link to what is there.
//! See ARCHITECTURE.md.

mod migrations;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Rooms that a room may import from, besides itself. Rooms at the top of the house may import from everywhere but the other face.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("ids", &[]),
    ("error", &[]),
    ("calendar", &[]),
    ("config", &["ids", "error", "calendar"]),
    ("telemetry", &["config", "error"]),
    ("storage", &["config", "ids", "error"]),
    ("documents", &["error"]),
    ("audit", &["storage", "config", "ids", "error", "calendar"]),
    ("notifications", &["storage", "config", "ids", "error", "calendar"]),
    ("accounts", &["audit", "notifications", "storage", "documents", "config", "ids", "error", "calendar"]),
    ("corpus", &["accounts", "audit", "notifications", "storage", "documents", "config", "ids", "error", "calendar"]),
    ("drafts", &["corpus", "accounts", "audit", "notifications", "storage", "documents", "config", "ids", "error", "calendar"]),
    ("contact_points", &["drafts", "accounts", "audit", "notifications", "storage", "documents", "config", "ids", "error", "calendar"]),
    (
        "opinions",
        &["drafts", "contact_points", "accounts", "audit", "notifications", "storage", "documents", "config", "ids", "error", "calendar"],
    ),
    (
        "personal_data",
        &[
            "opinions",
            "drafts",
            "contact_points",
            "corpus",
            "accounts",
            "audit",
            "notifications",
            "storage",
            "documents",
            "config",
            "ids",
            "error",
            "calendar",
        ],
    ),
    ("search", &["corpus", "drafts", "opinions", "contact_points", "accounts", "storage", "config", "ids", "error", "calendar"]),
];

/// Rooms above the domains.
const TOP: &[&str] = &["app", "api", "portal", "server", "seeding", "cli", "main", "lib"];

/// Words of vendors and the only places that may say them.
const VENDORS: &[(&str, &[&str])] = &[
    ("redis::", &["storage/cache.rs"]),
    ("tantivy::", &["search/"]),
    ("jieba_rs::", &["search/"]),
    ("poem_openapi::", &["api/"]),
    ("quick_xml::", &["documents/"]),
    ("scraper::", &["documents/"]),
    ("zip::", &["documents/"]),
    ("object_store::", &["storage/blobs.rs"]),
    ("reqwest::", &["accounts/wechat/", "accounts/sms.rs"]),
    ("argon2::", &["storage/crypto/"]),
    ("aes_gcm::", &["storage/crypto/"]),
    ("totp_rs::", &["accounts/staff/second_factor.rs"]),
    ("qrcode::", &["portal/staff/"]),
    ("hyper::", &["server/"]),
    ("hyper_util::", &["server/"]),
    ("rustix::", &["storage/machine.rs"]),
];

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(found.len() > 20, "the sources are not where they were");
    found
}

/// The room of a file: `accounts/logins.rs` → `accounts`.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// The code of a file: without comments, and without unit tests.
fn code(text: &str) -> String {
    let body = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    body.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// Rooms that a file reaches: every name after `crate::`, also inside `use crate::{a, b::c}`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        // `$crate::` of a macro names what the macro's own room may reach.
        if code[..at].ends_with('$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let word = |text: &str| -> String { text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut starts = true;
            for (i, c) in list.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => starts = true,
                    c if starts && !c.is_whitespace() => {
                        found.insert(word(&list[i..]));
                        starts = false;
                    }
                    _ => {}
                }
            }
        } else {
            found.insert(word(rest));
        }
    }
    // Macros stand at the root of the crate, wherever they are written.
    for name in ["on_db", "on_tx", "text_enum", "sealed_column", ""] {
        found.remove(name);
    }
    found
}

#[test]
fn rooms_import_downwards_only() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = MAY_IMPORT.iter().map(|(room, list)| (*room, list.iter().copied().collect())).collect();
    let mut broken = Vec::new();
    for (file, text) in sources() {
        let room = room(&file);
        let reached = imports(&code(&text));
        if TOP.contains(&room) {
            let other = match room {
                "api" => "portal",
                "portal" => "api",
                _ => continue,
            };
            if reached.contains(other) {
                broken.push(format!("{file} imports {other}"));
            }
            continue;
        }
        let Some(allowed) = allowed.get(room) else {
            broken.push(format!("{file}: the room {room} has no place in the house; give it one in tests/house.rs"));
            continue;
        };
        for name in reached {
            if name != room && !allowed.contains(name.as_str()) {
                broken.push(format!("{file} imports {name}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_words_of_vendors_stay_home() {
    let mut broken = Vec::new();
    for (file, text) in sources() {
        let code = code(&text);
        for (word, homes) in VENDORS {
            let is_home = homes.iter().any(|home| file == *home || (home.ends_with('/') && file.starts_with(home)));
            let is_said =
                code.match_indices(word).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
            if is_said && !is_home {
                broken.push(format!("{file} says {word}"));
            }
        }
        if matches!(room(&file), "api" | "portal") && code.contains("sqlx::") {
            broken.push(format!("{file} says sqlx::"));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// An advisory against the XML reader below poem is ignored (`.cargo/deny.toml`) because only this payload reaches it.
#[test]
fn no_payload_is_xml() {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    let says_it = |text: &str| text.split(|c: char| !is_letter(c)).any(|word| word == "Xml");
    assert!(says_it("fn f(body: payload::Xml<Body>)") && !says_it("Xmls, NotXml"));
    let broken: Vec<String> = sources().into_iter().filter(|(_, text)| says_it(&code(text))).map(|(file, _)| file).collect();
    assert!(broken.is_empty(), "take Json, or withdraw the reason in .cargo/deny.toml: {broken:#?}");
}

#[test]
fn every_statement_is_listed_for_the_prepare_test() {
    let mut missing = Vec::new();
    let mut listed_files = 0;
    for (file, text) in sources() {
        let code = code(&text);
        let list = code.split_once("pub const STATEMENTS:").and_then(|(_, rest)| rest.split_once(';')).map_or("", |(list, _)| list);
        listed_files += usize::from(!list.is_empty());
        for declaration in code.split("\nconst ").skip(1) {
            let Some((name, value)) = declaration.split_once(':') else { continue };
            let value = value.split_once('=').map_or("", |(_, v)| v).trim_start();
            let value = value.trim_start_matches("select!(").trim_start().trim_start_matches('"');
            let is_statement = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "WHERE "].iter().any(|verb| value.starts_with(verb));
            // The head of an INSERT of many rows is no statement by itself, and an advisory lock is PostgreSQL's alone.
            let text = value.split("\";").next().unwrap_or(value);
            let is_head = text.starts_with("INSERT") && text.trim_end_matches('"').ends_with(") ");
            let is_lock = text.starts_with("SELECT pg_");
            let is_listed = list.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name.trim());
            if is_statement && !is_head && !is_lock && !is_listed {
                missing.push(format!("{file}: {}", name.trim()));
            }
        }
    }
    assert!(listed_files >= 10, "the lists of statements are not where they were");
    assert!(missing.is_empty(), "not in STATEMENTS: {missing:#?}");
}

#[test]
fn what_the_documents_link_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    for document in ["ARCHITECTURE.md", "README.md", "README.zh-CN.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !root.join(target).exists() {
                broken.push(format!("{document}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn imports_are_read_from_every_form_of_use() {
    let code = "use crate::a::{b, c};\nuse crate::{d, e::{f, g}, h::i};\nlet x = crate::j::k();\n$crate::l::m();\nuse crate::on_db;\n";
    let found: Vec<String> = imports(code).into_iter().collect();
    assert_eq!(found, ["a", "d", "e", "h", "j"]);
}
