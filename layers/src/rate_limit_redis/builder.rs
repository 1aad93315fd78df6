use std::fmt;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use redis::{ConnectionInfo, RedisError};

use super::breaker::Breaker;
use super::error::{ConfigError, Event};
use super::limiter::{Inner, OnFailure, RedisLimiter};
use super::link::Link;
use super::script::Gcra;

const FAILURES: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);

#[cfg(feature = "trace")]
pub(super) type MakeSpan = Box<dyn Fn() -> tracing::Span + Send + Sync>;

/// Builds a [`RedisLimiter`].
#[must_use]
pub struct Builder {
    address: Result<ConnectionInfo, RedisError>,
    prefix: Box<str>,
    deadline: Duration,
    failures: NonZeroU32,
    pause: Duration,
    on_failure: OnFailure,
    on_event: Box<dyn Fn(&Event) + Send + Sync>,
    #[cfg(feature = "trace")]
    span: MakeSpan,
}

impl Builder {
    pub(super) fn new(address: Result<ConnectionInfo, RedisError>) -> Self {
        Self {
            address,
            prefix: "rate_limit".into(),
            deadline: Duration::from_millis(50),
            failures: FAILURES,
            pause: Duration::from_secs(1),
            on_failure: OnFailure::Local,
            on_event: Box::new(|_| {}),
            #[cfg(feature = "trace")]
            span: Box::new(tracing::Span::none),
        }
    }

    /// What all keys begin with, as a hash tag: visible ASCII without braces. Default: `rate_limit`.
    pub fn prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a request waits for Redis at most. Default: 50 ms.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// After how many failures in a row Redis is no longer asked. Default: 5.
    pub fn failures(mut self, failures: NonZeroU32) -> Self {
        self.failures = failures;
        self
    }

    /// How long Redis is left alone before it is tried again, beside a request and not by it. Default: 1 s.
    pub fn retry_every(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// What to do with requests while Redis cannot be asked. Default: charge the limits of this process.
    pub fn on_failure(mut self, mode: OnFailure) -> Self {
        self.on_failure = mode;
        self
    }

    /// Hears when Redis is lost and when it is back: for one line in the log, and a gauge.
    pub fn on_event(mut self, on_event: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Box::new(on_event);
        self
    }

    /// The span in which Redis is asked, made for each question. Default: none.
    #[cfg(feature = "trace")]
    pub fn span(mut self, span: impl Fn() -> tracing::Span + Send + Sync + 'static) -> Self {
        self.span = Box::new(span);
        self
    }

    /// The limiter. It connects when first asked; that Redis is away now is no error.
    ///
    /// # Errors
    /// [`ConfigError`] names the value that cannot be used.
    pub fn build(self) -> Result<RedisLimiter, ConfigError> {
        #[cfg(feature = "trace")]
        let span = self.span;
        let Self { address, prefix, deadline, failures, pause, on_failure, on_event, .. } = self;
        let visible = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}');
        if prefix.is_empty() || !prefix.bytes().all(visible) {
            return Err(ConfigError::Prefix(prefix));
        }
        if deadline.is_zero() {
            return Err(ConfigError::Deadline);
        }
        let link = address.and_then(Link::new).map_err(|error| ConfigError::Address(error.to_string().into()))?;
        let breaker = Mutex::new(Breaker::new(failures, pause));
        let gcra = Gcra::new(&prefix);
        Ok(RedisLimiter::new(Inner {
            link,
            gcra,
            breaker,
            deadline,
            pause,
            on_failure,
            on_event,
            #[cfg(feature = "trace")]
            span,
        }))
    }
}

/// Leaves the address out, which may hold a password.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("prefix", &self.prefix)
            .field("deadline", &self.deadline)
            .field("failures", &self.failures)
            .field("pause", &self.pause)
            .field("on_failure", &self.on_failure)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_named_and_passwords_are_not() {
        let builder = || RedisLimiter::builder("redis://:hunter2@localhost");
        for prefix in ["", "a b", "{a}", "ä"] {
            assert_eq!(builder().prefix(prefix).build().err(), Some(ConfigError::Prefix(prefix.into())));
        }
        assert_eq!(builder().deadline(Duration::ZERO).build().err(), Some(ConfigError::Deadline));
        for address in ["", "localhost", "http://:hunter2@localhost", "redis://:hunter2@localhost/x"] {
            let error = RedisLimiter::builder(address).build().err();
            assert!(matches!(&error, Some(ConfigError::Address(reason)) if !reason.contains("hunter2")), "{error:?}");
        }
        let limiter = builder().build().unwrap();
        assert!(!format!("{:?}{limiter:?}", builder()).contains("hunter2"));
    }
}
