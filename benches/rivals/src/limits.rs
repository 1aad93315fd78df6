//! `rate_limit` and `load_shed`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use portcullis_layers::PeerAddr;
use portcullis_layers::rate_limit::governor as ours;
use tokio::sync::Semaphore;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{BoxError, Layer, ServiceBuilder};
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::KeyExtractor;
use tower_governor::{GovernorError, GovernorLayer};

use crate::exchange::{Failure, Get, Handler, Plain};
use crate::table::{Row, Table};

/// `tower_governor`, with the header fields that ours always has and without; and its limiter under our service.
pub(crate) fn measure_rate_limit(table: &mut Table, get: &Get) -> Result<(), Failure> {
    let passed = |name| Row { rival_of: Some("rate_limit"), ..Row::passed(name) };
    let refused = |name| Row { rival_of: Some("rate_limit: none left"), ..Row::refused(name) };
    let rows = [
        (
            passed("tower_governor"),
            passed("tower_governor, use_headers"),
            Row::passed("rate_limit::governor"),
            u32::MAX,
        ),
        (
            refused("tower_governor: none left"),
            refused("tower_governor, use_headers: none left"),
            Row::refused("rate_limit::governor: none left"),
            1,
        ),
    ];
    for (terse, with_headers, served_by_us, quota) in rows {
        let mut builder = GovernorConfigBuilder::default().key_extractor(Peer);
        let builder = builder.period(Duration::from_secs(86_400) / quota).burst_size(quota);
        let config = builder.finish().ok_or("neither burst nor period is 0")?;
        table.measure(terse, get, GovernorLayer::new(config).layer(Handler::<Body>::ok()));

        let config = builder.use_headers().finish().ok_or("neither burst nor period is 0")?;
        let layer = ours::GovernorLayer::builder(Peer, config.limiter().clone()).build()?;
        table.measure(with_headers, get, GovernorLayer::new(config).layer(Handler::<Body>::ok()));
        table.measure(served_by_us, get, layer.layer(Handler::<Body>::ok()));
    }
    Ok(())
}

pub(crate) fn measure_load_shed(table: &mut Table, get: &Get) -> Result<(), Failure> {
    let row = Row { rival_of: Some("load_shed"), ..Row::passed("tower LoadShed, ConcurrencyLimit") };
    shed(table, row, get, Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)));

    let row = Row { rival_of: Some("load_shed: full"), ..Row::refused("tower LoadShed, ConcurrencyLimit: full") };
    shed(table, row, get, Arc::new(Semaphore::new(0)));
    Ok(())
}

fn shed(table: &mut Table, row: Row, get: &Get, slots: Arc<Semaphore>) {
    let service = ServiceBuilder::new()
        .map_result(respond)
        .load_shed()
        .layer(GlobalConcurrencyLimitLayer::with_semaphore(slots))
        .service(Plain::ok());
    table.measure(row, get, service);
}

/// What an app does about an error that hyper would cut the connection on.
fn respond(result: Result<Response<Full<Bytes>>, BoxError>) -> Result<Response<Full<Bytes>>, BoxError> {
    Ok(result.unwrap_or_else(|_| {
        let mut response = Response::new(Full::from("overloaded"));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        response
    }))
}

/// The other end of the socket, which is what ours takes here.
#[derive(Clone, Copy, Debug)]
struct Peer;

impl KeyExtractor for Peer {
    type Key = IpAddr;

    fn extract<B>(&self, request: &Request<B>) -> Result<IpAddr, GovernorError> {
        let peer = request.extensions().get::<PeerAddr>();
        peer.map(|peer| peer.0.ip()).ok_or(GovernorError::UnableToExtractKey)
    }
}
