use std::sync::Arc;

use tower_layer::Layer;

use super::examine::Rules;
use super::field::{Place, Policy};
use super::inspect::Inspect;
use super::service::Sanitize;
use super::structural::Structural;
use crate::{DefaultRefuse, RequestHead};

/// What all clones of one layer share.
#[derive(Debug)]
pub(super) struct Config<R> {
    pub(super) rules: Rules,
    pub(super) refuse: R,
}

/// Applies [`Sanitize`]. See the [module](super) for what it does.
#[derive(Debug)]
#[must_use]
pub struct SanitizeLayer<R = DefaultRefuse> {
    config: Arc<Config<R>>,
}

impl SanitizeLayer {
    /// Starts with what to do about each field: there is no safe guess at which of them are passwords.
    ///
    /// The closure is asked for the path, every query parameter, and every string or form field of the body.
    pub fn builder(policy: impl Fn(RequestHead<'_>, Place<'_>) -> Policy + Send + Sync + 'static) -> Builder {
        let rules = Rules {
            when: Box::new(|_| true),
            policy: Box::new(policy),
            structural: Structural::new(),
            inspectors: Vec::new(),
            report_only: false,
        };
        Builder { rules, refuse: DefaultRefuse }
    }
}

impl<R> Clone for SanitizeLayer<R> {
    fn clone(&self) -> Self {
        Self { config: Arc::clone(&self.config) }
    }
}

impl<S, R> Layer<S> for SanitizeLayer<R> {
    type Service = Sanitize<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Sanitize::new(inner, Arc::clone(&self.config))
    }
}

/// Builds a [`SanitizeLayer`].
#[derive(Debug)]
#[must_use]
pub struct Builder<R = DefaultRefuse> {
    rules: Rules,
    refuse: R,
}

impl<R> Builder<R> {
    /// Which requests are looked at; the others pass with nothing read. Default: all.
    pub fn when(mut self, when: impl Fn(RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.rules.when = Box::new(when);
        self
    }

    /// The bounds, and the check of characters. Default: [`Structural::new`].
    pub fn structural(mut self, structural: Structural) -> Self {
        self.rules.structural = structural;
        self
    }

    /// Adds an inspector, which sees each value after [`Structural`] and the inspectors added before.
    pub fn inspect(mut self, inspector: impl Inspect + Send + Sync + 'static) -> Self {
        self.rules.inspectors.push(Box::new(inspector));
        self
    }

    /// Refuses nothing and only reports: to see what a rule would do before it does it. Default: `false`.
    pub fn report_only(mut self, report_only: bool) -> Self {
        self.rules.report_only = report_only;
        self
    }

    /// What makes the body of a refusal. Default: [`DefaultRefuse`].
    pub fn refuse<T>(self, refuse: T) -> Builder<T> {
        Builder { rules: self.rules, refuse }
    }

    /// The layer. Nothing that the builder accepts is wrong, so this cannot fail.
    pub fn build(self) -> SanitizeLayer<R> {
        SanitizeLayer { config: Arc::new(Config { rules: self.rules, refuse: self.refuse }) }
    }
}
