//! The policies of an app, built together.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::error::ConfigError;
use super::limit::Limit;
use super::policy::Policy;

type Clock = dyn Fn() -> u64 + Send + Sync;
type Observer = dyn Fn(&str, Event) + Send + Sync;

/// What the app plugged in, for all its limits.
pub(super) struct Hooks {
    pub(super) clock: Box<Clock>,
    pub(super) observer: Option<Box<Observer>>,
}

/// What happened at a limit: for a counter per policy and event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// A key was charged.
    Charged,
    /// A key was refused. The other limits of the same check were not charged.
    Refused,
    /// A key that was not yet fresh was forgotten for a new one: [`max_keys`](Policy::max_keys) is too small.
    Evicted,
}

impl Event {
    /// The event as a label value: `charged`, `refused`, `evicted`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Charged => "charged",
            Self::Refused => "refused",
            Self::Evicted => "evicted",
        }
    }
}

/// The limits of an app by the names of their policies. A clone is a handle to the same.
#[derive(Clone, Debug)]
pub struct Limiter {
    limits: Arc<[Limit]>,
}

impl Limiter {
    /// Starts without policies, on the clock of the machine.
    pub fn builder() -> Builder {
        let start = Instant::now();
        let elapsed = move || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Builder { policies: Vec::new(), hooks: Hooks { clock: Box::new(elapsed), observer: None } }
    }

    /// The limit whose policy has this name. Look it up once: the handle stays good.
    #[must_use]
    pub fn limit(&self, name: &str) -> Option<Limit> {
        self.limits.iter().find(|limit| limit.name() == name).cloned()
    }

    /// All limits, in the order of their policies.
    pub fn limits(&self) -> impl Iterator<Item = &Limit> {
        self.limits.iter()
    }
}

/// Builds a [`Limiter`].
#[must_use]
pub struct Builder {
    policies: Vec<Policy>,
    hooks: Hooks,
}

impl Builder {
    /// Adds a policy.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policies.push(policy);
        self
    }

    /// The time, in nanoseconds since any fixed moment. Default: [`Instant`].
    ///
    /// It should never run backwards: after a step back keys may wait once more for what they spent, after a step forward their limits are
    /// lifted at once. Do not hand in the time of day.
    pub fn clock(mut self, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.hooks.clock = Box::new(clock);
        self
    }

    /// Hears what happens at each limit, with the name of its policy: for metrics. It runs within the request, so it must be quick.
    pub fn observe(mut self, observer: impl Fn(&str, Event) + Send + Sync + 'static) -> Self {
        self.hooks.observer = Some(Box::new(observer));
        self
    }

    /// The limiter.
    ///
    /// # Errors
    /// [`ConfigError`] names the policy that makes no sense, or that has the name of another.
    pub fn build(self) -> Result<Limiter, ConfigError> {
        let hooks = Arc::new(self.hooks);
        let limits: Vec<_> = self.policies.iter().map(|policy| Limit::new(policy, &hooks)).collect::<Result<_, _>>()?;
        for (place, limit) in limits.iter().enumerate() {
            if limits[..place].iter().any(|other| other.name() == limit.name()) {
                return Err(ConfigError::Duplicate(limit.name().into()));
            }
        }
        Ok(Limiter { limits: limits.into() })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("policies", &self.policies).finish_non_exhaustive()
    }
}
