//! The sanitiser on labelled values, and what holds for every value.
//!
//! A line of a data file is `{"kind", "input", "expected", "why"}`. `input` is a string, or `{"b64": "…"}` for bytes that are no text.
//! `expected` is `"accepted"` (as it is, with nothing to remark), `"rejected"`, or an object whose members all have to hold: `value` (it
//! is accepted as this), `pattern` (a pattern of this kind is named), `error` (it is refused with this code). A pattern without a value
//! means that the value is refused.

mod file_system;
mod promises;

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_layers::sanitize::{InputSanitizer, SanitizationResult};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    kind: Kind,
    input: Input,
    expected: Expected,
    why: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Email,
    EmailAdvanced,
    Name,
    Path,
    Text,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Bytes { b64: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Expected {
    Plainly(Plainly),
    Precisely(Precisely),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Plainly {
    Accepted,
    Rejected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Precisely {
    value: Option<String>,
    pattern: Option<String>,
    error: Option<String>,
}

impl Input {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Bytes { b64 } => STANDARD.decode(b64).unwrap(),
        }
    }
}

impl Expected {
    fn holds(&self, result: &SanitizationResult<'_>) -> bool {
        match self {
            Self::Plainly(Plainly::Accepted) => {
                result.accepted && !result.modified && result.rejected_patterns.is_empty()
            }
            Self::Plainly(Plainly::Rejected) => !result.accepted,
            Self::Precisely(Precisely { value, pattern, error }) => {
                let names = |kind: &String| result.rejected_patterns.iter().any(|found| found.kind.as_str() == kind);
                result.accepted == value.is_some()
                    && value.as_ref().is_none_or(|value| result.value == *value)
                    && pattern.as_ref().map_or(value.is_none() || result.rejected_patterns.is_empty(), names)
                    && error.as_ref().is_none_or(|code| result.errors.iter().any(|error| error.code == code))
            }
        }
    }
}

impl Kind {
    const ALL: [Self; 5] = [Self::Email, Self::EmailAdvanced, Self::Name, Self::Path, Self::Text];

    fn sanitize(self, input: &[u8]) -> SanitizationResult<'_> {
        let sanitizer = InputSanitizer::new();
        match self {
            Self::Email => sanitizer.sanitize_email(input),
            Self::EmailAdvanced => sanitizer.sanitize_email_advanced(input),
            Self::Name => sanitizer.sanitize_name(input),
            Self::Path => sanitizer.sanitize_path(input),
            Self::Text => sanitizer.sanitize_text(input),
        }
    }
}

/// All lines of all data files, with file name and line number.
fn cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let place = format!("{name}:{}", number + 1);
            let case = serde_json::from_str(line).map_err(|error| format!("{place}: {error}")).unwrap();
            cases.push((place, case));
        }
    }
    cases
}

#[test]
fn every_labelled_value_gets_its_verdict() {
    let cases = cases();
    assert!(cases.len() >= 1_000, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for (place, case) in &cases {
        let input = case.input.bytes();
        let result = case.kind.sanitize(&input);
        if !case.expected.holds(&result) {
            let shown = String::from_utf8_lossy(&input);
            wrong.push(format!("{place}: {:?} {:?} ({}): {:?}", case.kind, shown, case.why, result));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
