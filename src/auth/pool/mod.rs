//! Password hashing off the async threads, bounded, and at one price for every refusal.
//!
//! A hash takes a core for a quarter of a second. At most `threads` of them run at once; at most `queue` more callers
//! wait. [`HashPool::admit`] decides at once, before anything is looked up, so that a flood is turned away at the cost
//! of two atomic operations and says nothing about any account. The [`Ticket`] it gives holds the caller's place until
//! the last computation under it has really ended: a client that hangs up does not make room for the next one before
//! its core is free again.
//!
//! Whoever verifies a wrong password must not learn from the time it takes whether the account exists or where its
//! hash came from:
//!
//! 1. An unknown user costs one computation of the configured algorithm.
//! 2. A wrong password against a hash of the configured cost costs the same computation.
//! 3. A wrong password against any other hash costs that hash and then the configured one.
//! 4. Every refusal then waits, without holding a core, until the dearest of these has passed (`floor`). What a stored
//!    hash costs is measured before the first refusal ([`Ticket::weigh`]) and with every use.

mod engine;
mod floor;
mod threads;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;
use tracing::Instrument;

use self::engine::Engine;
pub use self::engine::{Computation, Observe, Purpose, Verification};
use self::threads::Threads;
use super::hash::{Algorithm, HashError, MAX_PASSWORD_BYTES, SALT_LENGTH, Stored};
use crate::telemetry::SPANS;

/// Computes password hashes on a bounded number of threads. Clones share one pool.
#[derive(Clone, Debug)]
pub struct HashPool(Arc<Shared>);

/// A place in the pool, kept until this and every computation begun under it are gone.
#[derive(Debug)]
#[must_use = "the place is given back when the ticket is dropped"]
pub struct Ticket {
    pool: Arc<Shared>,
    place: Arc<OwnedSemaphorePermit>,
}

/// All places are taken. The answer to the client is "come back later".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password hashing pool is full")]
pub struct Overloaded;

/// Why a computation gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The password or the parameters are out of bounds, or memory is short.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The computation did not run to its end: it panicked, or there is no thread for it.
    #[error("the password hashing pool has stopped")]
    Stopped,
}

/// Numbers for the metrics, read at one moment without stopping the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStats {
    /// Computations running now.
    pub running: usize,
    /// Callers admitted whose computation is not running: still looking up, queueing, or waiting to answer.
    pub waiting: usize,
    /// Callers that the pool admits at once.
    pub capacity: usize,
    /// Callers turned away since the start.
    pub refused: u64,
}

#[derive(Debug)]
struct Shared {
    engine: Engine,
    capacity: usize,
    threads: usize,
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    hashers: Threads,
    refused: AtomicU64,
}

impl HashPool {
    /// A pool that hashes with `algorithm` on at most `threads` threads at once, with `queue` places for waiting.
    #[must_use]
    pub fn new(algorithm: Algorithm, threads: NonZeroUsize, queue: usize) -> Self {
        Self::observed(algorithm, threads, queue, |_: Computation| {})
    }

    /// As [`HashPool::new`], and tells `observer` what happens in it.
    #[must_use]
    pub fn observed(
        algorithm: Algorithm,
        threads: NonZeroUsize,
        queue: usize,
        observer: impl Observe + 'static,
    ) -> Self {
        let threads = threads.get().min(Semaphore::MAX_PERMITS);
        let capacity = threads.saturating_add(queue).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Shared {
            engine: Engine::new(algorithm, Box::new(observer)),
            capacity,
            threads,
            places: Arc::new(Semaphore::new(capacity)),
            workers: Arc::new(Semaphore::new(threads)),
            hashers: Threads::start(threads),
            refused: AtomicU64::new(0),
        }))
    }

    /// Takes a place, or says at once that there is none.
    ///
    /// # Errors
    /// [`Overloaded`] when as many callers as the pool has threads and places are inside.
    pub fn admit(&self) -> Result<Ticket, Overloaded> {
        match Arc::clone(&self.0.places).try_acquire_owned() {
            Ok(place) => Ok(Ticket { pool: Arc::clone(&self.0), place: Arc::new(place) }),
            Err(_) => {
                self.0.refused.fetch_add(1, Ordering::Relaxed);
                self.0.engine.observer.refused();
                Err(Overloaded)
            }
        }
    }

    /// The algorithm of new hashes.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.0.engine.algorithm()
    }

    /// The shortest time that a refused verification takes as things stand. It grows with the first computation at a
    /// dearer price.
    #[must_use]
    pub fn floor(&self) -> Duration {
        self.0.engine.floor.duration()
    }

    /// Whether refusals are held to what a verification of such a hash costs: it was measured, or costs what a new hash
    /// does.
    #[must_use]
    pub fn knows(&self, stored: &Stored) -> bool {
        self.0.engine.knows(stored)
    }

    /// How full the pool is.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        let Shared { capacity, threads, places, workers, refused, .. } = &*self.0;
        let running = threads - workers.available_permits();
        let admitted = capacity - places.available_permits();
        let waiting = admitted.saturating_sub(running);
        PoolStats { running, waiting, capacity: *capacity, refused: refused.load(Ordering::Relaxed) }
    }
}

impl Ticket {
    /// Hashes a new password with the configured algorithm. `salt` comes fresh from the caller's random number
    /// generator.
    ///
    /// # Errors
    /// [`PoolError::Hash`] as [`hash`](super::hash::hash()), [`PoolError::Stopped`] when it did not run to its end.
    pub async fn hash(&self, password: SecretString, salt: [u8; SALT_LENGTH]) -> Result<String, PoolError> {
        self.run(move |engine| engine.hash(password.expose_secret(), salt)).await?.map_err(PoolError::from)
    }

    /// Verifies a password against what is stored for its user; `None` is a user that does not exist. A refusal takes
    /// as long whatever its reason.
    ///
    /// # Errors
    /// [`PoolError::Hash`] for a password that is too long to be anybody's, before any work and whoever the user is;
    /// [`PoolError::Stopped`] when it did not run to its end. A hash that cannot be used is no error but a refusal.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<Verification, PoolError> {
        if password.expose_secret().len() > MAX_PASSWORD_BYTES {
            return Err(HashError::PasswordTooLong.into());
        }
        let compute = move |engine: &Engine| {
            let started = Instant::now();
            (started, engine.verify(password.expose_secret(), stored.as_deref()))
        };
        let (started, verification) = self.run(compute).await?;
        if !verification.matches {
            tokio::time::sleep_until(started + self.pool.engine.floor.duration()).await;
        }
        Ok(verification)
    }

    /// Measures what a verification of this hash costs, by one computation, so that every refusal after it takes at
    /// least as long.
    ///
    /// # Errors
    /// [`PoolError::Hash`] when memory is short, [`PoolError::Stopped`] when it did not run to its end.
    pub async fn weigh(&self, stored: Stored) -> Result<(), PoolError> {
        self.run(move |engine| engine.weigh(&stored)).await?.map_err(PoolError::from)
    }

    /// Runs `work` on a thread of the pool once a worker is free. Place and worker move into the work, so that both stay
    /// taken until it ends, even if nobody waits for it any more.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Engine) -> T + Send + 'static) -> Result<T, PoolError> {
        let asked = Instant::now();
        let waiting = tracing::debug_span!(target: SPANS, "hash.wait");
        let worker = Arc::clone(&self.pool.workers).acquire_owned().instrument(waiting).await;
        let worker = worker.map_err(|_| PoolError::Stopped)?;
        self.pool.engine.observer.waited(asked.elapsed());
        let held = (Arc::clone(&self.place), worker);
        let pool = Arc::clone(&self.pool);
        let computing = tracing::debug_span!(target: SPANS, "hash.compute");
        let (tell, result) = oneshot::channel();
        self.pool.hashers.run(move || {
            let result = computing.in_scope(|| work(&pool.engine));
            drop(held);
            // Nobody may wait for it any more.
            drop(tell.send(result));
        });
        result.await.map_err(|_| PoolError::Stopped)
    }
}

#[cfg(test)]
mod tests;
