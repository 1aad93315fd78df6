//! Whole requests through the whole stack, in memory: time and allocations per class of route. No socket, but a real database.
//!
//! `cargo bench --bench requests` times every row; `cargo bench --bench requests -- allocations` prints only the allocations. Needs the
//! PostgreSQL server binaries. The counting allocator adds a few nanoseconds to every allocation.

use std::alloc::System;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use criterion::Criterion;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use portcullis::clock::SystemClock;
use portcullis::config::Config;
use portcullis::embedded::{self, Options};
use portcullis::random::SystemRandom;
use portcullis::stack::BoxError;
use portcullis::state::App;
use portcullis::{setup, stack};
use portcullis_layers::PeerAddr;
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How many requests the allocations are averaged over.
const SAMPLES: usize = 200;

/// A request that can be made again and again.
struct Row {
    name: &'static str,
    method: Method,
    path: &'static str,
    token: Option<String>,
    body: Option<&'static str>,
    status: StatusCode,
}

fn main() -> Result<(), BoxError> {
    let runtime = Runtime::new()?;
    let folder = tempfile::Builder::new().prefix("portcullis-bench").tempdir()?;
    let data_dir = folder.path().to_path_buf();
    let database = runtime.block_on(embedded::start(Options { data_dir, durable: false }))?;
    let app = runtime.block_on(app(folder.path(), &database.config()))?;
    let stack = stack::build::<Full<Bytes>>(&app)?;
    let token = runtime.block_on(sign_up(stack.clone()))?;
    for row in rows(token) {
        measure(&runtime, &row, &stack);
    }
    runtime.block_on(database.stop())?;
    Ok(())
}

fn rows(token: String) -> Vec<Row> {
    let row = |name, method, path, status| Row { name, method, path, token: None, body: None, status };
    vec![
        row("nothing behind it: GET /health/live", Method::GET, "/health/live", StatusCode::OK),
        row("public keys: GET /.well-known/jwks.json", Method::GET, "/.well-known/jwks.json", StatusCode::OK),
        row("no such path: 404", Method::GET, "/nowhere", StatusCode::NOT_FOUND),
        row("no such method: 405", Method::DELETE, "/health/live", StatusCode::METHOD_NOT_ALLOWED),
        row("no token: 401", Method::GET, "/api/v1/auth/me", StatusCode::UNAUTHORIZED),
        Row {
            body: Some(r#"{"email": "ada@example.com", "password": "#),
            ..row("malformed JSON: 400", Method::POST, "/api/v1/auth/login", StatusCode::BAD_REQUEST)
        },
        Row {
            token: Some(token),
            ..row("signature and session: GET /auth/me", Method::GET, "/api/v1/auth/me", StatusCode::OK)
        },
    ]
}

#[expect(clippy::print_stderr, reason = "the allocations are what it is for")]
fn measure<S, B>(runtime: &Runtime, row: &Row, stack: &S)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible> + Clone,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let once = |request| async {
        let Ok(response) = stack.clone().oneshot(request).await;
        assert_eq!(response.status(), row.status, "{}", row.name);
        response.into_body().collect().await.map(|body| body.to_bytes().len()).unwrap_or_default()
    };
    runtime.block_on(once(row.request()));
    let requests: Vec<_> = (0..SAMPLES).map(|_| row.request()).collect();
    let region = Region::new(ALLOCATOR);
    for request in requests {
        runtime.block_on(once(request));
    }
    let change = region.change();
    eprintln!("{:<45} {:>7.1} allocations", row.name, average(change.allocations));
    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function(row.name, |bencher| {
        bencher.to_async(runtime).iter_batched(|| row.request(), once, criterion::BatchSize::SmallInput);
    });
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are small")]
fn average(total: usize) -> f64 {
    total as f64 / SAMPLES as f64
}

impl Row {
    fn request(&self) -> Request<Full<Bytes>> {
        let body = Full::new(Bytes::from_static(self.body.unwrap_or("").as_bytes()));
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = http::Uri::from_static(self.path);
        request.extensions_mut().insert(PeerAddr(SocketAddr::from(([127, 0, 0, 1], 50_000))));
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(value) = self.token.as_ref().and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok())
        {
            headers.insert(header::AUTHORIZATION, value);
        }
        request
    }
}

async fn app(folder: &std::path::Path, server: &tokio_postgres::Config) -> Result<Arc<App>, BoxError> {
    let data_dir = folder.to_string_lossy().into_owned();
    let variables = [("PASSWORD_BCRYPT_COST", "4".to_owned()), ("DATA_DIR", data_dir)];
    let read = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let config = Config::load(&read)?;
    setup::migrate(&config, server).await?;
    setup::app(config, server, Arc::new(SystemClock), Arc::new(SystemRandom), tokio::time::Instant::now()).await
}

/// An account to ask for, and its access token.
async fn sign_up<S, B>(stack: S) -> Result<String, BoxError>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let body = json!({ "email": "ada@example.com", "password": "correct horse battery staple", "first_name": "Ada", "last_name": "Lovelace" });
    let request = Request::post("/api/v1/auth/register")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.to_string())))?;
    let Ok(response) = stack.oneshot(request).await;
    let body = response.into_body().collect().await.map_err(Into::into)?.to_bytes();
    let reply: Value = serde_json::from_slice(&body)?;
    reply["access_token"].as_str().map(str::to_owned).ok_or_else(|| "the sign-up gave no token".into())
}
