//! Logs: text for people in development, one JSON object a line in production.

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::{LogConfig, LogFormat};

/// Starts logging to standard error, for the rest of the process. Later calls change nothing.
pub fn init(config: &LogConfig) {
    // Our own targets at the chosen level; dependencies only when something is wrong, since their debug lines can quote queries.
    let filter = Targets::new()
        .with_default(tracing::Level::WARN.min(config.level))
        .with_target("portcullis", config.level)
        .with_target("portcullis_layers", config.level);
    let layer = match config.format {
        LogFormat::Text => fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(std::io::stderr)
            .boxed(),
    };
    if tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().is_err() {
        tracing::debug!("logging was started before");
    }
}
