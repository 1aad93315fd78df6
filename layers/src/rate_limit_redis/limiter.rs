//! The limits of several processes as one, and what is done while they cannot be.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::IntoConnectionInfo;

use super::breaker::{Admission, Breaker};
use super::builder::Builder;
use super::error::{Event, Failure, Unavailable};
use super::link::Link;
use super::script::{self, Gcra, Task};
use crate::rate_limit::{Charge, Charges, Decision, Key, Limit, Outcome};

/// What to do with a request while Redis cannot be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFailure {
    /// Charge the limits of this process. It remembers what Redis told it before.
    #[default]
    Local,
    /// Let it pass, uncharged.
    Open,
    /// Refuse it: 503 `service_unavailable`.
    Closed,
}

/// Charges limits in a Redis that other processes charge too. A clone is a handle to the same.
///
/// It shares the limits that it is handed by the names of their policies; the policies must be the same in all processes.
#[derive(Clone, Debug)]
pub struct RedisLimiter(Arc<Inner>);

pub(super) struct Inner {
    pub(super) link: Link,
    pub(super) gcra: Gcra,
    pub(super) breaker: Mutex<Breaker>,
    pub(super) deadline: Duration,
    pub(super) pause: Duration,
    pub(super) on_failure: OnFailure,
    pub(super) on_event: Box<dyn Fn(&Event) + Send + Sync>,
    #[cfg(feature = "trace")]
    pub(super) span: super::builder::MakeSpan,
}

impl RedisLimiter {
    /// Starts with the address of a server: `redis://user:password@host:6379/0`, `redis+unix:///run/redis.sock`, or a
    /// [`redis::ConnectionInfo`].
    pub fn builder(address: impl IntoConnectionInfo) -> Builder {
        Builder::new(address.into_connection_info())
    }

    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Charges all if all limits allow it, in one round trip.
    ///
    /// # Errors
    /// [`Unavailable`] if Redis cannot be asked and the limiter is to let nothing pass then.
    pub async fn charge(&self, charges: &Charges) -> Result<Outcome, Unavailable> {
        match self.without_asking(charges) {
            Some(settled) => settled,
            None => self.charge_in_redis(charges).await,
        }
    }

    /// Tells what [`charge`](Self::charge) would say, and charges nothing.
    ///
    /// # Errors
    /// As `charge`.
    pub async fn peek(&self, charges: &Charges) -> Result<Outcome, Unavailable> {
        match self.decide(Task::Peek, charges).await {
            Some(decisions) => Ok(charges.read(&decisions)),
            None => self.fall_back(charges, Charges::peek),
        }
    }

    /// Tells what [`charge`](Self::charge) would say to each by itself, in one round trip: for those who look at many keys.
    ///
    /// # Errors
    /// As `charge`.
    pub async fn peek_each(&self, charges: &Charges) -> Result<Vec<Outcome>, Unavailable> {
        match self.decide(Task::Peek, charges).await {
            Some(decisions) => Ok(charges.read_each(&decisions).collect()),
            None if self.0.on_failure == OnFailure::Closed => Err(Unavailable),
            None => Ok(charges.iter().map(|charge| Charges::from(charge.clone()).peek()).collect()),
        }
    }

    /// Gives back what was charged. If Redis cannot be asked now, the units come back in their own time.
    pub async fn refund(&self, charges: &Charges) {
        charges.refund();
        self.decide(Task::Refund, charges).await;
    }

    /// Forgets a key, in this process at once, and in Redis.
    ///
    /// # Errors
    /// The [`Failure`] because of which Redis remembers it still.
    pub async fn clear(&self, limit: &Limit, key: impl Into<Key>) -> Result<(), Failure> {
        self.clear_all(&Charge::new(limit, key).into()).await
    }

    /// Forgets what the charges are about, in this process at once, and in Redis by one command.
    ///
    /// # Errors
    /// As [`clear`](Self::clear).
    pub async fn clear_all(&self, charges: &Charges) -> Result<(), Failure> {
        charges.forget();
        let keys: Vec<_> = charges.iter().map(|charge| self.0.gcra.key(charge)).collect();
        if keys.is_empty() { Ok(()) } else { self.0.link.delete(&keys, self.0.deadline).await }
    }

    /// Runs the script on a key of nobody's: whether the server answers in time, runs scripts and takes writes. Requests that had to do
    /// without ask again from then on.
    ///
    /// # Errors
    /// The [`Failure`]. It does not count towards those after which requests do without.
    pub async fn check(&self) -> Result<(), Failure> {
        let Inner { link, gcra, deadline, .. } = &*self.0;
        // Connecting may take longer than a reply; only the reply must be as quick as requests need it.
        link.connect().await?;
        link.invoke::<()>(gcra.probe(), *deadline).await?;
        if let Some(after) = self.breaker(|breaker| breaker.recovered(Instant::now())) {
            (self.0.on_event)(&Event::Recovered { after });
        }
        Ok(())
    }

    /// Whether requests are decided by Redis at present.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.breaker(|breaker| breaker.is_closed())
    }

    /// Settles what needs no Redis, or cannot have it.
    pub(super) fn without_asking(&self, charges: &Charges) -> Option<Result<Outcome, Unavailable>> {
        if charges.is_empty() {
            return Some(Ok(Outcome::default()));
        }
        (!self.admits()).then(|| self.fall_back(charges, Charges::charge))
    }

    /// Charges by Redis, else as is to be done without it.
    pub(super) async fn charge_in_redis(&self, charges: &Charges) -> Result<Outcome, Unavailable> {
        match self.ask(Task::Charge, charges).await {
            Some(decisions) => Ok(charges.adopt(&decisions)),
            None => self.fall_back(charges, Charges::charge),
        }
    }

    /// How long a client that was refused for want of Redis should wait.
    pub(super) fn pause(&self) -> Duration {
        self.0.pause
    }

    fn fall_back(&self, charges: &Charges, here: fn(&Charges) -> Outcome) -> Result<Outcome, Unavailable> {
        match self.0.on_failure {
            OnFailure::Local => Ok(here(charges)),
            OnFailure::Open => Ok(Outcome::default()),
            OnFailure::Closed => Err(Unavailable),
        }
    }

    async fn decide(&self, task: Task, charges: &Charges) -> Option<Vec<Decision>> {
        if charges.is_empty() || !self.admits() {
            return None;
        }
        self.ask(task, charges).await
    }

    async fn ask(&self, task: Task, charges: &Charges) -> Option<Vec<Decision>> {
        let Inner { link, gcra, deadline, .. } = &*self.0;
        let reply = link.invoke::<Vec<u64>>(gcra.invocation(task, charges), *deadline);
        #[cfg(feature = "trace")]
        let reply = tracing::Instrument::instrument(reply, (self.0.span)());
        let decisions = reply.await.and_then(|reply| Ok(script::decisions(&reply, charges)?));
        match decisions {
            Ok(decisions) => {
                self.breaker(Breaker::succeeded);
                Some(decisions)
            }
            Err(failure) => {
                if self.breaker(|breaker| breaker.failed(Instant::now())) {
                    (self.0.on_event)(&Event::Lost { failure });
                }
                None
            }
        }
    }

    /// Whether Redis is worth asking; where it is time to find out, somebody else is sent.
    fn admits(&self) -> bool {
        let admission = self.breaker(|breaker| breaker.admit(Instant::now()));
        if admission == Admission::Probe {
            let probe = self.clone();
            // What it finds is told by its event.
            tokio::spawn(async move { drop(probe.check().await) });
        }
        admission == Admission::Ask
    }

    fn breaker<T>(&self, act: impl FnOnce(&mut Breaker) -> T) -> T {
        act(&mut self.0.breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("breaker", &self.breaker)
            .field("deadline", &self.deadline)
            .field("on_failure", &self.on_failure)
            .finish_non_exhaustive()
    }
}
