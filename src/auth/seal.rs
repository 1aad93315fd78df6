//! Authenticated encryption of secrets at rest: AES-256-GCM under keys derived with HKDF-SHA256 (RFC 5869).
//!
//! A sealed value is one version byte, a random nonce of 12 bytes, the ciphertext, and a tag of 16 bytes. Version, purpose and context are
//! authenticated with it, so that a value moved to another column or row does not open there.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};

/// Shortest secret from which keys are derived, in bytes: as many as the derived keys have.
pub const MIN_SECRET: usize = 32;

/// The version of the format, and the first byte of every sealed value.
const VERSION: u8 = 1;

/// Why something could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The operator's fault: the secret is shorter than [`MIN_SECRET`].
    #[error("the secret has fewer than {MIN_SECRET} bytes")]
    ShortSecret,
    /// The value is cut off or of a version that this build does not know.
    #[error("the sealed value has an unknown format")]
    Format,
    /// Another key, purpose or context, or the value was changed: which of them cannot be told.
    #[error("the sealed value does not open under this key")]
    Unopened,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Crypto,
}

/// Seals under keys derived from one long-lived secret (`KEY_ENCRYPTION_KEY`).
pub struct Sealer(Prk);

impl Sealer {
    /// Derives from `secret`, whatever its encoding: its bytes are taken as they are.
    ///
    /// # Errors
    /// [`SealError::ShortSecret`].
    pub fn new(secret: &[u8]) -> Result<Self, SealError> {
        if secret.len() < MIN_SECRET {
            return Err(SealError::ShortSecret);
        }
        // RFC 5869 §3.1: a constant salt that is ours alone separates these keys from any other use of the same secret.
        Ok(Self(Salt::new(HKDF_SHA256, b"portcullis v1").extract(secret)))
    }

    /// A key of 32 bytes for another use. Keys for different labels tell nothing about each other.
    ///
    /// # Errors
    /// [`SealError::Crypto`].
    pub fn derive(&self, label: &str) -> Result<SecretBox<[u8; 32]>, SealError> {
        let mut key = SecretBox::new(Box::new([0; 32]));
        let info = [label.as_bytes()];
        let okm = self.0.expand(&info, HKDF_SHA256).map_err(|_| SealError::Crypto)?;
        okm.fill(key.expose_secret_mut()).map_err(|_| SealError::Crypto)?;
        Ok(key)
    }

    /// Seals `plaintext` for a purpose (the column, say) and a context (the row).
    ///
    /// # Errors
    /// [`SealError::Crypto`].
    pub fn seal(&self, purpose: &str, context: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut text = plaintext.to_vec();
        let nonce = self
            .key(purpose)?
            .seal_in_place_append_tag(associated(context), &mut text)
            .map_err(|_| SealError::Crypto)?;
        Ok([&[VERSION], &nonce.as_ref()[..], &text].concat())
    }

    /// Opens what [`seal`](Self::seal) made for the same purpose and context. The plaintext is wiped when it is dropped.
    ///
    /// # Errors
    /// [`SealError::Format`] or [`SealError::Unopened`].
    pub fn open(&self, purpose: &str, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let [VERSION, rest @ ..] = sealed else { return Err(SealError::Format) };
        let Some((nonce, ciphertext)) = rest.split_first_chunk::<NONCE_LEN>() else { return Err(SealError::Format) };
        if ciphertext.len() < AES_256_GCM.tag_len() {
            return Err(SealError::Format);
        }
        let mut text = Zeroizing::new(ciphertext.to_vec());
        let length = self
            .key(purpose)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), associated(context), &mut text)
            .map_err(|_| SealError::Unopened)?
            .len();
        text.truncate(length);
        Ok(text)
    }

    fn key(&self, purpose: &str) -> Result<RandomizedNonceKey, SealError> {
        let key = self.derive(&format!("seal {purpose}"))?;
        RandomizedNonceKey::new(&AES_256_GCM, key.expose_secret()).map_err(|_| SealError::Crypto)
    }
}

/// What is authenticated beside the ciphertext. The purpose needs no place in it: it chose the key.
fn associated(context: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([&[VERSION], context].concat())
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

/// Seals `plaintext` so that only the bearer of `token` can open it. The token must be random and long, as ours are.
///
/// # Errors
/// [`SealError::ShortSecret`] for a token under 32 bytes, [`SealError::Crypto`].
pub fn seal_with_token(token: &[u8], purpose: &str, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
    Sealer::new(token)?.seal(purpose, &[], plaintext)
}

/// Opens what [`seal_with_token`] made for the same token and purpose.
///
/// # Errors
/// [`SealError::ShortSecret`], [`SealError::Format`] or [`SealError::Unopened`].
pub fn open_with_token(token: &[u8], purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    Sealer::new(token)?.open(purpose, &[], sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn opened(result: Result<Zeroizing<Vec<u8>>, SealError>) -> Result<Vec<u8>, SealError> {
        result.map(|text| text.to_vec())
    }

    #[test]
    fn what_was_sealed_opens_for_the_same_purpose_and_context_only() {
        let sealer = Sealer::new(SECRET).unwrap();
        let sealed = sealer.seal("signing key", b"kid-1", b"private").unwrap();
        assert_eq!(opened(sealer.open("signing key", b"kid-1", &sealed)), Ok(b"private".to_vec()));
        assert_eq!(opened(sealer.open("signing key", b"kid-2", &sealed)), Err(SealError::Unopened));
        assert_eq!(opened(sealer.open("other", b"kid-1", &sealed)), Err(SealError::Unopened));
        let other = Sealer::new(b"another secret of 32 bytes or so!").unwrap();
        assert_eq!(opened(other.open("signing key", b"kid-1", &sealed)), Err(SealError::Unopened));
    }

    #[test]
    fn no_bit_can_be_changed_and_nothing_be_cut_off() {
        let sealer = Sealer::new(SECRET).unwrap();
        let sealed = sealer.seal("p", b"c", b"private").unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(sealer.open("p", b"c", &changed).is_err(), "byte {place}");
            assert!(sealer.open("p", b"c", &sealed[..place]).is_err(), "{place} bytes");
        }
        assert_eq!(opened(sealer.open("p", b"c", &[])), Err(SealError::Format));
        assert_eq!(opened(sealer.open("p", b"c", &[2; 64])), Err(SealError::Format));
    }

    #[test]
    fn the_same_text_is_never_sealed_the_same_way_twice() {
        let sealer = Sealer::new(SECRET).unwrap();
        assert_ne!(sealer.seal("p", b"c", b"private"), sealer.seal("p", b"c", b"private"));
    }

    #[test]
    fn an_empty_text_can_be_sealed() {
        let sealer = Sealer::new(SECRET).unwrap();
        let sealed = sealer.seal("p", b"", b"").unwrap();
        assert_eq!(opened(sealer.open("p", b"", &sealed)), Ok(Vec::new()));
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert_eq!(Sealer::new(&SECRET[1..]).err(), Some(SealError::ShortSecret));
        assert_eq!(seal_with_token(b"short", "p", b"x"), Err(SealError::ShortSecret));
    }

    #[test]
    fn derived_keys_differ_by_label_and_are_stable() {
        let derive = |label| *Sealer::new(SECRET).unwrap().derive(label).unwrap().expose_secret();
        assert_eq!(derive("a"), derive("a"));
        assert_ne!(derive("a"), derive("b"));
    }

    #[test]
    fn only_the_bearer_of_the_token_can_open() {
        let sealed = seal_with_token(SECRET, "refresh successor", b"next").unwrap();
        assert_eq!(opened(open_with_token(SECRET, "refresh successor", &sealed)), Ok(b"next".to_vec()));
        assert_eq!(opened(open_with_token(&[7; 32], "refresh successor", &sealed)), Err(SealError::Unopened));
        assert_eq!(opened(open_with_token(SECRET, "p", &sealed)), Err(SealError::Unopened));
    }

    #[test]
    fn debug_output_shows_no_secret() {
        assert_eq!(format!("{:?}", Sealer::new(SECRET).unwrap()), "Sealer(…)");
    }
}
