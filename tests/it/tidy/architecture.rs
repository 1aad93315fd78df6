//! What ARCHITECTURE.md promises: its map is whole, and what it says always holds is held by tests that exist.

use std::collections::BTreeSet;
use std::fs;

use super::{Source, assert_none, files, read, root};

/// Where tests stand, and so what the first part of the name of a test is counted from.
const ROOTS: [&str; 4] = ["tests/it", "src", "layers/tests/it", "layers/src"];

/// What stands below a heading, up to the next one.
fn section(heading: &str) -> String {
    let document = read("ARCHITECTURE.md");
    let (_, rest) = document.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    rest.split("\n## ").next().unwrap().to_owned()
}

/// The names of tests in a text: whatever has backquotes around it and `::` inside.
fn cited(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).filter(|quoted| quoted.contains("::")).collect()
}

/// The invariants, each with the lines that belong to it.
fn invariants() -> Vec<String> {
    let section = section("What always holds");
    let mut found: Vec<String> = Vec::new();
    for line in section.lines() {
        let number = line.split_once(". **").and_then(|(number, _)| number.parse::<usize>().ok());
        match (number, found.last_mut()) {
            (Some(number), _) => {
                assert_eq!(number, found.len() + 1, "{line}");
                found.push(line.to_owned());
            }
            (None, Some(last)) if line.starts_with("   ") => last.extend(["\n", line]),
            (None, Some(_)) => assert!(line.is_empty(), "no part of an invariant: {line}"),
            (None, None) => {}
        }
    }
    found
}

fn attacks() -> Vec<String> {
    let section = section("Attacks and faults, and the tests that hold them off");
    section.lines().filter(|line| line.starts_with("| ")).skip(1).map(str::to_owned).collect()
}

/// Whether a test of this name exists. `a::b::name` stands in `a/b.rs`, in `a/b/mod.rs`, or in the module `b` of `a.rs`.
fn exists(name: &str, sources: &[Source]) -> bool {
    let (modules, test) = name.rsplit_once("::").unwrap();
    let path = modules.replace("::", "/");
    let outer = path.rsplit_once('/').map(|(outer, _)| outer).unwrap_or_default();
    let holds = |source: &Source| {
        ROOTS.iter().any(|root| {
            [&path, outer].iter().any(|path| {
                source.path == format!("{root}/{path}.rs") || source.path == format!("{root}/{path}/mod.rs")
            })
        })
    };
    let is_test = |source: &Source| {
        let lines: Vec<_> = source.text.lines().map(str::trim_start).collect();
        let function = format!("fn {test}(");
        let place = lines.iter().position(|line| line.trim_start_matches("async ").starts_with(&function));
        let above = lines[..place.unwrap_or_default()].iter().rev();
        above.take_while(|line| line.starts_with("#[")).any(|attribute| attribute.contains("test"))
    };
    sources.iter().any(|source| holds(source) && is_test(source))
}

#[test]
fn every_invariant_and_every_attack_names_tests_that_exist() {
    let sources = files(&ROOTS, &["rs"]);
    let (invariants, attacks) = (invariants(), attacks());
    assert!(invariants.len() >= 17 && attacks.len() >= 30, "{} and {}", invariants.len(), attacks.len());
    let mut faults = Vec::new();
    for text in invariants.iter().chain(&attacks) {
        let tests = cited(text);
        if tests.is_empty() {
            faults.push(format!("no test is named: {text}"));
        }
        faults.extend(
            tests.into_iter().filter(|test| !exists(test, &sources)).map(|test| format!("no such test: {test}")),
        );
    }
    assert_none("ARCHITECTURE.md", &faults);
}

/// The names of what stands in a folder, without hidden files and what is built.
fn entries(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap());
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with('.') && !["target", "data"].contains(&name.as_str())).collect()
}

#[test]
fn every_module_and_every_folder_is_on_the_map() {
    let map = section("Map");
    let list = read("src/lib.rs");
    let readme = read("README.md");
    let (_, places) = readme.split_once("\n## Where things are\n").unwrap();
    let mut faults = Vec::new();
    for module in entries("src").iter().map(|name| name.trim_end_matches(".rs")) {
        if !map.contains(&format!("`src/{module}/`")) && !map.contains(&format!("`src/{module}.rs`")) {
            faults.push(format!("src/{module}: not on the map of ARCHITECTURE.md"));
        }
        if !["lib", "main"].contains(&module) && !list.contains(&format!("[`{module}`]")) {
            faults.push(format!("{module}: not in the table of src/lib.rs"));
        }
    }
    for folder in entries(".").iter().filter(|name| root().join(name).is_dir()) {
        if folder != "src" && !map.contains(&format!("`{folder}/`")) {
            faults.push(format!("{folder}/: not on the map of ARCHITECTURE.md"));
        }
        if !places.contains(&format!("\n    {folder}/")) {
            faults.push(format!("{folder}/: not among the places of README.md"));
        }
    }
    assert_none("maps", &faults);
}
