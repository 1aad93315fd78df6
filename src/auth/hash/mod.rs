//! Password hashes: the two algorithms that we write, and every format that we accept.
//!
//! | format | text | written | file |
//! |---|---|---|---|
//! | bcrypt | `$2b$12$…` (`$2a$`, `$2y$`, `bcrypt$$2b$12$…` are read) | yes | `bcrypt` |
//! | bcrypt-sha256 | `$bcrypt-sha256$v=2,t=2b,r=12$…$…` | where bcrypt would truncate | `bcrypt_sha256` |
//! | argon2id | `$argon2id$v=19$m=19456,t=2,p=1$…$…` (`argon2$argon2id$…` is read) | yes | `argon2id` |
//! | scrypt | `$scrypt$ln=16,r=8,p=1$…$…` | no | `scrypt` |
//! | PBKDF2-SHA256 | `$pbkdf2-sha256$29000$…$…`, `$pbkdf2-sha256$i=600000,l=32$…$…`, `pbkdf2_sha256$870000$…$…` | no | `pbkdf2` |
//!
//! The formats that are only read come with accounts that were brought from elsewhere; [`needs_rehash`] says that such
//! a hash should be replaced as soon as its password is known again. A stored hash names its own cost, so every format
//! has a ceiling above which it is refused before any work: an imported row must not be able to occupy a core.
//!
//! A password is hashed as its exact UTF-8 bytes: nothing is trimmed, folded, normalised or truncated.

mod algorithm;
mod argon2id;
mod bcrypt;
mod bcrypt_sha256;
mod encoding;
mod pbkdf2;
mod scrypt;
mod stored;

use aws_lc_rs::constant_time;

pub use self::algorithm::{Algorithm, BCRYPT_COSTS};
pub use self::stored::{Format, Price, Stored};

/// Longest password, in bytes, that is ever hashed. Well above what the policy lets anyone choose, since an imported
/// account may have a longer one; far below what a request body could carry (ASVS 6.2.9 asks for at least 64
/// characters).
pub const MAX_PASSWORD_BYTES: usize = 4096;

/// Length of the salt that a new hash needs, in bytes (NIST SP 800-132 §5.1 asks for at least 16).
pub const SALT_LENGTH: usize = 16;

/// Whether a password is the one behind a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It is.
    Right,
    /// It is not.
    Wrong,
}

/// Why there is no hash, or no verdict on one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// The stored text begins like none of the accepted formats.
    #[error("the password hash is in no accepted format")]
    Unsupported,
    /// The stored text begins like this format but does not keep to it.
    #[error("the {0} hash is malformed")]
    Malformed(Format),
    /// The parameters ask for more work or memory than this format's ceiling.
    #[error("the {0} hash costs more than is accepted")]
    TooCostly(Format),
    /// The parameters lie below what the algorithm is defined for.
    #[error("the parameters for {0} are too small")]
    TooCheap(Format),
    /// The password has more than [`MAX_PASSWORD_BYTES`].
    #[error("the password has more than {MAX_PASSWORD_BYTES} bytes")]
    PasswordTooLong,
    /// The system had no memory for the computation.
    #[error("no memory to compute a password hash")]
    OutOfMemory,
}

/// Hashes a new password. `salt` comes fresh from the caller's random number generator.
///
/// # Errors
/// As [`Algorithm::check`], and when the password is longer than [`MAX_PASSWORD_BYTES`] or memory is short.
pub fn hash(password: &str, algorithm: Algorithm, salt: [u8; SALT_LENGTH]) -> Result<String, HashError> {
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(HashError::PasswordTooLong);
    }
    algorithm.check()?;
    match algorithm {
        Algorithm::Bcrypt { cost } if bcrypt::keeps_all_of(password.as_bytes()) => {
            Ok(bcrypt::hash(password.as_bytes(), cost, salt))
        }
        Algorithm::Bcrypt { cost } => Ok(bcrypt_sha256::hash(password.as_bytes(), cost, salt)),
        Algorithm::Argon2id { memory_kib, iterations, parallelism } => {
            argon2id::hash(password.as_bytes(), argon2id::Cost { memory_kib, iterations, parallelism }, salt)
        }
    }
}

/// Compares a password with a stored hash of any accepted format.
///
/// # Errors
/// As [`Stored::parse`], and when the password is longer than [`MAX_PASSWORD_BYTES`] or memory is short.
pub fn verify(password: &str, stored: &str) -> Result<Verdict, HashError> {
    Stored::parse(stored)?.verify(password)
}

/// Whether a stored hash differs from what `algorithm` would write today, and should be replaced when its password is
/// next known. True for a text that cannot be read.
#[must_use]
pub fn needs_rehash(stored: &str, algorithm: Algorithm) -> bool {
    Stored::parse(stored).map_or(true, |stored| stored.needs_rehash(algorithm))
}

/// A hash for nobody: what the password of an unknown user is verified against, so that its refusal costs what a
/// wrong password costs. Salt and digest are random constants; nobody knows a password for them.
#[must_use]
pub fn dummy(algorithm: Algorithm) -> String {
    let rest = match algorithm {
        Algorithm::Bcrypt { .. } => "HRhCmRzWRM6JLWFZGj5F1ugXxqS2ORg678KwiajLBeJ6TEuZJOPHm",
        Algorithm::Argon2id { .. } => "AQQAkTS1p2YGFB7tGWWkZg$9YgVkzpxmI8tx9fvWyN/SBBf4KRPa/4+TS3NZqj73Lk",
    };
    algorithm.prefix() + rest
}

fn compare(computed: &[u8], stored: &[u8]) -> Verdict {
    match constant_time::verify_slices_are_equal(computed, stored) {
        Ok(()) => Verdict::Right,
        Err(_) => Verdict::Wrong,
    }
}

#[cfg(test)]
mod tests;
