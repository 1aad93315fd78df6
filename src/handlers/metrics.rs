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
    app.metrics.refresh(app);
    let text = app.metrics.text().map_err(ApiError::internal)?;
    Ok(reply::bytes(StatusCode::OK, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"), text.into()))
}
