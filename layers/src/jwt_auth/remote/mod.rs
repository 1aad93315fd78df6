//! Keys that are fetched from their issuer while requests run.

mod builder;
mod fetch;
mod flight;
mod schedule;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

pub use self::builder::RemoteKeysBuilder;
pub use self::fetch::{FetchError, FetchJwks};
use self::flight::Flight;
use self::schedule::{Reason, Schedule};
use super::jwks::Jwks;
use super::keys::{KeySet, KeySetHandle, KeySource, Refresh};

/// A [`KeySource`] over the JWK Set document of an issuer. Clones share everything.
///
/// 1. The document is fetched with the first request, or before by [`fetch`](Self::fetch). Until it was there once, no token is accepted and
///    none is called invalid: the answer is 503.
/// 2. It is fetched again when a token names a key that is not in the set, so that a new key is known with its first token. Requests with such
///    tokens wait for one common fetch.
/// 3. It is fetched again when the set is older than [`max_age`](RemoteKeysBuilder::max_age), so that a key that was withdrawn goes. Nobody waits:
///    requests that come by drive that fetch along with their own work.
/// 4. Between the beginnings of two fetches lie at least [`min_interval`](RemoteKeysBuilder::min_interval), whatever tokens strangers send, and
///    there is one at a time.
/// 5. The set stays as it is when a fetch fails, however old it becomes. A document that is a JWK Set is believed, even if it holds
///    fewer keys or none; keys in it that cannot be used are left out one by one.
///
/// Every outcome is told to [`on_fetch`](RemoteKeysBuilder::on_fetch): watch it, for nothing else shows that a set is growing old.
pub struct RemoteKeys<F> {
    shared: Arc<Shared<F>>,
}

struct Shared<F> {
    source: Arc<Source<F>>,
    /// The fetch under way, or the last one.
    flight: Mutex<Option<Arc<Flight>>>,
}

type OnFetch = dyn Fn(Result<&Jwks, &FetchError>) + Send + Sync;
type Clock = dyn Fn() -> Instant + Send + Sync;

/// What a fetch needs, and what it leaves.
struct Source<F> {
    fetcher: F,
    max_document_len: usize,
    on_fetch: Box<OnFetch>,
    clock: Box<Clock>,
    keys: KeySetHandle,
    state: Mutex<State>,
    made: Instant,
    /// Milliseconds after `made` before which age is no reason to fetch: requests look no further then.
    rest_until: AtomicU64,
}

struct State {
    schedule: Schedule,
    /// The document of the present set; `None` before the first.
    document: Option<Bytes>,
}

impl<F: FetchJwks> RemoteKeys<F> {
    /// Starts with the defaults: 30 s between fetches at least, an hour of age, documents of 256 KiB.
    pub fn builder(fetcher: F) -> RemoteKeysBuilder<F> {
        RemoteKeysBuilder::new(fetcher)
    }

    /// Fetches now, or waits for the fetch that is under way. For start-up, so that the first request finds keys, and for a task of your own if
    /// keys must be renewed without requests. [`KeySource::is_ready`] tells whether there are keys then.
    pub async fn fetch(&self) {
        if let Some(flight) = self.flight(Reason::Demand) {
            flight.join().await;
        }
    }

    /// The fetch under way, or a new one if it is time for one.
    fn flight(&self, reason: Reason) -> Option<Arc<Flight>> {
        let mut last = lock(&self.shared.flight);
        if let Some(flight) = last.as_ref().filter(|flight| !flight.is_over()) {
            return Some(Arc::clone(flight));
        }
        let source = Arc::clone(&self.shared.source);
        if !source.begin(reason) {
            return None;
        }
        let flight = Flight::new(async move { source.fetch().await });
        *last = Some(Arc::clone(&flight));
        Some(flight)
    }
}

impl<F: FetchJwks> Source<F> {
    fn begin(&self, reason: Reason) -> bool {
        lock(&self.state).schedule.begin(reason, (self.clock)())
    }

    async fn fetch(&self) {
        let fetched = match self.fetcher.fetch().await {
            Ok(document) => self.read(document),
            Err(error) => Err(error),
        };
        let now = (self.clock)();
        let rest = millis(lock(&self.state).schedule.rest(now));
        self.rest_until.store(self.millis_at(now).saturating_add(rest), Ordering::Relaxed);
        (self.on_fetch)(fetched.as_ref());
    }

    /// Takes the keys of a document. One that has not changed changes nothing: tokens that were verified with the set stay so.
    fn read(&self, document: Bytes) -> Result<Jwks, FetchError> {
        if document.len() > self.max_document_len {
            return Err(FetchError::TooLong(document.len()));
        }
        let jwks = Jwks::parse(&document).map_err(|_| FetchError::NotJwks)?;
        let mut state = lock(&self.state);
        state.schedule.fetched((self.clock)());
        if state.document.as_ref() != Some(&document) {
            self.keys.store(jwks.keys.clone());
            state.document = Some(document);
        }
        Ok(jwks)
    }

    fn millis_at(&self, instant: Instant) -> u64 {
        millis(instant.saturating_duration_since(self.made))
    }
}

impl<F: FetchJwks> KeySource for RemoteKeys<F> {
    fn current(&self) -> Arc<KeySet> {
        self.shared.source.keys.load()
    }

    fn is_ready(&self) -> bool {
        lock(&self.shared.source.state).document.is_some()
    }

    fn refresh(&self) -> Option<Refresh> {
        self.flight(Reason::UnknownKey).map(|flight| -> Refresh { Box::pin(flight.join()) })
    }

    fn refresh_ahead(&self) -> Option<Refresh> {
        let source = &self.shared.source;
        if source.millis_at((source.clock)()) < source.rest_until.load(Ordering::Relaxed) {
            return None;
        }
        self.flight(Reason::Age).map(|flight| -> Refresh { Box::pin(flight.join()) })
    }
}

impl<F> Clone for RemoteKeys<F> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<F> fmt::Debug for RemoteKeys<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = &self.shared.source;
        f.debug_struct("RemoteKeys")
            .field("keys", &source.keys)
            .field("schedule", &lock(&source.state).schedule)
            .finish_non_exhaustive()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What is behind these locks is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
