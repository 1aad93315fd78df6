//! Collects findings and errors while a value is examined.

use std::borrow::Cow;
use std::ops::Range;

use super::limits::Limit;
use super::result::{Risk, SanitizationError, SanitizationResult};
use crate::sanitize::finding::{Finding, FindingKind};

/// As many findings as a result holds: enough to see what is going on, and no lever to make us allocate.
const MAX_FINDINGS: usize = 32;

/// What has been found so far. Costs no allocation while that is nothing.
#[derive(Debug)]
pub(super) struct Verdict {
    risk: Risk,
    findings: Vec<Finding>,
    errors: Vec<SanitizationError>,
}

impl Verdict {
    pub(super) const fn new() -> Self {
        Self { risk: Risk::None, findings: Vec::new(), errors: Vec::new() }
    }

    /// Something at `place` of the input was removed, or is about to be refused.
    pub(super) fn note(&mut self, kind: FindingKind, place: Range<usize>, why: &'static str) {
        self.risk = self.risk.max(Risk::of(kind));
        let merged =
            self.findings.last_mut().filter(|last| last.kind == kind && last.end == place.start && last.why == why);
        if let Some(last) = merged {
            last.end = place.end;
        } else if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding::new(kind, place.start, place.end, why));
        }
    }

    /// The value is refused.
    pub(super) fn refuse(&mut self, code: &'static str, message: impl Into<Cow<'static, str>>) {
        self.risk = self.risk.max(Risk::Low);
        if !self.errors.iter().any(|error| error.code == code) {
            self.errors.push(SanitizationError { code, message: message.into() });
        }
    }

    /// The value is refused for what stands at `place` of the input.
    pub(super) fn reject(
        &mut self,
        kind: FindingKind,
        place: Range<usize>,
        why: &'static str,
        code: &'static str,
        message: &'static str,
    ) {
        self.note(kind, place, why);
        self.refuse(code, message);
    }

    /// The value is refused for its length: what stands behind `place.start` is too much.
    pub(super) fn too_long(&mut self, place: Range<usize>, limit: Limit) {
        self.note(FindingKind::Length, place, "longer than allowed");
        self.refuse("too_long", format!("must have at most {} characters and {} bytes", limit.characters, limit.bytes));
    }

    /// Whether the value is refused by now.
    pub(super) fn is_refused(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Whether something of this kind has been found.
    pub(super) fn has(&self, kind: FindingKind) -> bool {
        self.findings.iter().any(|finding| finding.kind == kind)
    }

    /// The result for the value that `input` was turned into.
    pub(super) fn finish<'a>(self, input: &[u8], value: Cow<'a, str>) -> SanitizationResult<'a> {
        SanitizationResult {
            modified: value.as_bytes() != input,
            value,
            accepted: !self.is_refused(),
            risk: self.risk,
            rejected_patterns: self.findings,
            errors: self.errors,
        }
    }
}
