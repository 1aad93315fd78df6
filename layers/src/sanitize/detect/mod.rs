//! Decides whether a text would change an SQL query or run script in an HTML page.
//!
//! Both detectors read the text as the thing it would be injected into: SQL injection as tokens that continue an
//! expression outside quotes or after a quote that the text itself closes; script injection as tags, attributes and
//! URLs. Words alone prove nothing, so prose that mentions `select`, `union` or `<` passes.
//!
//! Every pass is linear in the text: look-arounds are bounded, decoding goes two levels deep at most, and nothing is
//! allocated unless the text carries an encoding that has to be undone first.
//!
//! Detection is defence in depth (OWASP ASVS 5.0, V1.2 and V2.2): parameterised queries and output encoding remain
//! the actual protection.

mod bytes;
mod cost;
mod decode;
mod sqli;
mod xss;

use bytes::Classes;
use decode::Decoded;

/// What was found, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Byte offset of the first byte of the finding in the given text, on a character boundary.
    pub(crate) start: usize,
    /// Byte offset one past the last byte of the finding, on a character boundary.
    pub(crate) end: usize,
    /// A short explanation in plain words.
    pub(crate) why: &'static str,
}

/// How much code-like writing a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Free text: code words, harmless markup and talk about code pass.
    Text,
    /// Names and e-mail addresses: markup of any kind has no place.
    Strict,
}

/// Finds text that would change the meaning of an SQL query it is pasted into.
pub(crate) fn sql_injection(text: &str, strictness: Strictness) -> Option<Hit> {
    examine(text, |bytes, classes| sqli::find(bytes, classes, strictness), decode::for_sql)
}

/// Finds text that would run script in, or restyle, an HTML page it is pasted into.
pub(crate) fn xss(text: &str, strictness: Strictness) -> Option<Hit> {
    examine(text, |bytes, classes| xss::find(bytes, classes, strictness), decode::for_html)
}

/// Looks at the text itself, then at each form that undoing its encodings yields.
fn examine(
    text: &str,
    find: impl Fn(&[u8], Classes) -> Option<Finding>,
    decode: fn(&[u8], &[u32]) -> Option<Decoded>,
) -> Option<Hit> {
    const DEPTH: usize = 2;
    let classes = Classes::of(text.as_bytes());
    if let Some(found) = find(text.as_bytes(), classes) {
        return Some(found.within(text));
    }
    if !classes.hold(Classes::ENCODED) {
        return None;
    }
    let mut decoded = decode(text.as_bytes(), &[])?;
    for _ in 0..DEPTH {
        if let Some(found) = find(&decoded.bytes, Classes::of(&decoded.bytes)) {
            let offset = |at: usize| decoded.offsets.get(at).map_or(text.len(), |&at| at as usize);
            let found = Finding { start: offset(found.start), end: offset(found.end), why: found.why };
            return Some(found.within(text));
        }
        decoded = decode(&decoded.bytes, &decoded.offsets)?;
    }
    None
}

/// A finding in bytes that need not be UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Finding {
    start: usize,
    end: usize,
    why: &'static str,
}

impl Finding {
    fn within(self, text: &str) -> Hit {
        let mut start = self.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = self.end.clamp(start, text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        Hit { start, end, why: self.why }
    }
}

#[cfg(test)]
mod tests;
