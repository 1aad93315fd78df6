//! The lines on standard error.

use std::io::{IsTerminal, stderr};

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, LevelFilter, Targets, filter_fn};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, fmt};

use super::{ACCESS, SECURITY, SPANS};
use crate::config::{LogConfig, LogFormat};

/// Writes what the configuration asks for.
pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(config: &LogConfig) -> impl Layer<S> + use<S> {
    // Our own targets at the chosen level; dependencies only when something is wrong, since their debug lines can quote queries.
    let targets = Targets::new()
        .with_default(Level::WARN.min(config.level))
        .with_target("portcullis", config.level)
        .with_target("portcullis_layers", config.level)
        .with_target(SPANS, LevelFilter::OFF);
    let wanted = wanted(config);
    let wanted = filter_fn(wanted).with_max_level_hint(config.level);
    let layer = match config.format {
        LogFormat::Text => fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal()).boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(stderr)
            .boxed(),
    };
    layer.with_filter(targets.and(wanted))
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
