//! What comes back.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::sanitize::finding::{Finding, FindingKind};

/// The outcome for one value.
///
/// As JSON: `{"value", "modified", "accepted", "risk", "rejected_patterns": [{"kind", "start", "end", "why"}],
/// "errors": [{"code", "message"}]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[must_use]
pub struct SanitizationResult<'a> {
    /// The cleaned value, borrowed from the input where nothing had to change. Always free of control characters (but for TAB, LF and CR
    /// in free text), also where it is refused: then it is fit to be shown, not to be used. Empty for input over its length bound.
    pub value: Cow<'a, str>,
    /// Whether `value` differs from the input.
    pub modified: bool,
    /// Whether `value` may be used. The same as `errors` being empty.
    pub accepted: bool,
    /// How much the input looks like an attempt to do harm.
    pub risk: Risk,
    /// What was removed or refused, with its place in the input as it was given. At most 32 entries, in the order they were found.
    pub rejected_patterns: Vec<Finding>,
    /// Why the value is refused; each code at most once.
    pub errors: Vec<SanitizationError>,
}

impl SanitizationResult<'_> {
    /// The same result on its own, for when the input goes away.
    pub fn into_owned(self) -> SanitizationResult<'static> {
        SanitizationResult { value: Cow::Owned(self.value.into_owned()), ..self }
    }
}

/// How much a value looks like an attempt to do harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Risk {
    /// Nothing was removed or refused.
    None,
    /// Something was that happens to honest people: a stray control character, a missing `@`, too long a name.
    Low,
    /// An attack pattern, a NUL, or bytes that are not UTF-8.
    High,
}

impl Risk {
    /// The risk that goes with a finding.
    pub(super) const fn of(kind: FindingKind) -> Self {
        match kind {
            FindingKind::SqlInjection
            | FindingKind::Xss
            | FindingKind::PathTraversal
            | FindingKind::NullByte
            | FindingKind::InvalidUtf8 => Self::High,
            _ => Self::Low,
        }
    }
}

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SanitizationError {
    /// The stable code: `required`, `too_long`, `missing_at`, `invalid_local_part`, `invalid_domain`, `mixed_scripts`, `confusable`,
    /// `markup`, `template`, or the kind of what was found as in [`FindingKind::as_str`].
    pub code: &'static str,
    /// The reason for people, as the end of a sentence that begins with the field's name. It never quotes the value.
    pub message: Cow<'static, str>,
}

impl Serialize for FindingKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Finding", 4)?;
        object.serialize_field("kind", &self.kind)?;
        object.serialize_field("start", &self.start)?;
        object.serialize_field("end", &self.end)?;
        object.serialize_field("why", &self.why)?;
        object.end()
    }
}
