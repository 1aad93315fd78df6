//! What was found in one request, for the layers further out.

use std::sync::Arc;

use http::Response;

use super::fault::{self, Fault};
use super::field::Place;
use super::finding::Finding;
use crate::{Refusal, Refuse};

/// How many findings of one request are kept; nothing is inspected after that many.
const MAX_FINDINGS: usize = 16;

/// How much of a field's name is kept, in bytes: a client chooses it.
const MAX_NAME: usize = 128;

/// A finding and the field it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFinding {
    part: Part,
    name: Box<str>,
    finding: Finding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Path,
    Query,
    Body,
}

impl FieldFinding {
    fn new(place: Place<'_>, finding: Finding) -> Self {
        let (part, name) = match place {
            Place::Path => (Part::Path, ""),
            Place::Query(name) => (Part::Query, name),
            Place::Body(pointer) => (Part::Body, pointer),
        };
        Self { part, name: loggable(name).into(), finding }
    }

    /// Where it is. A name is cut after 128 bytes, and control characters in it are replaced by U+FFFD, so that it fits a log line.
    #[must_use]
    pub fn place(&self) -> Place<'_> {
        match self.part {
            Part::Path => Place::Path,
            Part::Query => Place::Query(&self.name),
            Part::Body => Place::Body(&self.name),
        }
    }

    /// What it is.
    #[must_use]
    pub fn finding(&self) -> &Finding {
        &self.finding
    }
}

fn loggable(name: &str) -> String {
    let mut shown = String::with_capacity(name.len().min(MAX_NAME));
    for c in name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }) {
        if shown.len() + c.len_utf8() > MAX_NAME {
            break;
        }
        shown.push(c);
    }
    shown
}

/// What the layer found in a request: an extension of the response, absent where nothing was found. A clone is a reference count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SanitizeReport {
    findings: Arc<[FieldFinding]>,
    refused: bool,
}

impl SanitizeReport {
    /// The findings in the order of the request, at least one, at most 16.
    #[must_use]
    pub fn findings(&self) -> &[FieldFinding] {
        &self.findings
    }

    /// Whether the request was refused for them; `false` says that the layer only reports.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused
    }
}

/// The findings so far, and the refusal that the first of them demands.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<FieldFinding>,
    refusal: Option<Refusal>,
}

impl Findings {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= MAX_FINDINGS
    }

    pub(super) fn add(&mut self, place: Place<'_>, finding: Finding) {
        self.refusal.get_or_insert_with(|| fault::refusal(finding.kind));
        self.keep(place, finding);
    }

    pub(super) fn fault(&mut self, place: Place<'_>, fault: Fault) {
        self.refusal.get_or_insert_with(|| fault.refusal());
        self.keep(place, fault.finding());
    }

    fn keep(&mut self, place: Place<'_>, finding: Finding) {
        if !self.is_full() {
            self.list.push(FieldFinding::new(place, finding));
        }
    }

    /// What to tell of a request that goes on in spite of them.
    pub(super) fn into_report(self) -> Option<SanitizeReport> {
        (!self.is_empty()).then(|| SanitizeReport { findings: self.list.into(), refused: false })
    }

    /// What to answer where they end the request; `None` without a finding.
    pub(super) fn into_refusal(self) -> Option<Refused> {
        let refusal = self.refusal?;
        Some(Refused { refusal, report: SanitizeReport { findings: self.list.into(), refused: true } })
    }
}

/// What a refused request is answered, and what the layers further out are told.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) report: SanitizeReport,
}

impl Refused {
    pub(super) fn response<B>(self, refuse: &impl Refuse<B>) -> Response<B> {
        let mut response = refuse.refuse(&self.refusal);
        response.extensions_mut().insert(self.refusal);
        response.extensions_mut().insert(self.report);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::FindingKind;
    use super::*;

    fn finding(kind: FindingKind) -> Finding {
        Finding::new(kind, 0, 1, "")
    }

    #[test]
    fn the_first_finding_decides_the_refusal() {
        let mut findings = Findings::default();
        findings.add(Place::Path, finding(FindingKind::InvalidUtf8));
        findings.add(Place::Path, finding(FindingKind::Xss));
        findings.fault(Place::Body(""), Fault::TooLarge { max: 1 });
        let Refused { refusal, report } = findings.into_refusal().unwrap();
        assert_eq!(refusal.code(), "invalid_utf8");
        assert_eq!(report.findings().len(), 3);
        assert!(report.is_refused());
    }

    #[test]
    fn the_number_of_findings_is_bounded() {
        let mut findings = Findings::default();
        for _ in 0..1_000 {
            findings.add(Place::Path, finding(FindingKind::Xss));
        }
        assert_eq!(findings.into_report().unwrap().findings().len(), MAX_FINDINGS);
    }

    #[test]
    fn a_name_in_a_report_is_bounded_and_fit_for_a_log() {
        let name = format!("/a\n\u{1b}{}", "é".repeat(1_000));
        let found = FieldFinding::new(Place::Body(&name), finding(FindingKind::Xss));
        let Place::Body(shown) = found.place() else { panic!() };
        assert!(shown.starts_with("/a\u{fffd}\u{fffd}é"));
        assert!(shown.len() <= MAX_NAME);
    }

    #[test]
    fn without_findings_there_is_nothing_to_tell() {
        assert_eq!(Findings::default().into_report(), None);
        assert!(Findings::default().into_refusal().is_none());
    }
}
