//! What a key may do, as an operator would say it.

use std::time::Duration;

use super::error::ConfigError;
use super::gcra::Gcra;

const DEFAULT_MAX_KEYS: usize = 65_536;
/// More is a mistake: a gigabyte for one policy.
const MOST_MAX_KEYS: usize = 1 << 26;
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// A quota per window of time, for each key by itself.
///
/// A fresh key may spend its burst at once; what it has spent comes back evenly, one unit every window ÷ quota. Over any window a key
/// therefore spends at most its burst *and* its quota.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Policy {
    pub(super) name: Box<str>,
    pub(super) quota: u32,
    pub(super) window: Duration,
    pub(super) burst: u32,
    pub(super) max_keys: usize,
}

impl Policy {
    /// `quota` units per `window`, all of which may be spent at once.
    ///
    /// The name is told to clients, and labels metrics and the keys of a shared store: 1 to 64 characters of `[A-Za-z0-9._-]`.
    pub fn new(name: impl Into<Box<str>>, quota: u32, window: Duration) -> Self {
        Self { name: name.into(), quota, window, burst: quota, max_keys: DEFAULT_MAX_KEYS }
    }

    /// The units that a fresh key may spend at once. Default: the quota.
    pub fn burst(mut self, units: u32) -> Self {
        self.burst = units;
        self
    }

    /// How many keys are remembered at once, 16.5 bytes each, allocated when the limiter is built. Rounded up to a multiple of 16;
    /// default: 65 536.
    ///
    /// Twice the keys that come in one window is a good size; the [module](super#bounded-memory) says what happens beyond.
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// The rate in nanoseconds, if the policy makes sense.
    pub(super) fn gcra(&self) -> Result<Gcra, ConfigError> {
        let name = || self.name.clone();
        if !is_name(&self.name) {
            return Err(ConfigError::Name(name()));
        }
        if self.quota == 0 {
            return Err(ConfigError::Quota(name()));
        }
        if !(Duration::from_secs(1)..=LONGEST).contains(&self.window) {
            return Err(ConfigError::Window(name()));
        }
        if !(1..=MOST_MAX_KEYS).contains(&self.max_keys) {
            return Err(ConfigError::MaxKeys(name()));
        }
        // Rounded up: what comes back in a window is never more than the quota.
        let interval = nanoseconds(self.window).div_ceil(self.quota.into());
        let capacity = interval.checked_mul(self.burst.into()).filter(|time| *time <= nanoseconds(LONGEST));
        if self.burst == 0 || capacity.is_none() {
            return Err(ConfigError::Burst(name()));
        }
        Ok(Gcra { interval, burst: self.burst })
    }
}

/// Whether the text needs no escaping in header fields, labels and store keys.
pub(super) fn is_name(text: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(safe)
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_becomes_the_time_that_one_unit_takes_to_come_back() {
        let gcra = |quota, seconds| Policy::new("p", quota, Duration::from_secs(seconds)).gcra();
        assert_eq!(gcra(5, 900), Ok(Gcra { interval: 180_000_000_000, burst: 5 }));
        assert_eq!(gcra(3, 1), Ok(Gcra { interval: 333_333_334, burst: 3 }));
        assert_eq!(gcra(u32::MAX, 1), Ok(Gcra { interval: 1, burst: u32::MAX }));
        let burst = Policy::new("p", 60, Duration::from_secs(60)).burst(7).gcra();
        assert_eq!(burst, Ok(Gcra { interval: 1_000_000_000, burst: 7 }));
    }

    #[test]
    fn a_policy_that_makes_no_sense_is_named() {
        let minute = Duration::from_secs(60);
        let long: Box<str> = "a".repeat(65).into();
        for name in ["", "a b", "a\"b", "ä", "a;b", &*long] {
            assert_eq!(Policy::new(name, 1, minute).gcra(), Err(ConfigError::Name(name.into())));
        }
        let name = || Box::from("p");
        for (policy, error) in [
            (Policy::new("p", 0, minute), ConfigError::Quota(name())),
            (Policy::new("p", 1, Duration::ZERO), ConfigError::Window(name())),
            (Policy::new("p", 1, Duration::from_millis(999)), ConfigError::Window(name())),
            (Policy::new("p", 1, Duration::MAX), ConfigError::Window(name())),
            (Policy::new("p", 1, minute).burst(0), ConfigError::Burst(name())),
            (Policy::new("p", 1, LONGEST).burst(2), ConfigError::Burst(name())),
            (Policy::new("p", 1, minute).max_keys(0), ConfigError::MaxKeys(name())),
            (Policy::new("p", 1, minute).max_keys(usize::MAX), ConfigError::MaxKeys(name())),
        ] {
            assert_eq!(policy.gcra(), Err(error), "{policy:?}");
        }
    }
}
