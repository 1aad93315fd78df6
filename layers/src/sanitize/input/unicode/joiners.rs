//! Zero-width joiners and non-joiners in names: needed by many scripts, invisible noise elsewhere.

use std::ops::Range;

use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

use crate::sanitize::input::offsets::{Rewriter, Rewritten};

/// Canonical combining class of a virama, the sign that joins two consonants in the scripts of India.
const VIRAMA: u8 = 9;

/// Leaves out the joiners (U+200C, U+200D) that shape no letter, and reports each to `dropped`.
///
/// The rule of RFC 5892 appendix A.1 and A.2, widened to what names are written with. A joiner stays
/// 1. after a virama (Sinhala, Nepali, and the end of a Malayalam word),
/// 2. between two letters that are not ASCII (Persian, Bengali),
/// 3. after an Arabic letter that would join the next one (Kurdish ە is typed as ه and U+200C, also at the end of a word).
///
/// The order of the marks on a letter does not matter, since normalisation may change it.
pub(in crate::sanitize::input) fn drop_stray_joiners(
    text: &str,
    mut dropped: impl FnMut(Range<usize>),
) -> Option<Rewritten> {
    if text.is_ascii() {
        return None;
    }
    let mut rewriter = Rewriter::new(text);
    let mut before = Before::default();
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let stays = !matches!(c, '\u{200c}' | '\u{200d}') || before.takes_joiner(rest.peek().map(|&(_, next)| next));
        if stays {
            before.push(c);
        } else {
            let place = at..at + c.len_utf8();
            rewriter.remove(place.clone());
            dropped(place);
        }
    }
    rewriter.finish()
}

/// What stands before a character.
#[derive(Default)]
struct Before {
    last: Option<char>,
    /// The last character that is not a mark on another.
    base: Option<char>,
    /// Whether one of the marks on the base is a virama.
    virama: bool,
}

impl Before {
    fn push(&mut self, c: char) {
        let class = canonical_combining_class(c);
        if class == 0 {
            self.base = Some(c);
            self.virama = false;
        }
        self.virama |= class == VIRAMA;
        self.last = Some(c);
    }

    fn takes_joiner(&self, next: Option<char>) -> bool {
        self.virama
            || self.last.is_some_and(is_letter) && next.is_some_and(is_letter)
            || self.base.is_some_and(joins_onwards)
    }
}

fn is_letter(c: char) -> bool {
    !c.is_ascii() && (c.is_alphabetic() || is_combining_mark(c))
}

/// Arabic letters of `Joining_Type` D (Unicode Character Database), in the blocks that names are written in: all but those that have no
/// form joined to the left, such as alef, dal, reh and waw.
const fn joins_onwards(c: char) -> bool {
    matches!(c, '\u{620}' | '\u{626}' | '\u{628}' | '\u{62a}'..='\u{62e}' | '\u{633}'..='\u{63f}' | '\u{641}'..='\u{647}'
        | '\u{649}'..='\u{64a}' | '\u{66e}'..='\u{66f}' | '\u{678}'..='\u{687}' | '\u{69a}'..='\u{6bf}' | '\u{6c1}'..='\u{6c2}'
        | '\u{6cc}' | '\u{6ce}' | '\u{6d0}'..='\u{6d1}' | '\u{6fa}'..='\u{6fc}' | '\u{6ff}' | '\u{750}'..='\u{758}'
        | '\u{75c}'..='\u{76a}' | '\u{76d}'..='\u{770}' | '\u{772}'..='\u{777}' | '\u{77a}'..='\u{77f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> String {
        drop_stray_joiners(text, drop).map_or_else(|| text.to_owned(), |new| new.text)
    }

    #[test]
    fn joiners_that_shape_letters_stay() {
        for name in [
            "می\u{200c}خواهم",
            "گه\u{200c}رده\u{200c}",
            "ශ\u{dca}\u{200d}රී",
            "അനില\u{d4d}\u{200d}",
            "র\u{200d}\u{9cd}যাব",
            "लक्\u{200d}ष्मी",
            "ड\u{200c}ंगोल",
            "آزاد\u{200c}مهر",
        ] {
            assert_eq!(kept(name), name);
        }
    }

    #[test]
    fn joiners_that_shape_nothing_go() {
        for (name, expected) in [
            ("Ad\u{200d}a", "Ada"),
            ("\u{200d}محمد\u{200c}", "محمد"),
            ("\u{200c} \u{200c}Ada", " Ada"),
            ("می\u{200c}\u{200c}خواهم", "می\u{200c}خواهم"),
            ("Ada\u{200c}", "Ada"),
        ] {
            assert_eq!(kept(name), expected, "{name:?}");
        }
    }
}
