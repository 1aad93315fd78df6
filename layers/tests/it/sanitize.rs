use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use portcullis_layers::Refusal;
use portcullis_layers::sanitize::{
    Buffered, Field, FieldKind, Finding, FindingKind, Place, Policy, SanitizeLayer, SanitizeReport, Structural,
};
use proptest::prelude::*;
use tower::{Layer, Service, ServiceExt, service_fn};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A body that comes in frames, every other time late, and may fail. Counts what was asked for.
#[derive(Default)]
struct Frames {
    frames: VecDeque<Result<Frame<Bytes>, Cut>>,
    late: bool,
    taken: Arc<AtomicUsize>,
}

/// The error of a body that breaks off.
#[derive(Debug, PartialEq)]
struct Cut;

impl Frames {
    fn of(chunks: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        Self { frames: chunks.into_iter().map(|chunk| Ok(Frame::data(chunk.into()))).collect(), ..Self::default() }
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.late = !self.late;
        if self.late {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(self.frames.pop_front())
    }
}

/// Passwords are skipped, the rest is text. Takes offence at `<script`.
fn layer() -> SanitizeLayer {
    builder().build()
}

fn builder() -> portcullis_layers::sanitize::Builder {
    SanitizeLayer::builder(|_, place| match place {
        Place::Body("/password") | Place::Query("token") => Policy::Skip,
        _ => Policy::Inspect(FieldKind::Text),
    })
    .structural(Structural::new().max_body(1024).max_depth(4))
    .inspect(|field: &Field<'_>| match field.bytes.windows(7).position(|seven| seven == b"<script") {
        Some(at) => vec![Finding::new(FindingKind::Xss, at, at + 7, "a tag")],
        None => Vec::new(),
    })
}

/// Answers with the body it got; its trailers become headers, its error 502.
async fn echo(request: Request<Buffered<Frames>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let Ok(collected) = request.into_body().collect().await else {
        return Ok(Response::builder().status(StatusCode::BAD_GATEWAY).body(Full::default()).unwrap());
    };
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let mut response = Response::new(Full::new(collected.to_bytes()));
    response.headers_mut().extend(trailers);
    Ok(response)
}

fn post(content_type: &str, body: Frames) -> Request<Frames> {
    Request::post("/").header("content-type", content_type).body(body).unwrap()
}

async fn send(layer: &SanitizeLayer, request: Request<Frames>) -> Response<Full<Bytes>> {
    layer.layer(service_fn(echo)).oneshot(request).await.unwrap()
}

async fn text(response: Response<Full<Bytes>>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// Status, code and findings: all that there is to see of a verdict.
fn verdict(response: &Response<Full<Bytes>>) -> (u16, &'static str, Vec<String>) {
    let found = response.extensions().get::<SanitizeReport>().map_or(&[][..], SanitizeReport::findings);
    let lines = found.iter().map(|found| {
        let Finding { kind, start, end, .. } = found.finding();
        format!("{} {kind} {start}..{end}", found.place())
    });
    let code = response.extensions().get().map_or("", Refusal::code);
    (response.status().as_u16(), code, lines.collect())
}

#[tokio::test]
async fn honest_input_arrives_as_it_was_sent() {
    for (content_type, body) in [
        (JSON, r#"{"name":"Zoë O'Brien","notes":"two\nlines","tags":["Union","Select"],"age":7,"on":true}"#),
        (JSON, " [] "),
        (JSON, ""),
        (FORM, "name=Zo%C3%AB+O%27Brien&empty=&=&&flag"),
        (FORM, ""),
    ] {
        let response = send(&layer(), post(content_type, Frames::of([body]))).await;
        assert_eq!(verdict(&response), (200, "", Vec::new()), "{body}");
        assert_eq!(text(response).await, body);
    }
}

#[tokio::test]
async fn each_trouble_has_its_code_and_its_place() {
    for (content_type, body, status, code, finding) in [
        (JSON, &br#"{"a":{"b":"x<script>"}}"#[..], 400, "malicious_input", "body:/a/b xss 1..8"),
        (JSON, br#"{"a":"x\u0000"}"#, 400, "malicious_input", "body:/a null_byte 1..2"),
        (JSON, br#"{"a":"x\u001b"}"#, 400, "malicious_input", "body:/a control_character 1..2"),
        (JSON, b"{\"a\":\"\xff\"}", 400, "invalid_utf8", "body: invalid_utf8 6..6"),
        (JSON, b"{\"a\":\"\0\"}", 400, "malformed_json", "body: format 6..6"),
        (JSON, br#"{"a":1,}"#, 400, "malformed_json", "body: format 7..7"),
        (JSON, b"[[[[[]]]]]", 400, "invalid_request", "body: length 4..4"),
        (FORM, b"a=1&b=%3Cscript", 400, "malicious_input", "body:/b xss 0..7"),
        (FORM, b"a=%ff", 400, "invalid_utf8", "body:/a invalid_utf8 0..1"),
        ("application/problem+json", b"{", 400, "malformed_json", "body: format 1..1"),
    ] {
        let response = send(&layer(), post(content_type, Frames::of([body]))).await;
        assert_eq!(verdict(&response), (status, code, vec![finding.to_owned()]), "{}", body.escape_ascii());
        assert!(response.extensions().get::<SanitizeReport>().unwrap().is_refused());
    }
}

#[tokio::test]
async fn path_and_query_are_inspected_before_the_body_is_read() {
    for (uri, code, finding) in [
        ("/a%00b", "malicious_input", "path null_byte 2..3"),
        ("/?q=%3cscript%3e", "malicious_input", "query:q xss 0..7"),
        ("/?q=%C3%28", "invalid_utf8", "query:q invalid_utf8 0..1"),
    ] {
        let body = Frames::of(["{}"]);
        let taken = Arc::clone(&body.taken);
        let request = Request::post(uri).header("content-type", JSON).body(body).unwrap();
        let response = send(&layer(), request).await;
        assert_eq!(verdict(&response), (400, code, vec![finding.to_owned()]), "{uri}");
        assert_eq!(taken.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn an_answer_says_neither_the_value_nor_where_it_was() {
    let body = r#"{"comment":"hunter2<script"}"#;
    let response = send(&layer(), post(JSON, Frames::of([body]))).await;
    let shown =
        format!("{:?} {:?}", response.extensions().get::<Refusal>(), response.extensions().get::<SanitizeReport>());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(text(response).await, "The request holds input that is not accepted.");
    let response = send(&layer(), post(JSON, Frames::of([r#"{"comment":hunter2}"#]))).await;
    assert_eq!(text(response).await, "The body is not JSON: a value was expected at byte 11.");
}

#[tokio::test]
async fn a_skipped_value_is_shown_to_nobody() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let values = Arc::clone(&shown);
    let layer = builder()
        .inspect(move |field: &Field<'_>| {
            values.lock().unwrap().push(String::from_utf8_lossy(field.bytes).into_owned());
            Vec::new()
        })
        .build();
    let json = r#"{"pass\u0077ord":"<script\u0000","name":"a","password":"\n","nested":{"password":"b"}}"#;
    let request = Request::post("/p?token=%00&page=2").header("content-type", JSON).body(Frames::of([json])).unwrap();
    let response = send(&layer, request).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, json);
    assert_eq!(*shown.lock().unwrap(), ["/p", "2", "a", "b"]);
}

#[tokio::test]
async fn an_announced_length_over_the_bound_is_refused_unread() {
    let body = Frames::of(["{}"]);
    let taken = Arc::clone(&body.taken);
    let mut request = post(JSON, body);
    request.headers_mut().insert("content-length", "1025".parse().unwrap());
    let response = send(&layer(), request).await;
    assert_eq!(verdict(&response), (413, "payload_too_large", vec!["body: length 1024..1024".to_owned()]));
    assert_eq!(taken.load(Ordering::Relaxed), 0);

    let known = Request::post("/").header("content-type", JSON).body(Full::from(vec![b' '; 1025])).unwrap();
    let service = layer().layer(service_fn(async |_: Request<Buffered<Full<Bytes>>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    assert_eq!(service.oneshot(known).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn an_endless_body_is_read_to_the_bound_and_no_further() {
    for length in [None, Some("nonsense"), Some("0"), Some("-1"), Some("99999999999999999999999")] {
        let body = Frames::of(vec!["\"aaaaaaaaaaaaaaa"; 100_000]);
        let taken = Arc::clone(&body.taken);
        let mut request = post(JSON, body);
        if let Some(length) = length {
            request.headers_mut().insert("content-length", length.parse().unwrap());
        }
        let response = send(&layer(), request).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(taken.load(Ordering::Relaxed), 1024 / 16 + 1);
    }
}

#[tokio::test]
async fn a_body_of_exactly_the_bound_passes() {
    let json = format!("\"{}\"", "a".repeat(1022));
    let response = send(&layer(), post(JSON, Frames::of([json.clone()]))).await;
    assert_eq!(text(response).await, json);
}

#[tokio::test]
async fn a_character_cut_in_two_by_chunks_is_whole() {
    let json = "{\"name\":\"毛😀\"}";
    let bytes = |text: &'static str| text.as_bytes().chunks(1).map(Bytes::copy_from_slice).collect::<Vec<_>>();
    let response = send(&layer(), post(JSON, Frames::of(bytes(json)))).await;
    assert_eq!(verdict(&response).0, 200);
    assert_eq!(text(response).await, json);
    let response = send(&layer(), post(JSON, Frames::of([&b"\"\xe6"[..], b"\xaf", b"\""]))).await;
    assert_eq!(verdict(&response), (400, "invalid_utf8", vec!["body: invalid_utf8 1..1".to_owned()]));
}

#[tokio::test]
async fn trailers_arrive() {
    for content_type in [JSON, "text/plain"] {
        let mut body = Frames::of(["[", "]"]);
        let trailers = HeaderMap::from_iter([("x-checksum".parse().unwrap(), "1".parse().unwrap())]);
        body.frames.push_back(Ok(Frame::trailers(trailers)));
        let response = send(&layer(), post(content_type, body)).await;
        assert_eq!(response.headers()["x-checksum"], "1");
        assert_eq!(text(response).await, "[]");
    }
}

#[tokio::test]
async fn what_is_not_to_be_inspected_is_not_read() {
    let only_puts = builder().when(|head| head.method == http::Method::PUT).build();
    for (layer, content_type) in [(&layer(), "application/octet-stream"), (&layer(), "text/plain"), (&only_puts, JSON)]
    {
        let body = Frames::of(vec!["\0<script"; 1_000]);
        let taken = Arc::clone(&body.taken);
        let service = layer.layer(service_fn(async |request: Request<Buffered<Frames>>| {
            assert_eq!(request.body().content(), None);
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));
        let response = service.oneshot(post(content_type, body)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(taken.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn a_handler_may_take_the_content_without_collecting_it() {
    let service = layer().layer(service_fn(async |request: Request<Buffered<Frames>>| {
        Ok::<_, Infallible>(Response::new(Full::new(request.body().content().cloned().unwrap())))
    }));
    let response = service.oneshot(post(JSON, Frames::of(["{", "}"]))).await.unwrap();
    assert_eq!(text(response).await, "{}");
}

#[tokio::test]
async fn report_only_reports_and_refuses_nothing() {
    let layer = builder().report_only(true).build();
    let large = "x".repeat(3_000);
    for (chunks, findings) in [
        (vec![r#"{"a":"<script"}"#], vec!["body:/a xss 0..7"]),
        (vec!["{"], vec!["body: format 1..1"]),
        (vec![&large[..600], &large[600..1800], &large[1800..]], vec!["body: length 1024..1024"]),
        (vec!["{}"], vec![]),
    ] {
        let sent = chunks.concat();
        let chunks = chunks.into_iter().map(|chunk| Bytes::copy_from_slice(chunk.as_bytes()));
        let response = send(&layer, post(JSON, Frames::of(chunks))).await;
        let (status, code, found) = verdict(&response);
        assert_eq!((status, code), (200, ""));
        assert_eq!(found, findings);
        assert!(response.extensions().get::<SanitizeReport>().is_none_or(|report| !report.is_refused()));
        assert_eq!(text(response).await, sent);
    }
    let mut announced = post(JSON, Frames::of([large.clone()]));
    announced.headers_mut().insert("content-length", "3000".parse().unwrap());
    assert_eq!(text(send(&layer, announced).await).await, large);
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_off_for_the_handler_too() {
    let mut body = Frames::of([r#"{"a":"#]);
    body.frames.push_back(Err(Cut));
    let response = send(&layer(), post(JSON, body)).await;
    assert_eq!(verdict(&response), (502, "", Vec::new()));
}

#[tokio::test]
async fn a_request_can_be_cancelled_while_its_body_is_read() {
    let body = Frames::of(vec!["1"; 10]);
    let taken = Arc::clone(&body.taken);
    let mut service = layer().layer(service_fn(echo));
    let mut reading = Box::pin(service.ready().await.unwrap().call(post(JSON, body)));
    assert!(std::future::poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx).is_pending())).await);
    drop(reading);
    assert_eq!(Arc::strong_count(&taken), 1, "the body is gone");
    assert_eq!(send(&layer(), post(JSON, Frames::of(["1"]))).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_service_inside_can_be_reached() {
    let mut service = layer().layer(3);
    assert_eq!(*service.get_ref(), 3);
    *service.get_mut() = 4;
    assert_eq!(service.into_inner(), 4);
}

#[tokio::test]
async fn a_body_tells_how_far_it_was_read_and_never_what_it_holds() {
    let service = layer().layer(service_fn(async |request: Request<Buffered<Frames>>| {
        let shown = format!("{:?}", request.body());
        let hint = request.body().size_hint();
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(format!("{shown} {:?}", hint.exact()))))
    }));
    for (content_type, body, expected) in [
        (JSON, "[7]", "Buffered { held: 3, body: \"read\" } Some(3)"),
        ("text/plain", "7", "Buffered { held: 0, body: \"untouched\" } None"),
    ] {
        let response = service.clone().oneshot(post(content_type, Frames::of([body]))).await.unwrap();
        assert_eq!(text(response).await, expected);
    }
}

#[tokio::test]
async fn the_app_shapes_the_answer() {
    let layer = builder()
        .refuse(|refusal: &Refusal| Response::builder().status(422).body(Full::from(refusal.code())).unwrap())
        .build();
    let response = layer.layer(service_fn(echo)).oneshot(post(JSON, Frames::of(["{"]))).await.unwrap();
    assert_eq!(response.status(), 422);
    assert_eq!(text(response).await, "malformed_json");
}

/// Runs a request on a runtime of its own, as proptest knows no async.
fn block_on(layer: &SanitizeLayer, request: Request<Frames>) -> Response<Full<Bytes>> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(send(layer, request))
}

fn chunks(bytes: &[u8], size: usize) -> Frames {
    Frames::of(bytes.chunks(size).map(Bytes::copy_from_slice))
}

/// Text that is almost JSON.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\"a\""),
        Just("\"a\":"),
        Just("0"),
        Just("-1.5e3"),
        Just("01"),
        Just("1."),
        Just("true"),
        Just("null"),
        Just(" "),
        Just("\n"),
        Just("\""),
        Just("\\u0041"),
        Just("\"\\ud83d\\ude00\""),
        Just("\"\\ud83d\""),
        Just("\\"),
        Just("é"),
        Just("\u{1}"),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_what_passes_is_unchanged(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        form in any::<bool>(),
        report_only in any::<bool>(),
    ) {
        let layer = builder().report_only(report_only).build();
        let response = block_on(&layer, post(if form { FORM } else { JSON }, chunks(&bytes, 7)));
        prop_assert!(!report_only || response.status() == StatusCode::OK);
        if response.status() == StatusCode::OK {
            let body = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(text(response));
            prop_assert_eq!(body, bytes);
        }
    }

    #[test]
    fn it_calls_json_what_serde_json_calls_json(json in nearly_json()) {
        let layer = SanitizeLayer::builder(|_, _| Policy::Skip).build();
        let (_, code, _) = verdict(&block_on(&layer, post(JSON, chunks(json.as_bytes(), 5))));
        let malformed = !json.is_empty() && serde_json::from_str::<serde_json::Value>(&json).is_err();
        prop_assert_eq!(code == "malformed_json", malformed, "{}", json);
    }

    #[test]
    fn an_inspector_sees_what_serde_json_reads(value in ".{0,40}", name in "[^\\p{C}]{0,20}") {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let values = Arc::clone(&seen);
        let layer = SanitizeLayer::builder(|_, place| match place {
            Place::Body(_) => Policy::Inspect(FieldKind::Text),
            _ => Policy::Skip,
        })
        .inspect(move |field: &Field<'_>| {
            values.lock().unwrap().push((field.place.to_string(), field.bytes.to_vec()));
            Vec::new()
        })
        .build();
        let escaped: String = value.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        let json = format!("{{{}:[{},\"{escaped}\"]}}", serde_json::to_string(&name)?, serde_json::to_string(&value)?);
        block_on(&layer, post(JSON, chunks(json.as_bytes(), 3)));
        let pointer = format!("body:/{}", name.replace('~', "~0").replace('/', "~1"));
        let expected = [0, 1].map(|index| (format!("{pointer}/{index}"), value.clone().into_bytes()));
        prop_assert_eq!(&*seen.lock().unwrap(), &expected);
    }

    #[test]
    fn the_verdict_does_not_depend_on_the_chunks(json in nearly_json(), size in 1..9_usize) {
        let whole = verdict(&block_on(&layer(), post(JSON, chunks(json.as_bytes(), 4096))));
        prop_assert_eq!(verdict(&block_on(&layer(), post(JSON, chunks(json.as_bytes(), size)))), whole);
    }
}
