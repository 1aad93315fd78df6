//! `request_id` and `trace`.

use tower::{Layer, ServiceBuilder};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer};
use tracing::Level;

use crate::exchange::{Get, Plain};
use crate::rows::{TERSE_TRACE, listening};
use crate::table::{Row, Table};

pub(crate) fn measure(table: &mut Table, get: &Get) {
    let rival = |name, ours| Row { rival_of: Some(ours), ..Row::passed(name) };

    let id = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(PropagateRequestIdLayer::x_request_id());
    table.measure(rival("tower-http SetRequestId, PropagateRequestId", "request_id"), get, id.service(Plain::ok()));

    // Spans and events at the level of ours: those of its default are not written at all.
    let trace = TraceLayer::new_for_http()
        .make_span_with(DefaultMakeSpan::new().level(Level::INFO))
        .on_response(DefaultOnResponse::new().level(Level::INFO));
    let row = rival("tower-http Trace, nobody listens", "trace, nobody listens");
    table.measure(row, get, trace.layer(Plain::ok()));
    let row = rival("tower-http Trace, JSON to nowhere", TERSE_TRACE);
    listening(|| table.measure(row, get, trace.layer(Plain::ok())));
}
