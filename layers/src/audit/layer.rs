use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use tower_layer::Layer;

use super::log::AuditSink;
use super::record::AuditRecord;
use super::service::Audit;
use crate::RequestHead;

type When = dyn Fn(RequestHead<'_>) -> Option<AuditRecord> + Send + Sync;
type Clock = dyn Fn() -> SystemTime + Send + Sync;

/// What all clones of one layer share.
pub(super) struct Config {
    pub(super) sink: AuditSink,
    pub(super) when: Option<Box<When>>,
    pub(super) clock: Box<Clock>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("sink", &self.sink).finish_non_exhaustive()
    }
}

/// Applies [`Audit`]. See the [module](super) for what it does.
#[derive(Clone, Debug)]
#[must_use]
pub struct AuditLayer {
    config: Arc<Config>,
}

impl AuditLayer {
    /// Writes to `sink` the events that responses ask for.
    pub fn new(sink: AuditSink) -> Self {
        Self::builder(sink).build()
    }

    /// Starts from what [`new`](Self::new) gives.
    pub fn builder(sink: AuditSink) -> Builder {
        Builder { config: Config { sink, when: None, clock: Box::new(system_time) } }
    }
}

#[expect(clippy::disallowed_methods, reason = "the default clock; apps and tests hand in another")]
fn system_time() -> SystemTime {
    SystemTime::now()
}

impl<S> Layer<S> for AuditLayer {
    type Service = Audit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Audit::new(inner, Arc::clone(&self.config))
    }
}

/// Builds an [`AuditLayer`].
#[derive(Debug)]
#[must_use]
pub struct Builder {
    config: Config,
}

impl Builder {
    /// Which requests become events, whatever the response says, and as what: the name of the action, or an [`AuditRecord`] with more.
    /// Default: none.
    ///
    /// Only these are recorded when they are cancelled or fail: without an answer nobody else can ask.
    pub fn when<A>(mut self, when: impl Fn(RequestHead<'_>) -> Option<A> + Send + Sync + 'static) -> Self
    where
        A: Into<AuditRecord>,
    {
        self.config.when = Some(Box::new(move |head| when(head).map(Into::into)));
        self
    }

    /// The time of day. Default: the clock of the machine.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.config.clock = Box::new(clock);
        self
    }

    /// The layer. Nothing that the builder accepts is wrong, so this cannot fail.
    pub fn build(self) -> AuditLayer {
        AuditLayer { config: Arc::new(self.config) }
    }
}
