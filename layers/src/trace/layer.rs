use std::fmt;
use std::sync::Arc;

use tower_layer::Layer;
use tracing::{Level, Span};

use super::service::Trace;
use crate::RequestHead;

type Quiet = dyn Fn(RequestHead<'_>) -> bool + Send + Sync;
type Opened = dyn Fn(&Span, RequestHead<'_>) + Send + Sync;

/// What is reported, and how loudly.
#[derive(Clone)]
pub(super) struct Config {
    pub(super) span_level: Level,
    event_level: Level,
    pub(super) outcome_on_span: bool,
    pub(super) otel_fields: bool,
    quiet: Option<Arc<Quiet>>,
    opened: Option<Arc<Opened>>,
}

impl Config {
    /// The level of the event of this request, if it does not fail.
    pub(super) fn event_level(&self, head: RequestHead<'_>) -> Level {
        if self.quiet.as_ref().is_some_and(|quiet| quiet(head)) { Level::DEBUG } else { self.event_level }
    }

    /// Shows a span that somebody listens to, before anything runs in it.
    pub(super) fn opened(&self, span: &Span, head: RequestHead<'_>) {
        if let Some(opened) = self.opened.as_ref().filter(|_| !span.is_disabled()) {
            opened(span, head);
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Config");
        debug
            .field("span_level", &self.span_level)
            .field("event_level", &self.event_level)
            .field("outcome_on_span", &self.outcome_on_span)
            .field("otel_fields", &self.otel_fields)
            .finish_non_exhaustive()
    }
}

/// Applies [`Trace`]. See the [module](super) for what it does.
#[derive(Clone, Debug)]
#[must_use]
pub struct TraceLayer {
    config: Arc<Config>,
}

impl TraceLayer {
    /// Span and event at level `INFO`.
    pub fn new() -> Self {
        Self {
            config: Arc::new(Config {
                span_level: Level::INFO,
                event_level: Level::INFO,
                outcome_on_span: true,
                otel_fields: false,
                quiet: None,
                opened: None,
            }),
        }
    }

    /// The level of the span. Where a filter lets only the event pass, it stands without the fields of the span.
    pub fn span_level(mut self, level: Level) -> Self {
        Arc::make_mut(&mut self.config).span_level = level;
        self
    }

    /// The level of the event of a request that did not fail.
    pub fn event_level(mut self, level: Level) -> Self {
        Arc::make_mut(&mut self.config).event_level = level;
        self
    }

    /// Whether status and error type are recorded on the span, as exporters of spans want them, or on the event alone, which is cheaper
    /// where spans are only written next to events: `tracing-subscriber` then need not rewrite the fields of the span. Default: on both.
    pub fn outcome_on_span(mut self, on_span: bool) -> Self {
        Arc::make_mut(&mut self.config).outcome_on_span = on_span;
        self
    }

    /// Whether the span tells its name and kind in the fields `otel.name` and `otel.kind`, which `tracing-opentelemetry` takes out of it. A
    /// log has no use for them. Default: no.
    pub fn otel_fields(mut self, otel_fields: bool) -> Self {
        Arc::make_mut(&mut self.config).otel_fields = otel_fields;
        self
    }

    /// The requests whose event is at level `DEBUG` unless they fail: health probes, say, which come every second and tell nothing.
    pub fn quiet(mut self, quiet: impl Fn(RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.config).quiet = Some(Arc::new(quiet));
        self
    }

    /// Called with each span before it is entered for the first time, unless nobody listens to it: the moment to give it a parent in
    /// another process, say. The head of its request has the extensions that layers further out put there.
    pub fn opened(mut self, opened: impl Fn(&Span, RequestHead<'_>) + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.config).opened = Some(Arc::new(opened));
        self
    }
}

impl Default for TraceLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Trace::new(inner, Arc::clone(&self.config))
    }
}
