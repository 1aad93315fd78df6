//! The repository itself: what reviewers would otherwise have to look for.

mod architecture;
mod documents;
mod operations;
mod scripts;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the repository.
struct Source {
    /// Its path from the root, with `/`.
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files below these folders whose names end so.
fn files(folders: &[&str], endings: &[&str]) -> Vec<Source> {
    let mut paths: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if endings.iter().any(|ending| path.extension().is_some_and(|found| found == *ending)) {
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source { path: path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(), text });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// All Rust of the repository.
fn rust() -> Vec<Source> {
    let found = files(
        &["src", "layers/src", "layers/tests", "layers/examples", "tests", "benches", "examples", "build.rs"],
        &["rs"],
    );
    assert!(found.len() > 100, "only {} files were found", found.len());
    found
}

/// Fails with all of them, if there are any.
#[track_caller]
fn assert_none(what: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{what}:\n  {}", faults.join("\n  "));
}
