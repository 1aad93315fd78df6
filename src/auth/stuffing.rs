//! Credential stuffing: one network that tries many accounts, or many passwords.
//!
//! How many different ones it tried is estimated from a small bitmap in which each attempt sets one bit. The bit is chosen by a keyed hash
//! under a key of this process, and that one bit is all that is kept of an attempted password.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// For how long attempts are remembered.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// Networks that are remembered at once: under a megabyte.
const CAPACITY: usize = 8192;
/// From so many different accounts on, or twice as many different passwords, a network is slowed. An office mistypes less.
const SLOW_FROM: u32 = 15;
/// From so many on it is blocked.
const BLOCK_FROM: u32 = 60;
/// How long a slowed network waits between two failures.
const PACE: Duration = Duration::from_secs(2);

/// What to do about a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing stands out.
    Pass,
    /// It has to wait so long.
    Wait(Duration),
    /// It is to be shut out.
    Block,
}

/// What is remembered of the failed attempts of networks.
#[derive(Debug, Default)]
pub struct Stuffing {
    networks: HashMap<IpAddr, Seen>,
    hash: RandomState,
}

#[derive(Clone, Debug)]
struct Seen {
    ends: Timestamp,
    last: Timestamp,
    accounts: Distinct,
    guesses: Distinct,
}

impl Stuffing {
    /// Whether the network may try at all. Ask before an attempt.
    #[must_use]
    pub fn judge(&self, network: IpAddr, now: Timestamp) -> Verdict {
        let Some(seen) = self.networks.get(&network).filter(|seen| seen.ends > now) else { return Verdict::Pass };
        let since = Duration::try_from(now.duration_since(seen.last)).unwrap_or_default();
        if seen.level() >= SLOW_FROM && since < PACE { Verdict::Wait(PACE - since) } else { Verdict::Pass }
    }

    /// Notes a failed attempt. [`Verdict::Block`] when it is one too many; the network then starts from nothing, and its block is the
    /// caller's to keep.
    pub fn failed(&mut self, network: IpAddr, account: &str, guess: &str, now: Timestamp) -> Verdict {
        self.make_room(network, now);
        let (account, guess) = (self.hash.hash_one(("account", account)), self.hash.hash_one(("guess", guess)));
        let fresh = || Seen {
            ends: after(now, WINDOW),
            last: now,
            accounts: Distinct::default(),
            guesses: Distinct::default(),
        };
        let seen = self.networks.entry(network).or_insert_with(fresh);
        if seen.ends <= now {
            *seen = fresh();
        }
        seen.last = now;
        seen.accounts.note(account);
        seen.guesses.note(guess);
        if seen.level() >= BLOCK_FROM {
            self.networks.remove(&network);
            return Verdict::Block;
        }
        Verdict::Pass
    }

    /// Forgets a network.
    pub fn forget(&mut self, network: IpAddr) {
        self.networks.remove(&network);
    }

    /// A flood from more networks than there is room for drops those that have failed least.
    fn make_room(&mut self, network: IpAddr, now: Timestamp) {
        if self.networks.len() < CAPACITY || self.networks.contains_key(&network) {
            return;
        }
        self.networks.retain(|_, seen| seen.ends > now);
        for level in 1.. {
            if self.networks.len() < CAPACITY {
                return;
            }
            self.networks.retain(|_, seen| seen.level() > level);
        }
    }
}

impl Seen {
    /// Different accounts tried, or half the different passwords.
    fn level(&self) -> u32 {
        self.accounts.estimate().max(self.guesses.estimate() / 2)
    }
}

/// An estimate of how many different values there were (linear counting).
#[derive(Clone, Copy, Debug, Default)]
struct Distinct([u64; 4]);

impl Distinct {
    const BITS: u32 = 256;

    fn note(&mut self, hash: u64) {
        let [word, bit] = [(hash >> 6) & 3, hash & 63];
        if let Some(word) = self.0.get_mut(usize::try_from(word).unwrap_or_default()) {
            *word |= 1 << bit;
        }
    }

    fn estimate(self) -> u32 {
        let zeros = self.0.iter().map(|word| word.count_zeros()).sum::<u32>().max(1);
        let estimate = f64::from(Self::BITS) * (f64::from(Self::BITS) / f64::from(zeros)).ln();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 256 · ln 256")]
        let rounded = estimate.round() as u32;
        rounded
    }
}

fn after(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_750_000_000 + seconds).unwrap()
    }

    fn home() -> IpAddr {
        "192.0.2.1".parse().unwrap()
    }

    /// Tries `count` accounts with one password; tells after how many the network was blocked.
    fn try_accounts(stuffing: &mut Stuffing, count: u32) -> Option<u32> {
        (1..=count).find(|number| {
            stuffing.failed(home(), &format!("user{number}@example.com"), "Winter2026!", time(0)) == Verdict::Block
        })
    }

    #[test]
    fn the_estimate_is_close_to_the_truth() {
        let hash = RandomState::new();
        for truth in [1, 5, 15, 60, 120] {
            let mut distinct = Distinct::default();
            for value in 0..truth {
                distinct.note(hash.hash_one(value));
                distinct.note(hash.hash_one(value));
            }
            let estimate = distinct.estimate();
            assert!(estimate.abs_diff(truth) <= 3 + truth / 3, "{estimate} for {truth}");
        }
    }

    #[test]
    fn one_account_mistyped_again_and_again_is_no_stuffing() {
        let mut stuffing = Stuffing::default();
        for _ in 0..1000 {
            assert_eq!(stuffing.failed(home(), "ada@example.com", "forgot it", time(0)), Verdict::Pass);
        }
        assert_eq!(stuffing.judge(home(), time(0)), Verdict::Pass);
    }

    #[test]
    fn a_network_that_tries_many_accounts_is_slowed_and_then_blocked() {
        let mut stuffing = Stuffing::default();
        assert_eq!(try_accounts(&mut stuffing, 30), None);
        assert_eq!(stuffing.judge(home(), time(0)), Verdict::Wait(PACE));
        assert_eq!(stuffing.judge(home(), time(2)), Verdict::Pass);
        assert_eq!(stuffing.judge("192.0.2.2".parse().unwrap(), time(0)), Verdict::Pass);

        let mut stuffing = Stuffing::default();
        let blocked = try_accounts(&mut stuffing, 200).unwrap();
        assert!((40..=90).contains(&blocked), "{blocked}");
    }

    #[test]
    fn many_passwords_count_as_half_as_many_accounts() {
        let mut stuffing = Stuffing::default();
        let blocked = (1..400).find(|number| {
            stuffing.failed(home(), "ada@example.com", &format!("guess {number}"), time(0)) == Verdict::Block
        });
        assert!((85..=170).contains(&blocked.unwrap()), "{blocked:?}");
    }

    #[test]
    fn what_is_long_past_is_forgotten() {
        let mut stuffing = Stuffing::default();
        assert_eq!(try_accounts(&mut stuffing, 30), None);
        assert_eq!(stuffing.judge(home(), time(15 * 60)), Verdict::Pass);
        stuffing.failed(home(), "ada@example.com", "forgot it", time(15 * 60));
        assert_eq!(stuffing.judge(home(), time(15 * 60)), Verdict::Pass);
    }

    #[test]
    fn memory_is_bounded_and_the_worst_network_is_kept() {
        let mut stuffing = Stuffing::default();
        assert_eq!(try_accounts(&mut stuffing, 30), None);
        for number in 0..3 * u32::try_from(CAPACITY).unwrap() {
            stuffing.failed(IpAddr::V4(number.into()), "ada@example.com", "guess", time(0));
            assert!(stuffing.networks.len() <= CAPACITY);
        }
        assert_eq!(stuffing.judge(home(), time(0)), Verdict::Wait(PACE));
    }
}
