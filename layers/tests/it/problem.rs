use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use portcullis_layers::problem::{Builder, MEDIA_TYPE, Members, Problem, ProblemLayer, body};
use portcullis_layers::{Refusal, RequestId};
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceExt, service_fn};

type Reply = Response<Full<Bytes>>;

fn status(status: StatusCode, body: &'static str) -> Reply {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response
}

fn refusing(refusal: Refusal) -> Reply {
    let mut response = status(refusal.status(), "refused");
    response.extensions_mut().insert(refusal);
    response
}

fn get(target: &str) -> Request<()> {
    Request::get(target).body(()).unwrap()
}

/// Sends one request through the layer to a handler that gives `reply`.
async fn through(builder: Builder, request: Request<()>, reply: Reply) -> Reply {
    let handler = service_fn(move |_: Request<()>| std::future::ready(Ok::<_, Infallible>(reply.clone())));
    builder.build().unwrap().layer(handler).oneshot(request).await.unwrap()
}

async fn text(reply: Reply) -> String {
    String::from_utf8(reply.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn json(reply: Reply) -> Value {
    assert_eq!(reply.headers()[header::CONTENT_TYPE], "application/problem+json");
    serde_json::from_str(&text(reply).await).unwrap()
}

#[tokio::test]
async fn no_instance_leads_to_another_host() {
    let reply = through(ProblemLayer::builder(), get("//evil.example/x"), status(StatusCode::NOT_FOUND, "")).await;
    assert_eq!(json(reply).await["instance"], "/.//evil.example/x");
}

#[tokio::test]
async fn a_response_with_as_many_headers_as_fit_gets_its_body_all_the_same() {
    let mut full = status(StatusCode::NOT_FOUND, "refused");
    for number in 0.. {
        let name = header::HeaderName::try_from(format!("x-{number}")).unwrap();
        if full.headers_mut().try_insert(name, HeaderValue::from_static("")).is_err() {
            break;
        }
    }
    let reply = through(ProblemLayer::builder(), get("/"), full).await;
    assert!(text(reply).await.contains("not_found"));
}

#[tokio::test]
async fn a_body_can_be_had_without_a_request_and_is_the_same() {
    let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded").with_detail("Too many connections.");
    let rendered = through(ProblemLayer::builder(), get("/"), refusing(refusal.clone())).await;
    let alone = body(&refusal, "/", &Members::new());
    assert_eq!(rendered.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
    assert_eq!(text(rendered).await, alone);
    let with_id: Value = serde_json::from_slice(&body(&refusal, "/", &Members::new().with("request_id", "7"))).unwrap();
    assert_eq!(with_id["request_id"], "7");
}

#[tokio::test]
async fn a_bare_404_gets_a_body_that_names_the_path_and_not_the_query() {
    let reply = through(ProblemLayer::builder(), get("/nowhere?token=secret"), status(StatusCode::NOT_FOUND, "")).await;
    assert_eq!(reply.headers()[header::CACHE_CONTROL], "no-store");
    let detail = "There is nothing at this address.";
    let expected = json!({
        "type": "about:blank", "title": "Not Found", "status": 404, "detail": detail,
        "instance": "/nowhere", "error": "not_found", "message": detail,
    });
    assert_eq!(json(reply).await, expected);
}

#[tokio::test]
async fn a_refusal_is_rendered_with_its_code_and_detail_and_keeps_its_headers() {
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "token_expired").with_detail("The token has expired.");
    let mut refused = refusing(refusal.clone());
    let kept = [
        ("www-authenticate", "Bearer error=\"invalid_token\""),
        ("set-cookie", "a=b"),
        ("vary", "origin"),
        ("access-control-allow-origin", "https://example.com"),
        ("cache-control", "private"),
    ];
    let dropped = [("content-encoding", "gzip"), ("etag", "\"1\""), ("content-digest", "sha-256=:AA==:")];
    for (name, value) in kept.into_iter().chain(dropped) {
        refused.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let builder = ProblemLayer::builder().type_base("https://example.com/problems/");
    let reply = through(builder, get("/me"), refused).await;

    for (name, value) in kept {
        assert_eq!(reply.headers()[name], value);
    }
    for (name, _) in dropped {
        assert!(!reply.headers().contains_key(name), "{name}");
    }
    assert_eq!(reply.extensions().get(), Some(&refusal), "outer layers still see why");
    let body = json(reply).await;
    assert_eq!(body["type"], "https://example.com/problems/token_expired");
    assert_eq!(body["title"], "Token expired");
    assert_eq!(body["error"], "token_expired");
    assert_eq!(body["detail"], "The token has expired.");
}

#[tokio::test]
async fn the_text_of_a_bare_error_is_never_repeated() {
    for code in [StatusCode::BAD_REQUEST, StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY] {
        let mut failed = status(code, "password hunter2 is no number");
        failed.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        let body = text(through(ProblemLayer::builder(), get("/"), failed).await).await;
        assert!(!body.contains("hunter2"), "{body}");
    }
}

#[tokio::test]
async fn a_503_asks_to_come_back_unless_it_says_when_itself() {
    let mut later = refusing(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded"));
    let reply = through(ProblemLayer::builder(), get("/"), later.clone()).await;
    assert_eq!(reply.headers()[header::RETRY_AFTER], "1");
    let builder = ProblemLayer::builder().retry_after(std::time::Duration::from_secs(5));
    let reply = through(builder, get("/"), later.clone()).await;
    assert_eq!(reply.headers()[header::RETRY_AFTER], "5");
    later.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    let reply = through(ProblemLayer::builder(), get("/"), later).await;
    assert_eq!(reply.headers()[header::RETRY_AFTER], "30");
}

#[tokio::test]
async fn head_gets_the_headers_of_the_body_and_no_body() {
    let by_get = through(ProblemLayer::builder(), get("/x"), status(StatusCode::NOT_FOUND, "")).await;
    let head = Request::head("/x").body(()).unwrap();
    let by_head = through(ProblemLayer::builder(), head, status(StatusCode::NOT_FOUND, "")).await;
    assert_eq!(by_get.headers(), by_head.headers());
    let length = by_get.headers()[header::CONTENT_LENGTH].to_str().unwrap().to_owned();
    assert_eq!(text(by_get).await.len().to_string(), length);
    assert_eq!(text(by_head).await, "");
}

#[tokio::test]
async fn answers_with_a_body_of_their_own_are_untouched() {
    for (code, content_type) in [
        (StatusCode::OK, "text/plain"),
        (StatusCode::FOUND, "text/plain"),
        (StatusCode::BAD_REQUEST, "application/json"),
        (StatusCode::NOT_FOUND, "text/html; charset=utf-8"),
        (StatusCode::CONFLICT, "application/problem+json"),
        (StatusCode::BAD_GATEWAY, "text/event-stream"),
    ] {
        let mut own = status(code, "own");
        own.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let reply = through(ProblemLayer::builder(), get("/"), own.clone()).await;
        assert_eq!((reply.status(), reply.headers()), (own.status(), own.headers()));
        assert_eq!(text(reply).await, "own");
    }
}

#[tokio::test]
async fn the_app_adds_members_by_extension_and_by_closure() {
    let builder = ProblemLayer::builder().members(|context, members| {
        members.insert("request_id".into(), context.request_id().map(RequestId::as_str).into());
        members.insert("saw_details".into(), members.contains_key("details").into());
        members.insert("asked".into(), format!("{} {}", context.method(), context.path()).into());
        members.insert("answered".into(), format!("{} {}", context.status(), context.code()).into());
        members.insert("status".into(), 200.into());
    });
    let mut invalid = refusing(Refusal::new(StatusCode::BAD_REQUEST, "validation_error"));
    invalid.extensions_mut().insert(Members::new().with("details", json!([{ "field": "email" }])));
    let mut request = get("/users?x=1");
    request.extensions_mut().insert(RequestId::new(&HeaderValue::from_static("id-7")).unwrap());

    let body = json(through(builder, request, invalid).await).await;
    assert_eq!(body["details"], json!([{ "field": "email" }]));
    assert_eq!(body["request_id"], "id-7");
    assert_eq!(body["saw_details"], true);
    assert_eq!(body["asked"], "GET /users");
    assert_eq!(body["answered"], "400 Bad Request validation_error");
    assert_eq!(body["status"], 400, "standard members are not for the taking");
}

#[tokio::test]
async fn the_app_names_the_codes_of_bare_errors() {
    let builder = || {
        ProblemLayer::builder()
            .codes(|status| (status == StatusCode::NOT_FOUND).then_some(("no_such_thing", "No such thing")))
    };
    let body = json(through(builder(), get("/"), status(StatusCode::NOT_FOUND, "")).await).await;
    assert_eq!((&body["error"], &body["title"]), (&json!("no_such_thing"), &json!("No such thing")));
    let body = json(through(builder(), get("/"), status(StatusCode::PAYLOAD_TOO_LARGE, "")).await).await;
    assert_eq!(body["error"], "payload_too_large");
}

#[tokio::test]
async fn nested_layers_render_once() {
    let inner = ProblemLayer::builder().type_base("https://inner.example/").build().unwrap();
    let outer = ProblemLayer::builder().type_base("https://outer.example/").build().unwrap();
    let handler = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(status(StatusCode::NOT_FOUND, "")) });
    let reply = outer.layer(inner.layer(handler)).oneshot(get("/")).await.unwrap();
    assert_eq!(json(reply).await["type"], "https://inner.example/not_found");
}

#[tokio::test]
async fn an_error_of_the_service_passes() {
    let handler = service_fn(|_: Request<()>| async { Err::<Reply, _>("broken") });
    let answer = ProblemLayer::builder().build().unwrap().layer(handler).oneshot(get("/")).await;
    assert_eq!(answer.unwrap_err(), "broken");
}

mod panics {
    use super::*;

    /// A handler that panics where the path tells it to.
    #[expect(clippy::panic, reason = "panics are what is tested")]
    async fn handle(request: Request<()>) -> Result<Reply, Infallible> {
        match request.uri().path() {
            "/text" => panic!("secret text"),
            "/formatted" => panic!("secret {}", 7),
            "/other" => std::panic::panic_any(7),
            "/late" => {
                tokio::task::yield_now().await;
                panic!("secret after a while")
            }
            _ => Ok(status(StatusCode::OK, "fine")),
        }
    }

    #[derive(Clone)]
    struct PanicsInCall;

    impl Service<Request<()>> for PanicsInCall {
        type Response = Reply;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Reply, Infallible>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
            std::task::Poll::Ready(Ok(()))
        }

        #[expect(clippy::panic, reason = "panics are what is tested")]
        fn call(&mut self, _: Request<()>) -> Self::Future {
            panic!("secret in call")
        }
    }

    type Texts = Arc<Mutex<Vec<String>>>;

    fn recording<S>(handler: S) -> (Problem<S>, Texts) {
        let texts = Texts::default();
        let seen = Arc::clone(&texts);
        let layer = ProblemLayer::builder()
            .on_panic(move |text, context| {
                seen.lock().unwrap().push(format!("{} {text}", context.path()));
            })
            .build()
            .unwrap();
        (layer.layer(handler), texts)
    }

    async fn assert_internal_error(reply: Reply) {
        assert_eq!(reply.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(reply.extensions().get::<Refusal>().unwrap().code(), "internal_error");
        let body = json(reply).await;
        assert_eq!(body["error"], "internal_error");
        assert!(!body.to_string().contains("secret"), "{body}");
    }

    #[tokio::test]
    async fn a_panic_in_a_future_is_a_500_that_tells_only_the_app() {
        let (service, texts) = recording(service_fn(handle));
        for path in ["/text", "/formatted", "/other", "/late"] {
            assert_internal_error(service.clone().oneshot(get(path)).await.unwrap()).await;
        }
        assert_eq!(
            *texts.lock().unwrap(),
            ["/text secret text", "/formatted secret 7", "/other a panic without a text", "/late secret after a while"]
        );
        let reply = service.oneshot(get("/")).await.unwrap();
        assert_eq!(text(reply).await, "fine", "the service lives on");
    }

    #[tokio::test]
    async fn a_panic_in_call_is_a_500_too() {
        let (service, texts) = recording(PanicsInCall);
        assert_internal_error(service.oneshot(get("/now")).await.unwrap()).await;
        assert_eq!(*texts.lock().unwrap(), ["/now secret in call"]);
    }

    #[tokio::test]
    async fn without_a_closure_a_panic_is_answered_all_the_same() {
        let service = ProblemLayer::builder().build().unwrap().layer(service_fn(handle));
        assert_internal_error(service.oneshot(get("/text")).await.unwrap()).await;
    }
}

mod on_servers {
    use axum::routing::post;
    use axum::{Json, Router};
    use hyper_util::rt::TokioIo;
    use hyper_util::service::TowerToHyperService;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn axum(request: Request<axum::body::Body>) -> (http::response::Parts, Value) {
        let app = Router::new()
            .route("/json", post(|_: Json<Value>| async {}))
            .layer(ProblemLayer::builder().build().unwrap());
        let (head, body) = app.oneshot(request).await.unwrap().into_parts();
        (head, serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap())
    }

    #[tokio::test]
    async fn what_axum_refuses_looks_like_all_else() {
        let request = |method: Method, path: &str, content_type: &str, body: &'static str| {
            let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, content_type);
            request.body(axum::body::Body::from(body)).unwrap()
        };
        let (_, body) = axum(request(Method::GET, "/nowhere", "text/plain", "")).await;
        assert_eq!(body["error"], "not_found");
        let (head, body) = axum(request(Method::GET, "/json", "text/plain", "")).await;
        assert_eq!(body["error"], "method_not_allowed");
        assert_eq!(head.headers[header::ALLOW], "POST");
        let (_, body) = axum(request(Method::POST, "/json", "text/plain", "{}")).await;
        assert_eq!(body["error"], "unsupported_media_type");
        let (_, body) = axum(request(Method::POST, "/json", "application/json", "{\"a\": nonsense}")).await;
        assert_eq!(body["error"], "invalid_request");
        assert!(!body.to_string().contains("nonsense"));
    }

    #[tokio::test]
    async fn the_connection_survives_the_answer_to_head_and_a_panic() {
        let handler = service_fn(|request: Request<hyper::body::Incoming>| async move {
            assert_ne!(request.uri().path(), "/panic", "as told");
            Ok::<_, Infallible>(status(StatusCode::NOT_FOUND, ""))
        });
        let service = TowerToHyperService::new(ProblemLayer::builder().build().unwrap().layer(handler));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let server =
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service));

        let requests = "HEAD /a HTTP/1.1\r\nhost: h\r\n\r\nGET /panic HTTP/1.1\r\nhost: h\r\n\r\n\
                        GET /b HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
        client.write_all(requests.as_bytes()).await.unwrap();
        let mut answers = String::new();
        client.read_to_string(&mut answers).await.unwrap();
        server.await.unwrap().unwrap();

        let heads: Vec<&str> = answers.lines().filter(|line| line.contains("HTTP/1.1 ")).collect();
        assert_eq!(heads.len(), 3, "{answers}");
        let (to_head, rest) = answers.split_once("\r\n\r\n").unwrap();
        assert!(to_head.starts_with("HTTP/1.1 404") && to_head.contains("content-length: "), "{to_head}");
        assert!(rest.starts_with("HTTP/1.1 500"), "no body follows the answer to HEAD: {rest}");
        assert!(rest.ends_with('}') && rest.contains("\"instance\":\"/b\""), "{rest}");
    }
}
