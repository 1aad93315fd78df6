//! The decision: which id and which trace a request belongs to.

use std::num::{NonZeroU64, NonZeroU128};

use bytes::Bytes;
use http::header::{Entry, OccupiedEntry};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::number::Numbers;
use crate::header_text::Chunk;
use crate::{RequestId, TraceContext, hex};

const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

thread_local! {
    static TEXTS: Chunk = Chunk::new();
}

/// What the layer was told.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) header: HeaderName,
    pub(super) accept_incoming: bool,
    pub(super) trace: bool,
    pub(super) continue_traces: bool,
    pub(super) sample: bool,
    pub(super) trace_response: bool,
    pub(super) numbers: Numbers,
}

/// What the layer found out about one request.
#[derive(Debug, PartialEq)]
pub(super) struct Identity {
    pub(super) id: RequestId,
    /// The place of this request in its trace as a header, where the response is to tell it.
    pub(super) traceresponse: Option<HeaderValue>,
}

impl Config {
    /// Decides, and writes the headers on the request. A map that is full (32 768 fields) stays as it is.
    pub(super) fn identify(&self, headers: &mut HeaderMap) -> Identity {
        let (number, span) = self.numbers.next();
        let Some((trace, text)) = self.trace.then(|| self.put_trace(headers, number, span)) else {
            return Identity { id: self.put_id(headers, || id_of(number)), traceresponse: None };
        };
        let begins_here = trace.parent_span_id().is_none();
        if begins_here {
            headers.remove(TRACESTATE);
        }
        let id = self.put_id(headers, || {
            // The number of the trace, whose digits stand there already.
            let digits = if begins_here { text.slice(TraceContext::TRACE_ID) } else { return id_of(number) };
            HeaderValue::from_maybe_shared(digits).map_or_else(|_| id_of(number), RequestId::from_safe)
        });
        let traceresponse = self.trace_response.then(|| HeaderValue::from_maybe_shared(text).ok()).flatten();
        Identity { id: id.with_trace(trace), traceresponse }
    }

    /// Continues the sender's trace or begins one, and tells its `traceparent`.
    fn put_trace(&self, headers: &mut HeaderMap, number: NonZeroU128, span: NonZeroU64) -> (TraceContext, Bytes) {
        let root = TraceContext::root(number, span, self.sample);
        let entry = headers.try_entry(TraceContext::HEADER);
        let sender = match &entry {
            Ok(Entry::Occupied(values)) if self.continue_traces => {
                only(values).and_then(|value| TraceContext::parse(value.as_bytes()))
            }
            _ => None,
        };
        let trace = sender.map_or(root, |sender| sender.child(span));
        let text = Chunk::copy(&TEXTS, &trace.text());
        if let (Ok(entry), Ok(value)) = (entry, HeaderValue::from_maybe_shared(text.clone())) {
            put(entry, value);
        }
        (trace, text)
    }

    /// Accepts the sender's id or makes one.
    fn put_id(&self, headers: &mut HeaderMap, make: impl FnOnce() -> RequestId) -> RequestId {
        let Ok(entry) = headers.try_entry(&self.header) else { return make() };
        let accepted = match &entry {
            Entry::Occupied(values) if self.accept_incoming => only(values).and_then(RequestId::new),
            _ => None,
        };
        accepted.unwrap_or_else(|| {
            let id = make();
            put(entry, id.header().clone());
            id
        })
    }
}

fn id_of(number: NonZeroU128) -> RequestId {
    let mut digits = [0; 32];
    hex::write(&mut digits, number.get());
    let digits = Chunk::copy(&TEXTS, &digits);
    HeaderValue::from_maybe_shared(digits).map_or_else(|_| RequestId::from_u128(number.get()), RequestId::from_safe)
}

fn only<'a>(values: &'a OccupiedEntry<'_, HeaderValue>) -> Option<&'a HeaderValue> {
    let mut values = values.iter();
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

/// Replaces all values of the name.
fn put(entry: Entry<'_, HeaderValue>, value: HeaderValue) {
    match entry {
        Entry::Occupied(mut values) => drop(values.insert(value)),
        Entry::Vacant(vacant) => drop(vacant.try_insert(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            header: HeaderName::from_static("x-request-id"),
            accept_incoming: true,
            trace: true,
            continue_traces: true,
            sample: false,
            trace_response: false,
            numbers: Numbers::new(),
        }
    }

    fn identify(config: &Config, headers: &[(&'static str, &str)]) -> Identity {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        config.identify(&mut map)
    }

    #[test]
    fn safe_ids_are_accepted_and_all_others_replaced() {
        let long = "a".repeat(129);
        let cases = [
            ("a uuid", "0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f", true),
            ("every safe sign", "aZ09._-", true),
            ("128 characters", &long[..128], true),
            ("empty", "", false),
            ("129 characters", &long, false),
            ("space", "a b", false),
            ("markup", "<script>", false),
            ("quote", "a\"b", false),
            ("tab", "a\tb", false),
            ("beyond ASCII", "é", false),
        ];
        for (case, value, accepted) in cases {
            let identity = identify(&config(), &[("x-request-id", value)]);
            assert_eq!(identity.id.as_str() == value, accepted, "{case}");
            assert!(accepted || identity.id.as_str().len() == 32, "{case}");
        }
    }

    #[test]
    fn a_repeated_id_is_replaced() {
        let identity = identify(&config(), &[("x-request-id", "a"), ("x-request-id", "b")]);
        assert_eq!(identity.id.as_str().len(), 32);
    }

    #[test]
    fn an_incoming_id_is_ignored_where_it_is_not_accepted() {
        let config = Config { accept_incoming: false, ..config() };
        assert_ne!(identify(&config, &[("x-request-id", "a")]).id.as_str(), "a");
    }

    #[test]
    fn a_trace_that_begins_with_a_new_id_has_the_same_number() {
        let identity = identify(&Config { trace_response: true, ..config() }, &[]);
        let trace = identity.id.trace().unwrap();
        assert_eq!(identity.id.as_str(), format!("{:032x}", trace.trace_id()));
        assert_eq!(identity.traceresponse.unwrap(), trace.to_string());
        assert_eq!(trace.parent_span_id(), None);
        assert!(!trace.sampled());
    }

    #[test]
    fn a_trace_is_continued_only_where_asked() {
        let headers = [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")];
        let sender = TraceContext::parse(headers[0].1.as_bytes()).unwrap();
        let trace = identify(&config(), &headers).id.trace().unwrap();
        assert_eq!((trace.trace_id(), trace.parent_span_id()), (sender.trace_id(), Some(sender.span_id())));

        let trace = identify(&Config { continue_traces: false, ..config() }, &headers).id.trace().unwrap();
        assert_ne!(trace.trace_id(), sender.trace_id());
        assert_eq!(identify(&Config { trace: false, ..config() }, &headers).id.trace(), None);
    }
}
