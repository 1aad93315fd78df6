//! Calls that do not name their function right before the parenthesis: `(alert)(1)`, `alert?.(1)`, `alert.call(null,1)`.

use super::super::Finding;
use super::super::bytes::{before_blanks, continues, is_word, listed, skip_blanks, word_end, word_start};
use super::script::{OBJECTS, SINKS, byte, byte_before, finding};

const WHY: &str = "calls a function of the browser";

/// Looks around the parenthesis at `at`.
pub(super) fn call(text: &[u8], at: usize) -> Option<Finding> {
    match byte_before(text, at) {
        b')' => grouped(text, at),
        b'.' if byte_before(text, at - 1) == b'?' => sink_before(text, at, at - 2),
        before if is_word(before) => {
            let start = word_start(text, at);
            let name = &text[start..at];
            let method = [&b"apply"[..], b"bind", b"call"].iter().any(|method| name.eq_ignore_ascii_case(method));
            if method && byte_before(text, start) == b'.' {
                return sink_before(text, at, start - 1);
            }
            renamed(text, start).or_else(|| scoped(text, at, name)).or_else(|| constructed(text, at, name))
        }
        _ => None,
    }
}

fn sink_before(text: &[u8], at: usize, end: usize) -> Option<Finding> {
    let start = word_start(text, end);
    if listed(SINKS, &text[start..end]) { finding(start, at + 1, WHY) } else { None }
}

/// `(alert)(1)`.
fn grouped(text: &[u8], at: usize) -> Option<Finding> {
    let end = before_blanks(text, at - 1);
    let start = word_start(text, end);
    let open = before_blanks(text, start);
    if byte_before(text, open) == b'(' && listed(SINKS, &text[start..end]) {
        finding(open - 1, at + 1, WHY)
    } else {
        None
    }
}

/// `a=alert,a(1)`.
fn renamed(text: &[u8], call: usize) -> Option<Finding> {
    let comma = before_blanks(text, call);
    if !matches!(byte_before(text, comma), b',' | b';') {
        return None;
    }
    let end = before_blanks(text, comma - 1);
    let start = word_start(text, end);
    let equals = before_blanks(text, start);
    if byte_before(text, equals) == b'=' && listed(SINKS, &text[start..end]) {
        finding(start, call + 1, WHY)
    } else {
        None
    }
}

/// `with(document)alert(cookie)`.
fn scoped(text: &[u8], at: usize, name: &[u8]) -> Option<Finding> {
    let end = word_end(text, at + 1);
    let object = name.eq_ignore_ascii_case(b"with") && listed(OBJECTS, &text[at + 1..end]) && byte(text, end) == b')';
    if object && is_word(byte(text, end + 1)) {
        finding(at, end + 1, "runs script on an object of the browser")
    } else {
        None
    }
}

/// `Function("…")()`, `window.open('//…')`: a function built from text, a page opened elsewhere.
fn constructed(text: &[u8], at: usize, name: &[u8]) -> Option<Finding> {
    const REACH: usize = 64;
    let argument = skip_blanks(text, at + 1);
    if !matches!(byte(text, argument), b'\'' | b'"' | b'`') {
        return None;
    }
    let start = word_start(text, at);
    let rest = &text[argument..text.len().min(argument + REACH)];
    if name == b"Function" && rest.windows(2).any(|pair| matches!(pair, b")(" | b")`")) {
        return finding(start, argument + 1, "builds script at run time");
    }
    let object = word_start(text, start.saturating_sub(1));
    let opens = name.eq_ignore_ascii_case(b"open")
        && byte_before(text, start) == b'.'
        && listed(OBJECTS, &text[object..start - 1])
        && ["//", "http", "javascript:"].iter().any(|target| continues(text, argument + 1, target));
    if opens { finding(object, argument + 1, "sends the reader elsewhere") } else { None }
}
