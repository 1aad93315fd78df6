//! What each layer adds to a request: nanoseconds, allocations and bytes.
//!
//! `cargo bench --bench layers` times every row with criterion; `cargo bench --bench layers -- allocations` prints only the table of
//! allocations. Each figure includes the bare service, the first row. Requests are made outside the measurement; answers are read to the end
//! of their bodies and dropped inside it. The counting allocator adds a few nanoseconds to every allocation.

use std::alloc::System;
use std::convert::Infallible;
use std::hint::black_box;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use criterion::{BatchSize, Criterion};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::Full;
use portcullis_layers::client_ip::ClientIpLayer;
use portcullis_layers::jwt_auth::{
    Algorithm, DecodingKey, JwtAuthLayer, KeySet, KeySetHandle, Validation, VerifyingKey,
};
use portcullis_layers::load_shed::LoadShedLayer;
use portcullis_layers::metrics::MetricsLayer;
use portcullis_layers::problem::ProblemLayer;
use portcullis_layers::request_id::RequestIdLayer;
use portcullis_layers::security_headers::SecurityHeadersLayer;
use portcullis_layers::trace::TraceLayer;
use portcullis_layers::{PeerAddr, RoutePattern};
use prometheus::Registry;
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer, Service, ServiceBuilder};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

type Failure = Box<dyn std::error::Error>;
type Reply = Response<Full<Bytes>>;

fn main() -> Result<(), Failure> {
    let mut table = Table { criterion: Criterion::default().configure_from_args(), allocations: Vec::new() };
    let token = Token::new()?;
    passing(&mut table, &token)?;
    refusing(&mut table, &token)?;
    table.finish();
    Ok(())
}

/// Requests that reach the handler.
fn passing(table: &mut Table, token: &Token) -> Result<(), Failure> {
    let get = request(None)?;
    table.row("bare service", &get, Handler);
    table.row("request_id", &get, RequestIdLayer::new().layer(Handler));
    table.row("trace, nobody listens", &get, TraceLayer::new().layer(Handler));
    let listener = tracing_subscriber::fmt().json().with_writer(std::io::sink).finish();
    tracing::subscriber::with_default(listener, || {
        table.row("trace, JSON to nowhere", &get, TraceLayer::new().layer(Handler));
    });
    table.row("metrics", &get, metrics()?.layer(Handler));
    table.row("security_headers", &get, SecurityHeadersLayer::api().layer(Handler));
    table.row("problem", &get, problem()?.layer(Handler));
    table.row("client_ip", &get, client_ip()?.layer(Handler));
    table.row("load_shed", &get, load_shed().layer(Handler));
    table.row("jwt_auth, Ed25519", &request(Some(&token.text))?, token.layer()?.layer(Handler));
    let all_but_jwt = ServiceBuilder::new()
        .layer(RequestIdLayer::new())
        .layer(TraceLayer::new())
        .layer(metrics()?)
        .layer(SecurityHeadersLayer::api())
        .layer(problem()?)
        .layer(client_ip()?)
        .layer(load_shed());
    table.row("all but jwt_auth", &get, all_but_jwt.service(Handler));
    Ok(())
}

/// Requests that are turned away, or whose answer gets its body from `problem`.
fn refusing(table: &mut Table, token: &Token) -> Result<(), Failure> {
    let get = request(None)?;
    table.row("problem: a bare 404", &get, problem()?.layer(NotFound));
    table.row("jwt_auth: no token", &get, token.layer()?.layer(Handler));
    table.row("jwt_auth: bad signature", &request(Some(&token.forged()))?, token.layer()?.layer(Handler));
    table.row("jwt_auth + problem: no token", &get, problem()?.layer(token.layer()?.layer(Handler)));
    Ok(())
}

fn metrics() -> Result<MetricsLayer, Failure> {
    Ok(MetricsLayer::builder(&Registry::new()).build()?)
}

fn problem() -> Result<ProblemLayer, Failure> {
    Ok(ProblemLayer::builder().build()?)
}

fn client_ip() -> Result<ClientIpLayer, Failure> {
    Ok(ClientIpLayer::builder().trusted(["10.0.0.0/8".parse()?]).build()?)
}

fn load_shed() -> LoadShedLayer {
    LoadShedLayer::new(NonZeroUsize::MAX)
}

/// The request of every row: what a browser behind a proxy sends, after the router has found its route.
fn request(token: Option<&str>) -> Result<Request<()>, Failure> {
    let mut request = Request::get("/api/v1/users/7?fields=name")
        .header(header::HOST, "auth.example.com")
        .header(header::USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .header(header::ACCEPT, "application/json")
        .header("x-forwarded-for", "203.0.113.9")
        .extension(PeerAddr(SocketAddr::from(([10, 0, 0, 1], 50_000))))
        .extension(RoutePattern("/api/v1/users/{id}".into()))
        .body(())?;
    if let Some(token) = token {
        request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}"))?);
    }
    Ok(request)
}

#[derive(Clone)]
struct Handler;

impl Service<Request<()>> for Handler {
    type Response = Reply;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Reply, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        black_box(request);
        std::future::ready(Ok(Response::new(Full::new(Bytes::from_static(b"{}")))))
    }
}

#[derive(Clone)]
struct NotFound;

impl Service<Request<()>> for NotFound {
    type Response = Reply;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Reply, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        black_box(request);
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NOT_FOUND;
        std::future::ready(Ok(response))
    }
}

/// A key and a token that is good for as long as anyone will bench.
struct Token {
    key: Ed25519KeyPair,
    text: String,
}

impl Token {
    fn new() -> Result<Self, Failure> {
        let key = Ed25519KeyPair::generate()?;
        let encode = |json: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let header = encode(json!({ "alg": "EdDSA", "kid": "1", "typ": "at+jwt" }));
        let claims = encode(json!({
            "iss": "https://auth.example.com", "aud": "shop", "sub": "0190a7f2-6d2c-7c3e-9c55-0a7f26d2c7c3",
            "sid": "0190a7f2-6d2c-7c3e-9c55-0a7f26d2c7c4", "iat": 1_700_000_000, "exp": 4_000_000_000_u64,
        }));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(format!("{header}.{claims}").as_bytes()));
        Ok(Self { key, text: format!("{header}.{claims}.{signature}") })
    }

    /// The same token with a signature of zeros.
    fn forged(&self) -> String {
        let signed = self.text.rsplit_once('.').map_or("", |(signed, _)| signed);
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode([0; 64]))
    }

    fn layer(&self) -> Result<JwtAuthLayer<serde_json::Value>, Failure> {
        let public = DecodingKey::from_ed_der(self.key.public_key().as_ref());
        let key = VerifyingKey::new(Algorithm::EdDSA, &public)?.with_kid("1");
        let validation = Validation::builder().issuer("https://auth.example.com").audience("shop").build()?;
        Ok(JwtAuthLayer::builder(KeySetHandle::new(KeySet::new([key])?), validation).build()?)
    }
}

/// Measures one service after another.
struct Table {
    criterion: Criterion,
    allocations: Vec<String>,
}

impl Table {
    fn row<S, B>(&mut self, name: &str, request: &Request<()>, mut service: S)
    where
        S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
        B: Body,
    {
        const ROUNDS: usize = 1000;
        answer(&mut service, request.clone());
        let requests: Vec<_> = (0..ROUNDS).map(|_| request.clone()).collect();
        let region = Region::new(ALLOCATOR);
        for request in requests {
            answer(&mut service, request);
        }
        let stats = region.change();
        let (count, bytes) = (stats.allocations / ROUNDS, stats.bytes_allocated / ROUNDS);
        self.allocations.push(format!("| {name} | {count} | {bytes} |"));

        self.criterion.bench_function(name, |bencher| {
            bencher.iter_batched(|| request.clone(), |request| answer(&mut service, request), BatchSize::SmallInput);
        });
    }

    #[expect(clippy::print_stdout, reason = "the table is what this program is for")]
    fn finish(self) {
        self.criterion.final_summary();
        println!("| row | allocations | bytes |\n|---|---|---|\n{}", self.allocations.join("\n"));
    }
}

/// Sends a request and reads the answer. Nothing here ever waits, so one poll is enough for each.
fn answer<S, B>(service: &mut S, request: Request<()>)
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready(), "the services of this table are always ready");
    let Poll::Ready(Ok(response)) = pin!(service.call(request)).poll(&mut cx) else {
        unreachable!("the services of this table answer at once");
    };
    let mut body = pin!(response.into_body());
    while let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(&mut cx) {
        black_box(frame.is_ok());
    }
}
