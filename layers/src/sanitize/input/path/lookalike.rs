//! Characters that file systems, code page conversions and eyes take for dots and separators.

use crate::sanitize::input::offsets::{Rewriter, Rewritten};
use crate::sanitize::input::unicode::Oddity;

/// The path with its lookalikes as ASCII and without what is invisible, to be inspected; `None` if that is no change.
pub(super) fn fold(path: &str) -> Option<Rewritten> {
    if path.is_ascii() && !path.contains("0x") {
        return None;
    }
    let mut rewriter = Rewriter::new(path);
    for (at, c) in path.char_indices() {
        if let Some(plain) = plain(c) {
            rewriter.replace(at..at + c.len_utf8(), plain);
        } else if let Some(plain) = spelled(&path[at..])
            && (plain == "." || rewriter.last_before(at) == Some('.'))
        {
            rewriter.replace(at..at + 4, plain);
        }
    }
    rewriter.finish()
}

/// What is taken for a character: U+EFC8 and U+F025 stand for separators in the private use areas of Windows code pages.
fn plain(c: char) -> Option<&'static str> {
    match c {
        '\u{2024}' | '\u{fe52}' | '\u{ff0e}' => Some("."),
        '\u{2025}' => Some(".."),
        '\u{2026}' => Some("..."),
        '\u{2044}' | '\u{2215}' | '\u{29f8}' | '\u{ff0f}' | '\u{efc8}' => Some("/"),
        '\u{2216}' | '\u{29f5}' | '\u{29f9}' | '\u{fe68}' | '\u{ff3c}' | '\u{f025}' => Some("\\"),
        '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' => Some(""),
        _ if !c.is_ascii() && Oddity::of(c).is_some() => Some(""),
        _ => None,
    }
}

/// Dots and separators spelled as numbers. The latter count behind a dot only: `0x5c` is a name.
fn spelled(rest: &str) -> Option<&'static str> {
    match rest.as_bytes() {
        [b'0', b'x', b'2', b'e' | b'E', ..] => Some("."),
        [b'0', b'x', b'2', b'f' | b'F', ..] => Some("/"),
        [b'0', b'x', b'5', b'c' | b'C', ..] => Some("\\"),
        _ => None,
    }
}
