//! The engine that ships with the layer: bounds for whole documents, and characters that belong in no value.

use super::field::{Field, FieldKind};
use super::finding::{Finding, FindingKind};
use super::inspect::Inspect;

/// Which control characters (C0, DEL, C1) a value may hold. U+0000 is not among them: it is a finding always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Controls {
    /// TAB, LF and CR in fields of [`FieldKind::Text`]; none in others.
    #[default]
    LineBreaksInText,
    /// None.
    Refuse,
    /// All.
    Allow,
}

/// Bounds on the size and structure of requests, and the check of single values for UTF-8, U+0000 and control characters.
///
/// The bounds hold for a body or a query as a whole, fields that the policy skips included. [`Inspect`] is implemented for the check of
/// single values; the layer runs it before every other inspector.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Structural {
    pub(super) max_body: usize,
    pub(super) max_depth: usize,
    pub(super) max_names: usize,
    pub(super) max_name_len: usize,
    pub(super) max_value_len: usize,
    controls: Controls,
}

impl Structural {
    /// 64 KiB of body, 32 levels of nesting, 1,000 names of 128 bytes, values of 16 KiB, line breaks in text.
    pub const fn new() -> Self {
        Self {
            max_body: 64 * 1024,
            max_depth: 32,
            max_names: 1_000,
            max_name_len: 128,
            max_value_len: 16 * 1024,
            controls: Controls::LineBreaksInText,
        }
    }

    /// The largest body that is read, in bytes.
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// How many objects and arrays may be open at once in a JSON body. With 0 it must be a scalar.
    pub const fn max_depth(mut self, levels: usize) -> Self {
        self.max_depth = levels;
        self
    }

    /// How many names a JSON body may hold in all its objects together, a form in its fields, a query in its parameters.
    pub const fn max_names(mut self, names: usize) -> Self {
        self.max_names = names;
        self
    }

    /// The longest name, in bytes after decoding.
    pub const fn max_name_len(mut self, bytes: usize) -> Self {
        self.max_name_len = bytes;
        self
    }

    /// The longest string, form field or query parameter, in bytes after decoding.
    pub const fn max_value_len(mut self, bytes: usize) -> Self {
        self.max_value_len = bytes;
        self
    }

    /// Which control characters a value may hold.
    pub const fn controls(mut self, controls: Controls) -> Self {
        self.controls = controls;
        self
    }

    fn allows(&self, control: u8, kind: FieldKind) -> bool {
        match self.controls {
            Controls::Allow => true,
            Controls::Refuse => false,
            Controls::LineBreaksInText => kind == FieldKind::Text && matches!(control, b'\t' | b'\n' | b'\r'),
        }
    }
}

impl Default for Structural {
    fn default() -> Self {
        Self::new()
    }
}

/// Finds the first of each: invalid UTF-8, U+0000, a control character that is not allowed.
impl Inspect for Structural {
    fn inspect(&self, field: &Field<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Err(error) = std::str::from_utf8(field.bytes) {
            let start = error.valid_up_to();
            let end = error.error_len().map_or(field.bytes.len(), |len| start.saturating_add(len));
            findings.push(Finding::new(FindingKind::InvalidUtf8, start, end, "not UTF-8"));
        }
        let controls = controls(field.bytes);
        if let Some((start, _)) = controls.clone().find(|(_, control)| *control == 0) {
            findings.push(Finding::new(FindingKind::NullByte, start, start + 1, "U+0000"));
        }
        let mut refused = controls.filter(|(_, control)| *control != 0 && !self.allows(*control, field.kind));
        if let Some((start, control)) = refused.next() {
            let end = start + if control.is_ascii() { 1 } else { 2 };
            findings.push(Finding::new(FindingKind::ControlCharacter, start, end, "a control character"));
        }
        findings
    }
}

/// The control characters of a text, as offset and code. Works on text that is not UTF-8, too.
fn controls(text: &[u8]) -> impl Iterator<Item = (usize, u8)> + Clone {
    text.iter().enumerate().filter_map(|(at, byte)| match byte {
        0..=0x1f | 0x7f => Some((at, *byte)),
        // U+0080 to U+009F are C2 80 to C2 9F, and C2 begins nothing else.
        0xc2 => text.get(at + 1).filter(|second| (0x80..=0x9f).contains(*second)).map(|second| (at, *second)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::field::Place;
    use super::*;

    fn found(engine: &Structural, kind: FieldKind, bytes: &[u8]) -> Vec<(FindingKind, usize, usize)> {
        let findings = engine.inspect(&Field::new(Place::Path, kind, bytes));
        findings.iter().map(|finding| (finding.kind, finding.start, finding.end)).collect()
    }

    #[test]
    fn honest_text_of_any_script_is_left_alone() {
        for text in ["", "O'Brien", "毛泽东", "a\u{200d}b", "नमस्ते", "Ünïcödé", "¢£¤\u{a0}", "😀"]
        {
            for kind in [FieldKind::Email, FieldKind::Name, FieldKind::Text, FieldKind::Path] {
                assert_eq!(found(&Structural::new(), kind, text.as_bytes()), [], "{text}");
            }
        }
    }

    #[test]
    fn the_first_of_each_kind_is_found_where_it_stands() {
        assert_eq!(
            found(&Structural::new(), FieldKind::Name, b"a\x00b\x07\x00\xff\xfe"),
            [(FindingKind::InvalidUtf8, 5, 6), (FindingKind::NullByte, 1, 2), (FindingKind::ControlCharacter, 3, 4),]
        );
        assert_eq!(
            found(&Structural::new(), FieldKind::Name, "a\u{85}".as_bytes()),
            [(FindingKind::ControlCharacter, 1, 3)]
        );
    }

    #[test]
    fn a_character_that_is_cut_off_reaches_to_the_end() {
        assert_eq!(found(&Structural::new(), FieldKind::Text, b"ab\xe6\xaf"), [(FindingKind::InvalidUtf8, 2, 4)]);
        assert_eq!(found(&Structural::new(), FieldKind::Text, b"\xc2"), [(FindingKind::InvalidUtf8, 0, 1)]);
    }

    #[test]
    fn line_breaks_belong_in_text_and_nowhere_else() {
        let lines = b"a\tb\r\nc";
        assert_eq!(found(&Structural::new(), FieldKind::Text, lines), []);
        assert_eq!(found(&Structural::new(), FieldKind::Name, lines), [(FindingKind::ControlCharacter, 1, 2)]);
        let refuse = Structural::new().controls(Controls::Refuse);
        assert_eq!(found(&refuse, FieldKind::Text, lines), [(FindingKind::ControlCharacter, 1, 2)]);
        let allow = Structural::new().controls(Controls::Allow);
        assert_eq!(found(&allow, FieldKind::Name, b"\x1b\x7f\0"), [(FindingKind::NullByte, 2, 3)]);
    }
}
