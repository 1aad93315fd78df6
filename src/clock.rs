//! Time as a dependency: the service never reads the system clock elsewhere, so that a test can move it.

use std::fmt::Debug;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Tells the time in whole microseconds, the precision PostgreSQL keeps: what was written reads back equal.
pub trait Clock: Debug + Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// The time that has passed since some fixed moment. It never runs backwards, whatever is done to the time of day: for what is measured
    /// in this process and kept nowhere else.
    fn monotonic(&self) -> Duration;
}

/// From when [`SystemClock`] counts.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        in_microseconds(Timestamp::now())
    }

    fn monotonic(&self) -> Duration {
        START.elapsed()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct TestClock(Mutex<TestTime>);

#[derive(Clone, Copy, Debug)]
struct TestTime {
    now: Timestamp,
    passed: Duration,
}

impl TestClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(Mutex::new(TestTime { now: in_microseconds(start), passed: Duration::ZERO }))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.change(|time| {
            time.now = time.now.saturating_add(by).unwrap_or(Timestamp::MAX);
            time.passed = time.passed.saturating_add(by);
        });
    }

    /// Sets the time of day, as an operator or NTP does: no time passes by it.
    pub fn set(&self, now: Timestamp) {
        self.change(|time| time.now = in_microseconds(now));
    }

    fn change(&self, change: impl FnOnce(&mut TestTime)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn time(&self) -> TestTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.time().now
    }

    fn monotonic(&self) -> Duration {
        self.time().passed
    }
}

fn in_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}
