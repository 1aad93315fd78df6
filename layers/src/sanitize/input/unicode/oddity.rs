//! Characters without a picture of their own, by what they can do to a text.

use crate::sanitize::finding::FindingKind;

/// Why a character is not simply text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sanitize::input) enum Oddity {
    /// U+0000.
    Null,
    /// Another character of the general category Cc, TAB, LF and CR included.
    Control,
    /// A bidirectional embedding, override or isolate: text is shown in another order than it is stored.
    Direction,
    /// A mark that is invisible and has a direction (LRM, RLM, ALM): at home in right-to-left text only.
    DirectionMark,
    /// A byte order mark.
    ByteOrderMark,
    /// Deprecated format characters and interlinear annotations.
    Deprecated,
    /// A tag character, which spells ASCII invisibly. At home in the flags of England, Scotland and Wales only.
    Tag,
    /// A code point that is no character, for ever (Unicode Standard, section 23.7).
    Noncharacter,
    /// Soft hyphen, zero-width space, word joiner, invisible operators: a matter of layout, at home in free text.
    Layout,
    /// The Mongolian vowel separator, a letter's companion in Mongolian and nothing elsewhere.
    MongolianSeparator,
}

impl Oddity {
    /// What is odd about `c`, if anything.
    #[inline]
    pub(in crate::sanitize::input) const fn of(c: char) -> Option<Self> {
        // Nearly all text ends the search here, without a call.
        match c {
            ' '..='~'
            | '\u{a0}'..='\u{ac}'
            | '\u{ae}'..='\u{61b}'
            | '\u{61d}'..='\u{180d}'
            | '\u{2010}'..='\u{2029}'
            | '\u{2070}'..='\u{fdcf}' => None,
            _ => Self::classify(c),
        }
    }

    const fn classify(c: char) -> Option<Self> {
        Some(match c {
            '\0' => Self::Null,
            '\u{1}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Self::Control,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Self::Direction,
            '\u{61c}' | '\u{200e}' | '\u{200f}' => Self::DirectionMark,
            '\u{feff}' => Self::ByteOrderMark,
            '\u{206a}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' => Self::Deprecated,
            '\u{e0000}'..='\u{e007f}' => Self::Tag,
            '\u{fdd0}'..='\u{fdef}' => Self::Noncharacter,
            _ if c as u32 & 0xfffe == 0xfffe => Self::Noncharacter,
            '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2065}' => Self::Layout,
            '\u{180e}' => Self::MongolianSeparator,
            _ => return None,
        })
    }

    /// The kind and explanation under which it is reported.
    pub(in crate::sanitize::input) const fn finding(self) -> (FindingKind, &'static str) {
        match self {
            Self::Null => (FindingKind::NullByte, "U+0000"),
            Self::Control => (FindingKind::ControlCharacter, "control character"),
            Self::Direction => (FindingKind::Unicode, "bidirectional embedding, override or isolate"),
            Self::DirectionMark => (FindingKind::Unicode, "direction mark outside right-to-left text"),
            Self::ByteOrderMark => (FindingKind::Unicode, "byte order mark"),
            Self::Deprecated => (FindingKind::Unicode, "deprecated format character"),
            Self::Tag => (FindingKind::Unicode, "invisible tag character"),
            Self::Noncharacter => (FindingKind::Unicode, "code point that is no character"),
            Self::Layout => (FindingKind::Unicode, "invisible layout character"),
            Self::MongolianSeparator => (FindingKind::Unicode, "vowel separator outside Mongolian"),
        }
    }
}

/// Whether a character whose UTF-8 begins with `byte`, which is not ASCII, may be odd, a joiner or a variation selector. True of no letter
/// of Latin, Greek, Cyrillic, Hebrew, Chinese, Japanese or Korean.
pub(in crate::sanitize::input) const fn begins_oddity(byte: u8) -> bool {
    matches!(byte, 0xc2 | 0xd8 | 0xe1 | 0xe2 | 0xef | 0xf0..)
}

/// LRM, RLM or ALM.
const fn is_direction_mark(c: char) -> bool {
    matches!(Oddity::of(c), Some(Oddity::DirectionMark))
}

/// Whether a text has a letter of a script that runs from right to left (the blocks that `DerivedBidiClass` of the Unicode Character
/// Database reserves for R and AL).
pub(in crate::sanitize::input) fn has_right_to_left(text: &str) -> bool {
    text.chars().any(|c| {
        matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}'
            | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
            && !is_direction_mark(c)
    })
}

/// Whether a text shows nothing: white space, fillers, joiners, variation selectors.
pub(in crate::sanitize::input) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || Oddity::of(c).is_some()
            || matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200c}' | '\u{200d}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
                | '\u{e0100}'..='\u{e01ef}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_every_script_are_not_odd() {
        for text in ["O'Brien", "Nguyễn", "毛泽东", "محمد", "අනිල්", "ᠮᠣᠩᠭᠣᠯ", "👩‍💻", "a\u{a0}b\u{2028}\u{fffd}\u{e000}"]
        {
            assert_eq!(text.chars().find_map(Oddity::of), None, "{text}");
        }
    }

    #[test]
    fn every_control_and_every_noncharacter_is_odd() {
        for c in (0..=0x0010_ffff).filter_map(char::from_u32) {
            let noncharacter = matches!(c as u32, 0xfdd0..=0xfdef) || c as u32 % 0x1_0000 >= 0xfffe;
            assert_eq!(Oddity::of(c) == Some(Oddity::Noncharacter), noncharacter, "{:x}", c as u32);
            assert_eq!(matches!(Oddity::of(c), Some(Oddity::Null | Oddity::Control)), c.is_control(), "{:x}", c as u32);
        }
    }

    #[test]
    fn a_first_byte_tells_what_cannot_be_odd() {
        for c in ('\u{80}'..=char::MAX).filter(|&c| Oddity::of(c).is_some() || matches!(c, '\u{200c}' | '\u{200d}')) {
            assert!(begins_oddity(c.encode_utf8(&mut [0; 4]).as_bytes()[0]), "{:x}", c as u32);
        }
    }

    #[test]
    fn fillers_and_spaces_are_blank() {
        assert!(is_blank("\u{3164} \u{2800}\u{200b}\u{fe0f}"));
        assert!(!is_blank("\u{3164}가"));
    }
}
