//! What a layer was told: which requests pay what.

use std::fmt;

use super::charges::{Charge, Charges};
use super::key::Key;
use super::limit::Limit;
use crate::RequestHead;

type Rule = dyn Fn(RequestHead<'_>, &mut Charges) + Send + Sync;
type Exempt = dyn Fn(RequestHead<'_>) -> bool + Send + Sync;

pub(crate) struct Config<R> {
    rules: Vec<Box<Rule>>,
    exempt: Option<Box<Exempt>>,
    pub(crate) refuse: R,
}

impl<R> Config<R> {
    pub(super) const fn new(refuse: R) -> Self {
        Self { rules: Vec::new(), exempt: None, refuse }
    }

    pub(super) fn refuse<T>(self, refuse: T) -> Config<T> {
        Config { rules: self.rules, exempt: self.exempt, refuse }
    }

    /// What the request is to pay.
    pub(crate) fn charges(&self, head: RequestHead<'_>) -> Charges {
        let mut charges = Charges::new();
        if !self.exempt.as_ref().is_some_and(|exempt| exempt(head)) {
            for rule in &self.rules {
                rule(head, &mut charges);
            }
        }
        charges
    }

    pub(super) fn limit(&mut self, limit: Limit, key: impl Fn(RequestHead<'_>) -> Option<Key> + Send + Sync + 'static) {
        self.rule(move |head, charges| {
            if let Some(key) = key(head) {
                charges.push(Charge::new(&limit, key));
            }
        });
    }

    pub(super) fn rule(&mut self, rule: impl Fn(RequestHead<'_>, &mut Charges) + Send + Sync + 'static) {
        self.rules.push(Box::new(rule));
    }

    pub(super) fn exempt(&mut self, exempt: impl Fn(RequestHead<'_>) -> bool + Send + Sync + 'static) {
        self.exempt = Some(Box::new(exempt));
    }
}

impl<R> fmt::Debug for Config<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}
