use tower_layer::Layer;
use tracing::Level;

use super::service::Trace;

/// Applies [`Trace`]. See the [module](super) for what it does.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct TraceLayer {
    span_level: Level,
    event_level: Level,
}

impl TraceLayer {
    /// Span and event at level `INFO`.
    pub const fn new() -> Self {
        Self { span_level: Level::INFO, event_level: Level::INFO }
    }

    /// The level of the span. Where a filter lets only the event pass, it stands without the fields of the span.
    pub const fn span_level(mut self, level: Level) -> Self {
        self.span_level = level;
        self
    }

    /// The level of the event of a request that did not fail.
    pub const fn event_level(mut self, level: Level) -> Self {
        self.event_level = level;
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
        Trace::new(inner, self.span_level, self.event_level)
    }
}
