//! A policy at work.

use std::fmt;
use std::sync::Arc;

use super::charges::{Charge, Charges};
use super::error::ConfigError;
use super::gcra::Gcra;
use super::key::Key;
use super::limiter::Hooks;
use super::outcome::{Label, Outcome};
use super::policy::Policy;
use super::table::Table;

/// One policy at work, with the keys it remembers. A clone is a handle to the same.
///
/// Layers charge it by closure, handlers by these methods. Several limits at once: [`Charges`].
#[derive(Clone)]
pub struct Limit(Arc<Inner>);

pub(super) struct Inner {
    pub(super) label: Arc<Label>,
    pub(super) gcra: Gcra,
    pub(super) table: Table,
    pub(super) hooks: Arc<Hooks>,
}

impl Limit {
    pub(super) fn new(policy: &Policy, hooks: &Arc<Hooks>) -> Result<Self, ConfigError> {
        let gcra = policy.gcra()?;
        let (label, table) = (Arc::new(Label::new(policy)), Table::new(policy.max_keys));
        Ok(Self(Arc::new(Inner { label, gcra, table, hooks: Arc::clone(hooks) })))
    }

    /// The name of the policy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.label.name
    }

    /// Charges one unit.
    pub fn charge(&self, key: impl Into<Key>) -> Outcome {
        Charges::from(Charge::new(self, key)).charge()
    }

    /// Tells whether one unit would be allowed, and charges nothing. What it says may no longer be true when you act on it: to be sure,
    /// charge, and [refund](Self::refund) what turned out not to count.
    #[must_use]
    pub fn peek(&self, key: impl Into<Key>) -> Outcome {
        Charges::from(Charge::new(self, key)).peek()
    }

    /// Gives back `units` that were charged: those of a log-in that succeeded, say. A key never gets fresher than fresh.
    pub fn refund(&self, key: impl Into<Key>, units: u32) {
        Charges::from(Charge::new(self, key).cost(units)).refund();
    }

    /// Forgets a key, which makes it fresh.
    pub fn clear(&self, key: impl Into<Key>) {
        let position = self.0.table.position(&key.into());
        self.0.table.lock(position.set).forget(position.digest);
    }

    /// How many keys are remembered because they are not fresh. It looks at every place: for a gauge, not for each request.
    #[must_use]
    pub fn held_keys(&self) -> usize {
        self.0.table.held(self.now())
    }

    pub(super) fn now(&self) -> u64 {
        (self.0.hooks.clock)()
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    /// A number that no other limit has while this one lives.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit").field("name", &self.0.label.name).field("gcra", &self.0.gcra).finish_non_exhaustive()
    }
}
