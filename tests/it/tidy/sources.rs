//! Habits of the code.

use portcullis::db::migrate::MIGRATIONS;
use portcullis::routes::ROUTES;

use super::{Source, assert_none, files, read, rust};

const MOST_LINES: usize = 500;
const MOST_LINES_OF_A_FUNCTION: usize = 70;
/// A table that must be an exhaustive `match`: one row for each refusal.
const TABLE_IN_A_FUNCTION: &str = "src/error.rs";

#[test]
fn no_file_is_longer_than_500_lines() {
    let all = rust().into_iter().chain(files(&["migrations", "scripts", "src"], &["sql", "sh", "html", "js"]));
    let faults: Vec<_> = all
        .filter(|source| source.text.lines().count() > MOST_LINES)
        .map(|source| format!("{} has {} lines", source.path, source.text.lines().count()))
        .collect();
    assert_none("too long", &faults);
}

/// rustfmt puts the closing brace of a function under its first letter.
#[test]
fn no_function_is_longer_than_70_lines() {
    let mut faults = Vec::new();
    for Source { path, text } in rust().into_iter().filter(|source| source.path != TABLE_IN_A_FUNCTION) {
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| opens_a_function(line)) {
            let indent = &line[..line.len() - line.trim_start().len()];
            let end = format!("{indent}}}");
            let length = 1 + lines[index..].iter().position(|line| *line == end).unwrap_or(0);
            if length > MOST_LINES_OF_A_FUNCTION {
                faults.push(format!("{path}:{} has {length} lines", index + 1));
            }
        }
    }
    assert_none("long functions", &faults);
}

/// Whether a function with a body of several lines begins here.
fn opens_a_function(line: &str) -> bool {
    let modifiers = ["pub ", "pub(super) ", "pub(crate) ", "const ", "async "];
    let bare = modifiers.iter().fold(line.trim_start(), |line, modifier| line.strip_prefix(modifier).unwrap_or(line));
    bare.starts_with("fn ") && !line.ends_with([';', '}'])
}

#[test]
fn lints_are_never_switched_off_silently() {
    let words = [concat!("#[", "allow("), concat!("#![", "allow(")];
    let faults: Vec<_> = rust()
        .into_iter()
        .filter(|source| words.iter().any(|word| source.text.contains(word)))
        .map(|source| source.path)
        .collect();
    assert_none("use #[expect(…, reason = …)] in", &faults);
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("dbg", "!("),
    ];
    let documents = files(
        &["migrations", "scripts", "layers", "README.md", "ARCHITECTURE.md", "openapi.yaml", "Makefile"],
        &["sql", "sh", "md", "yaml", "toml"],
    );
    let mut faults = Vec::new();
    for Source { path, text } in rust().into_iter().chain(documents) {
        for (index, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                faults.push(format!("{path}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    assert_none("left for later", &faults);
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    let faults: Vec<_> = rust()
        .into_iter()
        .filter(|source| {
            source
                .path
                .split(['/', '.'])
                .any(|part| ["utils", "util", "common", "helpers", "helper", "misc"].contains(&part))
        })
        .map(|source| source.path)
        .collect();
    assert_none("say what is in it", &faults);
}

/// Creating role and database of the embedded server: where no schema of ours can be yet.
const CREATES_THE_CLUSTER: &str = "src/embedded/cluster.rs";

/// How statements begin.
const STATEMENTS: [&str; 13] = [
    "select ",
    "insert into ",
    "update ",
    "delete from ",
    "with ",
    "create ",
    "alter ",
    "drop ",
    "truncate ",
    "lock table ",
    "grant ",
    "copy ",
    "listen ",
];

#[test]
fn sql_stands_in_db_alone() {
    let mut faults = Vec::new();
    let mut exceptions = 0;
    for Source { path, text } in files(&["src"], &["rs"]) {
        if path.starts_with("src/db/") || path.ends_with("/tests.rs") {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            let is_comment = lower.trim_start().starts_with("//");
            let is_sql = STATEMENTS.iter().any(|start| lower.contains(&format!("\"{start}")));
            if is_sql && !is_comment {
                if path == CREATES_THE_CLUSTER && lower.contains("\"create ") {
                    exceptions += 1;
                } else {
                    faults.push(format!("{path}:{}: {}", index + 1, line.trim()));
                }
            }
        }
    }
    assert_none("SQL outside src/db", &faults);
    assert!(exceptions > 0, "nothing creates the cluster any more: take the exception away");
}

#[test]
fn every_query_of_a_table_is_in_its_list_and_in_lower_case() {
    let mut queries = 0;
    for Source { path, text } in files(&["src/db"], &["rs"]) {
        let Some((_, list)) = text.split_once("pub const QUERIES: &[Query] =") else { continue };
        let list = list.split_once(';').unwrap().0;
        for constant in text.split("\npub const ").skip(1) {
            let (name, rest) = constant.split_once(": &str =").unwrap_or_default();
            let value = rest.split_once(";\n").map_or(rest, |(value, _)| value);
            let first = value.split('"').nth(1).unwrap_or_default();
            let first_word = first.split(' ').next().unwrap_or_default();
            if !["select", "insert", "update", "delete", "with", "lock"].contains(&first_word.to_lowercase().as_str()) {
                continue;
            }
            queries += 1;
            assert!(
                list.split([' ', ',', '[', ']', '\n']).any(|listed| listed == name),
                "{path}: {name} is not in QUERIES"
            );
            assert_eq!(first_word, first_word.to_lowercase(), "{path}: {name}");
            assert!(
                !value.contains("select *") && !value.contains("returning *"),
                "{path}: {name} does not name its columns"
            );
        }
    }
    assert!(queries > 20, "only {queries} queries were found");
}

#[test]
fn every_migration_is_compiled_in_and_opens_with_why() {
    let files = files(&["migrations"], &["sql"]);
    assert_eq!(files.len(), MIGRATIONS.len());
    for (index, (Source { path, text }, migration)) in files.iter().zip(MIGRATIONS).enumerate() {
        assert_eq!(*path, format!("migrations/{:04}_{}.sql", index + 1, migration.name));
        assert_eq!(migration.version, i32::try_from(index + 1).unwrap());
        assert_eq!(text, migration.sql);
        let why: String = text.lines().take_while(|line| line.starts_with("--")).collect();
        assert!(why.len() > 80, "{path} does not open with its reason");
    }
}

#[test]
fn every_route_is_named_in_a_test() {
    let tests = files(&["tests"], &["rs"]);
    let faults: Vec<_> = ROUTES
        .iter()
        .map(|route| route.path.split('{').next().unwrap())
        .filter(|path| !tests.iter().any(|test| test.text.contains(&format!("\"{path}"))))
        .map(str::to_owned)
        .collect();
    assert_none("paths that no test names", &faults);
}

/// What every layer speaks. All else is optional and comes with a feature.
const VOCABULARY: [&str; 6] = ["bytes", "http", "http-body", "pin-project-lite", "tower-layer", "tower-service"];

#[test]
fn the_layers_bring_neither_a_server_nor_a_framework() {
    let manifest = read("layers/Cargo.toml");
    let dependencies = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let mut faults = Vec::new();
    for line in dependencies.lines().filter(|line| !line.starts_with('#') && line.contains('=')) {
        let name = line.split(['=', '.']).next().unwrap().trim();
        let is_foreign = ["axum", "hyper", "hyper-util", "portcullis", "tower"].contains(&name);
        let is_for_all = !line.contains("optional = true") && !VOCABULARY.contains(&name);
        if is_foreign || is_for_all {
            faults.push(line.to_owned());
        }
    }
    assert_none("dependencies of the layers", &faults);
}
