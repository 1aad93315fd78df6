//! Our own metrics: documented fields of one struct, in one registry that belongs to the app.

mod audit;
mod defence;
mod mail;
pub mod connections;

use crate::auth::pool::PoolStats;
use audit::AuditMetrics;
use defence::DefenceMetrics;
use mail::MailMetrics;
use connections::ConnectionMetrics;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

/// The metrics of the service besides those of HTTP requests, which the `metrics` layer keeps in the same registry.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Where all of them are registered.
    pub registry: Registry,
    /// `portcullis_audit_lost_total`: refusals that could not be noted for the audit log because its buffer was full.
    pub audit_lost: IntCounter,
    /// The security log.
    pub audit: AuditMetrics,
    /// The defence of log-ins.
    pub defence: DefenceMetrics,
    /// Connections to the main listener.
    pub connections: ConnectionMetrics,
    /// The outbox.
    pub mail: MailMetrics,
    /// `portcullis_panics_total`: handlers that panicked.
    pub panics: IntCounter,
    /// `portcullis_sanitizer_findings_total`: attacks found in text fields, by kind.
    pub sanitizer_findings: IntCounterVec,
    /// `portcullis_sweeper_rows_total`: rows that sweepers deleted or emptied, by table.
    pub swept_rows: IntCounterVec,
    /// `portcullis_sweeper_last_success_timestamp_seconds`: when a sweeper of this instance last had nothing left to do.
    pub sweeper_last_success: IntGaugeVec,
    /// `portcullis_hash_pool_waiting`: password hashes that wait for a thread.
    pub hash_waiting: IntGauge,
    /// `portcullis_hash_pool_running`: password hashes that run.
    pub hash_running: IntGauge,
}

impl Metrics {
    /// Registers everything.
    ///
    /// # Errors
    /// When two metrics have one name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let metrics = Self {
            audit_lost: IntCounter::new(
                "portcullis_audit_lost_total",
                "Refusals that found no room in the audit buffer.",
            )?,
            audit: AuditMetrics::register(&registry)?,
            defence: DefenceMetrics::register(&registry)?,
            connections: ConnectionMetrics::register(&registry)?,
            mail: MailMetrics::register(&registry)?,
            panics: IntCounter::new("portcullis_panics_total", "Handlers that panicked.")?,
            sanitizer_findings: IntCounterVec::new(
                Opts::new("portcullis_sanitizer_findings_total", "Attacks found in text fields, by kind."),
                &["kind"],
            )?,
            swept_rows: IntCounterVec::new(
                Opts::new("portcullis_sweeper_rows_total", "Rows that sweepers deleted or emptied, by table."),
                &["table"],
            )?,
            sweeper_last_success: IntGaugeVec::new(
                Opts::new(
                    "portcullis_sweeper_last_success_timestamp_seconds",
                    "When a sweeper of this instance last had nothing left to do.",
                ),
                &["sweeper"],
            )?,
            hash_waiting: IntGauge::new("portcullis_hash_pool_waiting", "Password hashes that wait for a thread.")?,
            hash_running: IntGauge::new("portcullis_hash_pool_running", "Password hashes that run.")?,
            registry: registry.clone(),
        };
        registry.register(Box::new(metrics.audit_lost.clone()))?;
        registry.register(Box::new(metrics.panics.clone()))?;
        registry.register(Box::new(metrics.sanitizer_findings.clone()))?;
        registry.register(Box::new(metrics.swept_rows.clone()))?;
        registry.register(Box::new(metrics.sweeper_last_success.clone()))?;
        registry.register(Box::new(metrics.hash_waiting.clone()))?;
        registry.register(Box::new(metrics.hash_running.clone()))?;
        let build = Opts::new("portcullis_build_info", "Always 1; the labels tell which build runs.")
            .const_label("version", env!("CARGO_PKG_VERSION"));
        let build = IntGauge::with_opts(build)?;
        build.set(1);
        registry.register(Box::new(build))?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// Takes over how full the hash pool is.
    pub fn observe_hash_pool(&self, stats: &PoolStats) {
        self.hash_waiting.set(i64::try_from(stats.waiting).unwrap_or(i64::MAX));
        self.hash_running.set(i64::try_from(stats.running).unwrap_or(i64::MAX));
    }

    /// Everything in the text format of Prometheus.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
