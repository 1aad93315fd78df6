//! `portcullis sanitize`: what the sanitiser makes of somebody's own data.

use std::fmt;
use std::io::{self, BufRead, BufWriter, ErrorKind, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use portcullis_layers::sanitize::{FieldKind, InputSanitizer};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

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
    /// E-mail addresses.
    Email,
    /// Names of people.
    Name,
    /// Free text.
    Text,
    /// Relative paths.
    Path,
}

impl From<Kind> for FieldKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Email => Self::Email,
            Kind::Name => Self::Name,
            Kind::Text => Self::Text,
            Kind::Path => Self::Path,
        }
    }
}

/// Reads values from standard input and prints one result a line, in order, as JSON. A line is `{"value": "…"}`, or
/// `{"b64": "…"}` for bytes that are no text, or else the value itself.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match sanitize_lines(arguments.kind.into(), io::stdin().lock(), io::stdout().lock()) {
        Err(LineError::Io(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

fn sanitize_lines(kind: FieldKind, input: impl Read, output: impl Write) -> Result<(), LineError> {
    let sanitizer = InputSanitizer::new();
    let mut input = io::BufReader::with_capacity(64 * 1024, input);
    let mut output = BufWriter::with_capacity(64 * 1024, output);
    let mut line = Vec::new();
    let mut number = 0;
    while read_line(&mut input, &mut line)? {
        number += 1;
        let value = Line::parse(&line).map_err(|_| LineError::Base64(number))?;
        let result = sanitizer.sanitize(kind, value.bytes());
        serde_json::to_writer(&mut output, &result).map_err(io::Error::from)?;
        output.write_all(b"\n")?;
        // Somebody who types lines wants to see each answer.
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    Ok(output.flush()?)
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
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, base64::DecodeError> {
        if line.trim_ascii_start().first() != Some(&b'{') {
            return Ok(Self::Raw(line));
        }
        match serde_json::from_slice(line) {
            Ok(Object { value: Some(Value(value)), b64: None }) => Ok(Self::Decoded(value)),
            Ok(Object { value: None, b64: Some(encoded) }) => STANDARD.decode(encoded).map(Self::Decoded),
            _ => Ok(Self::Raw(line)),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Raw(bytes) => bytes,
            Self::Decoded(bytes) => bytes,
        }
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
enum LineError {
    #[error("standard input or output fails")]
    Io(#[from] io::Error),
    #[error("line {0}: `b64` is not base64")]
    Base64(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(kind: FieldKind, input: &[u8]) -> Vec<serde_json::Value> {
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
        let results = lines(FieldKind::Text, input);
        let values: Vec<_> = results.iter().map(|result| result["value"].as_str().unwrap()).collect();
        assert_eq!(values, ["Ada", "Zoë", "\u{fffd}", "", "{\"name\": 1}"]);
        assert_eq!(results[2]["errors"][0]["code"], "invalid_utf8");
    }

    #[test]
    fn a_result_has_the_promised_members() {
        let mut output = Vec::new();
        sanitize_lines(FieldKind::Email, &b"Ada@EXAMPLE.org\nada\n"[..], &mut output).unwrap();
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
        let results = lines(FieldKind::Text, br#"{"value": "\ud800"}"#);
        assert_eq!(results[0]["errors"][0]["code"], "invalid_utf8");
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_and_the_next_is_read() {
        let mut input = vec![b'x'; usize::try_from(MAX_LINE).unwrap() + 10];
        input.extend_from_slice(b"\nAda\n");
        let results = lines(FieldKind::Text, &input);
        assert_eq!(results[0]["errors"][0]["code"], "too_long");
        assert_eq!(results[1]["value"], "Ada");
        assert_eq!(results.len(), 2);
    }

    #[test]
    fn the_line_of_bad_base64_is_named() {
        let error = sanitize_lines(FieldKind::Text, &b"a\n{\"b64\": \"@\"}\n"[..], Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "line 2: `b64` is not base64");
    }
}
