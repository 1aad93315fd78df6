//! The security log.

use jiff::Timestamp;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::audit::refusals::{ATTACKS, event_type};
use crate::audit::sealer::Progress;

/// What is written to the security log, and how far its sealer is behind.
#[derive(Clone, Debug)]
pub struct AuditMetrics {
    /// `portcullis_audit_events_total`: events that this instance wrote, by type. One in a transaction that did not commit counts, too.
    pub events: IntCounterVec,
    /// `portcullis_audit_sealed_rows_total`: rows that this instance sealed.
    sealed_rows: IntCounter,
    /// `portcullis_audit_seal_lag_seconds`: age of the oldest row without a seal.
    seal_lag: Gauge,
    /// `portcullis_audit_seal_last_success_timestamp_seconds`: when this instance last sealed, or found nothing to seal.
    seal_last_success: IntGauge,
    /// `portcullis_audit_default_rows`: rows of the default partition, which retention never takes out.
    pub default_rows: IntGauge,
}

impl AuditMetrics {
    /// Registers all of them.
    ///
    /// # Errors
    /// When two metrics have one name.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let events = Opts::new("portcullis_audit_events_total", "Events written to the security log, by type.");
        let events = IntCounterVec::new(events, &["event_type"])?;
        let sealed_rows =
            IntCounter::new("portcullis_audit_sealed_rows_total", "Rows of the security log that were sealed.")?;
        let seal_lag = Gauge::new(
            "portcullis_audit_seal_lag_seconds",
            "Age of the oldest row of the security log without a seal, as this instance last saw it.",
        )?;
        let seal_last_success = IntGauge::new(
            "portcullis_audit_seal_last_success_timestamp_seconds",
            "When this instance last sealed the security log, or found nothing to seal.",
        )?;
        let default_rows = IntGauge::new(
            "portcullis_audit_default_rows",
            "Rows of the security log outside all months, which retention never takes out.",
        )?;
        for attack in ATTACKS {
            events.get_metric_with_label_values(&[event_type(attack)])?;
        }
        registry.register(Box::new(events.clone()))?;
        registry.register(Box::new(sealed_rows.clone()))?;
        registry.register(Box::new(seal_lag.clone()))?;
        registry.register(Box::new(seal_last_success.clone()))?;
        registry.register(Box::new(default_rows.clone()))?;
        Ok(Self { events, sealed_rows, seal_lag, seal_last_success, default_rows })
    }

    /// Takes over what the sealer has just done.
    pub fn sealed(&self, progress: &Progress, now: Timestamp) {
        self.seal_last_success.set(now.as_second());
        self.sealed_rows.inc_by(progress.rows);
        let lag = progress.oldest_unsealed.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64());
        self.seal_lag.set(lag.max(0.0));
    }
}
