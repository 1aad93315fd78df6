//! Attempts under one key take turns, so that right passwords which come at once, as from a fleet of workers with one account, do not spend
//! the budget on each other before any of them is known to be right.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Attempts of one key at once. Two instances together stay below the smallest budget.
const AT_ONCE: usize = 2;

/// A turn; it ends when it is dropped.
pub(super) type Turn = OwnedSemaphorePermit;

/// The keys that are tried now.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<[u8; 32], Weak<Semaphore>>>);

impl Turns {
    /// Waits for a turn. The caller holds a place in the hash pool already, so that only so many can wait.
    pub(super) async fn take(&self, key: [u8; 32]) -> Option<Turn> {
        let line = self.line(key);
        // Nobody ever closes a line.
        line.acquire_owned().await.ok()
    }

    fn line(&self, key: [u8; 32]) -> Arc<Semaphore> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&key).and_then(Weak::upgrade) {
            return line;
        }
        if lines.len() == lines.capacity() {
            // Before the map grows: lines that nobody stands in any more.
            lines.retain(|_, line| line.strong_count() > 0);
        }
        let line = Arc::new(Semaphore::new(AT_ONCE));
        lines.insert(key, Arc::downgrade(&line));
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn attempts_of_one_key_wait_for_each_other_and_those_of_others_do_not() {
        let turns = Turns::default();
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
    async fn keys_that_nobody_tries_any_more_take_no_room() {
        let turns = Turns::default();
        for number in 0..100_000_u32 {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            drop(turns.take(key).await);
        }
        assert!(turns.0.lock().unwrap().len() < 100);
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
