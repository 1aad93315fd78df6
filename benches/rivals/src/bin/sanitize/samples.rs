//! Labelled values.

use std::borrow::Cow;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_layers::sanitize::FieldKind;
use serde_json::Value;

/// A value, and whether it has to be refused.
pub(crate) struct Sample {
    /// The rows of the table that count it.
    pub(crate) groups: Vec<Cow<'static, str>>,
    pub(crate) kind: FieldKind,
    pub(crate) attack: bool,
    pub(crate) value: Vec<u8>,
}

/// The cases of the layer's own tests: those that are accepted as they are, and those that are refused.
pub(crate) fn of_tests() -> Result<Vec<Sample>, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../layers/tests/data");
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    files.sort();
    let mut samples = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for line in fs::read_to_string(&file)?.lines() {
            let case: Value = serde_json::from_str(line)?;
            let expected = &case["expected"];
            // A value that is cleaned is neither.
            if expected.get("value").is_some() {
                continue;
            }
            let attack = expected != "accepted";
            let value = match case["input"].as_str() {
                Some(text) => text.as_bytes().to_vec(),
                None => STANDARD.decode(text_of(&case["input"], "b64"))?,
            };
            samples.push(Sample {
                groups: vec![format!("own cases: {name}").into()],
                kind: kind(text_of(&case, "kind")),
                attack,
                value,
            });
        }
    }
    Ok(samples)
}

/// The rows of a file. Honest text counts once more for each trait that detection could trip over.
pub(crate) fn of_file(path: &str) -> Result<Vec<Sample>, Box<dyn Error>> {
    let mut samples = Vec::new();
    for line in BufReader::new(File::open(path)?).lines() {
        let row: Value = serde_json::from_str(&line?)?;
        let value = text_of(&row, "value");
        let value = if row["enc"] == "b64" { STANDARD.decode(value)? } else { value.as_bytes().to_vec() };
        let (name, tier) = (text_of(&row, "kind"), row["tier"].as_str().unwrap_or("core"));
        let attack = row["label"] == "attack";
        let mut groups: Vec<Cow<'static, str>> = vec![format!("files: {name}, {tier}").into()];
        if !attack && name == "text" {
            groups.extend(traits(&String::from_utf8_lossy(&value)).map(Cow::Borrowed));
        }
        samples.push(Sample { groups, kind: kind(name), attack, value });
    }
    Ok(samples)
}

/// What in an honest text looks like a part of an attack, or is in another language than the rules.
fn traits(text: &str) -> impl Iterator<Item = &'static str> {
    const WORDS: [&str; 20] = [
        "select", "union", "drop", "delete", "insert", "update", "where", "order", "group", "from", "or", "and",
        "having", "table", "exec", "create", "declare", "case", "like", "limit",
    ];
    let dashes = text.contains("--") || text.contains(['–', '—']);
    let quotes = text.contains(['"', '\'', '`', '‘', '’', '“', '”', '«', '»']);
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    let keywords = words.any(|word| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)));
    let foreign = text.chars().any(|c| !c.is_ascii() && c.is_alphabetic());
    let found = [
        (dashes, "files: text with dashes"),
        (quotes, "files: text with quotes"),
        (keywords, "files: text with words of SQL"),
        (foreign, "files: text in other languages"),
    ];
    found.into_iter().filter_map(|(holds, name)| holds.then_some(name))
}

fn text_of<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_default()
}

fn kind(name: &str) -> FieldKind {
    match name {
        "email" | "email_advanced" => FieldKind::Email,
        "name" => FieldKind::Name,
        "path" => FieldKind::Path,
        _ => FieldKind::Text,
    }
}
