//! The member `instance`: the path of the request as a URI reference that leads nowhere else (RFC 9457, section 3.1.5).

use std::borrow::Cow;
use std::fmt::Write;

/// The most bytes of a path that are repeated. A client may send any length, and is not to get it all back.
const LONGEST: usize = 1_024;

/// The path, cut where it gets long, with percent-encoding for what no URI may contain as it is.
///
/// A path that begins with `//` would be read as the name of a host (RFC 3986, section 4.2). `/.` in front of it means the same path.
pub(super) fn instance(path: &str) -> Cow<'_, str> {
    let path = &path[..end(path)];
    let looks_like_host = path.starts_with("//");
    let safe = |place: usize| stands_for_itself(&path.as_bytes()[place..]);
    if !looks_like_host && (0..path.len()).all(safe) {
        return Cow::Borrowed(path);
    }
    let mut text = String::with_capacity(path.len() + 16);
    if looks_like_host {
        text.push_str("/.");
    }
    for (place, byte) in path.bytes().enumerate() {
        if safe(place) {
            text.push(char::from(byte));
        } else {
            // Writing into memory has no way to fail.
            let _infallible = write!(text, "%{byte:02X}");
        }
    }
    Cow::Owned(text)
}

/// Whether the first byte is a character of a path (RFC 3986, section 3.3), or begins what is percent-encoded already.
fn stands_for_itself(bytes: &[u8]) -> bool {
    match bytes {
        [b'%', high, low, ..] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        [byte, ..] => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(byte),
        [] => true,
    }
}

/// A cut leaves characters and percent-encoded octets whole, so that what remains is a URI reference.
fn end(path: &str) -> usize {
    if path.len() <= LONGEST {
        return path.len();
    }
    let splits_octet = |end: usize| path.as_bytes()[end.saturating_sub(2)..end].contains(&b'%');
    (0..=LONGEST).rev().find(|end| path.is_char_boundary(*end) && !splits_octet(*end)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_path_is_its_own_instance() {
        let longest = format!("/{}", "a".repeat(1_023));
        for path in ["", "/", "/users/%C3%A9", "/a//b", "/a:b@c;d=e,f", longest.as_str()] {
            assert!(matches!(instance(path), Cow::Borrowed(same) if same == path), "{path}");
        }
    }

    #[test]
    fn no_path_becomes_a_reference_to_another_host() {
        for (path, expected) in [
            ("//evil.example/x", "/.//evil.example/x"),
            ("///evil.example", "/.///evil.example"),
            ("//", "/.//"),
            ("/\\evil.example", "/%5Cevil.example"),
        ] {
            assert_eq!(instance(path), expected);
        }
    }

    #[test]
    fn what_no_uri_may_contain_is_percent_encoded() {
        for (path, expected) in [
            ("/é", "/%C3%A9"),
            ("/a|b^c{d}\"e", "/a%7Cb%5Ec%7Bd%7D%22e"),
            ("/<script>`[]", "/%3Cscript%3E%60%5B%5D"),
            ("/%7C|", "/%7C%7C"),
            ("/100%/%zz%4", "/100%25/%25zz%254"),
        ] {
            assert_eq!(instance(path), expected);
        }
    }

    #[test]
    fn a_long_path_is_cut_after_1024_bytes() {
        assert_eq!(instance(&format!("/{}", "a".repeat(60_000))), format!("/{}", "a".repeat(1_023)));
    }

    #[test]
    fn a_cut_leaves_characters_and_percent_encoded_octets_whole() {
        for (start, unit, kept) in
            [("/", "é", 511), ("/", "€", 341), ("/a", "€", 340), ("/a", "%C3", 340), ("/aa", "%C3", 340)]
        {
            let whole = format!("{start}{}", unit.repeat(kept));
            assert_eq!(instance(&format!("{whole}{}", unit.repeat(1_000))), instance(&whole));
        }
        assert_eq!(
            instance(&format!("/{}", "%".repeat(2_000))),
            "/",
            "what is no octet counts as the beginning of one"
        );
    }
}
