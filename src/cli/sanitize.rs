//! `portcullis sanitize`: what the sanitiser makes of somebody's own data.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead, BufWriter, ErrorKind, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use portcullis_layers::sanitize::{InputSanitizer, SanitizationResult};
use serde::de::{Deserializer, IgnoredAny, Visitor};
use serde::{Deserialize, Serialize};

use crate::setup::Failure;

/// Longest line that is read, in bytes. What is longer is refused by every kind, so its end is read past.
const MAX_LINE: u64 = 4 * 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What the lines are.
    #[arg(long)]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// E-mail addresses: their form, which decides what an account may have.
    Email,
    /// E-mail addresses, searched for attacks and disguises as well, as the service does with those in requests.
    EmailAdvanced,
    /// Names of people.
    Name,
    /// Free text.
    Text,
    /// Relative paths.
    Path,
}

impl Kind {
    fn sanitize(self, value: &[u8]) -> SanitizationResult<'_> {
        let sanitizer = InputSanitizer::new();
        match self {
            Self::Email => sanitizer.sanitize_email(value),
            Self::EmailAdvanced => sanitizer.sanitize_email_advanced(value),
            Self::Name => sanitizer.sanitize_name(value),
            Self::Text => sanitizer.sanitize_text(value),
            Self::Path => sanitizer.sanitize_path(value),
        }
    }
}

/// Reads values from standard input and prints one result a line, in order, as JSON. A line is `{"value": "…"}`, or
/// `{"b64": "…"}` for bytes that are no text, or else the value itself. A line that is one of the first two and cannot be
/// read gets a result as well, with the error `invalid_line`.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match sanitize_lines(arguments.kind, io::stdin().lock(), io::stdout().lock()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done.map_err(StreamError)?),
    }
}

fn sanitize_lines(kind: Kind, input: impl Read, output: impl Write) -> io::Result<()> {
    let mut input = io::BufReader::with_capacity(64 * 1024, input);
    let mut output = BufWriter::with_capacity(64 * 1024, output);
    let mut line = Vec::new();
    while read_line(&mut input, &mut line)? {
        match Line::parse(&line) {
            Line::Raw(value) => serde_json::to_writer(&mut output, &kind.sanitize(value)),
            Line::Decoded(value) => serde_json::to_writer(&mut output, &kind.sanitize(&value)),
            Line::Unreadable(message) => serde_json::to_writer(&mut output, &Unreadable::new(message)),
        }?;
        output.write_all(b"\n")?;
        // Somebody who types lines wants to see each answer.
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    output.flush()
}

/// Reads a line without its end. `false` at the end of the input.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    if input.by_ref().take(MAX_LINE).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        line.pop_if(|last| *last == b'\r');
    } else {
        input.skip_until(b'\n')?;
    }
    Ok(true)
}

/// What stands on a line.
#[derive(Debug, PartialEq)]
enum Line<'a> {
    Raw(&'a [u8]),
    Decoded(Vec<u8>),
    /// Means to be JSON or base64 and is not; the reason.
    Unreadable(&'static str),
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Self {
        if line.trim_ascii_start().first() != Some(&b'{') {
            return Self::Raw(line);
        }
        match serde_json::from_slice(line) {
            Ok(Object { value: Some(Value(value)), b64: None }) => Self::Decoded(value),
            Ok(Object { value: None, b64: Some(encoded) }) => {
                STANDARD.decode(encoded).map_or(Self::Unreadable("must be base64"), Self::Decoded)
            }
            _ if is_meant(line) => Self::Unreadable("must be one string, `value` or `b64`"),
            _ => Self::Raw(line),
        }
    }
}

/// Whether the line is a JSON object with a member that this command reads.
fn is_meant(line: &[u8]) -> bool {
    let members: HashMap<String, IgnoredAny> = serde_json::from_slice(line).unwrap_or_default();
    members.contains_key("value") || members.contains_key("b64")
}

/// The result for a line that holds no value: the same members as any other.
#[derive(Serialize)]
struct Unreadable {
    value: &'static str,
    modified: bool,
    accepted: bool,
    risk: &'static str,
    rejected_patterns: [(); 0],
    errors: [LineError; 1],
}

#[derive(Serialize)]
struct LineError {
    code: &'static str,
    message: &'static str,
}

impl Unreadable {
    const fn new(message: &'static str) -> Self {
        let errors = [LineError { code: "invalid_line", message }];
        Self { value: "", modified: false, accepted: false, risk: "low", rejected_patterns: [], errors }
    }
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    value: Option<Value>,
    #[serde(default)]
    b64: Option<String>,
}

/// A JSON string as bytes: one with a lone surrogate is no UTF-8, which is for the sanitiser to say.
struct Value(Vec<u8>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        deserializer.deserialize_bytes(Bytes).map(Self)
    }
}

/// Why the lines end early.
#[derive(Debug, thiserror::Error)]
#[error("standard input or output fails")]
struct StreamError(#[source] io::Error);

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(kind: Kind, input: &[u8]) -> Vec<serde_json::Value> {
        let mut output = Vec::new();
        sanitize_lines(kind, input, &mut output).unwrap();
        output
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    #[test]
    fn every_line_gets_its_result_in_order() {
        let input = b"Ada\r\n{\"value\": \"Zo\\u00eb\", \"id\": 7}\n{\"b64\": \"/w==\"}\n\n{\"name\": 1}";
        let results = lines(Kind::Text, input);
        let values: Vec<_> = results.iter().map(|result| result["value"].as_str().unwrap()).collect();
        assert_eq!(values, ["Ada", "Zoë", "\u{fffd}", "", "{\"name\": 1}"]);
        assert_eq!(results[2]["errors"][0]["code"], "invalid_utf8");
    }

    #[test]
    fn a_result_has_the_promised_members() {
        let mut output = Vec::new();
        sanitize_lines(Kind::Email, &b"Ada@EXAMPLE.org\nada\n"[..], &mut output).unwrap();
        assert_eq!(
            String::from_utf8(output).unwrap(),
            concat!(
                r#"{"value":"Ada@example.org","modified":true,"accepted":true,"risk":"none","rejected_patterns":[],"errors":[]}"#,
                "\n",
                r#"{"value":"ada","modified":false,"accepted":false,"risk":"low","#,
                r#""rejected_patterns":[{"kind":"format","start":0,"end":3,"why":"no @"}],"#,
                r#""errors":[{"code":"missing_at","message":"must have the form name@example.org"}]}"#,
                "\n",
            )
        );
    }

    #[test]
    fn a_lone_surrogate_is_not_utf_8() {
        let results = lines(Kind::Text, br#"{"value": "\ud800"}"#);
        assert_eq!(results[0]["errors"][0]["code"], "invalid_utf8");
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_and_the_next_is_read() {
        let mut input = vec![b'x'; usize::try_from(MAX_LINE).unwrap() + 10];
        input.extend_from_slice(b"\nAda\n");
        let results = lines(Kind::Text, &input);
        assert_eq!(results[0]["errors"][0]["code"], "too_long");
        assert_eq!(results[1]["value"], "Ada");
        assert_eq!(results.len(), 2);
    }

    #[test]
    fn a_line_that_cannot_be_read_gets_its_result_and_the_next_is_read() {
        for line in [
            r#"{"b64": "@"}"#,
            r#"{"value": 7}"#,
            r#"{"value": null}"#,
            r#"{"value": "a", "b64": "YQ=="}"#,
            r#"{"b64": []}"#,
        ] {
            let results = lines(Kind::Text, format!("{line}\nAda").as_bytes());
            assert_eq!(results[0]["errors"][0]["code"], "invalid_line", "{line}");
            assert_eq!((&results[0]["accepted"], &results[0]["value"]), (&false.into(), &"".into()), "{line}");
            assert_eq!(results[1]["value"], "Ada", "{line}");
        }
    }

    #[test]
    fn a_line_that_only_begins_as_json_is_a_value() {
        let results = lines(Kind::Text, b"{value}\n{\"value\": \"a\"\n{}\n");
        let values: Vec<_> = results.iter().map(|result| result["value"].as_str().unwrap()).collect();
        assert_eq!(values, ["{value}", "{\"value\": \"a\"", "{}"]);
    }

    #[test]
    fn an_address_is_searched_for_attacks_when_asked_to() {
        let address = "аdа@example.org".as_bytes();
        assert_eq!(lines(Kind::Email, address)[0]["accepted"], true);
        assert_eq!(lines(Kind::EmailAdvanced, address)[0]["accepted"], false);
    }
}
