use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::floor::Floor;
use crate::auth::hash::{self, Algorithm, Format, HashError, SALT_LENGTH, Stored, Verdict};

/// What a password is worth against what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verification {
    /// The user is known and the password is right.
    pub matches: bool,
    /// The password is right and its hash should be replaced by one of today's algorithm.
    pub rehash: bool,
    /// The stored hash could not be used: worth a line in the log, since its owner cannot log in.
    pub unusable: Option<HashError>,
}

/// One computation that has ended, as told to the observer of [`HashPool::observed`](super::HashPool::observed).
#[derive(Clone, Copy, Debug)]
pub struct Computation {
    /// What it was for.
    pub purpose: Purpose,
    /// What was computed.
    pub format: Format,
    /// How long it held a core.
    pub elapsed: Duration,
}

/// What a computation was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new hash.
    Hash,
    /// The comparison with a stored hash.
    Verify,
    /// Nothing but its price.
    Decoy,
}

/// Told of what happens in the pool, for the metrics.
pub trait Observe: Send + Sync {
    /// A computation has ended; on the thread that made it.
    fn computed(&self, done: Computation);

    /// A computation got a thread after so long.
    fn waited(&self, _duration: Duration) {}

    /// A caller was turned away.
    fn refused(&self) {}
}

impl<F: Fn(Computation) + Send + Sync> Observe for F {
    fn computed(&self, done: Computation) {
        self(done);
    }
}

/// The computations themselves, on whichever thread they are called.
pub(super) struct Engine {
    algorithm: Algorithm,
    pub(super) floor: Floor,
    pub(super) observer: Box<dyn Observe>,
}

impl Engine {
    pub(super) fn new(algorithm: Algorithm, observer: Box<dyn Observe>) -> Self {
        Self { algorithm, floor: Floor::default(), observer }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A new hash of the configured algorithm.
    pub(super) fn hash(&self, password: &str, salt: [u8; SALT_LENGTH]) -> Result<String, HashError> {
        let started = Instant::now();
        let hash = hash::hash(password, self.algorithm, salt)?;
        let elapsed = started.elapsed();
        self.floor.observe_current(elapsed);
        self.observer.computed(Computation { purpose: Purpose::Hash, format: self.algorithm.format(), elapsed });
        Ok(hash)
    }

    /// Compares, and pays for a refusal what every refusal costs.
    pub(super) fn verify(&self, password: &str, stored: Option<&str>) -> Verification {
        let refused = |unusable| Verification { matches: false, rehash: false, unusable };
        let Some(stored) = stored else {
            self.pay(password);
            return refused(None);
        };
        let compared = Stored::parse(stored).and_then(|stored| {
            let verdict = self.compare(&stored, password, Purpose::Verify)?;
            Ok((verdict, stored))
        });
        match compared {
            Ok((Verdict::Right, stored)) => {
                Verification { matches: true, rehash: stored.needs_rehash(self.algorithm), unusable: None }
            }
            Ok((Verdict::Wrong, stored)) => {
                if !stored.costs_like(self.algorithm) {
                    self.pay(password);
                }
                refused(None)
            }
            Err(fault) => {
                self.pay(password);
                refused(Some(fault))
            }
        }
    }

    /// One computation of the configured algorithm, for its price only.
    fn pay(&self, password: &str) {
        let decoy = Stored::parse(&hash::dummy(self.algorithm));
        // Nobody is behind the dummy: the verdict decides nothing. It fails only where a new hash would fail as well.
        let _verdict = decoy.and_then(|decoy| self.compare(&decoy, password, Purpose::Decoy));
    }

    /// One computation of `stored`, for its price only.
    pub(super) fn weigh(&self, stored: &Stored) -> Result<(), HashError> {
        // Whether this happens to be the password decides nothing and is told nobody.
        self.compare(stored, "", Purpose::Decoy).map(drop)
    }

    /// Whether refusals are already held to what a verification of `stored` costs.
    pub(super) fn knows(&self, stored: &Stored) -> bool {
        stored.costs_like(self.algorithm) || self.floor.knows(stored.price())
    }

    fn compare(&self, stored: &Stored, password: &str, purpose: Purpose) -> Result<Verdict, HashError> {
        let started = Instant::now();
        let verdict = stored.verify(password)?;
        let elapsed = started.elapsed();
        if stored.costs_like(self.algorithm) {
            self.floor.observe_current(elapsed);
        } else {
            self.floor.observe_other(stored.price(), elapsed);
        }
        self.observer.computed(Computation { purpose, format: stored.format(), elapsed });
        Ok(verdict)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("algorithm", &self.algorithm).field("floor", &self.floor).finish_non_exhaustive()
    }
}
