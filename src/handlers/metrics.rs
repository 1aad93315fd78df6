//! Metrics for Prometheus.

use http::{HeaderValue, StatusCode};

use super::Call;
use crate::error::ApiError;
use crate::reply;

/// `GET /metrics`: everything in the registry.
///
/// # Errors
/// 500 when a metric cannot be written.
pub async fn show(call: Call) -> reply::Result {
    let app = &call.app;
    let stats = app.hasher.stats();
    app.metrics.observe_hash_pool(&stats);
    let text = app.metrics.text().map_err(ApiError::internal)?;
    Ok(reply::bytes(StatusCode::OK, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"), text.into()))
}
