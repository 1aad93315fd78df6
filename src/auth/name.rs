//! Names of people, which are whatever people say they are: any script, apostrophes, hyphens, "Null".

use std::mem;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// Longest name in code points.
pub const MAX_LENGTH: usize = 100;

/// Longest name in bytes of UTF-8.
pub const MAX_BYTES: usize = 400;

/// Canonical combining class of a virama, the sign that joins two consonants in the scripts of India.
const VIRAMA: u8 = 9;

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// Why a text is no name. `Display` is the text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameFault {
    /// Nothing is left of it.
    #[error("is required")]
    Required,
    /// More than [`MAX_LENGTH`] code points or [`MAX_BYTES`].
    #[error("must have at most {MAX_LENGTH} characters")]
    TooLong,
    /// It holds a line break, a NUL or another control character, which could reach a mail header or a terminal.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// It holds `<` or `>`, which belong to markup and to no name.
    #[error("must not contain < or >")]
    Markup,
}

impl NameFault {
    /// The stable code for clients.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::TooLong => "too_long",
            Self::ControlCharacter => "control_character",
            Self::Markup => "markup",
        }
    }
}

/// Cleans a name: runs of white space become one space, marks that only steer the display are removed, and the rest is
/// brought to NFC, except for characters that NFC would replace by another one: the 神 (U+FA19) of a Japanese family is
/// not the 神 of its neighbours.
///
/// # Errors
/// The first fault found.
pub fn parse_name(input: &str) -> Result<String, NameFault> {
    // Cleaning shrinks and grows a text by small factors only; far longer input is not worth the work.
    if input.len() > 4 * MAX_BYTES {
        return Err(NameFault::TooLong);
    }
    if input.chars().any(char::is_control) {
        return Err(NameFault::ControlCharacter);
    }
    if input.contains(['<', '>']) {
        return Err(NameFault::Markup);
    }
    let visible: String = input.chars().filter(|&c| !steers_display(c)).collect();
    let words: Vec<String> = visible.split_whitespace().map(keep_needed_joiners).filter(|w| !w.is_empty()).collect();
    let name = compose(&words.join(" "));
    if name.is_empty() {
        Err(NameFault::Required)
    } else if name.len() > MAX_BYTES || name.chars().count() > MAX_LENGTH {
        Err(NameFault::TooLong)
    } else {
        Ok(name)
    }
}

/// Characters without a picture that change how their neighbours are shown or compared: soft hyphen, zero-width space,
/// direction marks, overrides and isolates, word joiners, tags.
fn steers_display(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Keeps a joiner where it shapes letters, and drops it elsewhere: after a virama (Sinhala, and at the end of a
/// Malayalam word), or between two letters (Persian). The rule of RFC 5892 appendix A.1 without its table of scripts.
fn keep_needed_joiners(word: &str) -> String {
    let mut kept = String::with_capacity(word.len());
    let mut rest = word.chars().peekable();
    while let Some(c) = rest.next() {
        if matches!(c, ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER) {
            let before = kept.chars().next_back();
            let after_virama = before.is_some_and(|c| canonical_combining_class(c) == VIRAMA);
            let between_letters = before.is_some_and(is_letter) && rest.peek().copied().is_some_and(is_letter);
            if !(after_virama || between_letters) {
                continue;
            }
        }
        kept.push(c);
    }
    kept
}

fn is_letter(c: char) -> bool {
    !c.is_ascii() && (c.is_alphabetic() || is_combining_mark(c))
}

/// NFC, sparing the characters that NFC maps to another one when they stand alone.
fn compose(text: &str) -> String {
    let mut composed = String::with_capacity(text.len());
    let mut pending = String::new();
    for c in text.chars() {
        if std::iter::once(c).nfc().eq(std::iter::once(c)) {
            pending.push(c);
        } else {
            composed.extend(mem::take(&mut pending).nfc());
            composed.push(c);
        }
    }
    composed.extend(pending.nfc());
    composed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_people_pass_unmodified() {
        for name in [
            "O'Brien",
            "O’Brien",
            "D'Souza",
            "Jean-Luc",
            "Null",
            "Union",
            "Select",
            "True",
            "Nguyễn",
            "Ƶoë",
            "Müller-Lüdenscheidt",
            "Mary Ann",
            "毛泽东",
            "神\u{fa19}谷",
            "辻\u{e0100}",
            "Μαρία",
            "Владимир",
            "محمد",
            "می\u{200c}خواهم",
            "ශ\u{dca}\u{200d}රී",
            "അനില\u{d4d}\u{200d}",
            "க்ஷ்மி",
            "X Æ A-12",
            "J.",
            "Ng",
            "ʻOkina",
            "Sammy Davis, Jr.",
            "Robert'); DROP TABLE",
        ] {
            assert_eq!(parse_name(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn white_space_collapses_and_letters_compose() {
        for (input, expected) in [
            ("  Ada   Lovelace ", "Ada Lovelace"),
            ("Ada\u{a0}\u{2003}Lovelace", "Ada Lovelace"),
            ("Zoe\u{308}", "Zoë"),
            ("Nguye\u{302}\u{303}n", "Nguyễn"),
            ("\u{202e}adA\u{202c}", "adA"),
            ("A\u{200b}da\u{feff}", "Ada"),
            ("Ad\u{200d}a", "Ada"),
            ("\u{200d}محمد\u{200c}", "محمد"),
            ("\u{200c} \u{200c}Ada", "Ada"),
            ("👩\u{200d}💻", "👩💻"),
        ] {
            assert_eq!(parse_name(input).as_deref(), Ok(expected), "{input:?}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_code() {
        for (input, expected) in [
            ("", "required"),
            ("   ", "required"),
            ("\u{200b}\u{202e}", "required"),
            ("\u{200d}", "required"),
            ("Ada\0", "control_character"),
            ("Ada\r\nBcc: eve@example.org", "control_character"),
            ("Ada\tL", "control_character"),
            ("Ada\u{85}", "control_character"),
            ("Ada\u{1b}[31m", "control_character"),
            ("<b>Ada</b>", "markup"),
            ("<script>alert(1)</script>", "markup"),
            ("a > b", "markup"),
            (&"x".repeat(101), "too_long"),
            (&"\u{200b}".repeat(2_000), "too_long"),
        ] {
            assert_eq!(parse_name(input).map_err(NameFault::code), Err(expected), "{input:?}");
        }
    }

    #[test]
    fn the_bounds_are_inclusive() {
        for (input, fits) in
            [("x".repeat(100), true), ("🦀".repeat(100), true), ("🦀".repeat(101), false), ("毛".repeat(100), true)]
        {
            assert_eq!(parse_name(&input).is_ok(), fits, "{} bytes", input.len());
        }
    }

    proptest! {
        #[test]
        fn a_clean_name_is_clean(input in any::<String>()) {
            if let Ok(name) = parse_name(&input) {
                prop_assert_eq!(parse_name(&name), Ok(name));
            }
        }
    }
}
