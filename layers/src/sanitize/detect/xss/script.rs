//! Script and style outside of tags: URLs that run script, and JavaScript that no prose contains.

use super::super::Finding;
use super::super::bytes::{
    Classes, before_blanks, continues, is_blank, is_word, listed, skip_blanks, word_end, word_start,
};
use super::{expression, indirect};

/// Functions that show, run or steal.
pub(super) const SINKS: &[&str] =
    &["alert", "atob", "confirm", "eval", "execscript", "msgbox", "prompt", "setinterval", "settimeout"];

/// Objects whose members an injected script reads.
pub(super) const OBJECTS: &[&str] =
    &["document", "frames", "globalthis", "location", "navigator", "parent", "self", "this", "top", "window"];

pub(super) fn find(text: &[u8]) -> Option<Finding> {
    Classes::positions(text, Classes::SCRIPT).find_map(|at| match text[at] {
        b'(' => call(text, at),
        b':' => scheme(text, at),
        b'`' => template(text, at),
        b'[' => member(text, at).or_else(|| punctuation_only(text, at)),
        b'{' => expression::find(text, at),
        b'+' => utf7(text, at),
        _ => property(text, at),
    })
}

pub(super) const fn finding(start: usize, end: usize, why: &'static str) -> Option<Finding> {
    Some(Finding { start, end, why })
}

pub(super) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

pub(super) fn byte_before(text: &[u8], at: usize) -> u8 {
    at.checked_sub(1).map_or(0, |at| byte(text, at))
}

/// Whether a call of a function starts at `at`: `alert(1)`, `window.x()`, ``alert`1` ``.
pub(super) fn is_call(text: &[u8], at: usize) -> bool {
    let mut at = skip_blanks(text, at);
    while matches!(byte(text, at), b'"' | b'\'' | b'`' | b'(' | b'\\') {
        at += 1;
    }
    let end = word_end(text, at);
    if end == at {
        return false;
    }
    let mut end = end;
    while byte(text, end) == b'.' {
        let next = word_end(text, end + 1);
        if next == end + 1 {
            return false;
        }
        end = next;
    }
    let optional = continues(text, end, "?.") && matches!(byte(text, end + 2), b'(' | b'[');
    matches!(byte(text, end), b'(' | b'`' | b')' | b'=' | b'[')
        || optional
        || listed(SINKS, &text[at..end])
        || continues(text, end, ":") && continues(text, at, "javascript")
}

/// Whether a function that shows, runs or steals is named at `at`.
pub(super) fn calls_sink(text: &[u8], at: usize) -> bool {
    listed(SINKS, &text[at.min(text.len())..word_end(text, at.min(text.len()))])
}

fn call(text: &[u8], at: usize) -> Option<Finding> {
    if let Some(found) = indirect::call(text, at) {
        return Some(found);
    }
    // A parenthesis in prose follows a blank.
    if !is_word(byte_before(text, at)) && byte_before(text, at) != b'.' {
        return None;
    }
    let start = word_start(text, at);
    let name = &text[start..at];
    let argument = skip_blanks(text, at + 1);
    let first = byte(text, argument);
    let handed = word_end(text, argument);
    if byte_before(text, start) == b'.'
        && listed(&["alert", "eval"], &text[argument..handed])
        && matches!(byte(text, handed), b')' | b',')
    {
        return finding(start, handed, "hands a function of the browser on");
    }
    let loads = name.eq_ignore_ascii_case(b"fetch") || name.eq_ignore_ascii_case(b"import");
    if loads && matches!(first, b'\'' | b'"' | b'`') && continues(text, argument + 1, "//") {
        return finding(start, argument + 1, "loads from elsewhere");
    }
    if listed(SINKS, name) {
        let object_end = word_end(text, argument);
        let object = listed(OBJECTS, &text[argument..object_end]) && matches!(byte(text, object_end), b'.' | b'[');
        let script = matches!(first, b'0'..=b'9' | b'\'' | b'"' | b'`' | b'/')
            || object
            || continues(text, argument, "string.from")
            || continues(text, argument, "\u{201c}")
            || continues(text, argument, "\u{2018}");
        return if script { finding(start, argument + 1, "calls a function of the browser") } else { None };
    }
    if continues(text, at.saturating_sub(19), "string.fromcharcode")
        || continues(text, at.saturating_sub(14), "document.write")
        || continues(text, at.saturating_sub(16), "document.writeln")
    {
        return finding(start, at + 1, "builds script at run time");
    }
    let styled = name.eq_ignore_ascii_case(b"expression")
        && matches!(byte(text, before_blanks(text, start).wrapping_sub(1)), b':' | b'/');
    if styled {
        return finding(start, at + 1, "styles with script");
    }
    None
}

/// `javascript:`, `vbscript:`, `data:text/html`, `-moz-binding:`, `behavior:`.
fn scheme(text: &[u8], at: usize) -> Option<Finding> {
    let end = before_blanks(text, at);
    let start = word_start(text, end);
    let name = &text[start..end];
    let next = skip_blanks(text, at + 1);
    let rest = &text[next.min(text.len())..];
    let runs = ["javascript", "vbscript", "livescript"].iter().any(|scheme| {
        name.len() >= scheme.len() && name[name.len() - scheme.len()..].eq_ignore_ascii_case(scheme.as_bytes())
    });
    if runs {
        let word = word_end(text, next);
        let code = match rest.first() {
            Some(b'/' | b'\\' | b'(' | b'\'' | b'"' | b'`' | b'%' | b'&' | b'[' | b'{' | b'+' | b'!' | b';') => true,
            Some(_) => {
                word > next
                    && matches!(byte(text, word), b'(' | b'.' | b'=' | b'[' | b':' | b'`')
                    && !is_blank(byte(text, word + 1))
                    && word + 1 < text.len()
            }
            None => false,
        };
        return if code { finding(start, next + 1, "names a URL that runs script") } else { None };
    }
    if name.eq_ignore_ascii_case(b"data") {
        let document =
            ["text/html", "image/svg", "application/x", "text/xml", "text/javascript", "application/javascript"]
                .iter()
                .any(|kind| continues(text, next, kind));
        let comma = byte(text, next) == b',' && byte(text, skip_blanks(text, next + 1)) == b'<';
        return if document && rest.iter().take(64).any(|&byte| byte == b',') || comma {
            finding(start, next + 1, "names a URL that holds a document")
        } else {
            None
        };
    }
    let binding = name.eq_ignore_ascii_case(b"binding") && continues(text, start.saturating_sub(5), "-moz-")
        || name.eq_ignore_ascii_case(b"behavior")
        || name.eq_ignore_ascii_case(b"behaviour");
    if binding && continues(text, next, "url") && rest.iter().take(8).any(|&byte| byte == b'(') {
        return finding(start, next + 4, "styles with script");
    }
    None
}

/// ``[].sort.call`${alert}` ``: a call without parentheses.
fn template(text: &[u8], at: usize) -> Option<Finding> {
    let end = before_blanks(text, at);
    let start = word_start(text, end);
    let name = &text[start..end];
    let method = [
        "call",
        "apply",
        "bind",
        "sort",
        "map",
        "filter",
        "reduce",
        "foreach",
        "find",
        "some",
        "every",
        "constructor",
        "reflect",
    ]
    .iter()
    .any(|method| name.eq_ignore_ascii_case(method.as_bytes()));
    let dot = before_blanks(text, start);
    let interpolates = continues(text, skip_blanks(text, at + 1), "${");
    if method && dot > 0 && text[dot - 1] == b'.' && (interpolates || byte(text, at + 1) == b'`' && end == at) {
        return finding(start, at + 1, "calls a function through a template");
    }
    let sink = listed(SINKS, name)
        && end == at
        && byte(text, at + 1) != b' '
        && text[at + 1..].iter().take(64).any(|&byte| byte == b'`');
    if sink { finding(start, at + 1, "calls a function of the browser") } else { None }
}

/// `window["alert"]`, `self[/*x*/'a'+'b']`.
fn member(text: &[u8], at: usize) -> Option<Finding> {
    let start = word_start(text, at);
    let mut next = skip_blanks(text, at + 1);
    if continues(text, next, "/*") {
        next += text[next + 2..].windows(2).take(64).position(|pair| pair == b"*/").map_or(0, |length| length + 4);
    }
    let object = ["window", "self", "globalthis", "document", "parent", "top", "frames", "this"]
        .iter()
        .any(|name| text[start..at].eq_ignore_ascii_case(name.as_bytes()));
    let quoted = matches!(byte(text, next), b'\'' | b'"' | b'`');
    if object && quoted && text[at..].iter().take(128).any(|&byte| byte == b']') {
        return finding(start, next + 1, "reads a member of a browser object by name");
    }
    None
}

/// Script written with six characters: `[][(![]+[])[+[]]…`.
fn punctuation_only(text: &[u8], at: usize) -> Option<Finding> {
    const LEAST: usize = 12;
    let length = text[at..]
        .iter()
        .take(LEAST)
        .take_while(|byte| matches!(byte, b'[' | b']' | b'(' | b')' | b'!' | b'+'))
        .count();
    let run = &text[at..at + length];
    let code = length == LEAST && run.windows(3).any(|window| window == b"![]" || window == b"+[]");
    if code { finding(at, at + length, "is script written in punctuation") } else { None }
}

/// `+ADw-`: `<` in UTF-7.
fn utf7(text: &[u8], at: usize) -> Option<Finding> {
    if text[at..].starts_with(b"+ADw-") && text.len() > at + 5 {
        finding(at, at + 5, "hides a tag in UTF-7")
    } else {
        None
    }
}

/// `document.cookie`, `window.location=`.
fn property(text: &[u8], at: usize) -> Option<Finding> {
    // The end of a sentence is no member.
    if !is_word(byte(text, at + 1)) || !is_word(byte_before(text, at)) {
        return None;
    }
    let start = word_start(text, at);
    let name = &text[start..at];
    let end = word_end(text, at + 1);
    let member = &text[at + 1..end];
    let next = skip_blanks(text, end);
    let assigned = byte(text, next) == b'='
        && byte(text, next + 1) != b'='
        && !is_blank(byte(text, next + 1))
        && byte(text, next + 1) != 0;
    let is = |object: &str, property: &str| {
        name.eq_ignore_ascii_case(object.as_bytes()) && member.eq_ignore_ascii_case(property.as_bytes())
    };
    let rewrites = (member.eq_ignore_ascii_case(b"innerhtml") || member.eq_ignore_ascii_case(b"outerhtml"))
        && byte(text, next) == b'='
        && !matches!(byte(text, next + 1), b'=' | 0);
    if rewrites {
        return finding(start, next + 1, "rewrites the page");
    }
    let alone = text.len() < 40 && !text.trim_ascii().iter().any(|&byte| is_blank(byte));
    if alone
        && (is("document", "cookie") || is("document", "domain") || is("document", "write") || is("window", "location"))
    {
        return finding(start, end, "reads or moves the page");
    }
    let navigates =
        is("document", "location") || is("window", "location") || is("location", "href") || is("document", "cookie");
    if navigates && assigned && is_word(byte(text, start)) {
        return finding(start, next + 1, "sends the reader elsewhere");
    }
    let concatenated = is("document", "cookie")
        && matches!(byte(text, before_blanks(text, start).wrapping_sub(1)), b'+' | b'(' | b'=');
    if concatenated { finding(start, end, "reads the reader's cookies") } else { None }
}

#[cfg(test)]
mod tests {
    use super::{OBJECTS, SINKS};

    #[test]
    fn the_lists_are_sorted_as_the_search_needs_them() {
        assert!(OBJECTS.is_sorted());
        assert!(SINKS.is_sorted());
    }
}
