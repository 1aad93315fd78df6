use std::fmt;

use crate::hex;

/// The nonce of one request's content security policy, for the `nonce` attribute of scripts and styles.
///
/// 128 random bits from the operating system, as 32 hex digits. Found in the request extensions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CspNonce([u8; 32]);

impl CspNonce {
    pub(super) fn new(random: [u8; 16]) -> Self {
        let mut digits = [b'0'; 32];
        hex::write(&mut digits, u128::from_be_bytes(random));
        Self(digits)
    }

    /// `None` if the operating system has no randomness to give.
    pub(super) fn random() -> Option<Self> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).ok()?;
        Some(Self::new(random))
    }

    /// The value of the attribute.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Keeps the nonce out of logs.
impl fmt::Debug for CspNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CspNonce(…)")
    }
}
