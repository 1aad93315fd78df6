//! A hyper server with nothing in it: the measure for the service's own cost per request.
//!
//! `make load` runs it beside the service. Its answer has the size of that of `/health/live`: a small JSON body and its
//! content type.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

const BODY: &[u8] =
    br#"{"status":"alive","uptime":12.345678,"timestamp":"2026-01-01T00:00:00.000000Z","version":"0.1.0"}"#;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "whoever starts it reads the address")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = service_fn(|_| async { Ok::<_, Infallible>(answer()) });
            let served =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
            // A client that hangs up is no concern of a benchmark.
            drop(served);
        });
    }
}

fn answer() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(BODY)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
