//! Names of people, which are whatever people say they are: any script, apostrophes, hyphens, "Null".

use std::borrow::Cow;

use super::clean::{Profile, clean, read};
use super::form::Form;
use super::inspect::inspect;
use super::limits::Limit;
use super::offsets::{Rewriter, Rewritten};
use super::result::SanitizationResult;
use super::unicode::{compose_name, drop_stray_joiners, is_blank};
use super::verdict::Verdict;
use crate::sanitize::detect::Strictness;
use crate::sanitize::finding::FindingKind;

/// What opens an expression in the template languages at large. No name has it.
const TEMPLATES: [&str; 5] = ["{{", "${", "#{", "{%", "<%"];

pub(super) fn sanitize(input: &[u8], limit: Limit) -> SanitizationResult<'_> {
    let mut verdict = Verdict::new();
    if input.len() > limit.input_bytes() {
        verdict.too_long(0..input.len(), limit);
        return verdict.finish(input, Cow::Borrowed(""));
    }
    let raw = read(input, &mut verdict);
    let mut form = raw.clone();
    clean(&mut form, Profile::Name, &mut verdict);
    drop_joiners(&mut form, &mut verdict);
    form.rewrite(collapse_white_space);
    form.rewrite(compose_name);
    if is_blank(&form.text) {
        verdict.refuse("required", "is required");
    } else if !limit.holds(&form.text) {
        verdict.too_long(0..input.len(), limit);
    }
    refuse_markup(&form, &mut verdict);
    inspect(&raw, &form, Strictness::Strict, &mut verdict);
    verdict.finish(input, form.text)
}

fn drop_joiners(form: &mut Form<'_>, verdict: &mut Verdict) {
    let dropped = drop_stray_joiners(&form.text, |place| {
        verdict.note(FindingKind::Unicode, form.to_input(place), "joiner that joins no letters");
    });
    if let Some(dropped) = dropped {
        form.apply(dropped);
    }
}

/// Runs of white space become one space, and go at both ends.
fn collapse_white_space(text: &str) -> Option<Rewritten> {
    let mut rewriter = Rewriter::new(text);
    let mut at = 0;
    while let Some(found) = text[at..].find(char::is_whitespace) {
        let start = at + found;
        at = text.len() - text[start..].trim_start().len();
        if start == 0 || at == text.len() {
            rewriter.remove(start..at);
        } else if &text[start..at] != " " {
            rewriter.replace(start..at, " ");
        }
    }
    rewriter.finish()
}

fn refuse_markup(form: &Form<'_>, verdict: &mut Verdict) {
    if let Some(at) = form.text.find(['<', '>']) {
        let place = form.to_input(at..at + 1);
        verdict.reject(FindingKind::Format, place, "markup in a name", "markup", "must not contain < or >");
    }
    if !form.text.contains(['{', '%']) {
        return;
    }
    for template in TEMPLATES {
        if let Some(at) = form.text.find(template) {
            let place = form.to_input(at..at + template.len());
            verdict.reject(
                FindingKind::Format,
                place,
                "template expression in a name",
                "template",
                "must not contain template expressions",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(input: &str) -> SanitizationResult<'_> {
        sanitize(input.as_bytes(), Limit::new(100, 400))
    }

    #[test]
    fn names_of_people_pass_untouched() {
        for input in [
            "O'Brien",
            "Null",
            "Union",
            "Select",
            "Nguyễn",
            "Ƶoë",
            "神\u{fa19}谷",
            "辻\u{e0100}",
            "می\u{200c}خواهم",
            "ד\"ר",
            "(पाण्डे)",
        ] {
            let result = name(input);
            assert!(result.accepted && !result.modified && result.rejected_patterns.is_empty(), "{result:?}");
            assert!(matches!(result.value, Cow::Borrowed(_)));
        }
    }

    #[test]
    fn white_space_collapses_and_letters_compose() {
        for (input, expected) in [
            ("  Ada   Lovelace ", "Ada Lovelace"),
            (" Ada", "Ada"),
            ("Ada ", "Ada"),
            ("Ada\u{a0}\u{2003}Lovelace", "Ada Lovelace"),
            ("Zoe\u{308}", "Zoë"),
            ("\u{202e}adA\u{202c}", "adA"),
            ("A\u{200b}da\u{feff}", "Ada"),
            ("\u{200c} \u{200c}Ada", "Ada"),
            ("Ada\r\nBcc: eve", "Ada Bcc: eve"),
        ] {
            let result = name(input);
            assert_eq!(result.value, expected, "{input:?}");
            assert!(result.accepted && result.modified, "{result:?}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_code() {
        for (input, code) in [
            ("", "required"),
            (" \u{200b}\u{202e} ", "required"),
            ("\u{3164}", "required"),
            ("Ada\0", "null_byte"),
            ("<b>Ada</b>", "markup"),
            ("a > b", "markup"),
            ("{{7*7}}", "template"),
            (&"x".repeat(101), "too_long"),
            (&"\u{200b}".repeat(2_000), "too_long"),
        ] {
            let result = name(input);
            assert!(result.errors.iter().any(|error| error.code == code), "{result:?}");
        }
    }
}
