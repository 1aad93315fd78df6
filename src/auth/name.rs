//! Names of people, which are whatever people say they are: any script, apostrophes, hyphens, "Null".

use portcullis_layers::sanitize::{FindingKind, InputSanitizer, Limit, SanitizationResult};

/// Longest name in code points.
pub const MAX_LENGTH: usize = 100;

/// Longest name in bytes of UTF-8.
pub const MAX_BYTES: usize = 400;

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
    /// It holds what templates run, such as `{{`.
    #[error("must not contain template expressions")]
    Template,
    /// It holds a part of an SQL query or script. Over HTTP the layer refuses it before.
    #[error("must not contain code")]
    Malicious,
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
            Self::Template => "template",
            Self::Malicious => "malicious_input",
        }
    }

    /// Why the sanitiser refuses a name, or ours for one that it would clean: a form that sends control characters is not a person typing.
    fn of(result: &SanitizationResult<'_>) -> Option<Self> {
        let control = |kind| matches!(kind, FindingKind::ControlCharacter | FindingKind::NullByte);
        if result.rejected_patterns.iter().any(|found| control(found.kind)) {
            return Some(Self::ControlCharacter);
        }
        let fault = match result.errors.first()?.code {
            "required" => Self::Required,
            "too_long" => Self::TooLong,
            "markup" => Self::Markup,
            "template" => Self::Template,
            _ => Self::Malicious,
        };
        Some(fault)
    }
}

/// Cleans a name as [`InputSanitizer::sanitize_name`] does: runs of white space become one space, marks that only steer the display are
/// removed, and the rest is brought to NFC, except for characters that NFC would replace by another one.
///
/// # Errors
/// The first fault found.
pub fn parse_name(input: &str) -> Result<String, NameFault> {
    let result = InputSanitizer::new().name_limit(Limit::new(MAX_LENGTH, MAX_BYTES)).sanitize_name(input);
    match NameFault::of(&result) {
        Some(fault) => Err(fault),
        None => Ok(result.value.into_owned()),
    }
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
            ("{{7*7}}", "template"),
            ("' or 1=1--", "malicious_input"),
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
