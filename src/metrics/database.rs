//! PostgreSQL as the service sees it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Status;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::db::catalog::TABLES;

/// Seconds of the histograms: from a look-up in memory to what ends with a time-out.
const BUCKETS: [f64; 9] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];
/// What a statement is called that stands in no list: one with a name of a partition in it.
const UNNAMED: &str = "other";

/// The pool of connections, and the queries that run on them.
#[derive(Clone, Debug)]
pub struct DatabaseMetrics {
    /// `portcullis_db_pool_connections{state="idle"}`: open connections that wait for work.
    idle: IntGauge,
    /// `…{state="used"}`: connections that somebody holds.
    used: IntGauge,
    /// `portcullis_db_pool_max`: how many may be open.
    max: IntGauge,
    /// `portcullis_db_pool_waiting`: who waits for one.
    waiting: IntGauge,
    /// `portcullis_db_pool_wait_seconds`: how long it took to get one, connecting and failing included.
    wait: Histogram,
    /// `portcullis_db_query_duration_seconds`: how long a query took, by its name; one that failed, too.
    durations: HistogramVec,
    /// The name of each statement.
    names: Arc<HashMap<&'static str, String>>,
}

impl DatabaseMetrics {
    /// Registers all of them.
    ///
    /// # Errors
    /// When two metrics have one name.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let connections = Opts::new("portcullis_db_pool_connections", "Connections to PostgreSQL, by state.");
        let connections = IntGaugeVec::new(connections, &["state"])?;
        let max = IntGauge::new("portcullis_db_pool_max", "How many connections to PostgreSQL may be open.")?;
        let waiting = IntGauge::new("portcullis_db_pool_waiting", "Tasks that wait for a connection.")?;
        let wait = Histogram::with_opts(
            HistogramOpts::new("portcullis_db_pool_wait_seconds", "How long it took to get a connection.")
                .buckets(BUCKETS.to_vec()),
        )?;
        let durations = HistogramVec::new(
            HistogramOpts::new("portcullis_db_query_duration_seconds", "Duration of queries, by name.")
                .buckets(BUCKETS.to_vec()),
            &["query"],
        )?;
        registry.register(Box::new(connections.clone()))?;
        registry.register(Box::new(max.clone()))?;
        registry.register(Box::new(waiting.clone()))?;
        registry.register(Box::new(wait.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        let names = TABLES.iter().copied().flatten().map(|query| (query.sql, query.name())).collect();
        Ok(Self {
            idle: connections.get_metric_with_label_values(&["idle"])?,
            used: connections.get_metric_with_label_values(&["used"])?,
            max,
            waiting,
            wait,
            durations,
            names: Arc::new(names),
        })
    }

    /// Takes over how full the pool is.
    pub fn pool(&self, status: &Status) {
        let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.idle.set(gauge(status.available));
        self.used.set(gauge(status.size.saturating_sub(status.available)));
        self.max.set(gauge(status.max_size));
        self.waiting.set(gauge(status.waiting));
    }

    /// Notes how long somebody waited for a connection.
    pub fn waited(&self, duration: Duration) {
        self.wait.observe(duration.as_secs_f64());
    }

    /// What a statement is called.
    #[must_use]
    pub fn name(&self, sql: &str) -> &str {
        self.names.get(sql).map_or(UNNAMED, String::as_str)
    }

    /// Notes how long a query took. `name` must be one of few: that of a statement in a list, or a word of ours.
    pub fn query(&self, name: &str, duration: Duration) {
        if let Ok(durations) = self.durations.get_metric_with_label_values(&[name]) {
            durations.observe(duration.as_secs_f64());
        }
    }
}
