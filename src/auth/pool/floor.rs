use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::auth::hash::Price;

/// How much of the distance to a shorter measurement a peak gives up at each measurement. One stall of the machine must
/// not slow every later refusal.
const FADING: u32 = 8;

/// Most prices that are remembered. Hashes of more parameters than that come with no honest import.
const MOST_PRICES: usize = 64;

/// The shortest time that a refused verification may take: the dearest computation that a stored hash can cause, with
/// the configured one after it. Only the machine knows what a price comes to under its load, so it is measured: once
/// before the first refusal if such a hash is stored, see [`Ticket::weigh`](super::Ticket::weigh), and then with every
/// use. A hash of one price says nothing about another: a cheap one cannot make a dear one of its format forgotten.
#[derive(Debug, Default)]
pub(super) struct Floor(Mutex<Measured>);

#[derive(Debug, Default)]
struct Measured {
    current: Peak,
    others: HashMap<Price, Peak>,
}

/// A maximum of durations that fades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Peak(Duration);

impl Floor {
    /// A computation of the configured algorithm and cost took this long.
    pub(super) fn observe_current(&self, elapsed: Duration) {
        self.measured().current.observe(elapsed);
    }

    /// A computation at another price than the configured one took this long.
    pub(super) fn observe_other(&self, price: Price, elapsed: Duration) {
        let others = &mut self.measured().others;
        if others.len() >= MOST_PRICES && !others.contains_key(&price) {
            // The cheapest decides nothing.
            let cheapest = others.iter().min_by_key(|(_, peak)| **peak).map(|(price, _)| *price);
            cheapest.map(|price| others.remove(&price));
        }
        others.entry(price).or_default().observe(elapsed);
    }

    /// Whether a computation at this price was ever measured.
    pub(super) fn knows(&self, price: Price) -> bool {
        self.measured().others.contains_key(&price)
    }

    /// The floor as it stands. As long as only hashes as configured are met it is the price of one of these.
    pub(super) fn duration(&self) -> Duration {
        let measured = self.measured();
        let dearest = measured.others.values().max().copied().unwrap_or_default();
        measured.current.0 + dearest.0
    }

    /// Every change is one step, so that a panic elsewhere leaves nothing half done.
    fn measured(&self) -> MutexGuard<'_, Measured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peak {
    fn observe(&mut self, elapsed: Duration) {
        self.0 = elapsed.max(self.0 - self.0.saturating_sub(elapsed) / FADING);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::hash::{Algorithm, Stored, dummy};

    const MS: Duration = Duration::from_millis(1);

    fn bcrypt(cost: u32) -> Price {
        Stored::parse(&dummy(Algorithm::Bcrypt { cost })).unwrap().price()
    }

    fn argon2id(memory_kib: u32) -> Price {
        Stored::parse(&dummy(Algorithm::Argon2id { memory_kib, iterations: 2, parallelism: 1 })).unwrap().price()
    }

    #[test]
    fn the_floor_is_the_configured_price_until_another_one_is_met() {
        let floor = Floor::default();
        assert_eq!(floor.duration(), Duration::ZERO);
        floor.observe_current(250 * MS);
        assert_eq!(floor.duration(), 250 * MS);
        floor.observe_other(argon2id(64), 90 * MS);
        floor.observe_other(bcrypt(5), 30 * MS);
        floor.observe_other(bcrypt(6), 60 * MS);
        assert_eq!(floor.duration(), 340 * MS, "the dearest other price and then the configured one");
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

    #[test]
    fn cheap_hashes_do_not_wear_the_price_of_a_dear_one_of_their_format_down() {
        let floor = Floor::default();
        floor.observe_other(bcrypt(12), 250 * MS);
        for _ in 0..50 {
            floor.observe_other(bcrypt(4), MS);
        }
        assert_eq!(floor.duration(), 250 * MS);
    }

    #[test]
    fn of_more_prices_than_are_remembered_the_dearest_stay() {
        let floor = Floor::default();
        floor.observe_other(bcrypt(12), 250 * MS);
        for step in 1..=200 {
            floor.observe_other(argon2id(8 * step), step * MS);
        }
        assert_eq!(floor.measured().others.len(), MOST_PRICES);
        assert!(floor.knows(bcrypt(12)) && floor.knows(argon2id(1600)) && !floor.knows(argon2id(8)));
        assert_eq!(floor.duration(), 250 * MS);
    }
}
