//! Percent-encoding as lenient decoders read it.

use std::ops::Range;

use crate::sanitize::input::offsets::{Rewriter, Rewritten};

/// An escape that no honest path has.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A byte that only an overlong form of a character begins with; `/` and `.` hide there.
    Overlong(Range<usize>),
    /// An encoded control character.
    Control(char, Range<usize>),
}

/// Undoes one round of percent-encoding: `%2e`, `%u002e`, and `%2%e`, which `%%32%%65` leaves behind. `None` if there is none.
pub(super) fn decode(path: &str) -> Result<Option<Rewritten>, Fault> {
    let mut rewriter = Rewriter::new(path);
    let mut done = 0;
    for (at, _) in path.match_indices('%') {
        if at < done {
            continue;
        }
        if let Some((c, len)) = character(path.as_bytes(), at)? {
            done = at + len;
            if c.is_control() {
                return Err(Fault::Control(c, at..done));
            }
            rewriter.replace_with_char(at..done, c);
        }
    }
    Ok(rewriter.finish())
}

/// The character that the escapes at `at` spell, and their length. Bytes of another encoding are U+FFFD.
fn character(path: &[u8], at: usize) -> Result<Option<(char, usize)>, Fault> {
    if path.get(at + 1) == Some(&b'u') {
        let unit = hex(path, at + 2, 4);
        return Ok(unit.map(|unit| (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 6)));
    }
    let Some((lead, len)) = byte(path, at) else { return Ok(None) };
    let next = byte(path, at + len).map(|(next, _)| next);
    let expected = match (lead, next) {
        (0x00..0x80, _) => return Ok(Some((char::from(lead), len))),
        (0xc0 | 0xc1, _)
        | (0xe0, Some(0x80..0xa0))
        | (0xf0, Some(0x80..0x90))
        | (0xf8, Some(0x80..0x88))
        | (0xfc, Some(0x80..0x84)) => return Err(Fault::Overlong(at..at + len)),
        (0xc2..0xe0, _) => 2,
        (0xe0..0xf0, _) => 3,
        (0xf0..0xf8, _) => 4,
        _ => 1,
    };
    Ok(Some(sequence(path, at, expected).unwrap_or((char::REPLACEMENT_CHARACTER, len))))
}

/// A character of `expected` encoded bytes.
fn sequence(path: &[u8], at: usize, expected: usize) -> Option<(char, usize)> {
    let mut bytes = [0; 4];
    let mut len = 0;
    for slot in bytes.get_mut(..expected)? {
        let (byte, width) = byte(path, at + len)?;
        *slot = byte;
        len += width;
    }
    let text = std::str::from_utf8(bytes.get(..expected)?).ok()?;
    text.chars().next().map(|c| (c, len))
}

/// The byte that the escape at `at` spells, and the length of the escape.
fn byte(path: &[u8], at: usize) -> Option<(u8, usize)> {
    if path.get(at) != Some(&b'%') {
        return None;
    }
    if let Some(number) = hex(path, at + 1, 2) {
        return u8::try_from(number).ok().map(|byte| (byte, 3));
    }
    if path.get(at + 2) == Some(&b'%') {
        let number = hex(path, at + 1, 1)? << 4 | hex(path, at + 3, 1)?;
        return u8::try_from(number).ok().map(|byte| (byte, 4));
    }
    None
}

/// The number that the `len` hex digits at `at` spell.
fn hex(path: &[u8], at: usize, len: usize) -> Option<u32> {
    let digits = path.get(at..at + len)?;
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_once() {
        for (path, expected) in [
            ("%2e%2E%2f", "../"),
            ("%252e", "%2e"),
            ("%%32%65", "%2e"),
            ("%2%e", "."),
            ("%u2215", "\u{2215}"),
            ("caf%c3%a9", "café"),
            ("caf%e9", "caf\u{fffd}"),
        ] {
            assert_eq!(decode(path).unwrap().unwrap().text, expected, "{path}");
        }
    }

    #[test]
    fn a_percent_sign_alone_stays() {
        for path in ["100%", "50% off", "%bg%qf", "%", "%u12"] {
            assert!(decode(path).unwrap().is_none(), "{path}");
        }
    }

    #[test]
    fn overlong_forms_and_controls_are_faults() {
        for path in ["%c0%ae", "%c0.", "%c1%9c", "%e0%80%af", "%f0%80%80%ae", "%f8%80%80%80%af", "%fc%80%80%80%80%ae"] {
            assert!(matches!(decode(path), Err(Fault::Overlong(_))), "{path}");
        }
        assert_eq!(decode("a%00").err(), Some(Fault::Control('\0', 1..4)));
    }
}
