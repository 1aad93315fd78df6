//! Sixteen places for the keys that fall into one set of a [`Table`](super::table::Table), and who gives way when they are taken.

use super::gcra::{Decision, Gcra};

const WAYS: usize = 16;

/// A second, in nanoseconds. The clock is read before the lock is had, so a time may be earlier than the last one by as long as its thread was
/// held up: that is no step of the clock.
const DELAY: u64 = 1_000_000_000;

/// A key's digest and arrival time. Once that time has passed, the place is free: a fresh key and an unknown one are the same.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    digest: u64,
    tat: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Set([Place; WAYS]);

/// A decision, and whether another key was forgotten for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Charged {
    pub(super) decision: Decision,
    pub(super) evicted: bool,
}

impl Set {
    pub(super) const WAYS: usize = WAYS;

    /// Forgets how far the clock was ahead when it was set back: a key waits for what it spent, never for the step.
    pub(super) fn mend(&mut self, gcra: Gcra, now: u64) {
        let latest = gcra.latest(now);
        for place in &mut self.0 {
            if place.tat > latest.saturating_add(DELAY) {
                place.tat = latest;
            }
        }
    }

    /// Charges a key, if the rate allows it.
    ///
    /// A new key takes the place that is closest to fresh. If even that one is at its limit, it keeps its place and the new key is
    /// refused for as long: to forget a key under limit would be to lift its limit.
    pub(super) fn charge(&mut self, digest: u64, gcra: Gcra, cost: u32, now: u64) -> Charged {
        let (tat, evicted, place) = match self.find(digest, now) {
            Some(place) => (place.tat, false, place),
            None => {
                let place = self.closest_to_fresh();
                let taken = place.tat > now;
                let at_limit = !gcra.decide(place.tat, now, 1).is_allowed();
                if taken && at_limit { (place.tat, false, place) } else { (0, taken, place) }
            }
        };
        let decision = gcra.decide(tat, now, cost);
        let charge = cost > 0 && decision.is_allowed();
        if charge {
            *place = Place { digest, tat: now.saturating_add(decision.until_fresh) };
        }
        Charged { decision, evicted: evicted && charge }
    }

    /// Gives back what was charged; a key gets no fresher than fresh.
    pub(super) fn refund(&mut self, digest: u64, weight: u64, now: u64) {
        if let Some(place) = self.find(digest, now) {
            place.tat = place.tat.saturating_sub(weight);
        }
    }

    /// Takes over what another store knows of a key, unless all places are with keys that are further from fresh.
    #[cfg(feature = "rate_limit_redis")]
    pub(super) fn learn(&mut self, digest: u64, until_fresh: u64, now: u64) {
        let tat = now.saturating_add(until_fresh);
        let place = match self.find(digest, now) {
            Some(place) => place,
            None => self.closest_to_fresh(),
        };
        if place.digest == digest || place.tat < tat {
            *place = Place { digest, tat };
        }
    }

    pub(super) fn forget(&mut self, digest: u64) {
        for place in &mut self.0 {
            if place.digest == digest {
                *place = Place::default();
            }
        }
    }

    /// How many keys are not fresh.
    pub(super) fn held(&self, now: u64) -> usize {
        self.0.iter().filter(|place| place.tat > now).count()
    }

    fn find(&mut self, digest: u64, now: u64) -> Option<&mut Place> {
        self.0.iter_mut().find(|place| place.digest == digest && place.tat > now)
    }

    fn closest_to_fresh(&mut self) -> &mut Place {
        let mut least = 0;
        for (index, place) in self.0.iter().enumerate() {
            if place.tat < self.0[least].tat {
                least = index;
            }
        }
        &mut self.0[least]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GCRA: Gcra = Gcra { interval: 10, burst: 3 };
    const NOW: u64 = 1_000;

    fn charge(set: &mut Set, digest: u64, now: u64) -> Charged {
        set.charge(digest, GCRA, 1, now)
    }

    /// A set whose every key has spent two of its three units.
    fn full() -> Set {
        let mut set = Set::default();
        for digest in 1..=16 {
            assert!(set.charge(digest, GCRA, 2, NOW).decision.is_allowed());
        }
        set
    }

    #[test]
    fn a_key_is_charged_up_to_its_burst() {
        let mut set = Set::default();
        let allowed = (0..9).filter(|_| charge(&mut set, 7, NOW).decision.is_allowed()).count();
        assert_eq!((allowed, set.held(NOW), set.held(NOW + 30)), (3, 1, 0));
    }

    #[test]
    fn fresh_keys_give_way_without_being_missed() {
        let mut set = full();
        let charged = charge(&mut set, 99, NOW + 20);
        assert!(charged.decision.is_allowed() && !charged.evicted);
    }

    #[test]
    fn the_key_closest_to_fresh_gives_way_first() {
        let mut set = full();
        set.refund(5, 5, NOW);
        assert!(charge(&mut set, 99, NOW).evicted);
        assert_eq!(charge(&mut set, 1, NOW).decision.until_fresh, 30, "the others are remembered");
        assert_eq!(set.held(NOW), 16);
    }

    #[test]
    fn no_number_of_new_keys_frees_a_key_at_its_limit() {
        let mut set = full();
        assert!(charge(&mut set, 1, NOW).decision.is_allowed());
        for stranger in 100..10_000 {
            charge(&mut set, stranger, NOW);
        }
        assert_eq!(charge(&mut set, 1, NOW).decision.wait, 10);
    }

    #[test]
    fn a_set_full_of_keys_at_their_limit_refuses_new_ones_until_the_first_is_not() {
        let mut set = full();
        for digest in 1..=16 {
            charge(&mut set, digest, NOW);
        }
        let refused = charge(&mut set, 99, NOW);
        assert_eq!(refused, Charged { decision: Decision { until_fresh: 30, wait: 10 }, evicted: false });
        assert!(charge(&mut set, 99, NOW + 10).evicted);
    }

    #[test]
    fn a_refund_never_makes_credit() {
        let mut set = Set::default();
        set.refund(7, 1_000, NOW);
        charge(&mut set, 7, NOW);
        set.refund(7, 1_000, NOW);
        let allowed = (0..9).filter(|_| charge(&mut set, 7, NOW).decision.is_allowed()).count();
        assert_eq!(allowed, 3);
    }

    #[test]
    fn a_key_never_waits_longer_than_what_it_spent_takes_to_come_back() {
        let mut set = Set::default();
        set.charge(1, GCRA, 3, NOW + 2 * DELAY);
        set.mend(GCRA, NOW);
        assert_eq!(charge(&mut set, 1, NOW).decision, Decision { until_fresh: 30, wait: 10 });
        assert!(charge(&mut set, 1, NOW + 10).decision.is_allowed());
    }

    #[test]
    fn a_thread_that_was_held_up_gives_nothing_back() {
        let mut set = Set::default();
        set.charge(1, GCRA, 3, NOW + 5);
        set.mend(GCRA, NOW);
        assert!(!charge(&mut set, 1, NOW + 14).decision.is_allowed());
        assert!(charge(&mut set, 1, NOW + 15).decision.is_allowed());
    }

    #[test]
    fn asking_what_costs_nothing_takes_no_place() {
        let mut set = full();
        assert_eq!(set.charge(99, GCRA, 0, NOW).decision, Decision { until_fresh: 0, wait: 0 });
        assert_eq!(charge(&mut set, 1, NOW).decision.until_fresh, 30);
        assert_eq!(Set::default().charge(1, GCRA, 0, NOW).decision.until_fresh, 0);
    }

    #[test]
    fn a_forgotten_key_is_fresh() {
        let mut set = full();
        set.forget(1);
        assert_eq!((set.held(NOW), charge(&mut set, 1, NOW).decision.until_fresh), (15, 10));
    }

    #[cfg(feature = "rate_limit_redis")]
    #[test]
    fn what_another_store_knows_counts_here() {
        let mut set = full();
        set.learn(1, 30, NOW);
        assert!(!charge(&mut set, 1, NOW).decision.is_allowed());
        set.learn(1, 10, NOW);
        assert_eq!(charge(&mut set, 1, NOW).decision.until_fresh, 20);
        set.learn(99, 30, NOW);
        assert!(!charge(&mut set, 99, NOW).decision.is_allowed());
    }
}
