use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::encoding::{ab64_bytes, decimal};
use super::{Format, HashError, Verdict};

const FORMAT: Format = Format::Pbkdf2;

/// Most iterations: less than a second of one core, and above what Django has ever set.
const MAX_ITERATIONS: u32 = 2_000_000;

/// Both writers store a whole SHA-256 output; a longer one would multiply the work.
const DIGEST_LENGTH: usize = 32;

/// Longest salt in bytes.
const MAX_SALT_BYTES: usize = 64;

/// PBKDF2 with HMAC-SHA256 (RFC 8018 §5.2), in any of three spellings.
#[derive(Clone)]
pub(super) struct Hash {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    digest: [u8; DIGEST_LENGTH],
}

impl Hash {
    /// Reads what follows `$pbkdf2-sha256$`, as passlib writes it or as a PHC string has it: the salt is encoded bytes.
    pub(super) fn parse_encoded(rest: &str) -> Result<Self, HashError> {
        // PHC strings name their parameters; a length other than that of the digest is caught with the digest.
        let plain = rest.strip_prefix("i=").map(|rest| rest.replacen(",l=32$", "$", 1));
        Self::parse(plain.as_deref().unwrap_or(rest), ab64_bytes, ab64_bytes)
    }

    /// Reads what follows Django's `pbkdf2_sha256$`: the salt is used as its text.
    pub(super) fn parse_django(rest: &str) -> Result<Self, HashError> {
        Self::parse(rest, |salt| Some(salt.as_bytes().to_vec()), |digest| STANDARD.decode(digest).ok())
    }

    fn parse(
        rest: &str,
        salt_bytes: fn(&str) -> Option<Vec<u8>>,
        digest_bytes: fn(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, HashError> {
        let fields = || {
            let (iterations, rest) = rest.split_once('$')?;
            let (salt, digest) = rest.split_once('$')?;
            let salt = salt_bytes(salt).filter(|salt| salt.len() <= MAX_SALT_BYTES)?;
            Some((decimal(iterations)?, salt, digest_bytes(digest)?.try_into().ok()?))
        };
        let (iterations, salt, digest) = fields().ok_or(HashError::Malformed(FORMAT))?;
        if iterations > MAX_ITERATIONS {
            return Err(HashError::TooCostly(FORMAT));
        }
        let iterations = NonZeroU32::new(iterations).ok_or(HashError::TooCheap(FORMAT))?;
        Ok(Self { iterations, salt, digest })
    }

    pub(super) fn iterations(&self) -> u32 {
        self.iterations.get()
    }

    pub(super) fn verify(&self, password: &[u8]) -> Verdict {
        match pbkdf2::verify(PBKDF2_HMAC_SHA256, self.iterations, &self.salt, password, &self.digest) {
            Ok(()) => Verdict::Right,
            Err(_) => Verdict::Wrong,
        }
    }
}
