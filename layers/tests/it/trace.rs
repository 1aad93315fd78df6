use std::io;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use portcullis_layers::trace::TraceLayer;
use portcullis_layers::{ClientIp, ClientScheme, Refusal, RequestId, RoutePattern, TraceContext};
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceExt, service_fn};
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing::{Dispatch, Level, Span};

/// While there is but one subscriber, tracing asks only the thread that comes to a call site first, and remembers a "no" of a thread
/// without. A second one that never goes away makes it ask all subscribers.
static BYSTANDER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));

/// A subscriber for this thread, and what it wrote.
pub(crate) struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(crate) fn at(level: Level) -> Self {
        LazyLock::force(&BYSTANDER);
        let text = Arc::<Mutex<Vec<u8>>>::default();
        let writer = Arc::clone(&text);
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(level)
            .with_writer(move || Writer(Arc::clone(&writer)))
            .finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    fn text(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The event of the one request, without its duration.
    fn only(&self) -> Value {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "{events:?}");
        let mut event = events.remove(0);
        assert_eq!(event["target"], "portcullis_layers::trace");
        let duration = event["fields"].as_object_mut().unwrap().remove("duration_ms").unwrap();
        assert!(duration.as_f64().unwrap() >= 0.0);
        event
    }
}

fn respond(status: u16) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::from("hello")).unwrap()
}

/// Answers every request with what `answer` makes, through to the end of the body.
async fn exchange(request: Request<()>, answer: impl Fn(&Request<()>) -> Response<Full<Bytes>>) {
    let service =
        TraceLayer::new().layer(service_fn(async |request: Request<()>| Ok::<_, io::Error>(answer(&request))));
    service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
}

#[tokio::test]
async fn the_event_comes_at_the_end_of_the_body_inside_a_span_that_knows_the_request() {
    let log = Log::at(Level::INFO);
    let trace = TraceContext::parse(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
    let request = Request::post("/users/7?token=secret")
        .header("authorization", "Bearer secret")
        .extension(RoutePattern("/users/{id}".into()))
        .extension(RequestId::from_u128(0xab))
        .extension(trace)
        .body(())
        .unwrap();
    let service = TraceLayer::new().layer(service_fn(async |_: Request<()>| {
        tracing::info!("inside");
        let mut response = respond(201);
        response.extensions_mut().insert(ClientIp(IpAddr::from([203, 0, 113, 9])));
        response.extensions_mut().insert(ClientScheme::Https);
        Ok::<_, io::Error>(response)
    }));

    let response = service.oneshot(request).await.unwrap();
    let events = log.events();
    assert_eq!(events.len(), 1, "the body has not ended: {events:?}");
    assert_eq!(events[0]["span"]["name"], "http.request");

    response.into_body().collect().await.unwrap();
    let event = &log.events()[1];
    assert_eq!(event["level"], "INFO");
    assert_eq!(event["fields"]["message"], "request completed");
    assert_eq!(event["fields"]["http.response.status_code"], 201);
    assert_eq!(event["fields"]["http.response.body.size"], 5);
    assert_eq!(
        event["span"],
        json!({
            "name": "http.request",
            "http.request.method": "POST",
            "http.route": "/users/{id}",
            "url.scheme": "https",
            "url.path": "/users/7",
            "request.id": "000000000000000000000000000000ab",
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "client.address": "203.0.113.9",
            "http.response.status_code": 201,
        })
    );
    assert!(!log.text().contains("secret"));
}

/// The span of a request, as its event shows it.
async fn span(layer: TraceLayer, request: Request<()>) -> Value {
    let log = Log::at(Level::INFO);
    let service = layer.layer(service_fn(async |_: Request<()>| Ok::<_, io::Error>(respond(200))));
    service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
    log.only()["span"].clone()
}

#[tokio::test]
async fn an_invented_method_is_shown_in_part() {
    let request = |method: &str| Request::builder().method(method).body(()).unwrap();
    let shown = span(TraceLayer::new(), request(&"B".repeat(20_000))).await;
    assert_eq!(shown["http.request.method"], "_OTHER");
    assert_eq!(shown["http.request.method_original"], "B".repeat(32));
    let shown = span(TraceLayer::new(), request("PATCH")).await;
    assert_eq!(shown.get("http.request.method_original"), None);
}

#[tokio::test]
async fn the_scheme_is_that_of_the_connection_else_of_the_target() {
    let target = |uri: &str| Request::get(uri).body(()).unwrap();
    let mut over_tls = target("http://example.com/");
    over_tls.extensions_mut().insert(ClientScheme::Https);
    for (request, scheme) in [
        (over_tls, json!("https")),
        (target("https://example.com/"), json!("https")),
        (target("gopher://example.com/"), Value::Null),
        (target("/"), Value::Null),
    ] {
        assert_eq!(span(TraceLayer::new(), request).await["url.scheme"], scheme);
    }
}

#[tokio::test]
async fn exporters_are_told_the_name_and_kind_of_the_span_where_they_ask() {
    let layer = || TraceLayer::new().otel_fields(true);
    let routed = || Request::builder().extension(RoutePattern("/users/{id}".into()));
    for (request, name) in [
        (routed().body(()).unwrap(), "GET /users/{id}"),
        (routed().method("BREW").body(()).unwrap(), "HTTP /users/{id}"),
        (Request::new(()), "GET"),
    ] {
        let shown = span(layer(), request).await;
        assert_eq!((&shown["otel.name"], &shown["otel.kind"]), (&json!(name), &json!("server")));
    }
    assert_eq!(span(TraceLayer::new(), Request::new(())).await.get("otel.name"), None);
}

#[tokio::test]
async fn a_span_is_shown_with_its_request_before_anything_runs_in_it() {
    let log = Log::at(Level::INFO);
    let layer = TraceLayer::new().opened(|span, head| {
        let id = head.extensions.get::<RequestId>().unwrap();
        assert!(span.metadata().is_some() && *span != Span::current());
        tracing::info!(id = id.as_str(), "opened");
    });
    let service = layer.layer(service_fn(async |_: Request<()>| {
        tracing::info!("inside");
        Ok::<_, io::Error>(respond(200))
    }));
    let request = Request::builder().extension(RequestId::from_u128(0xab)).body(()).unwrap();
    service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
    let messages = log.events().into_iter().map(|event| event["fields"]["message"].clone()).collect::<Vec<_>>();
    assert_eq!(messages, ["opened", "inside", "request completed"]);
}

#[tokio::test]
async fn a_span_that_nobody_listens_to_is_not_shown() {
    let _log = Log::at(Level::WARN);
    let layer = TraceLayer::new().opened(|_, _| panic!("it was shown"));
    let service = layer.layer(service_fn(async |_: Request<()>| Ok::<_, io::Error>(respond(200))));
    service.oneshot(Request::new(())).await.unwrap();
}

#[tokio::test]
async fn a_server_error_is_logged_as_one_with_its_kind_and_the_refusal() {
    let log = Log::at(Level::ERROR);
    exchange(Request::new(()), |_| {
        let mut response = respond(503);
        response.extensions_mut().insert(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded"));
        response
    })
    .await;
    let event = log.only();
    assert_eq!(event["level"], "ERROR");
    assert_eq!(event["fields"]["message"], "request failed");
    assert_eq!(event["fields"]["error.type"], "503");
    assert_eq!(event["fields"]["refusal"], "overloaded");
}

#[tokio::test]
async fn a_client_error_is_no_error_of_ours() {
    let log = Log::at(Level::INFO);
    exchange(Request::new(()), |_| respond(404)).await;
    let event = log.only();
    assert_eq!(event["level"], "INFO");
    assert_eq!(event["fields"]["error.type"], Value::Null);
}

#[tokio::test]
async fn answers_without_content_end_with_their_head() {
    for (method, status) in [(Method::HEAD, 200), (Method::GET, 204), (Method::GET, 304), (Method::CONNECT, 200)] {
        let log = Log::at(Level::INFO);
        let service = TraceLayer::new().layer(service_fn(async |_: Request<()>| Ok::<_, io::Error>(respond(status))));
        let response = service.oneshot(Request::builder().method(method).body(()).unwrap()).await.unwrap();
        assert_eq!(log.only()["fields"]["message"], "request completed", "{status}");
        drop(response);
        assert_eq!(log.events().len(), 1);
    }
}

#[tokio::test]
async fn a_body_that_yields_its_announced_length_has_ended_though_nobody_polls_it_again() {
    let log = Log::at(Level::INFO);
    let service = TraceLayer::new().layer(service_fn(async |_: Request<()>| {
        Ok::<_, io::Error>(Response::builder().header("content-length", "5").body(Endless).unwrap())
    }));
    let mut body = service.oneshot(Request::new(())).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(log.only()["fields"]["message"], "request completed");
}

/// `hello` for ever.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"hello")))))
    }
}

#[tokio::test]
async fn whoever_goes_away_early_leaves_a_trace() {
    let log = Log::at(Level::INFO);
    let mut service =
        TraceLayer::new().layer(service_fn(async |_: Request<()>| Ok::<_, io::Error>(Response::new(Endless))));
    drop(service.ready().await.unwrap().call(Request::new(())));
    assert_eq!(log.only()["fields"]["error.type"], "cancelled");

    let log = Log::at(Level::INFO);
    let mut body = service.oneshot(Request::new(())).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    let event = log.only();
    assert_eq!(event["level"], "INFO");
    assert_eq!(event["fields"]["message"], "request broken off");
    assert_eq!(event["fields"]["error.type"], "body_dropped");
    assert_eq!(event["fields"]["http.response.body.size"], 5);
}

#[tokio::test]
async fn failures_of_service_and_body_are_told_apart() {
    let log = Log::at(Level::INFO);
    let service = TraceLayer::new()
        .layer(service_fn(async |_: Request<()>| Err::<Response<Full<Bytes>>, _>(io::Error::other("secret"))));
    assert!(service.oneshot(Request::new(())).await.is_err());
    let event = log.only();
    assert_eq!((&event["level"], &event["fields"]["error.type"]), (&json!("ERROR"), &json!("service_error")));
    assert!(!log.text().contains("secret"));

    let log = Log::at(Level::INFO);
    let service = TraceLayer::new().layer(service_fn(async |_: Request<()>| Ok::<_, io::Error>(Response::new(Torn))));
    assert!(service.oneshot(Request::new(())).await.unwrap().into_body().collect().await.is_err());
    assert_eq!(log.only()["fields"]["error.type"], "body_error");
}

/// A body that fails at once.
struct Torn;

impl Body for Torn {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(io::Error::other("torn"))))
    }
}

#[test]
fn a_panic_is_reported_on_its_way_up() {
    let log = Log::at(Level::INFO);
    let mut service = TraceLayer::new().layer(service_fn(async |request: Request<()>| {
        assert!(request.uri().path() == "/fine", "this test panics on purpose");
        Ok::<_, io::Error>(respond(200))
    }));
    let mut future = pin!(service.call(Request::new(())));
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))).is_err());
    let event = log.only();
    assert_eq!((&event["level"], &event["fields"]["error.type"]), (&json!("ERROR"), &json!("panic")));
}

#[tokio::test]
async fn levels_are_chosen_by_the_app() {
    let log = Log::at(Level::ERROR);
    let layer = TraceLayer::new().span_level(Level::ERROR).event_level(Level::TRACE);
    for status in [200, 500] {
        let service = layer.layer(service_fn(async |_: Request<()>| Ok::<_, io::Error>(respond(status))));
        service.oneshot(Request::get("/quiet").body(()).unwrap()).await.unwrap().into_body().collect().await.unwrap();
    }
    let event = log.only();
    assert_eq!((&event["level"], &event["span"]["url.path"]), (&json!("ERROR"), &json!("/quiet")));
}

#[tokio::test]
async fn quiet_requests_are_news_only_when_they_fail() {
    let log = Log::at(Level::INFO);
    let layer = TraceLayer::new().quiet(|head| head.uri.path() == "/health");
    for status in [200, 503] {
        let service = layer.layer(service_fn(async |_: Request<()>| Ok::<_, io::Error>(respond(status))));
        service.oneshot(Request::get("/health").body(()).unwrap()).await.unwrap().into_body().collect().await.unwrap();
    }
    let event = log.only();
    assert_eq!((&event["level"], &event["fields"]["http.response.status_code"]), (&json!("ERROR"), &json!(503)));
    assert_eq!(event["span"]["url.path"], "/health");
}
