//! What can go wrong: in the configuration, with Redis, for a request.

use std::fmt;
use std::time::Duration;

/// A limiter cannot be built from these settings: the caller's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The address of the server cannot be used; the reason, without the address, which may hold a password.
    Address(Box<str>),
    /// The prefix is empty or has a brace or a character outside visible ASCII.
    Prefix(Box<str>),
    /// The deadline is 0.
    Deadline,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(reason) => write!(f, "the address of Redis cannot be used: {reason}"),
            Self::Prefix(prefix) => write!(f, "{prefix:?} cannot begin a key: use visible ASCII without braces"),
            Self::Deadline => f.write_str("a deadline of 0 leaves Redis no time to answer"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Why Redis did not answer a question.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// It took longer than the deadline.
    Deadline,
    /// The connection failed, or the server replied with an error; in the words of either.
    Redis(Box<str>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline => f.write_str("no reply within the deadline"),
            Self::Redis(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Failure {}

impl From<redis::RedisError> for Failure {
    fn from(error: redis::RedisError) -> Self {
        Self::Redis(error.to_string().into())
    }
}

/// Redis could not be asked, and the limiter was told to let nothing pass then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shared rate limits are unavailable")
    }
}

impl std::error::Error for Unavailable {}

/// A change that an operator wants to know of. Its `Display` is the line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Redis is no longer asked.
    Lost {
        /// The last of the failures in a row.
        failure: Failure,
    },
    /// Redis is asked again.
    Recovered {
        /// How long it was not.
        after: Duration,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { failure } => write!(f, "rate limits are no longer shared: {failure}"),
            Self::Recovered { after } => write!(f, "rate limits are shared again after {after:.1?}"),
        }
    }
}
