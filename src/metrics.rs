//! Our own metrics: documented fields of one struct, in one registry that belongs to the app.

mod audit;
pub mod connections;
mod database;
mod defence;
mod hashing;
mod limits;
mod mail;
pub mod operations;
mod tokens;

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use audit::AuditMetrics;
use connections::ConnectionMetrics;
pub use database::DatabaseMetrics;
use defence::DefenceMetrics;
use hashing::HashMetrics;
pub use limits::LimitMetrics;
use mail::MailMetrics;
use operations::OperationMetrics;
use tokens::TokenMetrics;

use crate::audit::refusals::ATTACKS;
use crate::state::App;

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
    /// PostgreSQL.
    pub database: DatabaseMetrics,
    /// The pool that hashes passwords.
    pub hashing: HashMetrics,
    /// Operations on accounts.
    pub operations: OperationMetrics,
    /// Sessions, tokens and the key that signs them.
    pub tokens: TokenMetrics,
    /// Rate limits.
    pub limits: LimitMetrics,
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
            database: DatabaseMetrics::register(&registry)?,
            hashing: HashMetrics::register(&registry)?,
            operations: OperationMetrics::register(&registry)?,
            tokens: TokenMetrics::register(&registry)?,
            limits: LimitMetrics::register(&registry)?,
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
            registry: registry.clone(),
        };
        registry.register(Box::new(metrics.audit_lost.clone()))?;
        registry.register(Box::new(metrics.panics.clone()))?;
        registry.register(Box::new(metrics.sanitizer_findings.clone()))?;
        registry.register(Box::new(metrics.swept_rows.clone()))?;
        registry.register(Box::new(metrics.sweeper_last_success.clone()))?;
        for attack in ATTACKS {
            metrics.sanitizer_findings.get_metric_with_label_values(&[attack.as_str()])?;
        }
        let build = Opts::new("portcullis_build_info", "Always 1; the labels tell which build runs.")
            .const_label("version", env!("CARGO_PKG_VERSION"));
        let build = IntGauge::with_opts(build)?;
        build.set(1);
        registry.register(Box::new(build))?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// Takes over what is known at every moment and need not be counted.
    pub fn refresh(&self, app: &App) {
        self.hashing.pool(&app.hasher.stats());
        self.database.pool(&app.database.status());
        app.limits.observe(&self.limits);
        self.tokens.key_age(app.keys.age(app.clock.now()));
    }

    /// Everything in the text format of Prometheus.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
