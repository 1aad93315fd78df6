//! Several charges that pass or fail together.

use std::time::Duration;

use smallvec::SmallVec;

use super::gcra::Decision;
use super::key::Key;
use super::limit::{Inner, Limit};
use super::limiter::Event;
use super::outcome::{Outcome, Standing};
use super::settle;
use super::table::Position;

/// More charges than this in one check cost an allocation.
const USUAL: usize = 4;

pub(crate) type PerCharge<T> = SmallVec<[T; USUAL]>;

/// What one key is to pay at one limit.
#[derive(Clone, Debug)]
#[must_use]
pub struct Charge {
    pub(super) limit: Limit,
    /// Spelt out for a store elsewhere; here its position says all.
    #[cfg(feature = "rate_limit_redis")]
    pub(crate) key: Key,
    pub(crate) cost: u32,
    pub(super) position: Position,
}

impl Charge {
    /// One unit.
    pub fn new(limit: &Limit, key: impl Into<Key>) -> Self {
        let key = key.into();
        let position = limit.inner().table.position(&key);
        Self {
            limit: limit.clone(),
            #[cfg(feature = "rate_limit_redis")]
            key,
            cost: 1,
            position,
        }
    }

    /// So many units: 0 asks where the key stands and always passes. More than the burst counts as the burst.
    pub fn cost(mut self, units: u32) -> Self {
        self.cost = units;
        self
    }
}

/// What a request is to pay, all of it or nothing: if one limit refuses, none is charged.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Charges(pub(super) PerCharge<Charge>);

impl Charges {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one unit for a key.
    pub fn add(&mut self, limit: &Limit, key: impl Into<Key>) -> &mut Self {
        self.push(Charge::new(limit, key))
    }

    /// Adds a charge.
    pub fn push(&mut self, charge: Charge) -> &mut Self {
        self.0.push(charge);
        self
    }

    /// Whether there is nothing to pay.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Charges all if all limits allow it. Of parallel checks exactly as many pass as there are units.
    pub fn charge(&self) -> Outcome {
        let charged = settle::charge(&self.0);
        let decisions = charged.iter().map(|charged| charged.decision);
        self.observe(decisions.clone());
        let outcome = self.outcome(decisions);
        if !outcome.is_refused() {
            for (charge, _) in self.0.iter().zip(&charged).filter(|(_, charged)| charged.evicted) {
                charge.observe(Event::Evicted);
            }
        }
        outcome
    }

    /// Tells what [`charge`](Self::charge) would say, and charges nothing.
    #[must_use]
    pub fn peek(&self) -> Outcome {
        let charged = settle::peek(&self.0);
        self.outcome(charged.iter().map(|charged| charged.decision))
    }

    /// Gives back what was charged.
    pub fn refund(&self) {
        for Charge { limit, cost, position, .. } in &self.0 {
            let (inner, now) = (limit.inner(), limit.now());
            let mut set = inner.table.lock(position.set);
            set.mend(inner.gcra, now);
            set.refund(position.digest, inner.gcra.weight(*cost), now);
        }
    }

    fn outcome(&self, decisions: impl Iterator<Item = Decision>) -> Outcome {
        let standing = |(charge, decision): (&Charge, Decision)| {
            let Inner { label, gcra, .. } = charge.limit.inner();
            Outcome::from(Standing::read(label, *gcra, decision, Duration::from_nanos))
        };
        self.0.iter().zip(decisions).map(standing).reduce(Outcome::tightest).unwrap_or_default()
    }

    pub(super) fn observe(&self, decisions: impl Iterator<Item = Decision> + Clone) {
        let all = decisions.clone().all(Decision::is_allowed);
        for (charge, decision) in self.0.iter().zip(decisions) {
            match (all, decision.is_allowed()) {
                (true, _) => charge.observe(Event::Charged),
                (false, true) => {}
                (false, false) => charge.observe(Event::Refused),
            }
        }
    }
}

impl Charge {
    fn observe(&self, event: Event) {
        let inner = self.limit.inner();
        if let Some(observer) = &inner.hooks.observer {
            observer(&inner.label.name, event);
        }
    }
}

impl From<Charge> for Charges {
    fn from(charge: Charge) -> Self {
        Self(SmallVec::from_iter([charge]))
    }
}

impl FromIterator<Charge> for Charges {
    fn from_iter<I: IntoIterator<Item = Charge>>(charges: I) -> Self {
        Self(charges.into_iter().collect())
    }
}
