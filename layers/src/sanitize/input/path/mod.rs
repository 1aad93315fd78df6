//! Relative paths inside a root.
//!
//! A path is accepted as it is or refused: a path that had to be changed would name another file. Only composition to NFC changes it.
//! What it becomes when it is decoded, once or again, must stay inside the root as well, on Unix and on Windows.

mod component;
mod decode;
mod lookalike;

use std::borrow::Cow;
use std::ops::Range;

use super::clean::{read, report, showable};
use super::form::Form;
use super::limits::Limit;
use super::result::SanitizationResult;
use super::unicode::{Oddity, compose, has_right_to_left};
use super::verdict::Verdict;
use crate::sanitize::finding::FindingKind;

/// A path that can still be decoded after so many times was encoded to get past somebody.
const ROUNDS: usize = 5;

/// Longest name of a file (`NAME_MAX` of most file systems).
const MAX_NAME_BYTES: usize = 255;

pub(super) fn sanitize(input: &[u8], limit: Limit) -> SanitizationResult<'_> {
    let mut verdict = Verdict::new();
    if input.len() > limit.input_bytes() {
        verdict.too_long(0..input.len(), limit);
        return verdict.finish(input, Cow::Borrowed(""));
    }
    let mut form = read(input, &mut verdict);
    form.rewrite(compose);
    if form.text.is_empty() {
        verdict.refuse("required", "is required");
    } else if !limit.holds(&form.text) {
        verdict.too_long(0..input.len(), limit);
    }
    refuse_oddities(&form, &mut verdict);
    refuse_escapes(&form, &mut verdict);
    refuse_long_names(&form, &mut verdict);
    if verdict.is_refused() {
        showable(&mut form);
    }
    verdict.finish(input, form.text)
}

/// Characters that belong in no file name, or disguise one.
fn refuse_oddities(form: &Form<'_>, verdict: &mut Verdict) {
    let text = &*form.text;
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return;
    }
    let mut right_to_left = None;
    for (at, c) in text.char_indices() {
        let Some(oddity) = Oddity::of(c) else { continue };
        let code = match oddity {
            Oddity::Layout | Oddity::MongolianSeparator => continue,
            Oddity::DirectionMark if *right_to_left.get_or_insert_with(|| has_right_to_left(text)) => continue,
            Oddity::Null => "null_byte",
            Oddity::Control => "control_character",
            _ => "unicode",
        };
        report(oddity, form.to_input(at..at + c.len_utf8()), verdict);
        verdict.refuse(code, "must not contain control or invisible characters");
    }
}

/// Looks at the path as it is and after every round of decoding.
fn refuse_escapes(form: &Form<'_>, verdict: &mut Verdict) {
    let mut form = form.share();
    for _ in 0..=ROUNDS {
        let mut folded = form.share();
        folded.rewrite(lookalike::fold);
        if let Some(escape) = component::find_escape(&folded.text) {
            return refuse_traversal(folded.to_input(escape.place), escape.why, verdict);
        }
        match decode::decode(&form.text) {
            Ok(None) => return,
            Ok(Some(decoded)) => form.apply(decoded),
            Err(decode::Fault::Overlong(place)) => {
                return refuse_traversal(form.to_input(place), "overlong UTF-8 in an escape", verdict);
            }
            Err(decode::Fault::Control(c, place)) => {
                if let Some(oddity) = Oddity::of(c) {
                    report(oddity, form.to_input(place), verdict);
                }
                return verdict.refuse("control_character", "must not contain control or invisible characters");
            }
        }
    }
    refuse_traversal(form.to_input(0..form.text.len()), "encoded again and again", verdict);
}

fn refuse_traversal(place: Range<usize>, why: &'static str, verdict: &mut Verdict) {
    verdict.reject(FindingKind::PathTraversal, place, why, "path_traversal", "must be a relative path inside its root");
}

fn refuse_long_names(form: &Form<'_>, verdict: &mut Verdict) {
    let mut start = 0;
    for name in form.text.split('/') {
        if name.len() > MAX_NAME_BYTES {
            verdict.note(
                FindingKind::Length,
                form.to_input(start..start + name.len()),
                "file name longer than 255 bytes",
            );
            verdict.refuse("too_long", "must have file names of at most 255 bytes");
        }
        start += name.len() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(input: &str) -> SanitizationResult<'_> {
        sanitize(input.as_bytes(), Limit::new(4095, 4095))
    }

    #[test]
    fn honest_paths_pass_untouched() {
        for input in [
            "report.pdf",
            "a/./b/c/",
            "..foo/a..b/...bar",
            "[...]/a .md",
            "Acme Inc./100% done.txt",
            "man3/Dpkg::Checksums.3perl.gz",
            "man3/B::Concise.3perl.gz",
            "aux.c",
            "dollar$",
            "１．はじめに.txt",
            "café/naïve résumé.doc",
            "@scope%2fname/index.js",
            "~$draft.docx",
            "a%20b.txt",
            "M%fcller.txt",
        ] {
            let result = path(input);
            assert!(result.accepted && !result.modified && result.rejected_patterns.is_empty(), "{result:?}");
            assert!(matches!(result.value, Cow::Borrowed(_)));
        }
    }

    #[test]
    fn a_path_that_leaves_its_root_in_any_disguise_is_refused() {
        for (input, place) in [
            ("../etc/passwd", 0..2),
            ("a/../../b", 2..4),
            ("a\\..\\b", 2..4),
            ("%2e%2e%2fetc", 0..6),
            ("a/%252e%252e/b", 2..12),
            ("%%32%65%%32%65/b", 0..14),
            ("..%c0%afetc", 2..5),
            ("..%u2215etc", 0..2),
            ("%uff0e%uff0e/b", 0..12),
            ("..%c0%qfetc", 2..5),
            ("..%bg%qfetc", 0..3),
            ("0x2e0x2e/b", 0..8),
            ("..2fetc", 0..4),
            ("..;/b", 0..2),
            ("file=../b", 5..7),
            (".../b", 0..3),
            (".. /b", 0..2),
            ("．．／b", 0..6),
            ("/etc/passwd", 0..1),
            ("\\\\server\\share", 0..1),
            ("c:\\windows", 0..2),
            ("file:///etc/passwd", 0..7),
            ("a.txt::$DATA", 6..8),
            ("nul", 0..3),
            ("logs/COM1 ", 5..9),
        ] {
            let result = path(input);
            let found = result.rejected_patterns.first().unwrap_or_else(|| panic!("{input}"));
            assert_eq!((found.kind, found.start..found.end), (FindingKind::PathTraversal, place), "{input}");
            assert!(!result.accepted);
        }
    }

    #[test]
    fn control_characters_refuse_a_path_plain_and_encoded() {
        for (input, kind) in [
            ("a\0.png", FindingKind::NullByte),
            ("a%00.png", FindingKind::NullByte),
            ("a%2500.png", FindingKind::NullByte),
            ("a\n", FindingKind::ControlCharacter),
            ("a%0d%0ab", FindingKind::ControlCharacter),
            ("exe\u{202e}gpj", FindingKind::Unicode),
        ] {
            let result = path(input);
            assert_eq!((result.rejected_patterns[0].kind, result.accepted), (kind, false), "{input:?}");
        }
    }

    #[test]
    fn a_path_that_is_encoded_without_end_is_refused() {
        assert!(!path(&format!("%{}2e", "25".repeat(20))).accepted);
    }

    #[test]
    fn long_names_are_refused() {
        assert!(path(&format!("a/{}", "x".repeat(255))).accepted);
        assert!(!path(&format!("a/{}", "x".repeat(256))).accepted);
        assert!(!path(&"x/".repeat(2_048)).accepted);
    }
}
