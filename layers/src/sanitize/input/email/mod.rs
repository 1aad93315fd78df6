//! E-mail addresses.
//!
//! The form of the WHATWG's HTML standard (an atom with dots, `@`, a host name) with the lengths of RFC 5321 section 4.5.3.1 and the
//! characters beyond ASCII of RFC 6531; at least two labels, no quoted local parts, comments or IP literals.

mod disguise;
mod domain;
mod local;

use std::borrow::Cow;
use std::ops::Range;

use super::clean::{read, report, showable};
use super::form::Form;
use super::inspect::inspect;
use super::limits::Limit;
use super::offsets::{Rewriter, Rewritten};
use super::result::SanitizationResult;
use super::unicode::{Oddity, compose};
use super::verdict::Verdict;
use crate::sanitize::detect::Strictness;
use crate::sanitize::finding::FindingKind;

/// Longest address in bytes: what a forward path of 256 leaves between its brackets (RFC 5321 section 4.5.3.1.3).
const MAX_BYTES: usize = 254;

/// Longest part before the `@` in bytes (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;

/// What an address is in its normal form.
enum Outcome {
    Unchanged,
    Changed(Rewritten),
    Malformed,
}

/// Checks the form of an address. `advanced` looks for attacks and disguises as well.
pub(super) fn sanitize(input: &[u8], limit: Limit, advanced: bool) -> SanitizationResult<'_> {
    let mut verdict = Verdict::new();
    if input.len() > limit.input_bytes() {
        verdict.too_long(0..input.len(), limit);
        return verdict.finish(input, Cow::Borrowed(""));
    }
    let raw = read(input, &mut verdict);
    let mut form = raw.clone();
    trim(&mut form, &mut verdict);
    match normalise(&form, limit, &mut verdict) {
        Outcome::Unchanged => {}
        Outcome::Changed(address) => form.apply(address),
        Outcome::Malformed => showable(&mut form),
    }
    if advanced {
        inspect(&raw, &form, Strictness::Strict, &mut verdict);
        disguise::refuse(&form, &mut verdict);
    }
    verdict.finish(input, form.text)
}

/// Drops the white space that comes with copying and pasting. Line breaks among it are reported: they also come with attempts to smuggle
/// mail headers.
fn trim(form: &mut Form<'_>, verdict: &mut Verdict) {
    let is_space = |c: char| c.is_ascii_whitespace();
    let start = form.text.len() - form.text.trim_start_matches(is_space).len();
    let end = form.text.trim_end_matches(is_space).len().max(start);
    if start == 0 && end == form.text.len() {
        return;
    }
    for outer in [0..start, end..form.text.len()] {
        if form.text[outer.clone()].contains(['\r', '\n', '\u{c}']) {
            verdict.note(FindingKind::ControlCharacter, form.to_input(outer), "line break around an address");
        }
    }
    let mut rewriter = Rewriter::new(&form.text);
    rewriter.remove(0..start);
    rewriter.remove(end..form.text.len());
    if let Some(trimmed) = rewriter.finish() {
        form.apply(trimmed);
    }
}

/// The address with its local part in NFC and its domain in lower case. Why it is malformed stands in `verdict`.
fn normalise(form: &Form<'_>, limit: Limit, verdict: &mut Verdict) -> Outcome {
    let address = &*form.text;
    if address.is_empty() {
        verdict.refuse("required", "is required");
        return Outcome::Malformed;
    }
    let Some(at) = address.bytes().rposition(|byte| byte == b'@') else {
        report_oddities(form, 0..address.len(), verdict);
        verdict.reject(FindingKind::Format, whole(form), "no @", "missing_at", "must have the form name@example.org");
        return Outcome::Malformed;
    };
    let (local, domain) = (&address[..at], &address[at + 1..]);
    let composed = compose(local).map_or(Cow::Borrowed(local), |new| Cow::Owned(new.text));
    if !local::is_valid(&composed) {
        report_oddities(form, 0..at, verdict);
        let place = form.to_input(0..at);
        verdict.reject(
            FindingKind::Format,
            place,
            "malformed local part",
            "invalid_local_part",
            "has a part before the @ that is not valid",
        );
        return Outcome::Malformed;
    }
    let Some(names) = domain::parse(domain) else {
        report_oddities(form, at + 1..address.len(), verdict);
        let place = form.to_input(at + 1..address.len());
        verdict.reject(
            FindingKind::Format,
            place,
            "malformed domain",
            "invalid_domain",
            "has a part behind the @ that is no domain name",
        );
        return Outcome::Malformed;
    };
    let limit = Limit::new(limit.characters.min(MAX_BYTES), limit.bytes.min(MAX_BYTES));
    let wire_bytes = composed.len() + 1 + names.ascii_len;
    let characters = composed.chars().count() + 1 + names.shown.chars().count();
    if composed.len() > MAX_LOCAL_BYTES || wire_bytes > limit.bytes || characters > limit.characters {
        verdict.too_long(whole(form), limit);
        return Outcome::Malformed;
    }
    let mut rewriter = Rewriter::new(address);
    if composed != local {
        rewriter.replace(0..at, &composed);
    }
    if names.shown != domain {
        rewriter.replace(at + 1..address.len(), &names.shown);
    }
    rewriter.finish().map_or(Outcome::Unchanged, Outcome::Changed)
}

/// Names what is worse than a typing error in a malformed part.
fn report_oddities(form: &Form<'_>, part: Range<usize>, verdict: &mut Verdict) {
    for (at, c) in form.text[part.clone()].char_indices() {
        if let Some(oddity) = Oddity::of(c) {
            let start = part.start + at;
            report(oddity, form.to_input(start..start + c.len_utf8()), verdict);
        }
    }
}

fn whole(form: &Form<'_>) -> Range<usize> {
    form.to_input(0..form.text.len())
}

#[cfg(test)]
mod tests;
