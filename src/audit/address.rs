//! What stands for an address in events that name no account.

use std::fmt;

use aws_lc_rs::hmac;
use secrecy::ExposeSecret;

use crate::auth::seal::{SealError, Sealer};

/// Bytes of a mark: far too many for two addresses to share one.
const LENGTH: usize = 16;

/// Makes marks of addresses.
///
/// Whoever types an address, to be sent a mail say, leaves an event in the log whether or not an account has that address, and nobody
/// looks. When an account is erased, its events of this kind are found by their mark. To whoever reads the log a mark tells only that two
/// events are about one address: it is an HMAC under a key that the database never sees.
pub struct AddressMarks(hmac::Key);

impl AddressMarks {
    /// Derives the key from the secret that all instances share.
    ///
    /// # Errors
    /// [`SealError::Crypto`].
    pub fn new(secret: &Sealer) -> Result<Self, SealError> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret.derive("audit address marks")?.expose_secret())))
    }

    /// The mark of a folded address, in hexadecimal.
    #[must_use]
    pub fn of(&self, email_key: &str) -> String {
        let tag = hmac::sign(&self.0, email_key.as_bytes());
        tag.as_ref().iter().take(LENGTH).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for AddressMarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressMarks(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_address_and_one_key() {
        let marks = |secret: u8| AddressMarks::new(&Sealer::new(&[secret; 32]).unwrap()).unwrap();
        let mark = marks(5).of("ada@example.com");
        assert_eq!(mark, marks(5).of("ada@example.com"));
        assert_ne!(mark, marks(5).of("bob@example.com"));
        assert_ne!(mark, marks(6).of("ada@example.com"));
        assert!(mark.len() == 32 && mark.bytes().all(|byte| byte.is_ascii_hexdigit()), "{mark}");
    }
}
