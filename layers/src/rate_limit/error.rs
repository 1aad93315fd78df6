//! What can be wrong with a configuration.

use std::fmt;

/// A limiter or layer cannot be built from these policies: the caller's fault. Each names the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The name is empty, longer than 64 characters, or not `[A-Za-z0-9._-]`.
    Name(Box<str>),
    /// Two policies of one limiter have this name.
    Duplicate(Box<str>),
    /// The quota is 0.
    Quota(Box<str>),
    /// The window is shorter than a second or longer than ten years.
    Window(Box<str>),
    /// The burst is 0, or takes more than ten years to come back.
    Burst(Box<str>),
    /// The number of keys is 0 or beyond 67 108 864.
    MaxKeys(Box<str>),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name:?} cannot name a policy: use 1 to 64 of [A-Za-z0-9._-]"),
            Self::Duplicate(name) => write!(f, "two policies are named {name:?}"),
            Self::Quota(name) => write!(f, "policy {name:?} has a quota of 0, which lets nothing pass"),
            Self::Window(name) => write!(f, "the window of policy {name:?} must be between 1 s and 10 years"),
            Self::Burst(name) => {
                write!(f, "the burst of policy {name:?} must be at least 1 and come back within 10 years")
            }
            Self::MaxKeys(name) => write!(f, "policy {name:?} must remember between 1 and 67108864 keys"),
        }
    }
}

impl std::error::Error for ConfigError {}
