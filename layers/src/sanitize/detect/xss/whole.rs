//! Values that are nothing but one expression of a script: what is tried first to see whether a page runs it. Inside a sentence, and with
//! blanks around, the same words pass.

use super::super::Finding;
use super::super::bytes::{continues, is_blank, is_word, listed, lower};
use super::script::{SINKS, byte};

/// Longest value that is looked at, in bytes.
const LONGEST: usize = 128;

/// Members that read, change or leave the page, with their objects.
const MEMBERS: &[&str] = &[
    "document.body",
    "document.cookie",
    "document.createelement",
    "document.domain",
    "document.getelementbyid",
    "document.getelementsbyclassname",
    "document.getelementsbyname",
    "document.getelementsbytagname",
    "document.location",
    "document.queryselector",
    "document.queryselectorall",
    "document.referrer",
    "document.url",
    "document.write",
    "document.writeln",
    "history.pushstate",
    "history.replacestate",
    "localstorage.getitem",
    "localstorage.setitem",
    "location.assign",
    "location.hash",
    "location.href",
    "location.replace",
    "location.search",
    "navigator.sendbeacon",
    "sessionstorage.getitem",
    "sessionstorage.setitem",
    "window.location",
    "window.name",
    "window.onerror",
    "window.open",
    "window.postmessage",
];

/// Methods and properties that an injected piece of script goes on with.
const CONTINUATIONS: &[&str] =
    &[".addeventlistener(", ".appendchild(", ".innerhtml=", ".insertadjacenthtml(", ".outerhtml=", ".setattribute("];

const SCHEMES: &[&str] = &["javascript:", "livescript:", "vbscript:"];

const PROTOTYPES: &[&str] = &[".__proto__", ".constructor(", "__proto__.", "__proto__[", "constructor.prototype."];

/// Functions that load, when their argument is a string.
const LOADERS: &[&str] = &["fetch(", "import("];

pub(super) fn find(text: &[u8]) -> Option<Finding> {
    let value = text.trim_ascii();
    if value.len() > LONGEST || value.iter().any(|&byte| is_blank(byte)) {
        return None;
    }
    let start = text.len() - text.trim_ascii_start().len();
    let finding = |why| Some(Finding { start, end: start + value.len(), why });
    if value.contains(&b':') && SCHEMES.iter().any(|scheme| runs_script(value, scheme)) {
        return finding("names a URL that runs script");
    }
    if matches!(value.first(), Some(b'.' | b'_' | b'c' | b'C'))
        && PROTOTYPES.iter().any(|prototype| continues(value, 0, prototype))
    {
        return finding("changes what all objects of a script inherit");
    }
    if value.first() == Some(&b'.') && CONTINUATIONS.iter().any(|method| continues(value, 0, method)) {
        return finding("changes the page");
    }
    let name_end = value.iter().position(|&byte| !is_word(byte)).unwrap_or(value.len());
    let closes = value.ends_with(b")") && byte(value, name_end) == b'(';
    let runs = ["alert", "eval", "execscript", "setinterval", "settimeout"];
    if closes && listed(&runs, &value[..name_end]) && listed(SINKS, &value[..name_end]) {
        return finding("calls a function of the browser");
    }
    let loads = |loader: &&str| continues(value, 0, loader) && matches!(byte(value, loader.len()), b'\'' | b'"' | b'`');
    if closes && LOADERS.iter().any(loads) {
        return finding("loads from elsewhere");
    }
    if byte(value, name_end) != b'.' {
        return None;
    }
    let member_end = (name_end + 1..value.len()).find(|&at| !is_word(value[at])).unwrap_or(value.len());
    let mut buffer = [0; 32];
    let member = lower(&value[..member_end], &mut buffer);
    if listed(MEMBERS, member) && matches!(byte(value, member_end), 0 | b'(' | b'.' | b'[' | b'=') {
        return finding("reads or moves the page");
    }
    None
}

/// `javascript:x`, perhaps inside another URL or in `url(…)`.
fn runs_script(value: &[u8], scheme: &str) -> bool {
    let at = (0..value.len()).find(|&at| continues(value, at, scheme));
    at.is_some_and(|at| {
        at + scheme.len() < value.len() && (at == 0 || matches!(value[at - 1], b':' | b'(' | b'\'' | b'"' | b'-'))
    })
}

#[cfg(test)]
mod tests {
    use super::MEMBERS;

    #[test]
    fn the_lists_are_sorted_as_the_search_needs_them() {
        assert!(MEMBERS.is_sorted());
    }
}
