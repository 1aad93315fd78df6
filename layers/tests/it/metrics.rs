use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full};
use portcullis_layers::RoutePattern;
use portcullis_layers::metrics::{BODY_SIZE_BUCKETS, Builder, MetricsBody, MetricsLayer};
use prometheus::{Registry, TextEncoder};
use tower::{Layer, Service, ServiceExt, service_fn};

fn exposed(registry: &Registry) -> String {
    TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
}

/// The sample lines of a metric, `labels value`, in the order of the exposition.
fn samples(registry: &Registry, metric: &str) -> Vec<String> {
    exposed(registry).lines().filter_map(|line| line.strip_prefix(metric)).map(|line| line.trim().to_owned()).collect()
}

fn in_flight(registry: &Registry) -> String {
    samples(registry, "http_server_requests_in_flight").concat()
}

#[track_caller]
fn assert_counted(registry: &Registry, expected: &[&str]) {
    assert_eq!(samples(registry, "http_server_requests_total"), expected);
}

fn request(method: &str, route: &'static str) -> Request<()> {
    let mut request = Request::builder().method(method).uri("/raw/path?x=1").body(()).unwrap();
    request.extensions_mut().insert(RoutePattern(route.into()));
    request
}

/// A body made of given frames, whose length nobody knows.
struct Frames(Vec<Result<Frame<Bytes>, &'static str>>);

impl Frames {
    fn new(frames: impl IntoIterator<Item = Result<Frame<Bytes>, &'static str>>) -> Self {
        let mut frames: Vec<_> = frames.into_iter().collect();
        frames.reverse();
        Self(frames)
    }
}

fn data(text: &'static str) -> Result<Frame<Bytes>, &'static str> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

impl Body for Frames {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        Poll::Ready(self.0.pop())
    }
}

/// Answers one request through the layer with the response given.
async fn answer<B: Body>(registry: &Registry, request: Request<()>, response: Response<B>) -> Response<MetricsBody<B>> {
    answer_with(MetricsLayer::builder(registry), request, response).await
}

async fn answer_with<B: Body>(
    builder: Builder,
    request: Request<()>,
    response: Response<B>,
) -> Response<MetricsBody<B>> {
    let mut response = Some(response);
    let handler = service_fn(move |_: Request<()>| std::future::ready(Ok::<_, Infallible>(response.take().unwrap())));
    builder.build().unwrap().layer(handler).oneshot(request).await.unwrap()
}

#[tokio::test]
async fn a_request_is_counted_under_method_route_and_status() {
    let registry = Registry::new();
    let service =
        MetricsLayer::builder(&registry).build().unwrap().layer(service_fn(|request: Request<()>| async move {
            let mut response = Response::new(Full::<Bytes>::from("text"));
            if request.method() == Method::POST {
                *response.status_mut() = StatusCode::CONFLICT;
            }
            Ok::<_, Infallible>(response)
        }));
    for request in [request("GET", "/a/{id}"), request("GET", "/a/{id}"), request("POST", "/b"), request("BREW", "/b")]
    {
        service.clone().oneshot(request).await.unwrap().collect().await.unwrap();
    }
    service.oneshot(Request::get("/a/secret").body(()).unwrap()).await.unwrap().collect().await.unwrap();

    assert_counted(
        &registry,
        &[
            r#"{method="GET",route="/a/{id}",status="200"} 2"#,
            r#"{method="GET",route="unmatched",status="200"} 1"#,
            r#"{method="POST",route="/b",status="409"} 1"#,
            r#"{method="other",route="/b",status="200"} 1"#,
        ],
    );
    let durations = samples(&registry, "http_server_request_duration_seconds_count");
    assert_eq!(durations, samples(&registry, "http_server_requests_total"));
    assert!(!exposed(&registry).contains("secret") && !exposed(&registry).contains("raw"));
}

mod the_end_of_an_answer {
    use super::*;

    #[tokio::test]
    async fn is_the_end_of_its_body() {
        let registry = Registry::new();
        let frames = Frames::new([data("a"), data("b")]);
        let mut body = answer(&registry, request("GET", "/"), Response::new(frames)).await.into_body();
        for _ in 0..2 {
            body.frame().await.unwrap().unwrap();
            assert_eq!(in_flight(&registry), "1");
        }
        assert!(body.frame().await.is_none());
        assert_eq!(in_flight(&registry), "0");
        drop(body);
        assert_counted(&registry, &[r#"{method="GET",route="/",status="200"} 1"#]);
    }

    #[tokio::test]
    async fn is_the_last_frame_where_the_body_knows_it() {
        let registry = Registry::new();
        let mut body =
            answer(&registry, request("GET", "/"), Response::new(Full::<Bytes>::from("text"))).await.into_body();
        assert_eq!(in_flight(&registry), "1");
        body.frame().await.unwrap().unwrap();
        assert_eq!(in_flight(&registry), "0");
    }

    #[tokio::test]
    async fn is_the_announced_length_since_servers_ask_for_no_more() {
        let registry = Registry::new();
        let mut response = Response::new(Frames::new([data("four"), data("more")]));
        response.headers_mut().insert("content-length", 8.into());
        let mut body = answer(&registry, request("GET", "/"), response).await.into_body();
        body.frame().await.unwrap().unwrap();
        assert_eq!(in_flight(&registry), "1");
        body.frame().await.unwrap().unwrap();
        drop(body);
        assert_counted(&registry, &[r#"{method="GET",route="/",status="200"} 1"#]);
    }

    #[tokio::test]
    async fn is_the_head_where_no_body_follows() {
        let head = |status: u16| {
            let mut response = Response::new(Frames::new([data("never sent")]));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response
        };
        for (method, status) in [("HEAD", 200), ("CONNECT", 200), ("GET", 101), ("GET", 204), ("GET", 304)] {
            let registry = Registry::new();
            let response = answer(&registry, request(method, "/"), head(status)).await;
            assert_eq!(in_flight(&registry), "0", "{method} {status}");
            drop(response);
            assert_counted(&registry, &[&format!(r#"{{method="{method}",route="/",status="{status}"}} 1"#)]);
        }
        let registry = Registry::new();
        let response = answer(&registry, request("GET", "/"), Response::new(Empty::<Bytes>::new())).await;
        assert_eq!(in_flight(&registry), "0");
        drop(response);
    }

    #[tokio::test]
    async fn is_cancelled_when_future_or_body_are_dropped() {
        let registry = Registry::new();
        let layer = MetricsLayer::builder(&registry).build().unwrap();
        let mut stuck = layer
            .layer(service_fn(|_: Request<()>| std::future::pending::<Result<Response<Empty<Bytes>>, Infallible>>()));
        let unpolled = stuck.ready().await.unwrap().call(request("GET", "/"));
        assert_eq!(in_flight(&registry), "1");
        drop(unpolled);
        let late = stuck.oneshot(request("GET", "/"));
        assert!(tokio::time::timeout(std::time::Duration::from_millis(1), late).await.is_err());

        let streaming = layer.layer(service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(Frames::new([data("a"), data("b")])))
        }));
        let mut body = streaming.oneshot(request("GET", "/")).await.unwrap().into_body();
        body.frame().await.unwrap().unwrap();
        drop(body);

        assert_counted(&registry, &[r#"{method="GET",route="/",status="cancelled"} 3"#]);
        assert_eq!(in_flight(&registry), "0");
    }

    #[tokio::test]
    async fn is_an_error_when_service_or_body_fail_or_panic() {
        let registry = Registry::new();
        let layer = MetricsLayer::builder(&registry).build().unwrap();
        let failing = layer.layer(service_fn(|_: Request<()>| async { Err::<Response<Empty<Bytes>>, _>("broken") }));
        assert_eq!(failing.oneshot(request("GET", "/")).await.map(drop), Err("broken"));

        let broken = layer.layer(service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(Frames::new([data("a"), Err("broken")])))
        }));
        let body = broken.oneshot(request("GET", "/")).await.unwrap().into_body();
        assert_eq!(body.collect().await.map(drop), Err("broken"));

        let panicking = layer.layer(service_fn(async |_: Request<()>| -> Result<Response<Empty<Bytes>>, Infallible> {
            tokio::task::yield_now().await;
            panic!("as told")
        }));
        assert!(tokio::spawn(panicking.oneshot(request("GET", "/"))).await.unwrap_err().is_panic());

        assert_counted(&registry, &[r#"{method="GET",route="/",status="error"} 3"#]);
        assert_eq!(in_flight(&registry), "0");
    }
}

#[tokio::test]
async fn the_body_is_passed_on_as_it_is() {
    let registry = Registry::new();
    let trailers = HeaderMap::from_iter([(http::header::EXPIRES, http::HeaderValue::from_static("0"))]);
    let frames = Frames::new([data("a"), Ok(Frame::trailers(trailers.clone()))]);
    let response = answer(&registry, request("GET", "/"), Response::new(frames)).await;
    assert_eq!(response.body().size_hint().exact(), None);
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&trailers));
    assert_eq!(collected.to_bytes(), "a");

    let full = answer(&Registry::new(), request("GET", "/"), Response::new(Full::<Bytes>::from("text"))).await;
    assert_eq!(full.body().size_hint().exact(), Some(4));
    assert!(!full.body().is_end_stream());

    assert_eq!(MetricsBody::<Full<Bytes>>::from(Bytes::from("b")).size_hint().exact(), Some(1));
    assert_eq!(MetricsBody::<Full<Bytes>>::default().size_hint().exact(), SizeHint::with_exact(0).exact());
}

#[tokio::test]
async fn body_sizes_are_observed_on_request() {
    let registry = Registry::new();
    let builder = MetricsLayer::builder(&registry).body_sizes(BODY_SIZE_BUCKETS);
    let mut request = request("POST", "/");
    request.headers_mut().insert("content-length", 300.into());
    let response = Response::new(Frames::new([data("four"), data("more")]));
    answer_with(builder, request, response).await.into_body().collect().await.unwrap();
    let sum = |metric: &str| samples(&registry, &format!("http_server_{metric}_body_size_bytes_sum"));
    assert_eq!(sum("request"), [r#"{method="POST",route="/",status="200"} 300"#]);
    assert_eq!(sum("response"), [r#"{method="POST",route="/",status="200"} 8"#]);
}

#[tokio::test]
async fn a_hundred_thousand_paths_leave_a_bounded_number_of_series() {
    #[derive(Clone)]
    struct RawPath(String);

    let registry = Registry::new();
    let layer = MetricsLayer::builder(&registry)
        .namespace("shop")
        .max_routes(16)
        .route(|extensions| extensions.get().map(|RawPath(path)| path.into()))
        .build()
        .unwrap();
    let mut service =
        layer.layer(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }));
    for n in 0..100_000 {
        let mut request = Request::new(());
        request.extensions_mut().insert(RawPath(format!("/{n}")));
        service.ready().await.unwrap().call(request).await.unwrap();
    }
    let counted = samples(&registry, "shop_http_server_requests_total");
    assert_eq!(counted.len(), 17, "{counted:?}");
    assert!(counted.contains(&r#"{method="GET",route="overflow",status="200"} 99984"#.to_owned()));
}

#[tokio::test]
async fn a_thousand_parallel_requests_are_counted_once_each() {
    let registry = Registry::new();
    let layer = MetricsLayer::builder(&registry).build().unwrap();
    let service = layer.layer(service_fn(|_: Request<()>| async {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("text")))
    }));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..1000 {
        let service = service.clone();
        tasks.spawn(async move {
            let response = service.oneshot(request("GET", "/")).await.unwrap();
            if n % 2 == 0 {
                response.into_body().collect().await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_counted(
        &registry,
        &[r#"{method="GET",route="/",status="200"} 500"#, r#"{method="GET",route="/",status="cancelled"} 500"#],
    );
    assert_eq!(in_flight(&registry), "0");
}

mod on_a_server {
    use hyper_util::rt::TokioIo;
    use hyper_util::service::TowerToHyperService;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// Connects a client to hyper with the layer and a handler: `/endless` streams on, all else is a text.
    async fn connect(registry: &Registry) -> TcpStream {
        let handler = service_fn(|request: Request<hyper::body::Incoming>| async move {
            let body = match request.uri().path() {
                "/endless" => Endless.boxed(),
                _ => Full::<Bytes>::from("text").boxed(),
            };
            Ok::<_, Infallible>(Response::new(body))
        });
        let service = TowerToHyperService::new(MetricsLayer::builder(registry).build().unwrap().layer(handler));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service));
        client
    }

    struct Endless;

    impl Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 4096])))))
        }
    }

    #[tokio::test]
    async fn whole_answers_count_as_answered() {
        let registry = Registry::new();
        let mut client = connect(&registry).await;
        let requests = "HEAD / HTTP/1.1\r\nhost: h\r\n\r\nGET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
        client.write_all(requests.as_bytes()).await.unwrap();
        client.read_to_string(&mut String::new()).await.unwrap();
        assert_counted(
            &registry,
            &[
                r#"{method="GET",route="unmatched",status="200"} 1"#,
                r#"{method="HEAD",route="unmatched",status="200"} 1"#,
            ],
        );
    }

    #[tokio::test]
    async fn axum_routers_take_the_layer_as_it_is() {
        let registry = Registry::new();
        let app = axum::Router::new()
            .route("/", axum::routing::get(async || "text"))
            .layer(MetricsLayer::builder(&registry).build().unwrap());
        let response = app.oneshot(Request::new(axum::body::Body::empty())).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "text");
        assert_counted(&registry, &[r#"{method="GET",route="unmatched",status="200"} 1"#]);
    }

    #[tokio::test]
    async fn a_client_that_leaves_is_counted_as_cancelled() {
        let registry = Registry::new();
        let mut client = connect(&registry).await;
        client.write_all(b"GET /endless HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        client.read_exact(&mut [0; 8192]).await.unwrap();
        assert_eq!(in_flight(&registry), "1");
        drop(client);
        tokio::time::timeout(std::time::Duration::from_secs(10), async {
            while in_flight(&registry) != "0" {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
        assert_counted(&registry, &[r#"{method="GET",route="unmatched",status="cancelled"} 1"#]);
    }
}
