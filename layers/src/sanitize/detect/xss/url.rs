//! URLs that run script, however their scheme is disguised.

use super::super::decode::reference_at;

/// Longest disguised scheme that is followed; each of its letters may be a padded character reference.
const REACH: usize = 1024;

/// Whether the value of an attribute is a URL of a scheme that runs script.
pub(super) fn runs_script(value: &[u8]) -> bool {
    let mut plain = [0; 24];
    let (length, end) = scheme(value, &mut plain);
    let scheme = &plain[..length];
    let runs = ["javascript", "vbscript", "livescript", "mocha", "view-source", "mhtml", "jscript", "feed"];
    if runs.iter().any(|name| {
        scheme.eq_ignore_ascii_case(name.as_bytes())
            || length > name.len() && scheme[length - name.len()..].eq_ignore_ascii_case(name.as_bytes())
    }) {
        return true;
    }
    scheme.eq_ignore_ascii_case(b"data") && !is_picture(&value[end..])
}

/// The letters before the first colon, without white space, control characters and escapes, and where the colon ends.
fn scheme(value: &[u8], plain: &mut [u8; 24]) -> (usize, usize) {
    let mut at = 0;
    let mut length = 0;
    while at < value.len().min(REACH) && length < plain.len() {
        let (character, size) = match value[at] {
            b'&' => reference_at(&value[at..]).unwrap_or(('&', 1)),
            b'%' if value.get(at + 1..at + 3) == Some(b"00") => (' ', 3),
            b'\\' if matches!(value.get(at + 1), Some(b'x')) => (' ', 4),
            byte => (char::from(byte), 1),
        };
        at += size;
        match character {
            ':' => return (length, at.min(value.len())),
            'a'..='z' | 'A'..='Z' | '-' => {
                plain[length] = u8::try_from(character).unwrap_or(b' ');
                length += 1;
            }
            '\0'..=' ' | '"' | '\'' | '`' | '\u{80}'..='\u{ff}' | '\u{fffd}' => {}
            _ => return (0, 0),
        }
    }
    (0, 0)
}

/// `data:image/png;…` shows a picture; SVG is a document.
fn is_picture(rest: &[u8]) -> bool {
    let kind = rest.trim_ascii_start();
    ["image/png", "image/gif", "image/jp", "image/webp"]
        .iter()
        .any(|picture| kind.get(..picture.len()).is_some_and(|start| start.eq_ignore_ascii_case(picture.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::runs_script;

    #[test]
    fn a_scheme_that_runs_script_is_seen_through_its_disguise() {
        for url in [
            "javascript:x",
            "JaVaScRiPt:x",
            " javascript:x",
            "java\tscript:x",
            "java&#10;script:x",
            "&#106;avascript:x",
            "javascript&colon;x",
            "\u{1}javascript:x",
            "java%00script:x",
            "vbscript:x",
            "data:text/html,x",
            "data:image/svg+xml,x",
        ] {
            assert!(runs_script(url.as_bytes()), "{url}");
        }
    }

    #[test]
    fn other_urls_and_pictures_pass() {
        for url in
            ["https://example.com/javascript:", "/a:b", "mailto:ada@example.com", "data:image/png;base64,x", "", "a"]
        {
            assert!(!runs_script(url.as_bytes()), "{url}");
        }
    }
}
