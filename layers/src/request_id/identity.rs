//! The decision: which id and which trace a request belongs to.

use std::num::NonZeroU128;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use super::number::Numbers;
use crate::{RequestId, TraceContext, hex};

const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

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
    /// Whether the sender's header has the id already.
    accepted: bool,
    /// The header that names this request as the parent of what follows.
    pub(super) traceparent: Option<HeaderValue>,
}

impl Config {
    pub(super) fn identify(&self, headers: &HeaderMap) -> Identity {
        let incoming = self.accept_incoming.then(|| only(headers, &self.header)).flatten().and_then(RequestId::new);
        let (number, span) = self.numbers.next();
        let trace = self.trace.then(|| {
            let sender = self.continue_traces.then(|| TraceContext::from_headers(headers)).flatten();
            sender.map_or(TraceContext::root(number, span, self.sample), |sender| sender.child(span))
        });
        let accepted = incoming.is_some();
        let (id, traceparent) = match (incoming, trace) {
            (Some(id), trace) => (id, trace.map(|trace| trace.header())),
            (None, None) => (RequestId::from_u128(number.get()), None),
            (None, Some(trace)) => write_both(number, trace),
        };
        let id = match trace {
            Some(trace) => id.with_trace(trace),
            None => id,
        };
        Identity { id, accepted, traceparent }
    }
}

/// A new id and the header of its trace, as two views of one allocation.
fn write_both(number: NonZeroU128, trace: TraceContext) -> (RequestId, Option<HeaderValue>) {
    const DIGITS: usize = 32;
    let traceparent = trace.text();
    let mut text = [0; DIGITS + TraceContext::LENGTH];
    let (id, rest) = text.split_at_mut(DIGITS);
    hex::write(id, number.get());
    rest.copy_from_slice(&traceparent);
    let text = Bytes::from_owner(text);
    let view = |range: std::ops::Range<usize>| HeaderValue::from_maybe_shared(text.slice(range)).ok();
    let id = view(0..DIGITS).as_ref().and_then(RequestId::new);
    (id.unwrap_or_else(|| RequestId::from_u128(number.get())), view(DIGITS..text.len()))
}

impl Identity {
    /// Writes the identity on the request. A header map that is full (32 768 fields) stays as it is.
    pub(super) fn apply<B>(&self, config: &Config, request: &mut Request<B>) {
        let headers = request.headers_mut();
        if !self.accepted {
            let _full = headers.try_insert(config.header.clone(), self.id.header().clone());
        }
        if let Some(traceparent) = &self.traceparent {
            if self.id.trace().is_some_and(|trace| trace.parent_span_id().is_none()) {
                headers.remove(TRACESTATE);
            }
            let _full = headers.try_insert(TraceContext::HEADER, traceparent.clone());
        }
        request.extensions_mut().insert(self.id.clone());
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then_some(first)
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
        config.identify(&map)
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
        let identity = identify(&config(), &[]);
        let trace = identity.id.trace().unwrap();
        assert_eq!(identity.id.as_str(), format!("{:032x}", trace.trace_id()));
        assert_eq!(identity.traceparent.unwrap(), trace.to_string());
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
