//! Where new ids come from.

use std::hash::{BuildHasher, RandomState};
use std::num::{NonZeroU64, NonZeroU128};
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of unique numbers: random start, counter, bijection. Asks the operating system for randomness once, when it is made.
#[derive(Debug)]
pub(super) struct Numbers {
    start: u128,
    span_start: u64,
    taken: AtomicU64,
}

impl Numbers {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        let half = |side: u8| u128::from(random.hash_one(side));
        Self { start: half(0) << 64 | half(1), span_start: random.hash_one(2_u8), taken: AtomicU64::new(0) }
    }

    /// The next numbers for a request (or trace) and for a span. No number repeats within 2⁶⁴ calls.
    pub(super) fn next(&self) -> (NonZeroU128, NonZeroU64) {
        let count = self.taken.fetch_add(1, Ordering::Relaxed);
        let request = spread(self.start.wrapping_add(count.into()));
        let span = spread_span(self.span_start.wrapping_add(count));
        // Trace Context forbids zero; the one count that maps to it takes the number of another.
        (NonZeroU128::new(request).unwrap_or(NonZeroU128::MAX), NonZeroU64::new(span).unwrap_or(NonZeroU64::MAX))
    }
}

/// A bijection (xor-shifts and odd multiplications are), so that distinct numbers stay distinct while neighbours look unrelated.
const fn spread(mut number: u128) -> u128 {
    const ODD: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
    number ^= number >> 67;
    number = number.wrapping_mul(ODD);
    number ^= number >> 61;
    number = number.wrapping_mul(ODD);
    number ^ number >> 65
}

/// The same for 64 bits, with the constants of splitmix64's finaliser.
const fn spread_span(mut number: u64) -> u64 {
    number ^= number >> 30;
    number = number.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number ^= number >> 27;
    number = number.wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_do_not_repeat_and_neighbours_differ_in_many_bits() {
        let numbers = Numbers::new();
        let taken: Vec<_> = (0..10_000).map(|_| numbers.next()).collect();
        let requests: HashSet<_> = taken.iter().map(|(request, _)| request).collect();
        let spans: HashSet<_> = taken.iter().map(|(_, span)| span).collect();
        assert_eq!((requests.len(), spans.len()), (taken.len(), taken.len()));
        for pair in taken.windows(2) {
            let changed = (pair[0].0.get() ^ pair[1].0.get()).count_ones();
            assert!((24..=104).contains(&changed), "{changed} of 128 bits changed");
        }
    }

    #[test]
    fn two_sources_share_nothing() {
        let (one, other) = (Numbers::new(), Numbers::new());
        let first: HashSet<_> = (0..1_000).map(|_| one.next().0).collect();
        assert!((0..1_000).all(|_| !first.contains(&other.next().0)));
    }
}
