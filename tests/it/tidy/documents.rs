//! Documents that name things of the code.

use std::collections::BTreeSet;

use portcullis::config::VARIABLES;

use super::{Source, assert_none, files, read, root};

/// The documents that people read first.
fn documents() -> Vec<Source> {
    files(
        &["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "migrations", "layers/README.md", "deploy", "docs"],
        &["md"],
    )
}

#[test]
fn the_table_of_the_readme_is_the_list_of_variables() {
    let readme = read("README.md");
    let (_, table) = readme
        .split_once("| variable | default | meaning |\n|---|---|---|\n")
        .expect("README.md has no table of variables");
    let documented: Vec<_> = table.lines().take_while(|line| line.starts_with('|')).collect();
    let read: Vec<_> = VARIABLES
        .iter()
        .map(|variable| format!("| {} | {} | {} |", variable.name, variable.default, variable.meaning))
        .collect();
    assert_eq!(documented, read);
}

/// The targets of the Makefile.
fn targets() -> BTreeSet<String> {
    let makefile = read("Makefile");
    let targets: BTreeSet<_> = makefile
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.to_owned())
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .collect();
    assert!(targets.contains("test"));
    targets
}

#[test]
fn every_target_has_its_line_in_make_help() {
    let makefile = read("Makefile");
    for target in targets() {
        assert!(
            makefile.lines().any(|line| line.starts_with(&format!("{target}:")) && line.contains(" ## ")),
            "{target}"
        );
    }
}

#[test]
fn every_target_that_a_document_names_exists() {
    let targets = targets();
    let mut faults = Vec::new();
    let mut named = 0;
    for Source { path, text } in documents() {
        for rest in text.split("`make ").skip(1) {
            let command = rest.split('`').next().unwrap();
            for target in command.split(' ').filter(|word| !word.contains('=')) {
                named += 1;
                if !targets.contains(target) {
                    faults.push(format!("{path}: make {target}"));
                }
            }
        }
    }
    assert!(named > 0, "no document names a target");
    assert_none("no such target", &faults);
}

#[test]
fn every_path_that_a_document_names_exists() {
    let mut faults = Vec::new();
    for Source { path, text } in documents().into_iter().filter(|source| !source.path.contains('/')) {
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = ["src/", "layers/", "tests/", "benches/", "migrations/", "scripts/"]
                .iter()
                .any(|start| quoted.starts_with(start));
            let is_pattern = quoted.contains(['<', '*', ' ', '{']) || quoted.contains("000N");
            if is_path && !is_pattern && !root().join(quoted).exists() {
                faults.push(format!("{path}: {quoted}"));
            }
        }
    }
    assert_none("nothing at these paths", &faults);
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut faults = Vec::new();
    for Source { path, text } in documents() {
        let folder = root().join(&path);
        let folder = folder.parent().unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap()) {
            if !link.is_empty() && !link.contains("://") && !folder.join(link).exists() {
                faults.push(format!("{path}: {link}"));
            }
        }
    }
    assert_none("dead links", &faults);
}
