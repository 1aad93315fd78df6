//! The decision about one request, by a limiter that is not ours.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::governor::NotUntil;
use ::governor::RateLimiter;
use ::governor::clock::{Clock as _, DefaultClock, QuantaInstant};
use ::governor::middleware::RateLimitingMiddleware;
use ::governor::state::keyed::DefaultKeyedStateStore;
use http::{HeaderMap, Request, StatusCode};
use tower_governor::GovernorError;
use tower_governor::key_extractor::KeyExtractor;

use super::standing::{Announced, Remaining};
use crate::rate_limit::outcome::Outcome;
use crate::{Refusal, RequestHead};

/// What `GovernorConfig::limiter` of `tower_governor` gives.
pub(super) type SharedLimiter<K, M> = Arc<RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, M>>;

type Exempt = dyn Fn(RequestHead<'_>) -> bool + Send + Sync;

pub(super) struct Config<K, M, R>
where
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    pub(super) extractor: K,
    pub(super) limiter: SharedLimiter<K::Key, M>,
    pub(super) exempt: Option<Box<Exempt>>,
    pub(super) announced: Announced,
    pub(super) sweeps: Sweeps,
    pub(super) refuse: R,
}

/// The extractor made no key of the request.
#[derive(Debug)]
pub(super) struct NoKey {
    pub(super) refusal: Refusal,
    pub(super) headers: HeaderMap,
}

impl<K, M, R> Config<K, M, R>
where
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant, NegativeOutcome = NotUntil<QuantaInstant>>,
    M::PositiveOutcome: Remaining,
{
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<Outcome, Box<NoKey>> {
        if self.exempt.as_ref().is_some_and(|exempt| exempt(RequestHead::from(request))) {
            return Ok(Outcome::default());
        }
        let key = self.extractor.extract(request).map_err(|error| Box::new(NoKey::from(error)))?;
        if self.sweeps.is_due() {
            self.limiter.retain_recent();
            self.sweeps.done(self.limiter.len());
        }
        let standing = match self.limiter.check_key(&key) {
            Ok(passed) => passed.remaining().map(|(quota, remaining)| self.announced.allowed(quota, remaining)),
            Err(refused) => {
                let wait = refused.wait_time_from(self.limiter.clock().now());
                Some(self.announced.refused(refused.quota(), wait))
            }
        };
        Ok(standing.map(Outcome::from).unwrap_or_default())
    }
}

impl From<GovernorError> for NoKey {
    fn from(error: GovernorError) -> Self {
        const CODE: &str = "key_extraction_failed";
        match error {
            GovernorError::TooManyRequests { headers, .. } => Self {
                refusal: Refusal::new(StatusCode::TOO_MANY_REQUESTS, CODE),
                headers: headers.unwrap_or_default(),
            },
            GovernorError::UnableToExtractKey => {
                Self { refusal: Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, CODE), headers: HeaderMap::new() }
            }
            GovernorError::Other { code, msg, headers } => Self {
                refusal: Refusal::new(code, CODE).with_detail(msg.unwrap_or_default()),
                headers: headers.unwrap_or_default(),
            },
        }
    }
}

/// Counts checks, so that forgetting fresh keys costs each of them a constant share.
#[derive(Debug)]
pub(super) struct Sweeps {
    checks: AtomicUsize,
    due: AtomicUsize,
}

impl Sweeps {
    const LEAST: usize = 1_024;

    pub(super) const fn new() -> Self {
        Self { checks: AtomicUsize::new(0), due: AtomicUsize::new(Self::LEAST) }
    }

    /// True for one check of those that find the time come.
    fn is_due(&self) -> bool {
        self.checks.fetch_add(1, Ordering::Relaxed) + 1 == self.due.load(Ordering::Relaxed)
    }

    fn done(&self, keys: usize) {
        self.due.store(keys.max(Self::LEAST), Ordering::Relaxed);
        self.checks.store(0, Ordering::Relaxed);
    }
}

impl<K, M, R> fmt::Debug for Config<K, M, R>
where
    K: KeyExtractor,
    M: RateLimitingMiddleware<QuantaInstant>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("announced", &self.announced).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_is_due_once_for_as_many_checks_as_there_are_keys() {
        let sweeps = Sweeps::new();
        let due = |checks: usize| (0..checks).filter(|_| sweeps.is_due()).count();
        assert_eq!((due(1_023), due(1), due(5_000)), (0, 1, 0));
        sweeps.done(3_000);
        assert_eq!((due(2_999), due(1)), (0, 1));
        sweeps.done(7);
        assert_eq!((due(1_023), due(1)), (0, 1));
    }

    #[test]
    fn an_extractor_refuses_as_it_says() {
        let headers = HeaderMap::from_iter([(http::header::WWW_AUTHENTICATE, "Basic".parse().unwrap())]);
        for (error, status, detail, count) in [
            (GovernorError::UnableToExtractKey, 500, "", 0),
            (GovernorError::TooManyRequests { wait_time: 1, headers: None }, 429, "", 0),
            (
                GovernorError::Other {
                    code: StatusCode::UNAUTHORIZED,
                    msg: Some("no token".to_owned()),
                    headers: Some(headers),
                },
                401,
                "no token",
                1,
            ),
        ] {
            let NoKey { refusal, headers } = error.into();
            assert_eq!((refusal.status().as_u16(), refusal.detail(), headers.len()), (status, detail, count));
        }
    }
}
