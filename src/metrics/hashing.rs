//! The pool that hashes passwords.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntGauge, Registry};

use crate::auth::pool::{Computation, Observe, PoolStats};

/// Seconds of the histograms: a hash should take a quarter of one, and whoever waits for many of them gives up.
const BUCKETS: [f64; 10] = [0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How full the pool is, and what its work costs.
#[derive(Clone, Debug)]
pub struct HashMetrics {
    /// `portcullis_hash_pool_waiting`: callers inside whose computation does not run.
    waiting: IntGauge,
    /// `portcullis_hash_pool_running`: computations that run.
    running: IntGauge,
    /// `portcullis_hash_pool_refused_total`: callers that found the pool full.
    refused: IntCounter,
    /// `portcullis_hash_wait_seconds`: how long computations waited for a thread.
    wait: Histogram,
    /// `portcullis_hash_duration_seconds`: how long computations took, by algorithm.
    durations: HistogramVec,
}

impl HashMetrics {
    /// Registers all of them.
    ///
    /// # Errors
    /// When two metrics have one name.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let histogram = |name, help| HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
        let wait = histogram("portcullis_hash_wait_seconds", "How long password hashes waited for a thread.");
        let durations = histogram("portcullis_hash_duration_seconds", "How long password hashes took, by algorithm.");
        let metrics = Self {
            waiting: IntGauge::new("portcullis_hash_pool_waiting", "Password hashes that wait for a thread.")?,
            running: IntGauge::new("portcullis_hash_pool_running", "Password hashes that run.")?,
            refused: IntCounter::new("portcullis_hash_pool_refused_total", "Callers that found the hash pool full.")?,
            wait: Histogram::with_opts(wait)?,
            durations: HistogramVec::new(durations, &["algorithm"])?,
        };
        registry.register(Box::new(metrics.waiting.clone()))?;
        registry.register(Box::new(metrics.running.clone()))?;
        registry.register(Box::new(metrics.refused.clone()))?;
        registry.register(Box::new(metrics.wait.clone()))?;
        registry.register(Box::new(metrics.durations.clone()))?;
        Ok(metrics)
    }

    /// Takes over how full the pool is.
    pub fn pool(&self, stats: &PoolStats) {
        self.waiting.set(i64::try_from(stats.waiting).unwrap_or(i64::MAX));
        self.running.set(i64::try_from(stats.running).unwrap_or(i64::MAX));
    }
}

impl Observe for HashMetrics {
    fn computed(&self, done: Computation) {
        self.durations.with_label_values(&[done.format.as_str()]).observe(done.elapsed.as_secs_f64());
    }

    fn waited(&self, duration: Duration) {
        self.wait.observe(duration.as_secs_f64());
    }

    fn refused(&self) {
        self.refused.inc();
    }
}
