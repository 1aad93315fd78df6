//! Takes out the characters that belong in no text, or in no name.

use std::ops::Range;

use super::form::Form;
use super::offsets::{Rewriter, Rewritten, replace_invalid};
use super::unicode::{Oddity, begins_oddity, has_right_to_left};
use super::verdict::Verdict;
use crate::sanitize::finding::FindingKind;

/// Whose characters are taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// Free text keeps TAB, LF, CR and all that has to do with layout.
    Text,
    /// Names, where every break becomes a space.
    Name,
}

/// The input as text. Bytes that are not UTF-8 are reported, refuse the value, and are shown as U+FFFD.
pub(super) fn read<'a>(input: &'a [u8], verdict: &mut Verdict) -> Form<'a> {
    if let Ok(text) = std::str::from_utf8(input) {
        return Form::of(text);
    }
    let mut form = Form::of("");
    form.apply(replace_invalid(input, |place| {
        verdict.reject(FindingKind::InvalidUtf8, place, "not UTF-8", "invalid_utf8", "must be valid UTF-8");
    }));
    form
}

/// Takes out what the profile does not allow, and reports it. A NUL refuses the value, everything else is only cleaned.
pub(super) fn clean(form: &mut Form<'_>, profile: Profile, verdict: &mut Verdict) {
    let cleaned = without_oddities(&form.text, profile, |oddity, place| report(oddity, form.to_input(place), verdict));
    if let Some(cleaned) = cleaned {
        form.apply(cleaned);
    }
}

/// Reports a character that was taken out.
pub(super) fn report(oddity: Oddity, place: Range<usize>, verdict: &mut Verdict) {
    let (kind, why) = oddity.finding();
    verdict.note(kind, place, why);
    if oddity == Oddity::Null {
        verdict.refuse("null_byte", "must not contain U+0000");
    }
}

/// The text without any character that has to be taken out of a name, to show a value that was refused.
pub(super) fn showable(form: &mut Form<'_>) {
    form.rewrite(|text| without_oddities(text, Profile::Name, |_, _| ()));
}

fn without_oddities(text: &str, profile: Profile, mut removed: impl FnMut(Oddity, Range<usize>)) -> Option<Rewritten> {
    if is_plain(text.as_bytes(), profile) {
        return None;
    }
    let mut right_to_left = None;
    let mut rewriter = Rewriter::new(text);
    for (at, c) in text.char_indices() {
        let Some(oddity) = Oddity::of(c) else { continue };
        let before = || rewriter.last_before(at);
        let keep = match oddity {
            Oddity::Control => profile == Profile::Text && matches!(c, '\t' | '\n' | '\r'),
            Oddity::DirectionMark => *right_to_left.get_or_insert_with(|| has_right_to_left(text)),
            Oddity::Layout => profile == Profile::Text,
            Oddity::MongolianSeparator => profile == Profile::Text || before().is_some_and(is_mongolian),
            Oddity::Tag => profile == Profile::Text && before().is_some_and(takes_tags),
            _ => false,
        };
        if !keep {
            let place = at..at + c.len_utf8();
            rewriter.replace(place.clone(), substitute(c, profile));
            removed(oddity, place);
        }
    }
    rewriter.finish()
}

/// What a break becomes, so that the words around it stay apart.
const fn substitute(c: char, profile: Profile) -> &'static str {
    match (c, profile) {
        ('\u{b}' | '\u{c}' | '\u{85}', Profile::Text) => "\n",
        ('\t'..='\r' | '\u{85}', Profile::Name) => " ",
        _ => "",
    }
}

/// Whether all bytes are printable ASCII, the breaks that the profile keeps, or of characters that are never odd. In blocks, for the vector
/// unit.
fn is_plain(bytes: &[u8], profile: Profile) -> bool {
    let breaks = profile == Profile::Text;
    bytes.chunks(64).all(|block| {
        block.iter().fold(true, |plain, &byte| {
            let kept = matches!(byte, b' '..=b'~') | (breaks & matches!(byte, b'\t' | b'\n' | b'\r'));
            plain & (kept | (!byte.is_ascii() & !begins_oddity(byte)))
        })
    })
}

/// A letter of the Mongolian block, or one of its variation selectors.
const fn is_mongolian(c: char) -> bool {
    matches!(c, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{1820}'..='\u{18aa}')
}

/// The black flag, or a tag behind it.
const fn takes_tags(c: char) -> bool {
    matches!(c, '\u{1f3f4}' | '\u{e0020}'..='\u{e007e}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str, profile: Profile) -> (String, usize) {
        let mut count = 0;
        let new = without_oddities(text, profile, |_, _| count += 1);
        (new.map_or_else(|| text.to_owned(), |new| new.text), count)
    }

    #[test]
    fn free_text_keeps_its_breaks_and_layout() {
        for text in [
            "a\tb\r\nc",
            "so\u{ad}lo\u{200b}",
            "\u{5d0}\u{200f}!",
            "🏴\u{e0067}\u{e0062}\u{e007f}",
            "👩\u{200d}💻",
            "a\u{2028}b",
        ] {
            assert_eq!(cleaned(text, Profile::Text), (text.to_owned(), 0));
        }
    }

    #[test]
    fn free_text_loses_what_hides_or_steers() {
        for (text, expected) in [
            ("a\u{1}b", "ab"),
            ("a\u{b}b\u{85}c", "a\nb\nc"),
            ("\u{202e}abc\u{202c}", "abc"),
            ("Jane\u{200e}Doe", "JaneDoe"),
            ("\u{feff}a\u{fffe}", "a"),
            ("a\u{e0041}", "a"),
            ("\u{2066}a\u{2069}", "a"),
        ] {
            assert_eq!(cleaned(text, Profile::Text).0, expected, "{text:?}");
        }
    }

    #[test]
    fn breaks_in_a_name_become_spaces() {
        assert_eq!(cleaned("Ada\r\nLovelace\u{7}", Profile::Name), ("Ada  Lovelace".to_owned(), 3));
    }

    #[test]
    fn a_mongolian_name_keeps_its_separator() {
        let name = "ᠮᠣᠩᠭᠣᠯ\u{180e}ᠠ";
        assert_eq!(cleaned(name, Profile::Name), (name.to_owned(), 0));
        assert_eq!(cleaned("A\u{180e}da", Profile::Name).0, "Ada");
    }
}
