//! Attributes of a tag: event handlers, styles, and URLs that run script.

use super::super::bytes::{is_blank, listed};
use super::super::cost;
use super::url;

/// Attributes that restyle, animate, or run what they hold.
const DANGEROUS: &[&str] = &[
    "attributename",
    "dataformatas",
    "datasrc",
    "dynsrc",
    "ev:event",
    "ev:handler",
    "filter",
    "folder",
    "formaction",
    "http-equiv",
    "lowsrc",
    "srcdoc",
    "style",
    "x:href",
    "xlink:href",
    "xmlns",
];

/// Reads the attributes from `at` on; gives the end of the dangerous one and why it is.
///
/// Quotes that do not close before the text ends are ignored, because the text may stand inside quotes itself.
pub(super) fn find(text: &[u8], mut at: usize) -> Option<(usize, &'static str)> {
    let mut unclosed = [false; 256];
    while at < text.len() {
        let start = skip_separators(text, at);
        if text.get(start) == Some(&b'>') {
            return None;
        }
        let name_end = name_end(text, start);
        let name = &text[start..name_end];
        let equals = skip_blanks(text, name_end);
        if text.get(equals) != Some(&b'=') {
            at = name_end.max(start + 1);
            continue;
        }
        let value_start = skip_blanks(text, equals + 1);
        let (value, next) = value(text, value_start, &mut unclosed);
        cost::add(next - start);
        if let Some(why) = danger(name, value) {
            return Some((next.min(text.len()), why));
        }
        at = next.max(equals + 1);
    }
    None
}

fn skip_blanks(text: &[u8], at: usize) -> usize {
    (at..text.len()).find(|&at| !is_blank(text[at])).unwrap_or(text.len())
}

/// White space, slashes, quotes: all that browsers skip before an attribute name.
fn skip_separators(text: &[u8], at: usize) -> usize {
    let separator = |byte: u8| is_blank(byte) || matches!(byte, b'/' | b'"' | b'\'' | b'`' | b'=' | b';' | b',');
    (at..text.len()).find(|&at| !separator(text[at])).unwrap_or(text.len())
}

fn name_end(text: &[u8], start: usize) -> usize {
    let ends = |byte: u8| is_blank(byte) || matches!(byte, b'=' | b'>' | b'/' | b'"' | b'\'' | b'`');
    (start..text.len()).find(|&at| ends(text[at])).unwrap_or(text.len())
}

/// The value that starts at `at`, and where reading goes on after it.
fn value<'a>(text: &'a [u8], at: usize, unclosed: &mut [bool; 256]) -> (&'a [u8], usize) {
    if let Some(&quote) = text.get(at)
        && matches!(quote, b'"' | b'\'' | b'`')
    {
        // Once a quote was not found, it is not further on either.
        if !unclosed[quote as usize] {
            if let Some(length) = text[at + 1..].iter().position(|&byte| byte == quote) {
                return (&text[at + 1..at + 1 + length], at + 2 + length);
            }
            unclosed[quote as usize] = true;
        }
        return (&text[at + 1..], at + 1);
    }
    let end = (at..text.len()).find(|&at| is_blank(text[at]) || text[at] == b'>').unwrap_or(text.len());
    // White space in the form of a character reference does not end a value.
    (&text[at.min(text.len())..], end)
}

fn danger(name: &[u8], value: &[u8]) -> Option<&'static str> {
    if is_event(name) {
        return Some("handles an event with script");
    }
    if listed(DANGEROUS, clean(name)) || name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"xmlns:")) {
        return Some("sets an attribute that loads, restyles or runs");
    }
    url::runs_script(value).then_some("names a URL that runs script")
}

/// The name without escapes that stand around it in polyglots, such as `src\x00`.
fn clean(name: &[u8]) -> &[u8] {
    let start = name.iter().position(u8::is_ascii_alphabetic).unwrap_or(0);
    &name[start..]
}

/// `onload`, `onerror` and every other name of that form, also glued to what browsers take for separators.
pub(super) fn is_event(name: &[u8]) -> bool {
    let letters = name.iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(name, |at| &name[at + 1..]);
    let last = if letters.len() < 4 { clean(name) } else { letters };
    let event = |name: &[u8]| {
        name.len() >= 5 && name[..2].eq_ignore_ascii_case(b"on") && name[2..5].iter().all(u8::is_ascii_alphabetic)
    };
    event(last) || event(clean(name)) || name.len() > 5 && event(name)
}

#[cfg(test)]
mod tests {
    use super::DANGEROUS;

    #[test]
    fn the_lists_are_sorted_as_the_search_needs_them() {
        assert!(DANGEROUS.is_sorted());
    }
}
