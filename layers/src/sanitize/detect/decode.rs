//! Undoes the encodings that web servers, browsers and scripts undo before they interpret a text.

use super::cost;

/// Decoded bytes (not necessarily UTF-8), each with the offset of its origin in the text as given.
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    pub(super) offsets: Vec<u32>,
}

impl Decoded {
    fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity), offsets: Vec::with_capacity(capacity) }
    }

    fn push(&mut self, character: char, offset: u32) {
        let mut utf8 = [0; 4];
        for &byte in character.encode_utf8(&mut utf8).as_bytes() {
            self.push_byte(byte, offset);
        }
    }

    fn push_byte(&mut self, byte: u8, offset: u32) {
        self.bytes.push(byte);
        self.offsets.push(offset);
    }
}

/// One encoded character: what it stands for, and how many bytes it takes.
enum Unit {
    Nothing(usize),
    Byte(u8, usize),
    Character(char, usize),
}

/// Undoes percent encoding, full-width forms, the escapes of scripts, character references, quotes after a backslash, and comments that
/// split a word; `None` if there are none.
pub(super) fn for_sql(bytes: &[u8], offsets: &[u32]) -> Option<Decoded> {
    decode(bytes, offsets, |at| {
        let rest = &bytes[at..];
        percent(rest)
            .or_else(|| full_width(rest))
            .or_else(|| reference(rest))
            .or_else(|| escape(rest))
            .or_else(|| escaped_quote(rest))
            .or_else(|| split_word(bytes, at))
    })
}

/// Undoes percent encoding, full-width forms, the escapes of scripts, and character references; `None` if there are none.
pub(super) fn for_html(bytes: &[u8], offsets: &[u32]) -> Option<Decoded> {
    decode(bytes, offsets, |at| {
        let rest = &bytes[at..];
        percent(rest).or_else(|| full_width(rest)).or_else(|| reference(rest)).or_else(|| escape(rest))
    })
}

fn decode(bytes: &[u8], offsets: &[u32], unit: impl Fn(usize) -> Option<Unit>) -> Option<Decoded> {
    let encoded = |at: &usize| matches!(bytes[*at], b'%' | b'&' | b'\\' | b'/' | 0xc2 | 0xef);
    let first = (0..bytes.len()).filter(encoded).find(|&at| unit(at).is_some());
    let plus_is_blank = is_form_encoded(bytes);
    let start = if plus_is_blank { 0 } else { first? };
    let origin = |at: usize| offsets.get(at).copied().or_else(|| u32::try_from(at).ok()).unwrap_or(u32::MAX);
    let mut decoded = Decoded::with_capacity(bytes.len());
    for (index, &byte) in bytes[..start].iter().enumerate() {
        decoded.push_byte(byte, origin(index));
    }
    cost::add(bytes.len());
    let mut at = start;
    while at < bytes.len() {
        match if encoded(&at) { unit(at) } else { None } {
            Some(Unit::Nothing(length)) => at += length,
            Some(Unit::Byte(byte, length)) => {
                // Alone it is the no-break space of Latin-1, a blank to MySQL; in UTF-8 it follows another byte beyond ASCII.
                let alone = byte == 0xa0 && decoded.bytes.last().is_none_or(u8::is_ascii);
                decoded.push_byte(if alone { b' ' } else { byte }, origin(at));
                at += length;
            }
            Some(Unit::Character(character, length)) => {
                decoded.push(character, origin(at));
                at += length;
            }
            None => {
                let byte = if plus_is_blank && bytes[at] == b'+' { b' ' } else { bytes[at] };
                decoded.push_byte(byte, origin(at));
                at += 1;
            }
        }
    }
    Some(decoded)
}

/// A form body in which every blank is a plus sign; elsewhere a plus sign is one.
fn is_form_encoded(bytes: &[u8]) -> bool {
    let mut pluses = 0;
    let mut telling = false;
    for byte in bytes {
        match byte {
            b' ' => return false,
            b'+' => pluses += 1,
            b'%' | b'\'' | b'"' | b'=' | b'(' | b';' | b'*' => telling = true,
            _ => {}
        }
    }
    telling && (pluses > 1 || pluses == 1 && bytes.contains(&b'%'))
}

/// `%41`, `%u0041` as IIS reads it, and `%S%E` from which ASP drops what begins no escape.
fn percent(rest: &[u8]) -> Option<Unit> {
    let (b'%', digits) = rest.split_first()? else { return None };
    if let [b'u' | b'U', digits @ ..] = digits
        && let Some(value) = digits.get(..4).and_then(hex)
    {
        return Some(character(value, 6));
    }
    if let Some(value) = digits.get(..2).and_then(hex) {
        return u8::try_from(value).ok().map(|byte| Unit::Byte(byte, 3));
    }
    match digits {
        [letter, next, ..] if letter.is_ascii_alphabetic() && !next.is_ascii_alphanumeric() => {
            Some(Unit::Byte(*letter, 2))
        }
        _ => None,
    }
}

/// `\'`, which databases that know no backslashes read as a quote.
fn escaped_quote(rest: &[u8]) -> Option<Unit> {
    match rest {
        [b'\\', quote @ (b'\'' | b'"'), ..] => Some(Unit::Byte(*quote, 2)),
        _ => None,
    }
}

/// `SEL/**/ECT`: a comment that some filters take out, inside a word.
fn split_word(bytes: &[u8], at: usize) -> Option<Unit> {
    let inside = bytes[at..].starts_with(b"/**/")
        && bytes[..at].last().is_some_and(u8::is_ascii_alphabetic)
        && bytes.get(at + 4).is_some_and(u8::is_ascii_alphabetic);
    inside.then_some(Unit::Nothing(4))
}

/// Full-width `＜` (U+FF01 to U+FF5E) and small `﹤`, which compatibility folding turns into ASCII, and `¼script¾`, which is
/// `<script>` where a reader drops the eighth bit.
fn full_width(rest: &[u8]) -> Option<Unit> {
    match *rest {
        [0xef, 0xbc, last, ..] if last >= 0x81 => Some(Unit::Byte(last - 0x60, 3)),
        [0xef, 0xbd, last, ..] if last <= 0x9e => Some(Unit::Byte(last - 0x20, 3)),
        [0xef, 0xb9, 0xa4, ..] => Some(Unit::Byte(b'<', 3)),
        [0xef, 0xb9, 0xa5, ..] => Some(Unit::Byte(b'>', 3)),
        [0xc2, 0xbc, next, ..] if next.is_ascii_alphabetic() || next == b'/' => Some(Unit::Byte(b'<', 2)),
        [0xc2, 0xbe, ..] => Some(Unit::Byte(b'>', 2)),
        _ => None,
    }
}

/// A character reference of HTML; the semicolon of a numeric one is optional, as browsers have it.
pub(super) fn reference_at(rest: &[u8]) -> Option<(char, usize)> {
    const NAMED: [(&str, char); 22] = [
        ("amp;", '&'),
        ("apos;", '\''),
        ("bsol;", '\\'),
        ("colon;", ':'),
        ("comma;", ','),
        ("equals;", '='),
        ("excl;", '!'),
        ("grave;", '`'),
        ("gt;", '>'),
        ("lbrack;", '['),
        ("lcub;", '{'),
        ("lpar;", '('),
        ("lt;", '<'),
        ("newline;", '\n'),
        ("num;", '#'),
        ("period;", '.'),
        ("quot;", '"'),
        ("rpar;", ')'),
        ("semi;", ';'),
        ("sol;", '/'),
        ("tab;", '\t'),
        ("nbsp;", ' '),
    ];
    let name = rest.strip_prefix(b"&")?;
    let Some(number) = name.strip_prefix(b"#") else {
        let named = |entry: &&(&str, char)| super::bytes::continues(name, 0, entry.0);
        return NAMED.iter().find(named).map(|(name, character)| (*character, 1 + name.len()));
    };
    let (radix, digits, prefix) = match number {
        [b'x' | b'X', digits @ ..] => (16, digits, 3),
        digits => (10, digits, 2),
    };
    // Leading zeros are padding that filters have been fooled by; nine digits are plenty.
    const LONGEST: usize = 9;
    let length = digits.iter().take(LONGEST).take_while(|digit| char::from(**digit).is_digit(radix)).count();
    let value = u32::from_str_radix(std::str::from_utf8(&digits[..length]).ok()?, radix).ok()?;
    let semicolon = usize::from(digits.get(length) == Some(&b';'));
    Some((char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER), prefix + length + semicolon))
}

fn reference(rest: &[u8]) -> Option<Unit> {
    reference_at(rest).map(|(character, length)| Unit::Character(character, length))
}

/// `\x3c`, `\u003c`, `\u{3c}`, and `\74` for a bracket, as JavaScript reads them.
fn escape(rest: &[u8]) -> Option<Unit> {
    match rest {
        [b'\\', b'7', b'4', ..] => Some(Unit::Byte(b'<', 3)),
        [b'\\', b'7', b'6', ..] => Some(Unit::Byte(b'>', 3)),
        [b'\\', b'x' | b'X', digits @ ..] => Some(character(hex(digits.get(..2)?)?, 4)),
        [b'\\', b'u' | b'U', b'{', digits @ ..] => {
            let length = digits.iter().take(6).position(|&byte| byte == b'}')?;
            Some(character(hex(&digits[..length])?, length + 4))
        }
        [b'\\', b'u' | b'U', digits @ ..] => Some(character(hex(digits.get(..4)?)?, 6)),
        _ => None,
    }
}

fn character(value: u32, length: usize) -> Unit {
    // The full-width forms come decoded at once, so that they do not cost a level of their own.
    let value = if (0xff01..=0xff5e).contains(&value) { value - 0xfee0 } else { value };
    Unit::Character(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER), length)
}

fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::{for_html, for_sql};

    fn html(text: &str) -> Option<String> {
        for_html(text.as_bytes(), &[]).map(|decoded| String::from_utf8_lossy(&decoded.bytes).into_owned())
    }

    #[test]
    fn every_encoding_of_a_tag_is_undone() {
        for text in [
            "%3Cb>",
            "%u003cb>",
            "%uff1cb>",
            "&lt;b>",
            "&#60b>",
            "&#x0003C;b>",
            "\\x3cb>",
            "\\u{3c}b>",
            "＜b＞",
            "﹤b﹥",
            "¼b>",
        ] {
            assert_eq!(html(text).as_deref(), Some("<b>"), "{text}");
        }
    }

    #[test]
    fn what_is_no_encoding_stays() {
        for text in ["50% off", "Q&A", "a\\b", "100%", "&#;", "\\x4", "½ cup", "é", "C++", "a+b@x.ie"] {
            assert_eq!(html(text), None, "{text}");
        }
    }

    #[test]
    fn a_plus_sign_is_a_blank_only_where_blanks_are_encoded() {
        let plain = |text: &str| for_sql(text.as_bytes(), &[]).map(|decoded| decoded.bytes);
        assert_eq!(plain("1+or+1%3D1").as_deref(), Some(&b"1 or 1=1"[..]));
        assert_eq!(plain("'+or+1=1").as_deref(), Some(&b"' or 1=1"[..]));
        assert_eq!(plain("1 + 1%3D2").as_deref(), Some(&b"1 + 1=2"[..]));
    }

    #[test]
    fn a_quote_is_read_through_references_and_backslashes() {
        let plain = |text: &str| for_sql(text.as_bytes(), &[]).map(|decoded| decoded.bytes);
        for text in ["&#39; or 1", "&#x27; or 1", "&apos; or 1", "\\' or 1", "\\x27 or 1"] {
            assert_eq!(plain(text).as_deref(), Some(&b"' or 1"[..]), "{text}");
        }
        assert_eq!(plain("fish & chips or \\n"), None);
    }

    #[test]
    fn a_word_that_was_split_is_whole_again() {
        let plain = |text: &str| for_sql(text.as_bytes(), &[]).map(|decoded| decoded.bytes);
        assert_eq!(plain("SEL/**/ECT/**/1").as_deref(), Some(&b"SELECT/**/1"[..]));
        assert_eq!(plain("%S%E%L%E%C%T ").as_deref(), Some(&b"SELECT "[..]));
        assert_eq!(plain("or%A01").as_deref(), Some(&b"or 1"[..]));
        assert_eq!(plain("%C3%A0").as_deref(), Some("à".as_bytes()));
    }

    #[test]
    fn a_decoded_byte_remembers_where_it_came_from() {
        let once = for_sql(b"a%2541b", &[]).unwrap();
        let twice = for_sql(&once.bytes, &once.offsets).unwrap();
        assert_eq!((&twice.bytes[..], &twice.offsets[..]), (&b"aAb"[..], &[0, 1, 6][..]));
    }
}
