//! The life of one request, from its arrival to the one time it is counted.

use std::sync::Arc;
use std::time::Instant;

use http::{Request, StatusCode};

use super::labels::{MethodLabel, Outcome};
use super::layer::Config;
use super::series::RouteLabel;
use crate::body_end::{Asked, Watch, content_length};

/// Counts its request when it is dropped: as cancelled, unless it was told of another end before.
#[derive(Debug)]
pub(super) struct Tracker {
    config: Arc<Config>,
    started: Instant,
    route: RouteLabel,
    method: MethodLabel,
    asked: Asked,
    status: Option<StatusCode>,
    outcome: Outcome,
    request_bytes: Option<u64>,
    response_bytes: u64,
}

impl Tracker {
    pub(super) fn start<B>(config: &Arc<Config>, request: &Request<B>) -> Self {
        let families = config.table.families();
        let tracker = Self {
            started: Instant::now(),
            route: config.table.route(config.route_of(request.extensions()).as_deref()),
            method: MethodLabel::of(request.method()),
            asked: Asked::by(request.method()),
            status: None,
            outcome: Outcome::Cancelled,
            request_bytes: families.sizes.as_ref().and_then(|_| content_length(request.headers())),
            response_bytes: 0,
            config: Arc::clone(config),
        };
        families.in_flight.inc();
        tracker
    }

    /// Notes the status of the answer. Tells what the request asked for.
    pub(super) fn answered(&mut self, status: StatusCode) -> Asked {
        self.status = Some(status);
        self.asked
    }
}

impl Watch for Tracker {
    fn sent(&mut self, bytes: usize) -> u64 {
        self.response_bytes = self.response_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.response_bytes
    }

    fn complete(mut self) {
        self.outcome = self.status.map_or(Outcome::Error, Outcome::Status);
    }

    /// The body failed, or the service before it.
    fn fail(mut self) {
        self.outcome = Outcome::Error;
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        if self.outcome == Outcome::Cancelled && std::thread::panicking() {
            self.outcome = Outcome::Error;
        }
        let series = self.config.table.series(self.route, self.method, self.outcome);
        series.requests.inc();
        series.duration.observe(self.started.elapsed().as_secs_f64());
        if let (Some(histogram), Some(bytes)) = (&series.request_size, self.request_bytes) {
            histogram.observe(bytes as f64);
        }
        if let Some(histogram) = &series.response_size {
            histogram.observe(self.response_bytes as f64);
        }
        self.config.table.families().in_flight.dec();
    }
}
