//! The decision: is it time to fetch? Pure: time is an argument.

use std::time::{Duration, Instant};

/// When the document was asked for, and when it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    pub(super) min_interval: Duration,
    pub(super) max_age: Duration,
    begun: Option<Instant>,
    fetched: Option<Instant>,
}

/// Why somebody wants the document fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The app said so.
    Demand,
    /// A token names a key that is not in the set. Anybody can send such a token.
    UnknownKey,
    /// The set is old, or there never was one.
    Age,
}

impl Schedule {
    pub(super) const fn new(min_interval: Duration, max_age: Duration) -> Self {
        Self { min_interval, max_age, begun: None, fetched: None }
    }

    /// Whether a fetch may begin. If so it counts as begun.
    pub(super) fn begin(&mut self, reason: Reason, now: Instant) -> bool {
        let may_begin = match reason {
            Reason::Demand => true,
            Reason::UnknownKey => self.is_rested(now),
            Reason::Age => self.is_rested(now) && elapsed(self.fetched, now).is_none_or(|age| age >= self.max_age),
        };
        if may_begin {
            self.begun = Some(now);
        }
        may_begin
    }

    pub(super) fn fetched(&mut self, now: Instant) {
        self.fetched = Some(now);
    }

    /// How long it is certain that age is no reason to fetch.
    pub(super) fn rest(&self, now: Instant) -> Duration {
        let left =
            |since, of: Duration| elapsed(since, now).map_or(Duration::ZERO, |elapsed| of.saturating_sub(elapsed));
        left(self.fetched, self.max_age).max(left(self.begun, self.min_interval))
    }

    fn is_rested(&self, now: Instant) -> bool {
        elapsed(self.begun, now).is_none_or(|elapsed| elapsed >= self.min_interval)
    }
}

fn elapsed(since: Option<Instant>, now: Instant) -> Option<Duration> {
    since.map(|since| now.saturating_duration_since(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn fetches_keep_their_distance_whether_they_succeed_or_not() {
        let start = Instant::now();
        let mut schedule = Schedule::new(MINUTE, 60 * MINUTE);
        assert!(schedule.begin(Reason::UnknownKey, start), "the first may begin at once");
        for reason in [Reason::UnknownKey, Reason::Age] {
            assert!(!schedule.begin(reason, start + MINUTE / 2), "{reason:?}");
        }
        assert!(schedule.begin(Reason::Demand, start + MINUTE / 2));
        assert!(!schedule.begin(Reason::UnknownKey, start + MINUTE));
        assert!(schedule.begin(Reason::UnknownKey, start + MINUTE / 2 + MINUTE));
    }

    #[test]
    fn age_is_a_reason_once_the_set_is_old() {
        let start = Instant::now();
        let mut schedule = Schedule::new(MINUTE, 60 * MINUTE);
        assert!(schedule.begin(Reason::Age, start));
        schedule.fetched(start + MINUTE);
        assert_eq!(schedule.rest(start + 2 * MINUTE), 59 * MINUTE);
        assert!(!schedule.begin(Reason::Age, start + 60 * MINUTE));
        assert_eq!(schedule.rest(start + 61 * MINUTE), Duration::ZERO);
        assert!(schedule.begin(Reason::Age, start + 61 * MINUTE));
        assert_eq!(schedule.rest(start + 61 * MINUTE), MINUTE, "until it may be tried again");
    }
}
