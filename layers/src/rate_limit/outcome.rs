//! What came of a check.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};

use super::error::ConfigError;
use super::fields;
use super::gcra::{Decision, Gcra};
use super::policy::Policy;
use crate::Refusal;

/// The refusal of this layer.
pub(crate) const RATE_LIMITED: Refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited");

/// What came of a check: whether the request may pass, and where its tightest policy stands.
///
/// A handler that charges keys of its own puts the outcome into the extensions of its response; the layer tells the client about it in
/// the header fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    standing: Option<Standing>,
}

impl Outcome {
    /// Whether some policy refused. Nothing was charged then.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.retry_after().is_some()
    }

    /// How long until the same check would pass; `None` if it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.standing.as_ref().and_then(Standing::retry_after)
    }

    /// The tightest policy: of those that refused the one to wait longest for, else the one with the least left. `None` where nothing
    /// was to be charged.
    #[must_use]
    pub fn standing(&self) -> Option<&Standing> {
        self.standing.as_ref()
    }

    /// Writes the header fields by which the layer tells a client, for a response that passes no such layer. A refusal gets `Retry-After`
    /// and `Cache-Control` too; what is there already stays.
    pub fn write(&self, headers: &mut HeaderMap) {
        if let Some(standing) = &self.standing {
            fields::put(headers, standing);
        }
    }

    /// The tighter of two outcomes.
    #[must_use]
    pub fn tightest(self, other: Self) -> Self {
        let standing = match (self.standing, other.standing) {
            (Some(one), Some(other)) if other.is_tighter_than(&one) => Some(other),
            (one, other) => one.or(other),
        };
        Self { standing }
    }
}

impl From<Standing> for Outcome {
    fn from(standing: Standing) -> Self {
        Self { standing: Some(standing) }
    }
}

/// How a key stands with one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub(super) label: Arc<Label>,
    pub(super) remaining: u32,
    pub(super) reset: Duration,
    pub(super) wait: Duration,
}

impl Standing {
    /// A standing that something else than a [`Limit`](super::Limit) found out, a counter in a database say: the units left of the policy,
    /// how long until all are back, and how long the client must wait (zero if it need not).
    ///
    /// # Errors
    /// [`ConfigError`] if the policy makes no sense.
    pub fn new(policy: &Policy, remaining: u32, reset: Duration, wait: Duration) -> Result<Self, ConfigError> {
        policy.gcra()?;
        Ok(Self { label: Arc::new(Label::new(policy)), remaining, reset, wait })
    }

    /// Reads a decision whose times are of `unit`.
    pub(crate) fn read(label: &Arc<Label>, gcra: Gcra, decision: Decision, unit: fn(u64) -> Duration) -> Self {
        Self {
            label: Arc::clone(label),
            remaining: gcra.remaining(decision.until_fresh),
            reset: unit(decision.until_fresh),
            wait: unit(decision.wait),
        }
    }

    /// The name of the policy.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.label.name
    }

    /// The units that may be spent at once.
    #[must_use]
    pub const fn remaining(&self) -> u32 {
        self.remaining
    }

    /// How long until all that was spent has come back.
    #[must_use]
    pub const fn reset(&self) -> Duration {
        self.reset
    }

    /// How long until the charge that was refused would be allowed; `None` if it was allowed.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        (!self.wait.is_zero()).then_some(self.wait)
    }

    fn is_tighter_than(&self, other: &Self) -> bool {
        let looseness = |standing: &Self| (standing.remaining, std::cmp::Reverse(standing.reset));
        match self.wait.cmp(&other.wait) {
            std::cmp::Ordering::Equal => looseness(self) < looseness(other),
            longer => longer.is_gt(),
        }
    }
}

/// How a policy is told to clients.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(super) name: Box<str>,
    /// The value of `RateLimit-Policy`.
    pub(super) field: HeaderValue,
}

impl Label {
    pub(super) fn new(policy: &Policy) -> Self {
        let Policy { name, quota, window, .. } = policy;
        let seconds = whole_seconds(*window);
        let field = HeaderValue::try_from(format!("\"{name}\";q={quota};w={seconds}"));
        // The name of a policy that was checked fits into any header.
        Self { name: name.clone(), field: field.unwrap_or(HeaderValue::from_static("")) }
    }

    /// `"login";`, with which both fields begin.
    pub(super) fn quoted_name(&self) -> &[u8] {
        self.field.as_bytes().get(..self.name.len() + 3).unwrap_or_default()
    }
}

/// Rounded up: a client that comes back by it is not too early.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &str, remaining: u32, reset: u64, wait: u64) -> Outcome {
        let label = Arc::new(Label::new(&Policy::new(name, 5, Duration::from_secs(60))));
        let (reset, wait) = (Duration::from_secs(reset), Duration::from_secs(wait));
        Standing { label, remaining, reset, wait }.into()
    }

    #[test]
    fn the_tightest_policy_speaks() {
        for (winner, loser) in [
            (outcome("refused", 2, 5, 1), outcome("allowed", 0, 900, 0)),
            (outcome("longer wait", 3, 9, 3), outcome("shorter wait", 0, 900, 2)),
            (outcome("less left", 1, 1, 0), outcome("more left", 2, 900, 0)),
            (outcome("back later", 1, 9, 0), outcome("back sooner", 1, 8, 0)),
            (outcome("some", 4, 1, 0), Outcome::default()),
        ] {
            assert_eq!(winner.clone().tightest(loser.clone()), winner);
            assert_eq!(loser.tightest(winner.clone()), winner);
        }
        assert_eq!(Outcome::default().tightest(Outcome::default()), Outcome::default());
    }

    #[test]
    fn seconds_are_rounded_up() {
        for (time, seconds) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_secs(1), 1),
            (Duration::from_millis(1_001), 2),
            (Duration::MAX, u64::MAX),
        ] {
            assert_eq!(whole_seconds(time), seconds, "{time:?}");
        }
    }
}
