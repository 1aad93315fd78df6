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

/// Decides about each charge, and commits all of them if all are allowed.
pub(super) fn charge(charges: &[Charge], now: u64) -> PerCharge<Charged> {
    settle(charges, now, Mode::Commit)
}

/// Decides as [`charge`] would.
pub(super) fn peek(charges: &[Charge], now: u64) -> PerCharge<Charged> {
    settle(charges, now, Mode::DryRun)
}

fn settle(charges: &[Charge], now: u64, mode: Mode) -> PerCharge<Charged> {
    if let [only] = charges {
        return PerCharge::from_elem(settle_one(only, now, mode), 1);
    }
    let undecided = Charged { decision: Decision { until_fresh: 0, wait: 0 }, evicted: false };
    let mut charged = charges.iter().map(|_| undecided).collect::<PerCharge<_>>();
    settle_after(None, charges, &mut charged, now, mode);
    charged
}

/// The usual case: with nothing to wait for, a refusal has nothing to undo.
fn settle_one(charge: &Charge, now: u64, mode: Mode) -> Charged {
    let inner = charge.limit.inner();
    let mut set = inner.table.lock(charge.position.set);
    match mode {
        Mode::Commit => set.charge(charge.position.digest, inner.gcra, charge.cost, now),
        Mode::DryRun => { *set }.charge(charge.position.digest, inner.gcra, charge.cost, now),
    }
}

/// Settles the charges whose sets come after `last`, holding the lock of each set until those after it have decided too.
fn settle_after(last: Option<LockOrder>, charges: &[Charge], charged: &mut [Charged], now: u64, mode: Mode) -> bool {
    let next = charges
        .iter()
        .filter(|charge| last.is_none_or(|last| lock_order(charge) > last))
        .min_by_key(|charge| lock_order(charge));
    let Some(first) = next else {
        return charged.iter().all(|charged| charged.decision.is_allowed());
    };
    let mut set = first.limit.inner().table.lock(first.position.set);
    let before = *set;
    for (charge, charged) in charges.iter().zip(&mut *charged) {
        if lock_order(charge) == lock_order(first) {
            *charged = set.charge(charge.position.digest, charge.limit.inner().gcra, charge.cost, now);
        }
    }
    let all = settle_after(Some(lock_order(first)), charges, charged, now, mode);
    if !all || matches!(mode, Mode::DryRun) {
        *set = before;
    }
    all
}

fn lock_order(charge: &Charge) -> LockOrder {
    (charge.limit.address(), charge.position.set)
}
