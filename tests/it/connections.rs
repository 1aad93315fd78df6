//! How many may connect, and how long they may take for what.

mod caps;
mod timeouts;

use std::time::Duration;

use portcullis::metrics::connections::ConnectionMetrics;

use crate::support::{TestApp, wait_for};

const HEAD: &str = "GET /health/live HTTP/1.1\r\nHost: a.example\r\n";
/// Long enough for a client of the tests, however busy the machine is.
const LONG: Duration = Duration::from_secs(60);

impl TestApp {
    fn connections(&self) -> &ConnectionMetrics {
        &self.app.metrics.connections
    }

    /// Waits until so many connections are open.
    async fn holds(&self, open: i64) {
        wait_for(&format!("{open} connections"), async || (self.connections().open.get() == open).then_some(())).await;
    }
}
