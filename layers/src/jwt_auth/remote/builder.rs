use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::schedule::Schedule;
use super::{Clock, FetchError, FetchJwks, OnFetch, RemoteKeys, Shared, Source, State};
use crate::jwt_auth::jwks::Jwks;
use crate::jwt_auth::keys::KeySetHandle;

/// Sets up [`RemoteKeys`].
#[must_use]
pub struct RemoteKeysBuilder<F> {
    fetcher: F,
    min_interval: Duration,
    max_age: Duration,
    max_document_len: usize,
    on_fetch: Box<OnFetch>,
    clock: Box<Clock>,
}

impl<F: FetchJwks> RemoteKeysBuilder<F> {
    pub(super) fn new(fetcher: F) -> Self {
        Self {
            fetcher,
            min_interval: Duration::from_secs(30),
            max_age: Duration::from_secs(60 * 60),
            max_document_len: 256 * 1024,
            on_fetch: Box::new(|_| {}),
            clock: Box::new(Instant::now),
        }
    }

    /// The least time from the beginning of one fetch to that of the next; 30 s without this. It bounds what tokens with invented key ids can cost
    /// the issuer.
    pub fn min_interval(mut self, interval: Duration) -> Self {
        self.min_interval = interval;
        self
    }

    /// The age at which the set is fetched anew; an hour without this. For so long, at most, is a withdrawn key still good while requests
    /// come and fetches succeed.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// The longest document that is read, in bytes; 262 144 without this.
    pub fn max_document_len(mut self, bytes: usize) -> Self {
        self.max_document_len = bytes;
        self
    }

    /// Hears how each fetch ended: with the keys in use from now on and those that were [skipped](Jwks::skipped), or with an error.
    pub fn on_fetch(mut self, on_fetch: impl Fn(Result<&Jwks, &FetchError>) + Send + Sync + 'static) -> Self {
        self.on_fetch = Box::new(on_fetch);
        self
    }

    /// The time from which intervals and ages are measured; the clock of the machine without this.
    pub fn clock(mut self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The finished source. Nothing is fetched yet.
    pub fn build(self) -> RemoteKeys<F> {
        let Self { fetcher, min_interval, max_age, max_document_len, on_fetch, clock } = self;
        let source = Source {
            fetcher,
            max_document_len,
            on_fetch,
            made: clock(),
            clock,
            keys: KeySetHandle::default(),
            state: Mutex::new(State { schedule: Schedule::new(min_interval, max_age), document: None }),
            rest_until: AtomicU64::new(0),
        };
        RemoteKeys { shared: Arc::new(Shared { source: Arc::new(source), flight: Mutex::new(None) }) }
    }
}

impl<F> fmt::Debug for RemoteKeysBuilder<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeysBuilder")
            .field("min_interval", &self.min_interval)
            .field("max_age", &self.max_age)
            .field("max_document_len", &self.max_document_len)
            .finish_non_exhaustive()
    }
}
