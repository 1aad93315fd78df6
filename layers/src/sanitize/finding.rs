//! What an inspection finds.

use std::borrow::Cow;
use std::fmt;

/// The kind of a finding. Its name is stable: fit for a metric label or the type of an audit event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// Text that would change the meaning of an SQL statement it is pasted into.
    SqlInjection,
    /// Text that would run as script in a page it is pasted into.
    Xss,
    /// A path that leaves the directory it is relative to.
    PathTraversal,
    /// A control character where none belongs.
    ControlCharacter,
    /// U+0000, where C strings and some databases see the end of a value.
    NullByte,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// Characters that hide or disguise text: bidirectional overrides, mixed scripts.
    Unicode,
    /// Longer, deeper or more than is allowed.
    Length,
    /// Not of the form that it should have.
    Format,
}

impl FindingKind {
    /// The stable name, such as `null_byte`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SqlInjection => "sql_injection",
            Self::Xss => "xss",
            Self::PathTraversal => "path_traversal",
            Self::ControlCharacter => "control_character",
            Self::NullByte => "null_byte",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::Unicode => "unicode",
            Self::Length => "length",
            Self::Format => "format",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Its kind.
    pub kind: FindingKind,
    /// The first byte of the place, counted in the value that was inspected.
    pub start: usize,
    /// The byte after the place.
    pub end: usize,
    /// The reason, for logs. Composed by the inspector: it never quotes the value.
    pub why: Cow<'static, str>,
}

impl Finding {
    /// A finding over the bytes `start..end` of the value.
    #[must_use]
    pub fn new(kind: FindingKind, start: usize, end: usize, why: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, start, end, why: why.into() }
    }
}
