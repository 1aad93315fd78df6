use ::scrypt::{Params, scrypt};
use secrecy::zeroize::Zeroizing;

use super::encoding::{parameters, phc_bytes};
use super::{Format, HashError, Verdict, compare};

const FORMAT: Format = Format::Scrypt;

/// Highest base-2 logarithm of N.
const MAX_LOG_N: u32 = 17;

/// Most memory of one computation in bytes: 128 · N · r (RFC 7914 §6).
const MAX_MEMORY: u64 = 128 << 20;

/// Most blocks mixed, N · r · p: less than a second of one core.
const MAX_WORK: u64 = 1 << 21;

/// A scrypt PHC string, as passlib writes it.
#[derive(Clone)]
pub(super) struct Hash {
    params: Params,
    salt: Vec<u8>,
    digest: Vec<u8>,
}

impl Hash {
    /// Reads what follows `$scrypt$`.
    pub(super) fn parse(rest: &str) -> Result<Self, HashError> {
        let ([log_n, r, p], salt, digest) = Self::fields(rest).ok_or(HashError::Malformed(FORMAT))?;
        Ok(Self { params: Self::params(log_n, r, p)?, salt, digest })
    }

    fn fields(rest: &str) -> Option<([u32; 3], Vec<u8>, Vec<u8>)> {
        let (settings, rest) = rest.split_once('$')?;
        let (salt, digest) = rest.split_once('$')?;
        // A digest of a few bytes would let many passwords in.
        let digest = phc_bytes(digest).filter(|digest| digest.len() >= 16)?;
        Some((parameters(settings, ["ln", "r", "p"])?, phc_bytes(salt)?, digest))
    }

    fn params(log_n: u32, r: u32, p: u32) -> Result<Params, HashError> {
        let log_n = u8::try_from(log_n).ok().filter(|&log_n| u32::from(log_n) <= MAX_LOG_N);
        let log_n = log_n.ok_or(HashError::TooCostly(FORMAT))?;
        let blocks = (1_u64 << log_n) * u64::from(r);
        if blocks.saturating_mul(128) > MAX_MEMORY || blocks.saturating_mul(u64::from(p)) > MAX_WORK {
            return Err(HashError::TooCostly(FORMAT));
        }
        if log_n == 0 {
            return Err(HashError::TooCheap(FORMAT));
        }
        Params::new(log_n, r, p).map_err(|_| HashError::TooCheap(FORMAT))
    }

    /// Base-2 logarithm of N, r and p.
    pub(super) fn parameters(&self) -> [u32; 3] {
        [u32::from(self.params.log_n()), self.params.r(), self.params.p()]
    }

    pub(super) fn verify(&self, password: &[u8]) -> Result<Verdict, HashError> {
        let mut computed = Zeroizing::new(vec![0; self.digest.len()]);
        scrypt(password, &self.salt, &self.params, &mut computed).map_err(|_| HashError::Malformed(FORMAT))?;
        Ok(compare(&computed, &self.digest))
    }
}
