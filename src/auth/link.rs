//! Tokens of links in mails.
//!
//! A token is an HMAC of what it is for, whose mail job and when it was made. So a mail that is sent again carries the same link, and no
//! row anywhere holds it: who reads the database finds its hash only.

use std::fmt;

use aws_lc_rs::hmac;
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::seal::{SealError, Sealer};
use super::token::OpaqueToken;

/// The key that links are derived from.
pub struct LinkKeys(hmac::Key);

impl LinkKeys {
    /// Derives the key from the secret that all instances share.
    ///
    /// # Errors
    /// [`SealError::Crypto`].
    pub fn new(secret: &Sealer) -> Result<Self, SealError> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret.derive("links in mails")?.expose_secret())))
    }

    /// The token of a mail job. One job may carry several links, each for a `purpose` of its own.
    #[must_use]
    pub fn token(&self, purpose: &str, job: Uuid) -> OpaqueToken {
        let mut context = hmac::Context::with_key(&self.0);
        // The id has a fixed length, so that no two inputs run together.
        context.update(job.as_bytes());
        context.update(purpose.as_bytes());
        let mut bytes = [0; super::token::LENGTH];
        bytes.copy_from_slice(context.sign().as_ref());
        OpaqueToken::from(bytes)
    }
}

impl fmt::Debug for LinkKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKeys(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &[u8; 32]) -> LinkKeys {
        LinkKeys::new(&Sealer::new(secret).unwrap()).unwrap()
    }

    #[test]
    fn the_same_job_gets_the_same_token_and_every_other_input_another() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let token = keys(&[1; 32]).token("reset", one);
        assert_eq!(token, keys(&[1; 32]).token("reset", one));
        assert_ne!(token, keys(&[1; 32]).token("verify", one));
        assert_ne!(token, keys(&[1; 32]).token("reset", other));
        assert_ne!(token, keys(&[2; 32]).token("reset", one));
    }
}
