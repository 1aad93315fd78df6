//! Attempts under one key take turns, so that right passwords which come at once, as from a fleet of workers with one account, do not spend
//! the budget on each other before any of them is known to be right.
//!
//! Whoever waits here holds a place in the hash pool and lets its threads idle. So only places of its queue are waited on, never as many as
//! it has, and of one key only a few: what exceeds that is turned away, and others find a place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Attempts of one key at once. Two instances together stay below the smallest budget.
const AT_ONCE: usize = 2;

/// A turn; it ends when it is dropped.
pub(super) type Turn = OwnedSemaphorePermit;

/// The keys that are tried now.
#[derive(Debug)]
pub(super) struct Turns {
    /// How many of one key may wait.
    of_one: usize,
    /// Places for waiting, of all keys together.
    waiting: Semaphore,
    lines: Mutex<HashMap<[u8; 32], Weak<Semaphore>>>,
}

impl Turns {
    /// Before a hash pool with a queue of so many places: half of them may be waited on, and an eighth by one key.
    pub(super) fn new(queue: usize) -> Self {
        let waiting = Semaphore::new((queue / 2).min(Semaphore::MAX_PERMITS));
        Self { of_one: queue / 8, waiting, lines: Mutex::default() }
    }

    /// Waits for a turn; `None` when too many wait already.
    pub(super) async fn take(&self, key: [u8; 32]) -> Option<Turn> {
        let line = self.line(key)?;
        if let Ok(turn) = Arc::clone(&line).try_acquire_owned() {
            return Some(turn);
        }
        let _place = self.waiting.try_acquire().ok()?;
        // Nobody ever closes a line.
        line.acquire_owned().await.ok()
    }

    /// The line of a key, unless it is full. Whoever stands in it or has a turn holds it, and nobody else does.
    fn line(&self, key: [u8; 32]) -> Option<Arc<Semaphore>> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&key) {
            if line.strong_count() >= AT_ONCE + self.of_one {
                return None;
            }
            if let Some(line) = line.upgrade() {
                return Some(line);
            }
        }
        if lines.len() == lines.capacity() {
            // Before the map grows: lines that nobody stands in any more.
            lines.retain(|_, line| line.strong_count() > 0);
        }
        let line = Arc::new(Semaphore::new(AT_ONCE));
        lines.insert(key, Arc::downgrade(&line));
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn attempts_of_one_key_wait_for_each_other_and_those_of_others_do_not() {
        let turns = Turns::new(64);
        let first = turns.take([1; 32]).await;
        let _second = turns.take([1; 32]).await;
        let third = turns.take([1; 32]);
        tokio::pin!(third);
        assert!(is_pending(third.as_mut()).await);
        assert!(turns.take([2; 32]).await.is_some());
        drop(first);
        assert!(third.await.is_some());
    }

    #[tokio::test]
    async fn without_a_queue_nobody_waits() {
        let turns = Turns::new(0);
        let _turns = (turns.take([1; 32]).await.unwrap(), turns.take([1; 32]).await.unwrap());
        assert!(turns.take([1; 32]).await.is_none());
        assert!(turns.take([2; 32]).await.is_some());
    }

    #[tokio::test]
    async fn one_key_waits_on_an_eighth_of_the_queue_and_all_together_on_half_of_it() {
        let turns = Turns::new(64);
        let mut waiting = Vec::new();
        let mut held = Vec::new();
        for key in 0..4 {
            held.push((turns.take([key; 32]).await.unwrap(), turns.take([key; 32]).await.unwrap()));
            for _ in 0..8 {
                let mut next = Box::pin(turns.take([key; 32]));
                assert!(is_pending(next.as_mut()).await);
                waiting.push(next);
            }
            assert!(turns.take([key; 32]).await.is_none());
        }
        held.push((turns.take([9; 32]).await.unwrap(), turns.take([9; 32]).await.unwrap()));
        assert!(turns.take([9; 32]).await.is_none());
        drop(waiting);
        let mut next = Box::pin(turns.take([9; 32]));
        assert!(is_pending(next.as_mut()).await, "whoever gives up leaves the line");
    }

    #[tokio::test]
    async fn keys_that_nobody_tries_any_more_take_no_room() {
        let turns = Turns::new(64);
        for number in 0..100_000_u32 {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            drop(turns.take(key).await);
        }
        assert!(turns.lines.lock().unwrap().len() < 100);
    }

    /// Whether a future has to wait, after it was given every chance.
    async fn is_pending(mut future: std::pin::Pin<&mut impl Future<Output = Option<Turn>>>) -> bool {
        for _ in 0..10 {
            let polled = std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context)));
            if polled.await.is_ready() {
                return false;
            }
            tokio::task::yield_now().await;
        }
        true
    }
}
