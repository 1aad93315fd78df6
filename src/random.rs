//! Randomness as a dependency, for the same reason as the clock.

use std::fmt::Debug;

use jiff::Timestamp;
use uuid::Uuid;

/// A source of unpredictable bytes.
pub trait Random: Debug + Send + Sync {
    /// Fills `bytes`, or says that the system's source failed.
    ///
    /// # Errors
    /// [`RandomError`] when the operating system gives no random bytes; nothing may be issued then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// The operating system's source of randomness failed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct RandomError;

/// The cryptographic generator of the machine (ASVS 11.5.1).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        aws_lc_rs::rand::fill(bytes).map_err(|_| RandomError)
    }
}

impl dyn Random + '_ {
    /// `N` fresh bytes.
    ///
    /// # Errors
    /// As [`Random::fill`].
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], RandomError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// A UUID of version 7 (RFC 9562 §5.7): its leading time keeps index pages of new rows together.
    ///
    /// # Errors
    /// As [`Random::fill`].
    pub fn uuid(&self, now: Timestamp) -> Result<Uuid, RandomError> {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()?).into_uuid())
    }
}
