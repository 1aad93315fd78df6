//! Tags: which names are dangerous by themselves, and where their attributes are.

use super::super::bytes::{is_blank, listed};
use super::super::{Finding, Strictness};
use super::{attributes, expression};

/// Finds a tag that runs script, loads something or restyles the page.
pub(super) fn find(text: &[u8], strictness: Strictness) -> Option<Finding> {
    let mut open = next_open(text, 0)?;
    loop {
        let next = next_open(text, open + 1);
        let piece = Piece { text, open, end: next.unwrap_or(text.len()) };
        if let Some(found) = piece.examine(strictness) {
            return Some(found);
        }
        open = next?;
    }
}

fn next_open(text: &[u8], from: usize) -> Option<usize> {
    text.get(from..)?.iter().position(|&byte| byte == b'<').map(|at| from + at)
}

/// From one `<` to the next.
struct Piece<'a> {
    text: &'a [u8],
    open: usize,
    end: usize,
}

/// Elements that run script or load what runs it, however they are written.
const DANGEROUS: &[&str] = &[
    "animate",
    "animatemotion",
    "animatetransform",
    "applet",
    "bgsound",
    "embed",
    "event-source",
    "foreignobject",
    "frame",
    "frameset",
    "handler",
    "iframe",
    "ilayer",
    "isindex",
    "listener",
    "marquee",
    "noscript",
    "script",
    "style",
    "svg",
    "vmlframe",
    "xml",
    "xss",
];

/// Elements that are dangerous with attributes, but also stand in prose: `the <link> element`, `List<Object>`.
const DANGEROUS_WITH_ATTRIBUTES: &[&str] = &["base", "comment", "import", "layer", "link", "meta", "object", "set"];

impl<'a> Piece<'a> {
    fn finding(&self, end: usize, why: &'static str) -> Option<Finding> {
        Some(Finding { start: self.open, end, why })
    }

    fn byte(&self, at: usize) -> u8 {
        if at < self.end { self.text[at] } else { 0 }
    }

    fn examine(&self, strictness: Strictness) -> Option<Finding> {
        let mut at = self.open + 1;
        // Browsers' older parsers skipped NUL and other controls here.
        while at < self.end && self.text[at] < b' ' && !matches!(self.text[at], b'\t' | b'\n' | b'\r' | 0x0c) {
            at += 1;
        }
        match self.byte(at) {
            b'!' | b'?' => self.declaration(at).or_else(|| self.strict(strictness)).or_else(|| self.attributes(at + 1)),
            b'%' if expression::reaches_system(&self.text[at + 1..self.end]) => {
                self.finding(self.end, "is an expression that a template runs")
            }
            b'%' | b'/' => self.named(at + 1).or_else(|| self.strict(strictness)).or_else(|| self.attributes(at + 1)),
            byte if byte.is_ascii_alphabetic() => {
                self.named(at).or_else(|| if self.is_address(at) { None } else { self.strict(strictness) })
            }
            _ => None,
        }
    }

    fn strict(&self, strictness: Strictness) -> Option<Finding> {
        match strictness {
            Strictness::Strict => self.finding(self.end, "holds markup"),
            Strictness::Text => None,
        }
    }

    /// `<ada@example.com>` and `<https://example.com>` quote an address.
    fn is_address(&self, at: usize) -> bool {
        let inside = &self.text[at..self.end];
        let length = inside.iter().position(|&byte| byte == b'>').unwrap_or(inside.len());
        let inside = &inside[..length];
        inside.contains(&b'@')
            && !inside.iter().any(|&byte| is_blank(byte) || matches!(byte, b'=' | b'(' | b'"' | b'\''))
    }

    /// `<!doctype`, `<!entity`, `<!--[if`, `<?xml`, `<?import`.
    fn declaration(&self, at: usize) -> Option<Finding> {
        let rest = &self.text[at + 1..self.end];
        let starts =
            |word: &str| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
        if self.text[at] == b'?' {
            let found = starts("xml") || starts("import") || starts("php");
            return if found { self.finding(self.end, "holds a processing instruction") } else { None };
        }
        let entity = starts("doctype")
            && (rest.contains(&b'[') || rest.windows(6).any(|part| part.eq_ignore_ascii_case(b"system")))
            || starts("entity")
            || starts("[cdata[") && rest.len() > 8;
        let conditional = starts("--[if") || starts("[if") || starts("--#exec") || starts("--#include");
        let backtick = starts("--") && rest[2..].trim_ascii_start().starts_with(b"`") && self.end < self.text.len();
        if entity || conditional || backtick {
            self.finding(self.end, "holds a declaration that browsers act on")
        } else {
            None
        }
    }

    fn named(&self, at: usize) -> Option<Finding> {
        let name_end = (at..self.end)
            .find(|&at| !matches!(self.text[at], b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'-' | b'_'))
            .unwrap_or(self.end);
        let name = &self.text[at..name_end];
        let local = name.iter().rposition(|&byte| byte == b':').map_or(name, |colon| &name[colon + 1..]);
        let prefix = &name[..name.len() - local.len()];
        let closing = self.text[at - 1] == b'/';
        let spaced = is_blank(self.byte(name_end)) || self.byte(name_end) == b'/';
        let generic = self.is_type(name, name_end);
        let foreign =
            [&b"svg:"[..], b"xsl:", b"html:", b"x:", b"esi:"].iter().any(|known| prefix.eq_ignore_ascii_case(known));
        if !closing && !generic && (listed(DANGEROUS, local) || foreign) && !self.is_mentioned(name_end) {
            return self.finding(self.end, "opens an element that runs or loads content");
        }
        if !closing
            && spaced
            && listed(DANGEROUS_WITH_ATTRIBUTES, local)
            && self.text[name_end..self.end].contains(&b'=')
        {
            return self.finding(self.end, "opens an element that runs or loads content");
        }
        self.attributes(name_end)
    }

    /// `Vec<Style>`: a type and its parameter, which begins with a capital and ends the word.
    fn is_type(&self, name: &[u8], name_end: usize) -> bool {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        self.text[..self.open].last().is_some_and(|&byte| word(byte))
            && self.byte(name_end) == b'>'
            && self.text.get(name_end + 1).is_none_or(|&next| !word(next))
            && name.first().is_some_and(u8::is_ascii_uppercase)
            && name.iter().any(u8::is_ascii_lowercase)
    }

    /// `the <script> tag`: prose about an element, which nothing closes.
    fn is_mentioned(&self, name_end: usize) -> bool {
        if self.text.get(self.end + 1) == Some(&b'/') || self.byte(name_end) != b'>' {
            return false;
        }
        if self.is_told(name_end + 1) {
            return true;
        }
        let rest = self.text[name_end + 1..self.end].trim_ascii_start();
        let rest = rest.strip_prefix(b"`").unwrap_or(rest).trim_ascii_start();
        let words = ["tag", "tags", "element", "elements", "component", "components"];
        words.iter().any(|word| {
            let next = rest.get(word.len());
            rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
                && next.is_none_or(|next| matches!(next, b' ' | b'.' | b',' | b'?' | b'\n'))
        })
    }

    /// `what does <script> do`, `read commands from file <script>`: words around it, and nothing behind it that could be code.
    fn is_told(&self, after: usize) -> bool {
        let [before @ .., mark] = &self.text[..self.open] else { return false };
        let introduced = before.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
        let rest = &self.text[after..self.end];
        let ends = rest.first().is_none_or(|&byte| is_blank(byte) || byte.is_ascii_punctuation() || !byte.is_ascii());
        introduced
            && (is_blank(*mark) || matches!(mark, b'"' | b'\'' | b'`' | b'(') || !mark.is_ascii())
            && ends
            && !rest.iter().any(|byte| matches!(byte, b'(' | b'=' | b'[' | b'{' | b'`' | b'+' | b'/'))
    }

    fn attributes(&self, at: usize) -> Option<Finding> {
        let start = at.min(self.end);
        let (end, why) = attributes::find(&self.text[..self.end], start)?;
        self.finding(end, why)
    }
}

#[cfg(test)]
mod tests {
    use super::{DANGEROUS, DANGEROUS_WITH_ATTRIBUTES};

    #[test]
    fn the_lists_are_sorted_as_the_search_needs_them() {
        assert!(DANGEROUS.is_sorted());
        assert!(DANGEROUS_WITH_ATTRIBUTES.is_sorted());
    }
}
