//! What can be wrong with a configuration.

use std::fmt;

/// The layer cannot be built from these settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// `iss` is required, but no issuer is accepted.
    NoIssuer,
    /// `aud` is required, but no audience is accepted.
    NoAudience,
    /// The list of accepted `typ` headers is empty.
    NoTokenType,
    /// The realm has a character outside printable ASCII.
    Realm,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoIssuer => "no issuer is accepted: name one, or take `iss` out of the required claims",
            Self::NoAudience => "no audience is accepted: name one, or take `aud` out of the required claims",
            Self::NoTokenType => "no token type is accepted: name one, or accept any",
            Self::Realm => "the realm must consist of printable ASCII characters",
        })
    }
}

impl std::error::Error for ConfigError {}
