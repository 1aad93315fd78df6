//! The decision: which values of a request are looked at, and what is found in them.

use std::fmt;

use http::{HeaderMap, Request, header};
use http_body::Body;

use super::fault::Fault;
use super::field::{Field, FieldKind, Place, Policy};
use super::inspect::Inspect;
use super::json::{self, Visit};
use super::json_text::Text;
use super::media::Format;
use super::pointer;
use super::report::{Findings, Refused, SanitizeReport};
use super::structural::Structural;
use super::urlencoded;
use crate::RequestHead;

/// What the app wants.
pub(super) struct Rules {
    pub(super) when: Box<dyn Fn(RequestHead<'_>) -> bool + Send + Sync>,
    pub(super) policy: Box<dyn Fn(RequestHead<'_>, Place<'_>) -> Policy + Send + Sync>,
    pub(super) structural: Structural,
    pub(super) inspectors: Vec<Box<dyn Inspect + Send + Sync>>,
    pub(super) report_only: bool,
}

/// What becomes of a request whose body has not been read.
#[derive(Debug)]
pub(super) enum Decision {
    /// All is known.
    Settled(Verdict),
    /// The body has to be read first.
    Read(Format, Findings),
}

/// The request goes on, with a report if anything was found, or ends.
pub(super) type Verdict = Result<Option<SanitizeReport>, Refused>;

impl Rules {
    pub(super) fn decide<B: Body>(&self, request: &Request<B>) -> Decision {
        let head = RequestHead::from(request);
        if !(self.when)(head) {
            return Decision::Settled(Ok(None));
        }
        let mut findings = Findings::default();
        self.examine_target(head, &mut findings);
        let body = request.body();
        if (self.report_only || findings.is_empty())
            && !body.is_end_stream()
            && let Some(format) = Format::of(head.headers)
        {
            let at_least = announced_len(head.headers).max(body.size_hint().lower());
            if at_least <= u64::try_from(self.structural.max_body).unwrap_or(u64::MAX) {
                return Decision::Read(format, findings);
            }
            self.note_too_large(&mut findings);
        }
        Decision::Settled(self.judge(findings))
    }

    /// What the findings mean for the request.
    pub(super) fn judge(&self, findings: Findings) -> Verdict {
        if self.report_only { Ok(findings.into_report()) } else { findings.into_refusal().map_or(Ok(None), Err) }
    }

    pub(super) fn note_too_large(&self, findings: &mut Findings) {
        findings.fault(Place::Body(""), Fault::TooLarge { max: self.structural.max_body });
    }

    /// Looks at a body that has been read to its end.
    pub(super) fn examine_body(&self, head: RequestHead<'_>, format: Format, body: &[u8], findings: &mut Findings) {
        // Nothing at all is no malformed JSON: it is a body that the client did not send.
        if body.is_empty() {
            return;
        }
        let mut examiner = Examiner { rules: self, head, findings };
        let outcome = match format {
            Format::Form => examiner.pairs(body, Source::Form),
            Format::Json => std::str::from_utf8(body)
                .map_err(|error| Fault::InvalidUtf8 { at: error.valid_up_to() })
                .and_then(|json| json::scan(json, &self.structural, &mut examiner)),
        };
        if let Err(fault) = outcome {
            findings.fault(Place::Body(""), fault);
        }
    }

    fn examine_target(&self, head: RequestHead<'_>, findings: &mut Findings) {
        let mut examiner = Examiner { rules: self, head, findings };
        if let Some(kind) = examiner.kind(Place::Path) {
            examiner.value(Field::new(Place::Path, kind, &urlencoded::path_decoded(head.uri.path().as_bytes())));
        }
        if let Some(query) = head.uri.query()
            && let Err(fault) = examiner.pairs(query.as_bytes(), Source::Query)
        {
            findings.fault(Place::Query(""), fault);
        }
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("structural", &self.structural)
            .field("inspectors", &self.inspectors.len())
            .field("report_only", &self.report_only)
            .finish_non_exhaustive()
    }
}

/// Where names and values come from.
#[derive(Clone, Copy)]
enum Source {
    Query,
    Form,
}

/// One look at one request.
struct Examiner<'a> {
    rules: &'a Rules,
    head: RequestHead<'a>,
    findings: &'a mut Findings,
}

impl Examiner<'_> {
    /// What the value at `place` is to be inspected as, if at all.
    fn kind(&self, place: Place<'_>) -> Option<FieldKind> {
        if self.findings.is_full() {
            return None;
        }
        match (self.rules.policy)(self.head, place) {
            Policy::Inspect(kind) => Some(kind),
            Policy::Skip => None,
        }
    }

    fn value(&mut self, field: Field<'_>) {
        let others = self.rules.inspectors.iter().flat_map(|inspector| inspector.inspect(&field));
        for finding in self.rules.structural.inspect(&field).into_iter().chain(others) {
            self.findings.add(field.place, finding);
        }
    }

    /// A name holds no secret and belongs on one line, whatever the policy says about its value.
    fn name_of(&mut self, place: Place<'_>, name: &[u8]) {
        for finding in self.rules.structural.inspect(&Field::new(place, FieldKind::Name, name)) {
            self.findings.add(place, finding);
        }
    }

    fn pairs(&mut self, text: &[u8], source: Source) -> Result<(), Fault> {
        let Structural { max_names, max_name_len, max_value_len, .. } = self.rules.structural;
        let mut pointer = String::new();
        for (index, (at, name, value)) in urlencoded::pairs(text).enumerate() {
            for (count, what, max) in [
                (index + 1, "names", max_names),
                (urlencoded::decoded_len(name), "bytes in a name", max_name_len),
                (urlencoded::decoded_len(value), "bytes in a value", max_value_len),
            ] {
                if count > max {
                    return Err(Fault::Limit { what, max, at });
                }
            }
            let name = urlencoded::form_decoded(name);
            let name_text = String::from_utf8_lossy(&name);
            let place = match source {
                Source::Query => Place::Query(&name_text),
                Source::Form => {
                    pointer.clear();
                    pointer::push_name(&mut pointer, &name_text);
                    Place::Body(&pointer)
                }
            };
            self.name_of(place, &name);
            if let Some(kind) = self.kind(place) {
                self.value(Field::new(place, kind, &urlencoded::form_decoded(value)));
            }
        }
        Ok(())
    }
}

impl Visit for Examiner<'_> {
    fn name(&mut self, pointer: &str, name: &str) {
        self.name_of(Place::Body(pointer), name.as_bytes());
    }

    fn value(&mut self, pointer: &str, text: Text<'_>) {
        let place = Place::Body(pointer);
        if let Some(kind) = self.kind(place) {
            Examiner::value(self, Field::new(place, kind, text.decoded().as_bytes()));
        }
    }
}

/// The length that the header announces; 0 where it says nothing readable, and the bytes are counted.
fn announced_len(headers: &HeaderMap) -> u64 {
    let value = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Finding, FindingKind};
    use super::super::report::FieldFinding;
    use super::*;

    /// Inspects all but what is called `password`, and takes offence at every `!`.
    fn rules(structural: Structural) -> Rules {
        Rules {
            when: Box::new(|_| true),
            policy: Box::new(|_, place| match place {
                Place::Body("/password") | Place::Query("password") => Policy::Skip,
                Place::Path => Policy::Inspect(FieldKind::Path),
                _ => Policy::Inspect(FieldKind::Text),
            }),
            structural,
            inspectors: vec![Box::new(|field: &Field<'_>| {
                let at = field.bytes.iter().position(|byte| *byte == b'!');
                at.map(|at| Finding::new(FindingKind::Xss, at, at + 1, "loud")).into_iter().collect()
            })],
            report_only: false,
        }
    }

    fn told(report: Option<&SanitizeReport>) -> Vec<String> {
        let line = |found: &FieldFinding| {
            let Finding { kind, start, end, .. } = found.finding();
            format!("{} {kind} {start}..{end}", found.place())
        };
        report.into_iter().flat_map(SanitizeReport::findings).map(line).collect()
    }

    fn body(format: Format, body: &[u8]) -> Vec<String> {
        let request = Request::new(());
        let mut findings = Findings::default();
        let limits = Structural::new().max_names(3).max_name_len(8).max_value_len(8);
        rules(limits).examine_body(RequestHead::from(&request), format, body, &mut findings);
        told(findings.into_report().as_ref())
    }

    fn target(uri: &str) -> Vec<String> {
        let request = Request::get(uri).body(()).unwrap();
        let mut findings = Findings::default();
        rules(Structural::new().max_names(3)).examine_target(RequestHead::from(&request), &mut findings);
        told(findings.into_report().as_ref())
    }

    #[test]
    fn strings_of_json_are_inspected_by_policy() {
        assert_eq!(
            body(Format::Json, br#"{"a":"b!","password":"!\u0000","c":["!"]}"#),
            ["body:/a xss 1..2", "body:/c/0 xss 0..1"]
        );
    }

    #[test]
    fn an_escape_hides_neither_value_nor_name() {
        assert_eq!(body(Format::Json, br#"{"a":"\u0021\u0000"}"#), ["body:/a null_byte 1..2", "body:/a xss 0..1"]);
        assert_eq!(body(Format::Json, br#"{"pass\u0077ord":"!"}"#), [""; 0]);
    }

    #[test]
    fn names_are_checked_even_where_values_are_skipped() {
        assert_eq!(body(Format::Json, br#"{"a\u0000":1}"#), ["body:/a\u{fffd} null_byte 1..2"]);
        assert_eq!(body(Format::Form, b"a%0a=1"), ["body:/a\u{fffd} control_character 1..2"]);
        assert_eq!(body(Format::Form, b"%ff=1"), ["body:/\u{fffd} invalid_utf8 0..1"]);
    }

    #[test]
    fn forms_and_queries_are_decoded_first() {
        assert_eq!(body(Format::Form, b"a=%21&password=!&b=+!"), ["body:/a xss 0..1", "body:/b xss 1..2"]);
        assert_eq!(target("/?a=%21&pass%77ord=%21&b=%ff"), ["query:a xss 0..1", "query:b invalid_utf8 0..1"]);
    }

    #[test]
    fn the_path_is_decoded_once() {
        assert_eq!(target("/%00/%2521"), ["path null_byte 1..2"]);
        assert_eq!(target("/a%0a"), ["path control_character 2..3"]);
        assert_eq!(target("*"), [""; 0]);
    }

    #[test]
    fn bounds_hold_for_forms_and_queries_too() {
        assert_eq!(body(Format::Form, b"a&b&c"), [""; 0]);
        assert_eq!(body(Format::Form, b"a&b&c&d"), ["body: length 6..6"]);
        assert_eq!(body(Format::Form, b"a&123456789"), ["body: length 2..2"]);
        assert_eq!(body(Format::Form, b"password=123456789"), ["body: length 0..0"]);
        assert_eq!(target("/?a&b&c&d"), ["query: length 6..6"]);
    }

    #[test]
    fn json_has_to_be_utf8_and_json() {
        assert_eq!(body(Format::Json, b"{\"password\":\"\xff\"}"), ["body: invalid_utf8 13..13"]);
        assert_eq!(body(Format::Json, b"{\"a\":\"!\""), ["body:/a xss 0..1", "body: format 8..8"]);
        assert_eq!(body(Format::Json, b""), [""; 0]);
    }
}
