//! Opaque tokens: 256 random bits that only their bearer can know. The database holds their hash.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::random::{Random, RandomError};

/// Length of a token in bytes (ASVS 7.2.3 asks for at least 16).
pub const LENGTH: usize = 32;

/// A token as its bearer holds it. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct OpaqueToken([u8; LENGTH]);

/// SHA-256 of a token: what the database keeps. A fast hash is enough, since the token itself has 256 bits of entropy.
pub type TokenHash = [u8; 32];

impl OpaqueToken {
    /// A fresh token.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomError> {
        random.bytes().map(Self)
    }

    /// Reads the text form: 43 characters of unpadded base64url. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// Takes a token back from its raw bytes. `None` if the length is wrong.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The text that the client gets.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The raw bytes, from which keys can be derived.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// What the database may know of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &self.0).as_ref());
        hash
    }
}

impl From<[u8; LENGTH]> for OpaqueToken {
    fn from(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn a_token_reads_back_from_its_text_and_nothing_else_does() {
        let token = OpaqueToken::generate(&SystemRandom).unwrap();
        let text = token.text();
        assert_eq!(text.len(), 43);
        assert_eq!(OpaqueToken::parse(&text), Some(token));
        for wrong in
            ["", "abc", &text[1..], &format!("{text}A"), &format!("{text}="), &text.replace(|_: char| true, "é")]
        {
            assert_eq!(OpaqueToken::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_hash_differs_from_the_token_and_debug_shows_neither() {
        let token = OpaqueToken::from_bytes(&[7; LENGTH]).unwrap();
        assert_ne!(&token.hash(), token.as_bytes());
        assert_eq!(format!("{token:?}"), "OpaqueToken(…)");
    }
}
