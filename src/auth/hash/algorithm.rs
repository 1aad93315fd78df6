use std::ops::RangeInclusive;

use super::{Format, HashError, argon2id, bcrypt};

/// Costs of bcrypt that are accepted, for new and for imported hashes. The lowest is the format's own; 14 takes about
/// a second of one core.
pub const BCRYPT_COSTS: RangeInclusive<u32> = 4..=14;

/// How new passwords are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// bcrypt with 2^`cost` rounds; passwords that it would truncate are first hashed with HMAC-SHA256.
    Bcrypt {
        /// Base-2 logarithm of the rounds, within [`BCRYPT_COSTS`].
        cost: u32,
    },
    /// Argon2id, version 1.3 (RFC 9106).
    Argon2id {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over that memory.
        iterations: u32,
        /// Lanes. They are computed one after the other.
        parallelism: u32,
    },
}

impl Algorithm {
    /// Argon2id with 19 MiB, two passes and one lane (OWASP Password Storage Cheat Sheet).
    #[must_use]
    pub const fn argon2id() -> Self {
        Self::Argon2id { memory_kib: 19 * 1024, iterations: 2, parallelism: 1 }
    }

    /// Whether the parameters lie within the bounds that are also held against stored hashes, so that every hash we
    /// write is one that we accept.
    ///
    /// # Errors
    /// [`HashError::TooCostly`] or [`HashError::TooCheap`].
    pub fn check(self) -> Result<(), HashError> {
        match self {
            Self::Bcrypt { cost } => bcrypt::check_cost(cost, Format::Bcrypt),
            Self::Argon2id { memory_kib, iterations, parallelism } => {
                argon2id::Cost { memory_kib, iterations, parallelism }.check()
            }
        }
    }

    /// How a new hash begins whose password fits the algorithm: format and parameters, up to the salt.
    #[must_use]
    pub fn prefix(self) -> String {
        match self {
            Self::Bcrypt { cost } => format!("$2b${cost:02}$"),
            Self::Argon2id { memory_kib: m, iterations: t, parallelism: p } => {
                format!("$argon2id$v=19$m={m},t={t},p={p}$")
            }
        }
    }

    /// The format of a new hash whose password fits the algorithm.
    #[must_use]
    pub fn format(self) -> Format {
        match self {
            Self::Bcrypt { .. } => Format::Bcrypt,
            Self::Argon2id { .. } => Format::Argon2id,
        }
    }
}

impl Default for Algorithm {
    /// bcrypt at cost 12.
    fn default() -> Self {
        Self::Bcrypt { cost: 12 }
    }
}
