//! Logs: text for people in development, one JSON object a line in production. Traces: OTLP, in builds with the feature `otel`.

mod logs;
#[cfg(feature = "otel")]
mod traces;
#[cfg(not(feature = "otel"))]
#[path = "telemetry/without_traces.rs"]
mod traces;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Config;
use crate::error::chain;

pub use logs::LogLevel;
pub(crate) use traces::continue_trace;

/// The target of spans inside requests and of mails: for traces alone, so that log lines keep the span that names their request.
pub const SPANS: &str = "portcullis::span";

/// Whether this build can export traces.
pub(crate) const EXPORTS_TRACES: bool = cfg!(feature = "otel");

/// The target of lines about requests, and of their spans.
const ACCESS: &str = portcullis_layers::trace::TARGET;

/// The target of lines about security events.
const SECURITY: &str = "portcullis::security";

/// What is to be written down when the process ends.
#[derive(Debug)]
#[must_use = "spans that wait to be exported are lost unless this is finished"]
pub struct Telemetry {
    export: Option<traces::Export>,
    log_level: LogLevel,
}

/// Starts logging to standard error and the export of traces, for the rest of the process. Later calls change nothing. Wants to be called
/// inside of a Tokio runtime.
pub fn init(config: &Config) -> Telemetry {
    let (export, fault) = match traces::Export::start(&config.traces) {
        Ok(export) => (export, None),
        Err(fault) => (None, Some(fault)),
    };
    let exported = export.as_ref().map(traces::Export::layer);
    let (logs, log_level) = logs::layer(&config.log);
    if tracing_subscriber::registry().with(exported).with(logs).try_init().is_err() {
        tracing::debug!("logging was started before");
    }
    if let Some(fault) = fault {
        tracing::warn!(error = chain(&fault), "OTEL_EXPORTER_OTLP_ENDPOINT is set, but traces are not exported");
    }
    Telemetry { export, log_level }
}

impl Telemetry {
    /// The means to log more or less from now on.
    #[must_use]
    pub fn log_level(&self) -> LogLevel {
        self.log_level.clone()
    }

    /// Exports what waits, for as long as that takes a collector that answers, and a few seconds at most.
    pub async fn finish(self) {
        if let Some(export) = self.export {
            export.finish().await;
        }
    }
}
