//! Rewriting a text while remembering where each of its bytes came from, so that a finding in a decoded form can point into the input.

use std::ops::Range;

/// One replaced stretch: `output` stands where `input` stood.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edit {
    output: Range<usize>,
    input: Range<usize>,
}

/// The way back from a rewritten text to the text it was made from. Between edits both run in parallel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OffsetMap {
    edits: Vec<Edit>,
}

impl OffsetMap {
    /// The bytes of the input that the bytes `range` of the output stand for: an edit that is touched counts as a whole, and what was
    /// removed at either end does not count.
    pub(super) fn to_input(&self, range: Range<usize>) -> Range<usize> {
        let before_start = self.edits.partition_point(|edit| edit.output.end <= range.start);
        let start = match self.edits.get(before_start) {
            Some(edit) if edit.output.start <= range.start => edit.input.start,
            _ => self.in_parallel(range.start, before_start),
        };
        let before_end = self.edits.partition_point(|edit| edit.output.end < range.end);
        let end = match self.edits.get(before_end) {
            Some(edit) if edit.output.start < range.end => edit.input.end,
            _ => self.in_parallel(range.end, before_end),
        };
        start..end.max(start)
    }

    /// The place of the output's byte `at`, which stands behind the first `edits` edits and before the next.
    fn in_parallel(&self, at: usize, edits: usize) -> usize {
        match edits.checked_sub(1).and_then(|last| self.edits.get(last)) {
            Some(last) => at - last.output.end + last.input.end,
            None => at,
        }
    }
}

/// A text and the way back to the text it was made from.
#[derive(Debug)]
pub(super) struct Rewritten {
    pub(super) text: String,
    pub(super) map: OffsetMap,
}

/// Copies a text with replacements, which come in order and do not overlap. Nothing is allocated before the first.
#[derive(Debug)]
pub(super) struct Rewriter<'a> {
    input: &'a str,
    copied: usize,
    text: String,
    edits: Vec<Edit>,
}

impl<'a> Rewriter<'a> {
    pub(super) const fn new(input: &'a str) -> Self {
        Self { input, copied: 0, text: String::new(), edits: Vec::new() }
    }

    /// Puts `with` in place of the bytes `range`, which begin and end between characters.
    pub(super) fn replace(&mut self, range: Range<usize>, with: &str) {
        self.copy_up_to(range.start);
        let start = self.text.len();
        self.text.push_str(with);
        self.copied = range.end;
        self.edits.push(Edit { output: start..self.text.len(), input: range });
    }

    /// Puts one character in place of the bytes `range`.
    pub(super) fn replace_with_char(&mut self, range: Range<usize>, with: char) {
        self.replace(range, with.encode_utf8(&mut [0; 4]));
    }

    /// Leaves the bytes `range` out.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        self.replace(range, "");
    }

    /// The last character of the output so far, were the input copied up to `at`.
    pub(super) fn last_before(&self, at: usize) -> Option<char> {
        self.input.get(self.copied..at)?.chars().next_back().or_else(|| self.text.chars().next_back())
    }

    /// The new text; `None` if nothing was replaced.
    pub(super) fn finish(mut self) -> Option<Rewritten> {
        if self.edits.is_empty() {
            return None;
        }
        self.copy_up_to(self.input.len());
        Some(Rewritten { text: self.text, map: OffsetMap { edits: self.edits } })
    }

    fn copy_up_to(&mut self, at: usize) {
        self.text.push_str(self.input.get(self.copied..at).unwrap_or_default());
    }
}

/// Bytes as text: every sequence that is not UTF-8 becomes U+FFFD (Unicode Standard, chapter 3, "U+FFFD Substitution of Maximal
/// Subparts") and is reported to `invalid`.
pub(super) fn replace_invalid(bytes: &[u8], mut invalid: impl FnMut(Range<usize>)) -> Rewritten {
    let mut text = String::with_capacity(bytes.len());
    let mut edits = Vec::new();
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        at += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            let start = text.len();
            text.push(char::REPLACEMENT_CHARACTER);
            let input = at..at + chunk.invalid().len();
            at = input.end;
            invalid(input.clone());
            edits.push(Edit { output: start..text.len(), input });
        }
    }
    Rewritten { text, map: OffsetMap { edits } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(input: &str, edits: &[(Range<usize>, &str)]) -> Rewritten {
        let mut rewriter = Rewriter::new(input);
        for (range, with) in edits {
            rewriter.replace(range.clone(), with);
        }
        rewriter.finish().unwrap()
    }

    #[test]
    fn nothing_replaced_is_nothing_new() {
        assert!(Rewriter::new("abc").finish().is_none());
    }

    #[test]
    fn places_are_found_before_between_inside_and_after_edits() {
        let new = rewritten("ab%3Ccd%3Eef", &[(2..5, "<"), (7..10, ">")]);
        assert_eq!(new.text, "ab<cd>ef");
        for (output, input) in
            [(0..2, 0..2), (2..3, 2..5), (1..3, 1..5), (3..5, 5..7), (2..6, 2..10), (6..8, 10..12), (0..8, 0..12)]
        {
            assert_eq!(new.map.to_input(output.clone()), input, "{output:?}");
        }
    }

    #[test]
    fn a_removed_stretch_lies_inside_what_surrounds_it() {
        let new = rewritten("a\u{1}\u{1}bc", &[(1..2, ""), (2..3, "")]);
        assert_eq!(new.text, "abc");
        for (output, input) in [(0..1, 0..1), (0..2, 0..4), (1..3, 3..5), (0..3, 0..5)] {
            assert_eq!(new.map.to_input(output.clone()), input, "{output:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_reported() {
        let mut places = Vec::new();
        let new = replace_invalid(b"a\xc0\xafb\xff", |place| places.push(place));
        assert_eq!(new.text, "a\u{fffd}\u{fffd}b\u{fffd}");
        assert_eq!(places, [1..2, 2..3, 4..5]);
        assert_eq!(new.map.to_input(7..8), 3..4);
        assert_eq!(new.map.to_input(1..7), 1..3);
    }
}
