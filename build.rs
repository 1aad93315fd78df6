//! Converts what people write as YAML into the JSON that the binary carries: `openapi.yaml`, which is served beside it, and the languages
//! of mails and pages.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

use serde_yaml_ng::{Mapping, Value};

const PROMISE: &str = "openapi.yaml";
const LANGUAGES: &str = "src/mail/languages";
const PAGE_TEXTS: &str = "src/pages/texts";
/// The language that says which keys there are.
const BASE: &str = "en";

#[expect(clippy::disallowed_methods, reason = "cargo tells build scripts where to write through the environment")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROMISE}");
    println!("cargo:rerun-if-changed={LANGUAGES}");
    println!("cargo:rerun-if-changed={PAGE_TEXTS}");
    println!("cargo:rerun-if-changed=build.rs");
    let out_dir = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: build.rs runs under cargo only")?;
    let out_dir = Path::new(&out_dir);
    // A YAML value keeps the order in which people wrote; a JSON one would sort it.
    let document: Value = serde_yaml_ng::from_str(&fs::read_to_string(PROMISE)?)?;
    fs::write(out_dir.join("openapi.json"), serde_json::to_vec(&document)?)?;
    fs::write(out_dir.join("languages.json"), serde_json::to_vec(&languages(LANGUAGES)?)?)?;
    fs::write(out_dir.join("page_texts.json"), serde_json::to_vec(&languages(PAGE_TEXTS)?)?)?;
    Ok(())
}

/// Every language by its tag, which is the name of its file. Fails unless all have the keys of the base.
fn languages(folder: &str) -> Result<BTreeMap<String, Value>, Box<dyn Error>> {
    let mut languages = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            return Err(format!("{} is no YAML file", path.display()).into());
        }
        let tag = path.file_stem().ok_or("a file without a name")?.to_string_lossy().into_owned();
        let language = serde_yaml_ng::from_str(&fs::read_to_string(&path)?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        languages.insert(tag, language);
    }
    let base = languages.get(BASE).ok_or_else(|| format!("there is no {folder}/{BASE}.yaml"))?;
    let mut faults = Vec::new();
    for (tag, language) in &languages {
        compare(base, language, &format!("{folder}/{tag}.yaml"), &mut faults);
    }
    if faults.is_empty() { Ok(languages) } else { Err(faults.join("\n").into()) }
}

/// Notes where `language` has another form than `base`.
fn compare(base: &Value, language: &Value, place: &str, faults: &mut Vec<String>) {
    match (base, language) {
        (Value::Mapping(base), Value::Mapping(language)) => {
            let name = |key: &Value| key.as_str().unwrap_or("?").to_owned();
            let missing = |from: &Mapping, in_: &Mapping| -> Vec<String> {
                from.keys().filter(|key| !in_.contains_key(key)).map(name).collect()
            };
            faults.extend(missing(base, language).iter().map(|key| format!("{place}: {key} is missing")));
            faults.extend(missing(language, base).iter().map(|key| format!("{place}: {key} is unknown")));
            for (key, value) in base {
                if let Some(other) = language.get(key) {
                    compare(value, other, &format!("{place}: {}", name(key)), faults);
                }
            }
        }
        (Value::Sequence(_), Value::Sequence(paragraphs)) => {
            if !paragraphs.iter().all(Value::is_string) {
                faults.push(format!("{place}: every element must be a text"));
            }
        }
        (Value::String(_), Value::String(text)) if !text.trim().is_empty() => {}
        _ => faults.push(format!("{place}: has another form than in {BASE}.yaml")),
    }
}
