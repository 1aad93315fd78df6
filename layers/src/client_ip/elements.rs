//! The elements of a list header from right to left, over all its lines.

use http::header::{GetAll, HeaderValue, ValueIter};

/// Splits from the right, so that nothing a client put on the left (an unclosed quote, say) can swallow what a proxy appended.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    lines: ValueIter<'a, HeaderValue>,
    /// What is left of the current line; `None` when it is used up.
    line: Option<&'a [u8]>,
    separator: u8,
    quoted_strings: bool,
}

impl<'a> Elements<'a> {
    /// Elements of a plain comma-separated list.
    pub(super) fn plain(values: &GetAll<'a, HeaderValue>) -> Self {
        Self { lines: values.iter(), line: None, separator: b',', quoted_strings: false }
    }

    /// Elements of a list in which a comma may stand inside a quoted string (RFC 9110, section 5.6.4).
    pub(super) fn quoted(values: &GetAll<'a, HeaderValue>) -> Self {
        Self { quoted_strings: true, ..Self::plain(values) }
    }
}

/// Yields elements without the white space around them; an empty element is yielded as such.
impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let line = match self.line.take() {
            Some(line) => line,
            None => self.lines.next_back()?.as_bytes(),
        };
        let (rest, element) = split_last(line, self.separator, self.quoted_strings);
        self.line = rest;
        Some(element.trim_ascii())
    }
}

/// Splits at the last `separator` that does not stand inside a quoted string.
pub(super) fn split_last(text: &[u8], separator: u8, quoted_strings: bool) -> (Option<&[u8]>, &[u8]) {
    let mut inside = false;
    for at in (0..text.len()).rev() {
        match text[at] {
            b'"' if quoted_strings && !(inside && escaped(text, at)) => inside = !inside,
            byte if byte == separator && !inside => return (Some(&text[..at]), &text[at + 1..]),
            _ => {}
        }
    }
    (None, text)
}

/// Whether an odd number of backslashes stands before `at`.
fn escaped(text: &[u8], at: usize) -> bool {
    text[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn elements(lines: &[&'static str], quoted: bool) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("list", HeaderValue::from_static(line));
        }
        let values = headers.get_all("list");
        let elements = if quoted { Elements::quoted(&values) } else { Elements::plain(&values) };
        elements.map(|element| String::from_utf8(element.to_vec()).unwrap()).collect()
    }

    #[test]
    fn lines_and_elements_come_from_the_right() {
        assert_eq!(elements(&["a, b", "c"], false), ["c", "b", "a"]);
        assert_eq!(elements(&["a,,\tb ", ""], false), ["", "b", "", "a"]);
        assert_eq!(elements(&[], false), [""; 0]);
    }

    #[test]
    fn a_quoted_comma_separates_nothing() {
        assert_eq!(elements(&[r#"a="1,2", b="3\",4", c"#], true), ["c", r#"b="3\",4""#, r#"a="1,2""#]);
    }

    #[test]
    fn an_unclosed_quote_on_the_left_does_not_reach_the_elements_on_its_right() {
        assert_eq!(elements(&[r#"for="evil, for=1.2.3.4"#], true), ["for=1.2.3.4", r#"for="evil"#]);
    }
}
