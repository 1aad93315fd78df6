//! The metrics of the outbox.

use prometheus::{Gauge, Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts, Registry};

use crate::mail::Kind;

/// Seconds of the histogram: a mail server on the same network answers in milliseconds, one that checks for spam in seconds.
const BUCKETS: [f64; 9] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0];

/// What can become of an attempt.
const OUTCOMES: [&str; 4] = ["sent", "dropped", "failed", "postponed"];

/// Mail that waits and mail that left.
#[derive(Clone, Debug)]
pub struct MailMetrics {
    /// `portcullis_mail_jobs_total`: attempts at mails by kind and outcome: sent, dropped, failed (given up) or postponed.
    pub jobs: IntCounterVec,
    /// `portcullis_mail_queued`: mails that wait, those in work included.
    pub queued: IntGauge,
    /// `portcullis_mail_oldest_queued_seconds`: for how long the oldest of them has waited; 0 when none does.
    pub oldest_queued: Gauge,
    /// `portcullis_mail_send_duration_seconds`: how long handing a mail over took, connecting included.
    pub send_duration: Histogram,
}

impl MailMetrics {
    /// Registers all of them.
    ///
    /// # Errors
    /// When two metrics have one name.
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            jobs: IntCounterVec::new(
                Opts::new("portcullis_mail_jobs_total", "Attempts at mails, by kind and outcome."),
                &["kind", "outcome"],
            )?,
            queued: IntGauge::new("portcullis_mail_queued", "Mails that wait.")?,
            oldest_queued: Gauge::new(
                "portcullis_mail_oldest_queued_seconds",
                "For how long the oldest mail that waits has done so.",
            )?,
            send_duration: Histogram::with_opts(
                HistogramOpts::new(
                    "portcullis_mail_send_duration_seconds",
                    "How long handing a mail over took, connecting included.",
                )
                .buckets(BUCKETS.to_vec()),
            )?,
        };
        for kind in Kind::ALL {
            for outcome in OUTCOMES {
                metrics.jobs.get_metric_with_label_values(&[kind.name(), outcome])?;
            }
        }
        registry.register(Box::new(metrics.jobs.clone()))?;
        registry.register(Box::new(metrics.queued.clone()))?;
        registry.register(Box::new(metrics.oldest_queued.clone()))?;
        registry.register(Box::new(metrics.send_duration.clone()))?;
        Ok(metrics)
    }
}
