//! `metrics`.

use axum_prometheus::PrometheusMetricLayer;
use tower::Layer;

use crate::exchange::{Get, Plain};
use crate::table::{Row, Table};

pub(crate) fn measure(table: &mut Table, get: &Get) {
    let rival = |name| Row { rival_of: Some("metrics"), ..Row::passed(name) };
    // The exporter is the process's, and tended by a task that this spawns.
    let (mut layer, _exporter) = PrometheusMetricLayer::pair();
    table.measure(rival("axum-prometheus"), get, layer.layer(Plain::ok()));
    // As ours, which always counts sizes.
    layer.enable_response_body_size();
    table.measure(rival("axum-prometheus, with sizes"), get, layer.layer(Plain::ok()));
}
