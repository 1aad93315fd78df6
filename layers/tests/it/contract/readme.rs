//! The README says what Cargo.toml says.

use std::collections::BTreeSet;

const README: &str = include_str!("../../../README.md");
const CARGO_TOML: &str = include_str!("../../../Cargo.toml");

/// The features that name a layer.
fn features() -> BTreeSet<&'static str> {
    let section = CARGO_TOML.split("\n[features]\n").nth(1).unwrap().split("\n[").next().unwrap();
    section
        .lines()
        .filter_map(|line| Some(line.split_once(" = ")?.0))
        .filter(|name| !["default", "full"].contains(name))
        .collect()
}

fn quoted_in(text: &'static str, quote: char) -> BTreeSet<&'static str> {
    text.split(quote).skip(1).step_by(2).collect()
}

#[test]
fn its_table_has_one_row_per_feature() {
    let rows = README.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.collect::<BTreeSet<_>>(), features());
}

#[test]
fn it_has_one_paragraph_per_feature() {
    let paragraphs = README.lines().filter_map(|line| line.strip_prefix("**`")?.split('`').next());
    assert_eq!(paragraphs.collect::<BTreeSet<_>>(), features());
}

#[test]
fn full_is_every_feature() {
    let full = CARGO_TOML.lines().find(|line| line.starts_with("full = ")).unwrap();
    assert_eq!(quoted_in(full, '"'), features());
}

#[test]
fn it_names_the_oldest_compiler_that_is_supported() {
    let version = CARGO_TOML.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(README.contains(&format!("minimum supported Rust version is {version};")), "{version}");
}

#[test]
fn the_changelog_lists_every_feature() {
    let changelog = include_str!("../../../CHANGELOG.md");
    assert!(features().is_subset(&quoted_in(changelog, '`')), "{changelog}");
}
