use std::convert::Infallible;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use portcullis_layers::request_id::{ConfigError, RequestIdLayer};
use portcullis_layers::{RequestId, TraceContext};
use tower::{Layer, ServiceExt, service_fn};

const SENDER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What the inner service saw.
struct Seen {
    headers: HeaderMap,
    id: Option<RequestId>,
    trace: Option<TraceContext>,
}

async fn send(layer: RequestIdLayer, headers: &[(&'static str, &'static str)]) -> (HeaderMap, Seen) {
    let service = layer.layer(service_fn(async |request: Request<()>| {
        let (parts, ()) = request.into_parts();
        let (id, trace) = (parts.extensions.get().cloned(), TraceContext::of(&parts.extensions));
        let mut response = Response::new(Seen { headers: parts.headers, id, trace });
        response.headers_mut().append("x-request-id", HeaderValue::from_static("from-upstream"));
        response.headers_mut().append("x-request-id", HeaderValue::from_static("from-further-up"));
        Ok::<_, Infallible>(response)
    }));
    let mut request = Request::new(());
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_static(value));
    }
    let (parts, seen) = service.oneshot(request).await.unwrap().into_parts();
    (parts.headers, seen)
}

#[tokio::test]
async fn an_accepted_id_is_the_same_in_request_extension_and_response() {
    let (headers, seen) = send(RequestIdLayer::new(), &[("x-request-id", "order-17")]).await;
    assert_eq!(headers.get_all("x-request-id").iter().collect::<Vec<_>>(), ["order-17"]);
    assert_eq!(seen.headers["x-request-id"], "order-17");
    assert_eq!(seen.id.unwrap().as_str(), "order-17");
}

#[tokio::test]
async fn an_unsafe_id_is_replaced_everywhere() {
    let (headers, seen) = send(RequestIdLayer::new(), &[("x-request-id", "a\"; rm -rf"), ("x-request-id", "b")]).await;
    let id = seen.id.unwrap();
    assert_eq!(id.as_str().len(), 32);
    assert_eq!(headers["x-request-id"], id.as_str());
    assert_eq!(seen.headers.get_all("x-request-id").iter().collect::<Vec<_>>(), [id.as_str()]);
}

#[tokio::test]
async fn every_request_has_an_id_of_its_own() {
    let layer = RequestIdLayer::new();
    let mut ids = std::collections::HashSet::new();
    for _ in 0..100 {
        let (headers, _) = send(layer.clone(), &[]).await;
        assert!(ids.insert(headers["x-request-id"].clone()));
    }
}

#[tokio::test]
async fn a_trace_goes_on_under_a_new_span_and_keeps_its_state() {
    let (_, seen) = send(RequestIdLayer::new(), &[("traceparent", SENDER), ("tracestate", "vendor=1")]).await;
    let (sender, trace) = (TraceContext::parse(SENDER.as_bytes()).unwrap(), seen.trace.unwrap());
    assert_eq!(trace.trace_id(), sender.trace_id());
    assert_eq!(trace.parent_span_id(), Some(sender.span_id()));
    assert_ne!(trace.span_id(), sender.span_id());
    assert!(trace.sampled());
    assert_eq!(seen.headers["traceparent"], trace.to_string());
    assert_eq!(seen.headers["tracestate"], "vendor=1");
}

#[tokio::test]
async fn a_malformed_trace_is_replaced_and_its_state_dropped() {
    let (headers, seen) =
        send(RequestIdLayer::new(), &[("traceparent", "00-nonsense"), ("tracestate", "vendor=1")]).await;
    assert_eq!(seen.headers["traceparent"], seen.trace.unwrap().to_string());
    assert!(!seen.headers.contains_key("tracestate"));
    assert!(!headers.contains_key("traceresponse"));
}

#[tokio::test]
async fn the_edge_takes_nothing_over_and_shows_its_trace() {
    let layer = RequestIdLayer::builder()
        .header(HeaderName::from_static("x-correlation-id"))
        .accept_incoming(false)
        .continue_traces(false)
        .sample_new_traces(true)
        .trace_response(true)
        .build()
        .unwrap();
    let (headers, seen) = send(layer, &[("x-correlation-id", "theirs"), ("traceparent", SENDER)]).await;
    let trace = seen.trace.unwrap();
    assert_ne!(headers["x-correlation-id"], "theirs");
    assert_eq!(trace.parent_span_id(), None);
    assert!(trace.sampled());
    assert_eq!(headers["traceresponse"], trace.to_string());
}

#[tokio::test]
async fn without_trace_context_the_headers_pass_untouched() {
    let layer = RequestIdLayer::builder().trace_context(false).build().unwrap();
    let (_, seen) = send(layer, &[("traceparent", "whatever")]).await;
    assert_eq!(seen.headers["traceparent"], "whatever");
    assert_eq!(seen.trace, None);
}

#[test]
fn an_id_cannot_travel_in_a_header_that_means_something_else() {
    let of_the_trace = ["traceparent", "tracestate", "traceresponse"].map(HeaderName::from_static);
    let others = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::AUTHORIZATION];
    for name in of_the_trace.into_iter().chain(others) {
        let error = RequestIdLayer::builder().header(name.clone()).build().unwrap_err();
        assert_eq!(error, ConfigError::ReservedHeader(name.clone()));
        assert!(error.to_string().contains(name.as_str()));
    }
}
