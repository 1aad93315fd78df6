use base64::Engine;
use secrecy::zeroize::Zeroizing;

use super::encoding::{self, decimal};
use super::{BCRYPT_COSTS, Format, HashError, SALT_LENGTH, Verdict, compare};

/// Bytes of a digest: bcrypt drops the last of 24.
pub(super) const DIGEST_LENGTH: usize = 23;

/// Characters of an encoded salt.
pub(super) const SALT_CHARS: usize = 22;

/// bcrypt reads 72 bytes of key, the last of which is the NUL that ends the password.
const MAX_KEY_BYTES: usize = 71;

/// A `$2a$`, `$2b$` or `$2y$` hash. The three compute the same: their letters tell apart implementations with and
/// without old faults. `$2x$` marks hashes made with such a fault and is not accepted.
#[derive(Clone)]
pub(super) struct Hash {
    variant: u8,
    cost: u32,
    salt: [u8; SALT_LENGTH],
    digest: [u8; DIGEST_LENGTH],
}

/// Whether bcrypt sees the whole password: it stops at a NUL and at 72 bytes.
pub(super) fn keeps_all_of(password: &[u8]) -> bool {
    password.len() <= MAX_KEY_BYTES && !password.contains(&0)
}

pub(super) fn check_cost(cost: u32, format: Format) -> Result<(), HashError> {
    if cost > *BCRYPT_COSTS.end() {
        Err(HashError::TooCostly(format))
    } else if cost < *BCRYPT_COSTS.start() {
        Err(HashError::TooCheap(format))
    } else {
        Ok(())
    }
}

/// The digest over at most [`MAX_KEY_BYTES`] of `key`. `cost` has been checked.
pub(super) fn digest(key: &[u8], cost: u32, salt: [u8; SALT_LENGTH]) -> [u8; DIGEST_LENGTH] {
    let length = key.len().min(MAX_KEY_BYTES);
    let mut terminated = Zeroizing::new([0; MAX_KEY_BYTES + 1]);
    terminated[..length].copy_from_slice(&key[..length]);
    let mut digest = [0; DIGEST_LENGTH];
    digest.copy_from_slice(&::bcrypt::bcrypt(cost, salt, &terminated[..=length])[..DIGEST_LENGTH]);
    digest
}

/// Salt and digest from their text forms.
pub(super) fn decode(salt: &str, digest: &str) -> Option<([u8; SALT_LENGTH], [u8; DIGEST_LENGTH])> {
    let salt = encoding::BCRYPT.decode(salt).ok()?.try_into().ok()?;
    let digest = encoding::BCRYPT.decode(digest).ok()?.try_into().ok()?;
    Some((salt, digest))
}

/// Hashes a password that [`keeps_all_of`] accepts.
pub(super) fn hash(password: &[u8], cost: u32, salt: [u8; SALT_LENGTH]) -> String {
    let digest = encoding::BCRYPT.encode(digest(password, cost, salt));
    format!("$2b${cost:02}${}{digest}", encoding::BCRYPT.encode(salt))
}

impl Hash {
    /// Reads what follows `$2`, such as `b$12$` and 53 characters.
    pub(super) fn parse(rest: &str) -> Result<Self, HashError> {
        let (variant, cost, salt, digest) = Self::fields(rest).ok_or(HashError::Malformed(Format::Bcrypt))?;
        check_cost(cost, Format::Bcrypt)?;
        Ok(Self { variant, cost, salt, digest })
    }

    fn fields(rest: &str) -> Option<(u8, u32, [u8; SALT_LENGTH], [u8; DIGEST_LENGTH])> {
        let (variant, rest) = rest.split_once('$')?;
        let (cost, rest) = rest.split_once('$')?;
        let (salt, digest) = rest.split_at_checked(SALT_CHARS)?;
        let &[variant @ (b'a' | b'b' | b'y')] = variant.as_bytes() else { return None };
        let cost = if cost.len() == 2 { decimal(cost.strip_prefix('0').unwrap_or(cost))? } else { return None };
        let (salt, digest) = decode(salt, digest)?;
        Some((variant, cost, salt, digest))
    }

    /// A password that bcrypt would truncate is wrong here, whatever it begins with: otherwise two passwords would open
    /// one account. It still costs a whole computation.
    pub(super) fn verify(&self, password: &[u8]) -> Verdict {
        let verdict = compare(&digest(password, self.cost, self.salt), &self.digest);
        if keeps_all_of(password) { verdict } else { Verdict::Wrong }
    }

    pub(super) fn cost(&self) -> u32 {
        self.cost
    }

    pub(super) fn is_current(&self, cost: u32) -> bool {
        self.variant == b'b' && self.cost == cost
    }
}
