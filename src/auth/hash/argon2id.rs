use argon2::{Algorithm::Argon2id, Argon2, MIN_SALT_LEN, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::zeroize::Zeroizing;

use super::encoding::{parameters, phc_bytes};
use super::{Format, HashError, SALT_LENGTH, Verdict, compare};

const FORMAT: Format = Format::Argon2id;

/// Most memory of one computation, in KiB.
const MAX_MEMORY_KIB: u32 = 256 * 1024;

/// Most passes over the memory.
const MAX_ITERATIONS: u32 = 10;

/// Most memory that all passes together may write, in KiB: about a second of one core.
const MAX_TRAFFIC_KIB: u32 = 1024 * 1024;

/// Most lanes.
const MAX_PARALLELISM: u32 = 16;

/// Bytes of the digest that we write.
const DIGEST_LENGTH: usize = 32;

/// The three parameters of RFC 9106 §3.1: m, t and p.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) memory_kib: u32,
    pub(super) iterations: u32,
    pub(super) parallelism: u32,
}

impl Cost {
    pub(super) fn check(self) -> Result<(), HashError> {
        if self.memory_kib > MAX_MEMORY_KIB
            || self.iterations > MAX_ITERATIONS
            || self.parallelism > MAX_PARALLELISM
            || self.memory_kib * self.iterations > MAX_TRAFFIC_KIB
        {
            return Err(HashError::TooCostly(FORMAT));
        }
        self.params().map(drop)
    }

    fn params(self) -> Result<Params, HashError> {
        Params::new(self.memory_kib, self.iterations, self.parallelism, None).map_err(|_| HashError::TooCheap(FORMAT))
    }

    fn fill(self, password: &[u8], salt: &[u8], digest: &mut [u8]) -> Result<(), HashError> {
        Argon2::new(Argon2id, Version::V0x13, self.params()?)
            .hash_password_into(password, salt, digest)
            .map_err(|_| HashError::OutOfMemory)
    }
}

/// An argon2id PHC string of version 1.3 without key id and associated data.
#[derive(Clone)]
pub(super) struct Hash {
    cost: Cost,
    salt: Vec<u8>,
    digest: Vec<u8>,
}

pub(super) fn hash(password: &[u8], cost: Cost, salt: [u8; SALT_LENGTH]) -> Result<String, HashError> {
    let mut digest = [0; DIGEST_LENGTH];
    cost.fill(password, &salt, &mut digest)?;
    let Cost { memory_kib: m, iterations: t, parallelism: p } = cost;
    let (salt, digest) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(digest));
    Ok(format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${digest}"))
}

impl Hash {
    /// Reads what follows `$argon2id$`.
    pub(super) fn parse(rest: &str) -> Result<Self, HashError> {
        let hash = Self::fields(rest).ok_or(HashError::Malformed(FORMAT))?;
        hash.cost.check()?;
        Ok(hash)
    }

    fn fields(rest: &str) -> Option<Self> {
        let (settings, rest) = rest.strip_prefix("v=19$")?.split_once('$')?;
        let (salt, digest) = rest.split_once('$')?;
        let [memory_kib, iterations, parallelism] = parameters(settings, ["m", "t", "p"])?;
        let salt = phc_bytes(salt).filter(|salt| salt.len() >= MIN_SALT_LEN)?;
        // A digest of a few bytes would let many passwords in.
        let digest = phc_bytes(digest).filter(|digest| digest.len() >= 16)?;
        Some(Self { cost: Cost { memory_kib, iterations, parallelism }, salt, digest })
    }

    pub(super) fn verify(&self, password: &[u8]) -> Result<Verdict, HashError> {
        let mut computed = Zeroizing::new(vec![0; self.digest.len()]);
        self.cost.fill(password, &self.salt, &mut computed)?;
        Ok(compare(&computed, &self.digest))
    }

    /// m, t and p.
    pub(super) fn parameters(&self) -> [u32; 3] {
        [self.cost.memory_kib, self.cost.iterations, self.cost.parallelism]
    }

    pub(super) fn is_current(&self, cost: Cost) -> bool {
        self.cost == cost && self.salt.len() >= SALT_LENGTH && self.digest.len() >= DIGEST_LENGTH
    }
}
