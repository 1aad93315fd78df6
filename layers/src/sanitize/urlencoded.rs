//! Percent-encoding and `application/x-www-form-urlencoded`, read as the [URL standard](https://url.spec.whatwg.org/) says: what is no
//! escape stands for itself.

use std::borrow::Cow;

/// Where each pair of a form or query begins, its name and its value, not decoded.
pub(super) fn pairs(text: &[u8]) -> impl Iterator<Item = (usize, &[u8], &[u8])> {
    let mut next = 0;
    text.split(|byte| *byte == b'&').filter_map(move |pair| {
        let at = next;
        next += pair.len() + 1;
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        (!pair.is_empty()).then_some((at, name, value))
    })
}

/// A name or value of a form or query, in which `+` is a space.
pub(super) fn form_decoded(raw: &[u8]) -> Cow<'_, [u8]> {
    if raw.iter().any(|byte| matches!(byte, b'%' | b'+')) { Cow::Owned(decode(raw, b' ')) } else { Cow::Borrowed(raw) }
}

/// A path, in which `+` is itself.
pub(super) fn path_decoded(raw: &[u8]) -> Cow<'_, [u8]> {
    if raw.contains(&b'%') { Cow::Owned(decode(raw, b'+')) } else { Cow::Borrowed(raw) }
}

/// The length that `raw` has when decoded.
pub(super) fn decoded_len(raw: &[u8]) -> usize {
    units(raw).count()
}

fn decode(raw: &[u8], plus: u8) -> Vec<u8> {
    let mut value = Vec::with_capacity(raw.len());
    value.extend(units(raw).map(|unit| match unit {
        Unit::Plain(b'+') => plus,
        Unit::Plain(byte) | Unit::Escaped(byte) => byte,
    }));
    value
}

enum Unit {
    Plain(u8),
    Escaped(u8),
}

/// The bytes that `raw` stands for.
fn units(raw: &[u8]) -> impl Iterator<Item = Unit> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        let (unit, after) = match rest {
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (Unit::Escaped(nibble(*high) << 4 | nibble(*low)), after)
            }
            [byte, after @ ..] => (Unit::Plain(*byte), after),
            [] => return None,
        };
        rest = after;
        Some(unit)
    })
}

/// The value of a hex digit.
const fn nibble(digit: u8) -> u8 {
    (digit & 0xf) + if digit.is_ascii_digit() { 0 } else { 9 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_at_the_first_equals_sign() {
        let text = b"a=1&b=2=3&&c&=d&e=";
        let expected: [(usize, &[u8], &[u8]); 5] =
            [(0, b"a", b"1"), (4, b"b", b"2=3"), (11, b"c", b""), (13, b"", b"d"), (16, b"e", b"")];
        assert!(pairs(text).eq(expected));
        assert_eq!(pairs(b"").count(), 0);
    }

    #[test]
    fn escapes_are_resolved_once_and_the_rest_stands_for_itself() {
        for (raw, value) in [
            (&b"plain"[..], &b"plain"[..]),
            (b"a+b%20c", b"a b c"),
            (b"%2b%2B", b"++"),
            (b"%252e", b"%2e"),
            (b"%", b"%"),
            (b"%4", b"%4"),
            (b"%zz%4g", b"%zz%4g"),
            (b"%00%fF%C3%a9", b"\0\xff\xc3\xa9"),
        ] {
            assert_eq!(form_decoded(raw).as_ref(), value);
            assert_eq!(decoded_len(raw), value.len());
        }
        assert_eq!(path_decoded(b"/a+b%20c").as_ref(), b"/a+b c");
    }

    #[test]
    fn what_needs_no_decoding_is_borrowed() {
        assert!(matches!(form_decoded(b"plain"), Cow::Borrowed(_)));
        assert!(matches!(path_decoded(b"/a+b"), Cow::Borrowed(_)));
    }
}
