//! The keys of one policy in memory of a fixed size: sets of sixteen places, each under a lock of its own.
//!
//! Nothing has to be swept: a place whose key is fresh again is a free place.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::key::Key;
use super::set::Set;

#[derive(Debug)]
pub(super) struct Table {
    sets: Box<[Mutex<Set>]>,
    /// Keyed at random, so that nobody can choose keys that fall together.
    hasher: RandomState,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) set: usize,
    pub(super) digest: u64,
}

impl Table {
    pub(super) fn new(max_keys: usize) -> Self {
        let sets = (0..max_keys.div_ceil(Set::WAYS)).map(|_| Mutex::default()).collect();
        Self { sets, hasher: RandomState::new() }
    }

    pub(super) fn position(&self, key: &Key) -> Position {
        let digest = self.hasher.hash_one(key.as_bytes());
        // The high half of the product: as even as the remainder of a division, without one.
        let set = (u128::from(digest) * self.sets.len() as u128) >> 64;
        Position { set: usize::try_from(set).unwrap_or_default(), digest }
    }

    pub(super) fn lock(&self, set: usize) -> MutexGuard<'_, Set> {
        // A set is plain numbers, each good by itself, whatever panicked beside it.
        self.sets[set].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn held(&self, now: u64) -> usize {
        (0..self.sets.len()).map(|set| self.lock(set).held(now)).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn keys_spread_evenly_over_all_sets() {
        let table = Table::new(1_000);
        assert_eq!(table.sets.len(), 63);
        let mut keys = HashMap::<usize, u32>::new();
        for number in 0..63_000_u64 {
            *keys.entry(table.position(&Key::from(number)).set).or_default() += 1;
        }
        assert_eq!(keys.len(), 63);
        assert!(keys.values().all(|count| (800..1_200).contains(count)), "{keys:?}");
    }

    #[test]
    fn a_key_costs_the_memory_that_the_manual_says() {
        assert_eq!(size_of::<Mutex<Set>>(), 264);
    }

    #[test]
    fn one_place_is_enough_for_a_table() {
        let table = Table::new(1);
        assert_eq!((table.position(&Key::from("a")).set, table.held(0)), (0, 0));
    }
}
