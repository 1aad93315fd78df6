//! A string of a JSON text: found in one pass, decoded only if somebody wants its value.

use std::borrow::Cow;

/// A string between its quotes, escapes and all. Its grammar has been checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    raw: &'a str,
    len: usize,
}

impl<'a> Text<'a> {
    /// Reads the string whose opening quote stands before `start`. Returns it with the offset after its closing quote, or the offset of
    /// what does not belong.
    pub(super) fn read(json: &'a str, start: usize) -> Result<(Self, usize), usize> {
        let mut at = start;
        let mut len = 0;
        loop {
            let rest = json.as_bytes().get(at..).unwrap_or_default();
            let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
            let plain = rest.iter().position(special).ok_or(json.len())?;
            (at, len) = (at + plain, len + plain);
            match rest.get(plain) {
                Some(b'"') => return Ok((Self { raw: json.get(start..at).unwrap_or_default(), len }, at + 1)),
                Some(b'\\') => {
                    let (c, taken) = escape(rest.get(plain + 1..).unwrap_or_default()).ok_or(at)?;
                    (at, len) = (at + 1 + taken, len + c.len_utf8());
                }
                _ => return Err(at),
            }
        }
    }

    /// The length of the value in bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The value; borrowed where nothing is escaped.
    pub(super) fn decoded(&self) -> Cow<'a, str> {
        // An escape is always longer than what it stands for.
        if self.len == self.raw.len() {
            return Cow::Borrowed(self.raw);
        }
        let mut value = String::with_capacity(self.len);
        let mut rest = self.raw;
        while let Some((plain, escaped)) = rest.split_once('\\') {
            value.push_str(plain);
            let Some((c, taken)) = escape(escaped.as_bytes()) else { break };
            value.push(c);
            rest = escaped.get(taken..).unwrap_or_default();
        }
        value.push_str(rest);
        Cow::Owned(value)
    }
}

/// The character that an escape stands for, and the length of the escape, both without the backslash. `None` is a malformed one; so is half
/// of a surrogate pair, which no text can hold.
fn escape(rest: &[u8]) -> Option<(char, usize)> {
    let c = match rest.first()? {
        c @ (b'"' | b'\\' | b'/') => char::from(*c),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(rest),
        _ => return None,
    };
    Some((c, 1))
}

/// `u` and four digits, or a pair of them for a character beyond the basic plane.
fn unicode(rest: &[u8]) -> Option<(char, usize)> {
    let first = hex4(rest.get(1..5)?)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, 5));
    }
    let second = hex4(rest.get(5..11)?.strip_prefix(br"\u")?)?;
    let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low)?, 11))
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value, the remaining text, and whether decoding had to allocate.
    fn read(json: &str) -> Result<(String, &str, bool), usize> {
        let (text, end) = Text::read(json, 1)?;
        let value = text.decoded();
        assert_eq!(value.len(), text.len(), "{json}");
        Ok((value.clone().into_owned(), &json[end..], matches!(value, Cow::Owned(_))))
    }

    #[test]
    fn plain_strings_are_borrowed() {
        assert_eq!(read(r#""" 1"#), Ok((String::new(), " 1", false)));
        assert_eq!(read(r#""né毛😀","#), Ok(("né毛😀".to_owned(), ",", false)));
    }

    #[test]
    fn every_escape_is_resolved() {
        let json = r#""\"\\\/\b\f\n\r\t\u0041\u00e9\u6bdb\uD83D\uDE00\u0000""#;
        assert_eq!(read(json), Ok(("\"\\/\u{8}\u{c}\n\r\tAé毛😀\0".to_owned(), "", true)));
        assert_eq!(read(r#""\\u0041""#), Ok((r"\u0041".to_owned(), "", true)));
    }

    #[test]
    fn what_does_not_belong_is_told_by_offset() {
        for (json, at) in [
            (r#"""#, 1),
            (r#""ab"#, 3),
            ("\"a\nb\"", 2),
            ("\"a\0b\"", 2),
            (r#""a\x""#, 2),
            (r#""a\"#, 2),
            (r#""\u12"#, 1),
            (r#""\u12g4""#, 1),
            (r#""\u+123""#, 1),
            (r#""\ud800""#, 1),
            (r#""\udc00""#, 1),
            (r#""\ud800\ud800""#, 1),
            (r#""\ud800\u0041""#, 1),
            (r#""\ud800\n1234""#, 1),
        ] {
            assert_eq!(read(json), Err(at), "{json}");
        }
    }
}
