//! The decision: the generic cell rate algorithm (ITU-T I.371, virtual scheduling). Pure; the time is an argument.
//!
//! The whole state of a key is one number, its *theoretical arrival time*: when all that it has spent will have come back. A key whose
//! time has passed is fresh, as one never seen.

/// A rate in some unit of time: nanoseconds in this process, microseconds in a store that other processes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gcra {
    /// The time in which one unit comes back; at least 1.
    pub(crate) interval: u64,
    /// The units a fresh key may spend at once; at least 1.
    pub(crate) burst: u32,
}

/// What the arithmetic says about one charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// How long until the key is fresh: with the charge if it was allowed, without it otherwise.
    pub(crate) until_fresh: u64,
    /// How long until the same charge would be allowed; 0 if it was.
    pub(crate) wait: u64,
}

impl Gcra {
    /// The time in which everything comes back.
    pub(crate) const fn capacity(self) -> u64 {
        self.interval.saturating_mul(self.burst as u64)
    }

    /// The time that `cost` units take to come back. More than the burst counts as the burst: the charge waits for a fresh key and does
    /// not wait for ever.
    pub(crate) fn weight(self, cost: u32) -> u64 {
        self.interval.saturating_mul(cost.min(self.burst).into())
    }

    /// The arrival time of a key that spends all it has now: none is later, unless the clock ran backwards since it was charged.
    pub(crate) const fn latest(self, now: u64) -> u64 {
        now.saturating_add(self.capacity())
    }

    /// Decides about `cost` units for a key with the arrival time `tat` at the time `now`.
    pub(crate) fn decide(self, tat: u64, now: u64, cost: u32) -> Decision {
        let spent = tat.min(self.latest(now)).saturating_sub(now);
        let until_fresh = spent.saturating_add(self.weight(cost));
        match until_fresh.saturating_sub(self.capacity()) {
            0 => Decision { until_fresh, wait: 0 },
            wait => Decision { until_fresh: spent, wait },
        }
    }

    /// The whole units that a key may spend at once, given how long it takes to be fresh.
    pub(crate) fn remaining(self, until_fresh: u64) -> u32 {
        u32::try_from(self.capacity().saturating_sub(until_fresh) / self.interval).unwrap_or(self.burst)
    }

    /// The same rate in units a thousand times as long, rounded so that it is never more generous.
    #[cfg(feature = "rate_limit_redis")]
    pub(crate) const fn coarser(self) -> Self {
        Self { interval: self.interval.div_ceil(1_000), burst: self.burst }
    }
}

impl Decision {
    pub(crate) const fn is_allowed(self) -> bool {
        self.wait == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const THREE_PER_30: Gcra = Gcra { interval: 10, burst: 3 };

    #[test]
    fn decisions_of_three_per_thirty() {
        // tat, now, cost → until fresh, wait, remaining
        for (tat, now, cost, until_fresh, wait, remaining) in [
            (0, 100, 1, 10, 0, 2),
            (110, 100, 1, 20, 0, 1),
            (120, 100, 1, 30, 0, 0),
            (121, 100, 1, 21, 1, 0),
            (130, 100, 1, 30, 10, 0),
            (130, 109, 1, 21, 1, 0),
            (130, 110, 1, 30, 0, 0),
            (130, 130, 1, 10, 0, 2),
            (0, 100, 3, 30, 0, 0),
            (101, 100, 3, 1, 1, 2),
            (0, 100, 9, 30, 0, 0),
            (110, 100, 0, 10, 0, 2),
            (130, 100, 0, 30, 0, 0),
            (0, 0, 1, 10, 0, 2),
            // Further from fresh than any charge can leave it: the clock was set back.
            (9_000, 100, 1, 30, 10, 0),
        ] {
            let decision = THREE_PER_30.decide(tat, now, cost);
            assert_eq!(decision, Decision { until_fresh, wait }, "{tat} {now} {cost}");
            assert_eq!(THREE_PER_30.remaining(decision.until_fresh), remaining, "{tat} {now} {cost}");
        }
    }

    #[test]
    fn the_ends_of_the_number_range_do_not_wrap() {
        let slow = Gcra { interval: u64::MAX, burst: u32::MAX };
        assert_eq!(slow.decide(0, 0, 1), Decision { until_fresh: u64::MAX, wait: 0 });
        assert_eq!(slow.remaining(0), 1);
        assert_eq!(THREE_PER_30.decide(u64::MAX, 0, 1).wait, 10);
        assert!(THREE_PER_30.decide(0, u64::MAX, 1).is_allowed());
    }

    /// The naive model: each unit spent comes back at its own time, one interval after the one before it.
    #[derive(Default)]
    struct Model(Vec<u64>);

    impl Model {
        fn charge(&mut self, gcra: Gcra, now: u64, cost: u32) -> bool {
            self.0.retain(|back| *back > now);
            let allowed = self.0.len() + cost as usize <= gcra.burst as usize;
            for _ in 0..if allowed { cost } else { 0 } {
                let last = self.0.last().copied().unwrap_or(now);
                self.0.push(last + gcra.interval);
            }
            allowed
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_units_counted_one_by_one(
            interval in 1_u64..50,
            burst in 1_u32..8,
            steps in prop::collection::vec((0_u64..120, 0_u32..4), 1..80),
        ) {
            let gcra = Gcra { interval, burst };
            let (mut now, mut tat, mut model) = (1_000, 0, Model::default());
            for (elapsed, cost) in steps {
                now += elapsed;
                let cost = cost.min(burst);
                let decision = gcra.decide(tat, now, cost);
                prop_assert_eq!(decision.is_allowed(), model.charge(gcra, now, cost));
                prop_assert_eq!(gcra.remaining(decision.until_fresh) as usize, burst as usize - model.0.len());
                if decision.is_allowed() {
                    tat = now + decision.until_fresh;
                } else {
                    let later = now + decision.wait;
                    prop_assert!(gcra.decide(tat, later, cost).is_allowed(), "the wait it told was too short");
                    prop_assert!(!gcra.decide(tat, later - 1, cost).is_allowed(), "the wait it told was too long");
                }
            }
        }
    }
}
