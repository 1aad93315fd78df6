use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::HeaderValue;
use tower_layer::Layer;

use super::gate::{Exempt, Gate};
use super::service::LoadShed;
use crate::{DefaultRefuse, RequestHead};

/// Applies [`LoadShed`]. See the [module](super) for what it does.
#[must_use]
pub struct LoadShedLayer<R = DefaultRefuse> {
    config: Arc<Config<R>>,
}

/// What all clones share.
#[derive(Debug)]
pub(super) struct Config<R> {
    /// By itself, since requests in flight hold it and have no use for the rest.
    pub(super) gate: Arc<Gate>,
    pub(super) refuse: R,
}

impl LoadShedLayer {
    /// At most `max` requests in flight; the others are answered with [`DefaultRefuse`].
    pub fn new(max: NonZeroUsize) -> Self {
        Self::builder(max).build()
    }

    /// Starts from what [`new`](Self::new) gives.
    pub fn builder(max: NonZeroUsize) -> Builder {
        Builder { max, exempt: None, lends: false, retry_after: HeaderValue::from_static("1"), refuse: DefaultRefuse }
    }
}

impl<R> LoadShedLayer<R> {
    /// The number of permits taken now, by all clones together.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.config.gate.in_flight.load(Ordering::Relaxed)
    }
}

impl<S, R> Layer<S> for LoadShedLayer<R> {
    type Service = LoadShed<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        LoadShed::new(inner, Arc::clone(&self.config))
    }
}

impl<R> Clone for LoadShedLayer<R> {
    fn clone(&self) -> Self {
        Self { config: Arc::clone(&self.config) }
    }
}

impl<R> fmt::Debug for LoadShedLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadShedLayer").field("gate", &self.config.gate).finish_non_exhaustive()
    }
}

/// Builds a [`LoadShedLayer`].
#[must_use]
pub struct Builder<R = DefaultRefuse> {
    max: NonZeroUsize,
    exempt: Option<Box<Exempt>>,
    lends: bool,
    retry_after: HeaderValue,
    refuse: R,
}

impl<R> Builder<R> {
    /// Which requests pass whatever the load. Default: none.
    pub fn exempt(mut self, exempt: impl Fn(RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.exempt = Some(Box::new(exempt));
        self
    }

    /// Gives each request its [`Place`](super::Place) as an extension, so that an inner layer can leave it while the request waits for its
    /// body. Costs an allocation per request. Default: no.
    pub fn lend_places(mut self) -> Self {
        self.lends = true;
        self
    }

    /// When a refused client may come back: rounded up to seconds, at least one. Default: one second.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        let started = u64::from(wait.subsec_nanos() > 0);
        self.retry_after = wait.as_secs().saturating_add(started).max(1).into();
        self
    }

    /// What makes the body of the answer. Default: [`DefaultRefuse`].
    pub fn refuse<T>(self, refuse: T) -> Builder<T> {
        let Self { max, exempt, lends, retry_after, refuse: _ } = self;
        Builder { max, exempt, lends, retry_after, refuse }
    }

    /// The layer. Nothing that the builder accepts is wrong, so this cannot fail.
    pub fn build(self) -> LoadShedLayer<R> {
        let Self { max, exempt, lends, retry_after, refuse } = self;
        let gate = Gate { max, in_flight: AtomicUsize::new(0), exempt, lends, retry_after };
        LoadShedLayer { config: Arc::new(Config { gate: Arc::new(gate), refuse }) }
    }
}

impl<R: fmt::Debug> fmt::Debug for Builder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("max", &self.max)
            .field("lends", &self.lends)
            .field("retry_after", &self.retry_after)
            .field("refuse", &self.refuse)
            .finish_non_exhaustive()
    }
}
