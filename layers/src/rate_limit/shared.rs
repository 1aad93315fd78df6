//! What a store that other processes share needs of a check, and what this process takes over from it. Such a store counts in
//! microseconds.

use std::time::Duration;

use super::charges::{Charge, Charges};
use super::gcra::Decision;
use super::outcome::{Outcome, Standing};

impl Charge {
    /// The time that what is charged takes to come back.
    pub(crate) fn weight(&self) -> u64 {
        self.limit.inner().gcra.coarser().weight(self.cost)
    }

    /// The time in which everything comes back.
    pub(crate) fn capacity(&self) -> u64 {
        self.limit.inner().gcra.coarser().capacity()
    }

    pub(crate) fn policy(&self) -> &str {
        self.limit.name()
    }

    fn learn(&self, decision: Decision) {
        let (until_fresh, now) = (decision.until_fresh.saturating_mul(1_000), self.limit.now());
        let inner = self.limit.inner();
        let mut set = inner.table.lock(self.position.set);
        set.mend(inner.gcra, now);
        set.learn(self.position.digest, until_fresh, now);
    }
}

impl Charges {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Charge> {
        self.0.iter()
    }

    /// Makes all keys fresh in this process.
    pub(crate) fn forget(&self) {
        for Charge { limit, position, .. } in &self.0 {
            limit.inner().table.lock(position.set).forget(position.digest);
        }
    }

    /// Takes the store's decisions for its own: the keys are remembered here too, so that this process knows them should the store fail,
    /// and observers hear what happened.
    pub(crate) fn adopt(&self, decisions: &[Decision]) -> Outcome {
        let all = decisions.iter().all(|decision| decision.is_allowed());
        for (charge, decision) in self.0.iter().zip(decisions) {
            // An allowance beside a refusal was not charged: where its key stands was not said.
            if all || !decision.is_allowed() {
                charge.learn(*decision);
            }
        }
        self.observe(decisions.iter().copied());
        self.read(decisions)
    }

    /// The outcome of the store's decisions.
    pub(crate) fn read(&self, decisions: &[Decision]) -> Outcome {
        self.read_each(decisions).fold(Outcome::default(), Outcome::tightest)
    }

    /// The outcome of each of the store's decisions.
    pub(crate) fn read_each(&self, decisions: &[Decision]) -> impl Iterator<Item = Outcome> {
        self.0.iter().zip(decisions).map(|(charge, decision)| {
            let inner = charge.limit.inner();
            Outcome::from(Standing::read(&inner.label, inner.gcra.coarser(), *decision, Duration::from_micros))
        })
    }
}
