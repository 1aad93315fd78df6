//! Normalisation form C, remembering what came from where.

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::sanitize::input::offsets::{Rewriter, Rewritten};

/// NFC; `None` if the text is in it already.
pub(in crate::sanitize::input) fn compose(text: &str) -> Option<Rewritten> {
    compose_with(text, |_| false)
}

/// NFC, sparing the characters that NFC maps to others even when they stand alone: the 神 (U+FA19) of a Japanese family is not the 神 of
/// its neighbours. `None` if that changes nothing.
pub(in crate::sanitize::input) fn compose_name(text: &str) -> Option<Rewritten> {
    compose_with(text, |c| is_nfc_quick(std::iter::once(c)) == IsNormalized::No)
}

/// Composes stretch by stretch. A stretch begins at a character that never changes with what stands before it, so that composing each
/// alone is composing all; a spared character is a stretch of its own.
fn compose_with(text: &str, spared: impl Fn(char) -> bool) -> Option<Rewritten> {
    if text.is_ascii() || text.chars().all(is_inert) || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return None;
    }
    let mut rewriter = Rewriter::new(text);
    let mut stretch = 0;
    for (at, c) in text.char_indices() {
        if spared(c) {
            compose_stretch(&mut rewriter, text, stretch, at);
            stretch = at + c.len_utf8();
        } else if c.is_ascii() || begins_stretch(c) {
            compose_stretch(&mut rewriter, text, stretch, at);
            stretch = at;
        }
    }
    compose_stretch(&mut rewriter, text, stretch, text.len());
    rewriter.finish()
}

/// Common letters that are in NFC whatever stands around them, known without a look into the tables.
const fn is_inert(c: char) -> bool {
    matches!(c, '\0'..='\u{2ff}' | '\u{388}'..='\u{482}' | '\u{48a}'..='\u{52f}' | '\u{5d0}'..='\u{5ea}' | '\u{620}'..='\u{64a}'
        | '\u{905}'..='\u{93b}' | '\u{93d}'..='\u{94c}' | '\u{e01}'..='\u{e37}' | '\u{2010}'..='\u{2027}' | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

fn begins_stretch(c: char) -> bool {
    canonical_combining_class(c) == 0 && is_nfc_quick(std::iter::once(c)) == IsNormalized::Yes
}

fn compose_stretch(rewriter: &mut Rewriter<'_>, text: &str, start: usize, end: usize) {
    let stretch = text.get(start..end).unwrap_or_default();
    if is_nfc_quick(stretch.chars()) != IsNormalized::Yes && !stretch.nfc().eq(stretch.chars()) {
        rewriter.replace(start..end, &stretch.nfc().collect::<String>());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_compose_and_places_are_kept() {
        let new = compose("Zoe\u{308} Nguye\u{302}\u{303}n").unwrap();
        assert_eq!(new.text, "Zoë Nguyễn");
        assert_eq!(new.map.to_input(2..4), 2..5);
        assert_eq!(new.map.to_input(5..6), 6..7);
        assert!(compose("Zoë 神").is_none());
    }

    #[test]
    fn a_name_keeps_the_characters_that_are_its_own() {
        assert_eq!(compose("神\u{fa19}").unwrap().text, "神神");
        assert!(compose_name("神\u{fa19}").is_none());
        assert_eq!(compose_name("\u{fa19}e\u{301}").unwrap().text, "\u{fa19}é");
    }

    #[test]
    fn inert_characters_never_change() {
        for c in (0..=0x0010_ffff).filter_map(char::from_u32).filter(|&c| is_inert(c)) {
            assert!(begins_stretch(c), "{:x}", c as u32);
        }
    }

    proptest! {
        #[test]
        fn composing_in_stretches_is_composing(text in "(\\PC|[a-e\u{300}-\u{315}\u{1100}-\u{1110}\u{1161}-\u{1170}\u{11a8}-\u{11b0}\u{93c}\u{958}])*") {
            let composed = compose(&text).map_or_else(|| text.clone(), |new| new.text);
            prop_assert_eq!(composed, text.nfc().collect::<String>());
        }
    }
}
