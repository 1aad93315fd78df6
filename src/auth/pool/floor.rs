use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::auth::hash::Format;

/// How much of the distance to a shorter measurement a peak gives up at each measurement. One stall of the machine must
/// not slow every later refusal.
const FADING: u64 = 8;

/// The shortest time that a refused verification may take: the dearest computation that a stored hash can cause, with
/// the configured one after it. Learned from the computations as they happen, since only they know the machine and its
/// load: after a start, the first use of a hash in another format teaches its price.
#[derive(Debug, Default)]
pub(super) struct Floor {
    current: Peak,
    others: [Peak; Format::ALL.len()],
}

/// A maximum of durations in nanoseconds that fades.
#[derive(Debug, Default)]
struct Peak(AtomicU64);

impl Floor {
    /// A computation of the configured algorithm and cost took this long.
    pub(super) fn observe_current(&self, elapsed: Duration) {
        self.current.observe(elapsed);
    }

    /// A computation of this format, with another algorithm or cost than configured, took this long.
    pub(super) fn observe_other(&self, format: Format, elapsed: Duration) {
        self.others[format as usize].observe(elapsed);
    }

    /// The floor as it stands. As long as only hashes as configured are met it is the price of one of these.
    pub(super) fn duration(&self) -> Duration {
        let dearest = self.others.iter().map(Peak::get).max().unwrap_or_default();
        self.current.get() + dearest
    }
}

impl Peak {
    fn observe(&self, elapsed: Duration) {
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let fade = |peak: u64| Some(nanos.max(peak - peak.saturating_sub(nanos) / FADING));
        let _always_updated = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fade);
    }

    fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_floor_is_the_configured_price_until_another_format_is_met() {
        let floor = Floor::default();
        assert_eq!(floor.duration(), Duration::ZERO);
        floor.observe_current(250 * MS);
        assert_eq!(floor.duration(), 250 * MS);
        floor.observe_other(Format::Scrypt, 90 * MS);
        floor.observe_other(Format::Pbkdf2, 30 * MS);
        floor.observe_other(Format::Bcrypt, 60 * MS);
        assert_eq!(floor.duration(), 340 * MS, "the dearest other format and then the configured one");
    }

    #[test]
    fn a_peak_rises_at_once_and_fades_slowly() {
        let floor = Floor::default();
        floor.observe_current(100 * MS);
        floor.observe_current(900 * MS);
        assert_eq!(floor.duration(), 900 * MS);
        floor.observe_current(100 * MS);
        assert_eq!(floor.duration(), 800 * MS);
        for _ in 0..50 {
            floor.observe_current(100 * MS);
        }
        assert!(floor.duration() < 102 * MS, "{:?}", floor.duration());
        assert!(floor.duration() >= 100 * MS);
    }
}
