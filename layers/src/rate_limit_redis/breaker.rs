//! Whether Redis is worth asking. Pure: the time is an argument.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// A circuit breaker: opened by failures in a row, closed by a probe that succeeds. While it is open, no request waits for Redis.
#[derive(Debug)]
pub(super) struct Breaker {
    threshold: NonZeroU32,
    pause: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    Closed { failures: u32 },
    Open { since: Instant, last_asked: Instant },
}

/// What to do about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Ask Redis.
    Ask,
    /// Do without.
    Avoid,
    /// Do without, and send a probe beside the request.
    Probe,
}

impl Breaker {
    pub(super) const fn new(threshold: NonZeroU32, pause: Duration) -> Self {
        Self { threshold, pause, state: State::Closed { failures: 0 } }
    }

    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        match &mut self.state {
            State::Closed { .. } => Admission::Ask,
            State::Open { last_asked, .. } if now.saturating_duration_since(*last_asked) >= self.pause => {
                // Set first: a probe that never ends does not keep the next from starting.
                *last_asked = now;
                Admission::Probe
            }
            State::Open { .. } => Admission::Avoid,
        }
    }

    /// A request got its reply. Late replies to requests of before do not close the breaker.
    pub(super) const fn succeeded(&mut self) {
        if let State::Closed { failures } = &mut self.state {
            *failures = 0;
        }
    }

    /// A request got no reply. Tells whether this opened the breaker.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        let State::Closed { failures } = &mut self.state else { return false };
        *failures += 1;
        let opens = *failures >= self.threshold.get();
        if opens {
            self.state = State::Open { since: now, last_asked: now };
        }
        opens
    }

    /// A probe succeeded. Tells how long the breaker was open, if this closed it.
    pub(super) fn recovered(&mut self, now: Instant) -> Option<Duration> {
        let State::Open { since, .. } = self.state else { return None };
        self.state = State::Closed { failures: 0 };
        Some(now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(1);

    fn breaker() -> (Breaker, Instant) {
        (Breaker::new(NonZeroU32::new(3).unwrap(), PAUSE), Instant::now())
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_says_so_once() {
        let (mut breaker, now) = breaker();
        let opened: Vec<_> = (0..5).map(|_| breaker.failed(now)).collect();
        assert_eq!(opened, [false, false, true, false, false]);
        assert_eq!(breaker.admit(now), Admission::Avoid);
    }

    #[test]
    fn a_reply_between_failures_keeps_it_closed() {
        let (mut breaker, now) = breaker();
        for _ in 0..10 {
            assert!(!breaker.failed(now) && !breaker.failed(now));
            breaker.succeeded();
        }
        assert_eq!(breaker.admit(now), Admission::Ask);
    }

    #[test]
    fn one_request_per_pause_sends_a_probe() {
        let (mut breaker, now) = breaker();
        while !breaker.failed(now) {}
        for round in 1..4 {
            let later = now + PAUSE * round;
            assert_eq!(breaker.admit(later - Duration::from_nanos(1)), Admission::Avoid);
            assert_eq!(breaker.admit(later), Admission::Probe);
            assert_eq!(breaker.admit(later), Admission::Avoid);
        }
    }

    #[test]
    fn only_a_probe_closes_it() {
        let (mut breaker, now) = breaker();
        while !breaker.failed(now) {}
        breaker.succeeded();
        assert_eq!(breaker.admit(now), Admission::Avoid);
        assert_eq!(breaker.recovered(now + PAUSE), Some(PAUSE));
        assert_eq!(breaker.recovered(now + PAUSE), None);
        assert_eq!(breaker.admit(now), Admission::Ask);
        assert!(!breaker.failed(now), "it counts from the start");
    }
}
