//! Labelled values.

use std::error::Error;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_layers::sanitize::FieldKind;
use serde_json::Value;

/// A value, and whether it has to be refused.
pub(crate) struct Sample {
    /// The row of the table that counts it.
    pub(crate) group: String,
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
                group: format!("own cases: {name}"),
                kind: kind(text_of(&case, "kind")),
                attack,
                value,
            });
        }
    }
    Ok(samples)
}

/// The rows of a file.
pub(crate) fn of_file(path: &str) -> Result<Vec<Sample>, Box<dyn Error>> {
    let mut samples = Vec::new();
    for line in fs::read_to_string(path)?.lines() {
        let row: Value = serde_json::from_str(line)?;
        let value = text_of(&row, "value");
        let value = if row["enc"] == "b64" { STANDARD.decode(value)? } else { value.as_bytes().to_vec() };
        let tier = row["tier"].as_str().unwrap_or("core");
        samples.push(Sample {
            group: format!(
                "{}: {} {tier}",
                Path::new(path).file_name().unwrap_or_default().to_string_lossy(),
                text_of(&row, "kind")
            ),
            kind: kind(text_of(&row, "kind")),
            attack: row["label"] == "attack",
            value,
        });
    }
    Ok(samples)
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
