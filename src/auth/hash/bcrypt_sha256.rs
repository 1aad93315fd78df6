use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;

use super::bcrypt::{self, DIGEST_LENGTH};
use super::encoding::{self, parameters};
use super::{Format, HashError, SALT_LENGTH, Verdict, compare};

const FORMAT: Format = Format::BcryptSha256;

/// passlib's bcrypt-sha256, version 2: bcrypt over the base64 text of an HMAC-SHA256 of the password. Has no limit of
/// length and no special byte.
#[derive(Clone)]
pub(super) struct Hash {
    cost: u32,
    salt: [u8; SALT_LENGTH],
    digest: [u8; DIGEST_LENGTH],
}

/// The HMAC is keyed with the salt's *text*, so that a table of plain SHA-256 digests leaked elsewhere cannot be tried
/// against these hashes.
fn digest(password: &[u8], cost: u32, salt: [u8; SALT_LENGTH]) -> [u8; DIGEST_LENGTH] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, encoding::BCRYPT.encode(salt).as_bytes());
    let prehash = Zeroizing::new(STANDARD.encode(hmac::sign(&key, password)));
    bcrypt::digest(prehash.as_bytes(), cost, salt)
}

pub(super) fn hash(password: &[u8], cost: u32, salt: [u8; SALT_LENGTH]) -> String {
    let digest = encoding::BCRYPT.encode(digest(password, cost, salt));
    format!("$bcrypt-sha256$v=2,t=2b,r={cost}${}${digest}", encoding::BCRYPT.encode(salt))
}

impl Hash {
    /// Reads what follows `$bcrypt-sha256$`. Version 1, whose prehash has no key, is not accepted.
    pub(super) fn parse(rest: &str) -> Result<Self, HashError> {
        let (cost, salt, digest) = Self::fields(rest).ok_or(HashError::Malformed(FORMAT))?;
        bcrypt::check_cost(cost, FORMAT)?;
        Ok(Self { cost, salt, digest })
    }

    fn fields(rest: &str) -> Option<(u32, [u8; SALT_LENGTH], [u8; DIGEST_LENGTH])> {
        let (settings, rest) = rest.strip_prefix("v=2,t=2b,")?.split_once('$')?;
        let (salt, digest) = rest.split_once('$')?;
        let [cost] = parameters(settings, ["r"])?;
        let (salt, digest) = bcrypt::decode(salt, digest)?;
        Some((cost, salt, digest))
    }

    pub(super) fn verify(&self, password: &[u8]) -> Verdict {
        compare(&digest(password, self.cost, self.salt), &self.digest)
    }

    pub(super) fn cost(&self) -> u32 {
        self.cost
    }

    pub(super) fn is_current(&self, cost: u32) -> bool {
        self.cost == cost
    }
}
