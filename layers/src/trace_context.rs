//! W3C Trace Context: the `traceparent` header as a value.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::ops::Range;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue};

use crate::{RequestId, hex};

/// The bits of the flags field that have a meaning: `sampled` (Level 1) and `random-trace-id` (Level 2).
const KNOWN_FLAGS: u8 = 0b11;
const SAMPLED: u8 = 0b01;

/// The place of this request in a distributed trace (W3C Trace Context, Level 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: NonZeroU128,
    span_id: NonZeroU64,
    parent_span_id: Option<NonZeroU64>,
    flags: u8,
}

impl TraceContext {
    /// The header that carries it: `traceparent`.
    pub const HEADER: HeaderName = HeaderName::from_static("traceparent");

    /// The length of `00-<32 digits>-<16 digits>-<2 digits>`.
    const LENGTH: usize = 55;

    /// Where the trace id stands in it.
    pub(crate) const TRACE_ID: Range<usize> = 3..35;

    /// The first span of a new trace.
    #[must_use]
    pub const fn root(trace_id: NonZeroU128, span_id: NonZeroU64, sampled: bool) -> Self {
        Self { trace_id, span_id, parent_span_id: None, flags: if sampled { SAMPLED } else { 0 } }
    }

    /// The context of the request with these extensions: one that was put there by itself, or the one that the [`RequestId`] carries.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().copied().or_else(|| extensions.get().and_then(RequestId::trace))
    }

    /// The context of the sender, from exactly one well-formed `traceparent` header; `None` otherwise, as the standard demands that a
    /// malformed one be ignored.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(Self::HEADER).iter();
        let only = values.next()?;
        values.next().is_none().then(|| Self::parse(only.as_bytes()))?
    }

    /// Reads a `traceparent` value: lower-case hex digits only, no zero ids, version `ff` refused. Of a later version than `00` the fields
    /// known here are read and the rest is ignored.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(Self::LENGTH)?;
        let [v0, v1, b'-', ids @ .., b'-', f0, f1] = known else { return None };
        let (trace_id, span_id) = ids.split_at_checked(32)?;
        let span_id = span_id.strip_prefix(b"-")?;
        let acceptable = match number(&[*v0, *v1])? {
            0x00 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with(b"-"),
        };
        if !acceptable {
            return None;
        }
        Some(Self {
            trace_id: NonZeroU128::new(number(trace_id)?)?,
            span_id: NonZeroU64::new(u64::try_from(number(span_id)?).ok()?)?,
            parent_span_id: None,
            flags: u8::try_from(number(&[*f0, *f1])?).ok()? & KNOWN_FLAGS,
        })
    }

    /// The same trace one step further: `span_id` becomes the current span, the current one its parent.
    #[must_use]
    pub const fn child(self, span_id: NonZeroU64) -> Self {
        Self { span_id, parent_span_id: Some(self.span_id), ..self }
    }

    /// The id that all spans of the trace share; written as 32 hex digits.
    #[must_use]
    pub const fn trace_id(&self) -> NonZeroU128 {
        self.trace_id
    }

    /// The id of the current span; written as 16 hex digits.
    #[must_use]
    pub const fn span_id(&self) -> NonZeroU64 {
        self.span_id
    }

    /// The span of the sender, if the trace did not begin here.
    #[must_use]
    pub const fn parent_span_id(&self) -> Option<NonZeroU64> {
        self.parent_span_id
    }

    /// Whether the sender may have recorded its part of the trace.
    #[must_use]
    pub const fn sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The `traceparent` value that names the current span as the parent of what follows.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        hex::header_value(self.text())
    }

    pub(crate) fn text(&self) -> [u8; Self::LENGTH] {
        let mut text = *b"00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-ff";
        hex::write(&mut text[Self::TRACE_ID], self.trace_id.get());
        hex::write(&mut text[36..52], self.span_id.get().into());
        hex::write(&mut text[53..], self.flags.into());
        text
    }
}

/// As it stands in the header.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

/// Lower-case hex digits as a number; at most 32 of them.
fn number(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn parse(text: &str) -> Option<TraceContext> {
        TraceContext::parse(text.as_bytes())
    }

    #[test]
    fn a_well_formed_value_is_read_and_written_back() {
        let context = parse(VALID).unwrap();
        assert_eq!(context.trace_id().get(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(context.span_id().get(), 0xb7ad_6b71_6920_3331);
        assert!(context.sampled());
        assert_eq!(context.header(), VALID);
        assert_eq!(context.to_string(), VALID);
    }

    #[test]
    fn a_child_keeps_the_trace_and_names_its_parent() {
        let parent = parse(VALID).unwrap();
        let child = parent.child(NonZeroU64::MIN);
        assert_eq!(child.header(), "00-0af7651916cd43dd8448eb211c80319c-0000000000000001-01");
        assert_eq!(child.parent_span_id(), Some(parent.span_id()));
    }

    #[test]
    fn malformed_values_are_refused() {
        let cases = [
            ("empty", ""),
            ("version ff", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ("upper case", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"),
            ("zero trace id", "00-00000000000000000000000000000000-b7ad6b7169203331-01"),
            ("zero span id", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
            ("short trace id", "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01"),
            ("no flags", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"),
            ("version 00 with more", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x"),
            ("wrong separator", "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01"),
            ("not hex", "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01"),
            ("later version, no dash", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x"),
            ("space", " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ];
        for (case, text) in cases {
            assert_eq!(parse(text), None, "{case}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known_and_unknown_flags_are_dropped() {
        let context = parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-what-ever").unwrap();
        assert_eq!(context.header(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03");
    }

    #[test]
    fn two_headers_count_as_none() {
        let mut headers = HeaderMap::new();
        headers.append(TraceContext::HEADER, HeaderValue::from_static(VALID));
        assert!(TraceContext::from_headers(&headers).is_some());
        headers.append(TraceContext::HEADER, HeaderValue::from_static(VALID));
        assert_eq!(TraceContext::from_headers(&headers), None);
    }
}
