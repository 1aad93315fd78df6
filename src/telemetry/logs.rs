//! The lines on standard error.

use std::fmt;
use std::io::{IsTerminal, stderr};
use std::sync::Arc;

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, LevelFilter, Targets, filter_fn};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, reload};

use super::{ACCESS, SECURITY, SPANS};
use crate::config::{LogConfig, LogFormat};

/// Changes how much is logged while the service runs.
#[derive(Clone)]
pub struct LogLevel(Arc<dyn Fn(Level) + Send + Sync>);

impl LogLevel {
    /// Logs as much as `level` says from now on.
    pub fn set(&self, level: Level) {
        (self.0)(level);
    }
}

impl fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogLevel")
    }
}

/// Writes what the configuration asks for.
pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(config: &LogConfig) -> (impl Layer<S> + use<S>, LogLevel) {
    let (filter, handle) = reload::Layer::new(targets(config.level));
    let set = move |level| {
        // Fails only once the subscriber is gone, and with it all logging.
        let _ = handle.reload(targets(level));
    };
    // The other filter knows the level.
    let wanted = filter_fn(wanted(config)).with_max_level_hint(LevelFilter::TRACE);
    let layer = match config.format {
        LogFormat::Text => {
            tracing_subscriber::fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal()).boxed()
        }
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(stderr)
            .boxed(),
    };
    (layer.with_filter(filter.and(wanted)), LogLevel(Arc::new(set)))
}

/// Our own targets at the chosen level; dependencies only when something is wrong, since their debug lines can quote queries.
fn targets(level: Level) -> Targets {
    Targets::new()
        .with_default(Level::WARN.min(level))
        .with_target("portcullis", level)
        .with_target("portcullis_layers", level)
        .with_target(SPANS, LevelFilter::OFF)
}

/// What `LOG_ACCESS` and `LOG_SECURITY` leave. Spans stay, since other lines name their request by them, and so do faults.
fn wanted(config: &LogConfig) -> impl Fn(&Metadata<'_>) -> bool + use<> {
    let LogConfig { access, security, .. } = *config;
    move |metadata| {
        let silenced = match metadata.target() {
            ACCESS => !access,
            SECURITY => !security,
            _ => false,
        };
        !silenced || metadata.is_span() || *metadata.level() <= Level::WARN
    }
}
