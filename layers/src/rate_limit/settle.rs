//! All or nothing over several sets of keys.

use super::charges::{Charge, PerCharge};
use super::gcra::Decision;
use super::set::Charged;

/// Sets are locked in this order by everybody, so that no two checks wait for each other. A limit has its address, a set its index.
type LockOrder = (usize, usize);

#[derive(Clone, Copy)]
enum Mode {
    Commit,
    DryRun,
}

/// Decides about each charge, at the time of its limit, and commits all of them if all are allowed.
pub(super) fn charge(charges: &[Charge]) -> PerCharge<Charged> {
    settle(charges, Mode::Commit)
}

/// Decides as [`charge`] would.
pub(super) fn peek(charges: &[Charge]) -> PerCharge<Charged> {
    settle(charges, Mode::DryRun)
}

fn settle(charges: &[Charge], mode: Mode) -> PerCharge<Charged> {
    if let [only] = charges {
        return PerCharge::from_elem(settle_one(only, mode), 1);
    }
    // No clock is read while keys are locked.
    let mut turns = charges.iter().map(Turn::new).collect::<PerCharge<_>>();
    settle_after(None, &mut turns, mode);
    turns.iter().map(|turn| turn.charged).collect()
}

/// The usual case: with nothing to wait for, a refusal has nothing to undo.
fn settle_one(charge: &Charge, mode: Mode) -> Charged {
    let (inner, now) = (charge.limit.inner(), charge.limit.now());
    let mut set = inner.table.lock(charge.position.set);
    set.mend(inner.gcra, now);
    match mode {
        Mode::Commit => set.charge(charge.position.digest, inner.gcra, charge.cost, now),
        Mode::DryRun => { *set }.charge(charge.position.digest, inner.gcra, charge.cost, now),
    }
}

/// Settles the charges whose sets come after `last`, holding the lock of each set until those after it have decided too.
fn settle_after(last: Option<LockOrder>, turns: &mut [Turn<'_>], mode: Mode) -> bool {
    let after_last = |turn: &&Turn<'_>| last.is_none_or(|last| turn.lock_order() > last);
    let Some(&Turn { charge: first, now, .. }) = turns.iter().filter(after_last).min_by_key(|turn| turn.lock_order())
    else {
        return turns.iter().all(|turn| turn.charged.decision.is_allowed());
    };
    let (inner, order) = (first.limit.inner(), lock_order(first));
    let mut set = inner.table.lock(first.position.set);
    set.mend(inner.gcra, now);
    let before = *set;
    for Turn { charge, charged, .. } in turns.iter_mut().filter(|turn| turn.lock_order() == order) {
        *charged = set.charge(charge.position.digest, inner.gcra, charge.cost, now);
    }
    let all = settle_after(Some(order), turns, mode);
    if !all || matches!(mode, Mode::DryRun) {
        *set = before;
    }
    all
}

/// A charge, the time of its limit, and what is decided about it.
struct Turn<'a> {
    charge: &'a Charge,
    now: u64,
    charged: Charged,
}

impl<'a> Turn<'a> {
    fn new(charge: &'a Charge) -> Self {
        let undecided = Charged { decision: Decision { until_fresh: 0, wait: 0 }, evicted: false };
        Self { charge, now: charge.limit.now(), charged: undecided }
    }

    fn lock_order(&self) -> LockOrder {
        lock_order(self.charge)
    }
}

fn lock_order(charge: &Charge) -> LockOrder {
    (charge.limit.address(), charge.position.set)
}
