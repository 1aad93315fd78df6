use std::fmt;

use super::{Algorithm, HashError, MAX_PASSWORD_BYTES, Verdict, argon2id, bcrypt, bcrypt_sha256, pbkdf2, scrypt};

/// The accepted formats of a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `$2a$`, `$2b$` or `$2y$`.
    Bcrypt,
    /// `$bcrypt-sha256$`, as passlib writes it.
    BcryptSha256,
    /// `$argon2id$`, a PHC string.
    Argon2id,
    /// `$scrypt$`, a PHC string.
    Scrypt,
    /// `$pbkdf2-sha256$`, as passlib and PHC strings write it, or `pbkdf2_sha256$`, as Django does.
    Pbkdf2,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Bcrypt, Self::BcryptSha256, Self::Argon2id, Self::Scrypt, Self::Pbkdf2];

    /// A short stable name, fit for a metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bcrypt => "bcrypt",
            Self::BcryptSha256 => "bcrypt-sha256",
            Self::Argon2id => "argon2id",
            Self::Scrypt => "scrypt",
            Self::Pbkdf2 => "pbkdf2-sha256",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the time of a verification depends on. Hashes with one price take equally long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Price {
    format: Format,
    parameters: [u32; 3],
}

/// A stored hash that has been read and whose cost is within bounds.
#[derive(Clone)]
pub struct Stored(Kind);

#[derive(Clone)]
enum Kind {
    Bcrypt(bcrypt::Hash),
    BcryptSha256(bcrypt_sha256::Hash),
    Argon2id(argon2id::Hash),
    Scrypt(scrypt::Hash),
    Pbkdf2(pbkdf2::Hash),
}

impl Stored {
    /// Reads a stored hash and holds its parameters against the ceiling of its format. Computes nothing.
    ///
    /// # Errors
    /// [`HashError::Unsupported`], [`HashError::Malformed`], [`HashError::TooCostly`] or [`HashError::TooCheap`].
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let text = unwrapped(text);
        let kind = if let Some(rest) = text.strip_prefix("$bcrypt-sha256$") {
            Kind::BcryptSha256(bcrypt_sha256::Hash::parse(rest)?)
        } else if let Some(rest) = text.strip_prefix("$argon2id$") {
            Kind::Argon2id(argon2id::Hash::parse(rest)?)
        } else if let Some(rest) = text.strip_prefix("$scrypt$") {
            Kind::Scrypt(scrypt::Hash::parse(rest)?)
        } else if let Some(rest) = text.strip_prefix("$pbkdf2-sha256$") {
            Kind::Pbkdf2(pbkdf2::Hash::parse_encoded(rest)?)
        } else if let Some(rest) = text.strip_prefix("pbkdf2_sha256$") {
            Kind::Pbkdf2(pbkdf2::Hash::parse_django(rest)?)
        } else if let Some(rest) = text.strip_prefix("$2") {
            Kind::Bcrypt(bcrypt::Hash::parse(rest)?)
        } else {
            return Err(HashError::Unsupported);
        };
        Ok(Self(kind))
    }

    /// The format it is in.
    #[must_use]
    pub fn format(&self) -> Format {
        match &self.0 {
            Kind::Bcrypt(_) => Format::Bcrypt,
            Kind::BcryptSha256(_) => Format::BcryptSha256,
            Kind::Argon2id(_) => Format::Argon2id,
            Kind::Scrypt(_) => Format::Scrypt,
            Kind::Pbkdf2(_) => Format::Pbkdf2,
        }
    }

    /// Computes the hash of `password` with the stored salt and cost, and compares in constant time.
    ///
    /// # Errors
    /// [`HashError::PasswordTooLong`] before any work, [`HashError::OutOfMemory`].
    pub fn verify(&self, password: &str) -> Result<Verdict, HashError> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(HashError::PasswordTooLong);
        }
        let password = password.as_bytes();
        match &self.0 {
            Kind::Bcrypt(hash) => Ok(hash.verify(password)),
            Kind::BcryptSha256(hash) => Ok(hash.verify(password)),
            Kind::Argon2id(hash) => hash.verify(password),
            Kind::Scrypt(hash) => hash.verify(password),
            Kind::Pbkdf2(hash) => Ok(hash.verify(password)),
        }
    }

    /// Whether `algorithm` would write something else today.
    #[must_use]
    pub fn needs_rehash(&self, algorithm: Algorithm) -> bool {
        match (&self.0, algorithm) {
            (Kind::Bcrypt(hash), Algorithm::Bcrypt { cost }) => !hash.is_current(cost),
            (Kind::BcryptSha256(hash), Algorithm::Bcrypt { cost }) => !hash.is_current(cost),
            (Kind::Argon2id(hash), Algorithm::Argon2id { memory_kib, iterations, parallelism }) => {
                !hash.is_current(argon2id::Cost { memory_kib, iterations, parallelism })
            }
            _ => true,
        }
    }

    /// What a verification costs.
    #[must_use]
    pub fn price(&self) -> Price {
        let parameters = match &self.0 {
            Kind::Bcrypt(hash) => [hash.cost(), 0, 0],
            Kind::BcryptSha256(hash) => [hash.cost(), 0, 0],
            Kind::Argon2id(hash) => hash.parameters(),
            Kind::Scrypt(hash) => hash.parameters(),
            Kind::Pbkdf2(hash) => [hash.iterations(), 0, 0],
        };
        Price { format: self.format(), parameters }
    }

    /// Whether a verification takes as long as one of a hash that `algorithm` writes today.
    #[must_use]
    pub fn costs_like(&self, algorithm: Algorithm) -> bool {
        match (&self.0, algorithm) {
            (Kind::Bcrypt(hash), Algorithm::Bcrypt { cost }) => hash.cost() == cost,
            _ => !self.needs_rehash(algorithm),
        }
    }
}

/// Django puts the name of its hasher before hashes whose format has one of its own: `argon2$argon2id$…`, `bcrypt$$2b$…`.
fn unwrapped(text: &str) -> &str {
    match (text.strip_prefix("argon2"), text.strip_prefix("bcrypt$")) {
        (Some(rest), _) if rest.starts_with("$argon2id$") => rest,
        (_, Some(rest)) if rest.starts_with("$2") => rest,
        _ => text,
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stored({})", self.format())
    }
}
