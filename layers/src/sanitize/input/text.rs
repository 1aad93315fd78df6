//! Free text.

use std::borrow::Cow;

use super::clean::{Profile, clean, read};
use super::inspect::inspect;
use super::limits::Limit;
use super::result::SanitizationResult;
use super::unicode::compose;
use super::verdict::Verdict;
use crate::sanitize::detect::Strictness;

pub(super) fn sanitize(input: &[u8], limit: Limit) -> SanitizationResult<'_> {
    let mut verdict = Verdict::new();
    if input.len() > limit.input_bytes() {
        verdict.too_long(0..input.len(), limit);
        return verdict.finish(input, Cow::Borrowed(""));
    }
    let raw = read(input, &mut verdict);
    let mut form = raw.clone();
    clean(&mut form, Profile::Text, &mut verdict);
    form.rewrite(compose);
    if !limit.holds(&form.text) {
        verdict.too_long(0..input.len(), limit);
    }
    inspect(&raw, &form, Strictness::Text, &mut verdict);
    verdict.finish(input, form.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sanitize::finding::FindingKind;

    fn text(input: &[u8]) -> SanitizationResult<'_> {
        sanitize(input, Limit::new(100, 400))
    }

    #[test]
    fn ordinary_text_passes_untouched() {
        for input in ["", "a\tb\r\nc", "¯\\_(ツ)_/¯", "👩\u{200d}💻 ❤\u{fe0f}", "100% of \u{fffd}", "שלום\u{200f}!"]
        {
            let result = text(input.as_bytes());
            assert!(result.accepted && !result.modified && result.rejected_patterns.is_empty(), "{result:?}");
            assert!(matches!(result.value, Cow::Borrowed(_)));
        }
    }

    #[test]
    fn control_characters_are_taken_out_and_named() {
        let result = text(b"Jane\x01\x02 Doe\x1b");
        assert_eq!(result.value, "Jane Doe");
        assert!(result.accepted && result.modified);
        let places: Vec<_> =
            result.rejected_patterns.iter().map(|found| (found.kind, found.start, found.end)).collect();
        assert_eq!(places, [(FindingKind::ControlCharacter, 4, 6), (FindingKind::ControlCharacter, 10, 11)]);
    }

    #[test]
    fn nul_and_broken_utf_8_refuse_the_text() {
        for (input, code, kind, start) in [
            (&b"a\0b"[..], "null_byte", FindingKind::NullByte, 1),
            (b"ab\xc0\xaf", "invalid_utf8", FindingKind::InvalidUtf8, 2),
            (b"\xed\xa0\x80", "invalid_utf8", FindingKind::InvalidUtf8, 0),
        ] {
            let result = text(input);
            assert!(!result.accepted);
            assert_eq!(result.errors[0].code, code);
            assert_eq!((result.rejected_patterns[0].kind, result.rejected_patterns[0].start), (kind, start));
        }
    }

    #[test]
    fn the_length_bound_is_inclusive() {
        for (input, fits) in
            [("ä".repeat(100), true), ("ä".repeat(101), false), ("🦀".repeat(100), true), ("x".repeat(2_000), false)]
        {
            assert_eq!(text(input.as_bytes()).accepted, fits, "{} bytes", input.len());
        }
    }
}
