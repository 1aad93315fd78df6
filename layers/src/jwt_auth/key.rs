//! One key, checked when it is made and parsed once.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};

/// One key with the one algorithm it is for (RFC 8725 §3.1: the token has no say in that).
///
/// Signatures are checked by aws-lc-rs directly. jsonwebtoken would look its backend up in a process-wide default, and panics on that
/// as soon as some crate of the build turns on its other backend as well.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: Option<Box<str>>,
    algorithm: Algorithm,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Secret(Arc<hmac::Key>),
    Public(Arc<ParsedPublicKey>),
}

/// A key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The key is of a family that the algorithm does not use.
    WrongFamily,
    /// An HMAC secret shorter than the hash it is used with (RFC 7518 §3.2), or an RSA modulus outside 2048 to 8192 bits.
    WrongSize,
    /// The bytes are no public key of that kind.
    InvalidKey,
    /// The set already has a key with this id and algorithm.
    Duplicate,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongFamily => "the key does not belong to the algorithm",
            Self::WrongSize => "the key is too short or too long for the algorithm",
            Self::InvalidKey => "the bytes are no public key for the algorithm",
            Self::Duplicate => "two keys have the same id and algorithm",
        })
    }
}

impl std::error::Error for KeyError {}

impl VerifyingKey {
    /// A key without an id, checked to be usable.
    ///
    /// # Errors
    /// [`KeyError`] if key and algorithm do not go together or the key is not sound.
    pub fn new(algorithm: Algorithm, key: &DecodingKey) -> Result<Self, KeyError> {
        if !key.family().algorithms().contains(&algorithm) {
            return Err(KeyError::WrongFamily);
        }
        let material = match (algorithm, key.kind()) {
            (Algorithm::HS256, DecodingKeyKind::SecretOrDer(bytes)) => secret(hmac::HMAC_SHA256, bytes),
            (Algorithm::HS384, DecodingKeyKind::SecretOrDer(bytes)) => secret(hmac::HMAC_SHA384, bytes),
            (Algorithm::HS512, DecodingKeyKind::SecretOrDer(bytes)) => secret(hmac::HMAC_SHA512, bytes),
            (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => {
                public(&signature::ECDSA_P256_SHA256_FIXED, point)
            }
            (Algorithm::ES384, DecodingKeyKind::SecretOrDer(point)) => {
                public(&signature::ECDSA_P384_SHA384_FIXED, point)
            }
            (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(point)) => public(&signature::ED25519, point),
            (_, DecodingKeyKind::SecretOrDer(der)) => public(rsa_parameters(algorithm)?, der),
            (_, DecodingKeyKind::RsaModulusExponent { n, e }) => rsa(rsa_parameters(algorithm)?, n, e),
        }?;
        Ok(Self { kid: None, algorithm, material })
    }

    /// An HMAC secret: HS256, HS384 or HS512.
    ///
    /// # Errors
    /// [`KeyError`] for another algorithm or a secret shorter than its hash.
    pub fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        Self::new(algorithm, &DecodingKey::from_secret(secret))
    }

    /// The same key under an id.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<Box<str>>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// The id by which tokens name this key.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm this key is for.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` is this key's signature of `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Secret(key) => hmac::verify(key, message, signature).is_ok(),
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

fn secret(algorithm: hmac::Algorithm, bytes: &[u8]) -> Result<Material, KeyError> {
    if bytes.len() < algorithm.digest_algorithm().output_len() {
        return Err(KeyError::WrongSize);
    }
    Ok(Material::Secret(Arc::new(hmac::Key::new(algorithm, bytes))))
}

fn public(algorithm: &'static dyn VerificationAlgorithm, bytes: &[u8]) -> Result<Material, KeyError> {
    let key = ParsedPublicKey::new(algorithm, bytes).map_err(|_| KeyError::InvalidKey)?;
    Ok(Material::Public(Arc::new(key)))
}

/// Size and parity are checked here, since aws-lc would find out only with the first signature.
fn rsa(parameters: &'static RsaParameters, n: &[u8], e: &[u8]) -> Result<Material, KeyError> {
    if !(256..=1024).contains(&n.len()) {
        return Err(KeyError::WrongSize);
    }
    let odd_without_leading_zero = |number: &[u8]| match number {
        [0, ..] | [] => false,
        [.., last] => last % 2 == 1,
    };
    if !odd_without_leading_zero(n) || !odd_without_leading_zero(e) || e == [1] || e.len() > 4 {
        return Err(KeyError::InvalidKey);
    }
    let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).map_err(|_| KeyError::InvalidKey)?;
    Ok(Material::Public(Arc::new(key)))
}

fn rsa_parameters(algorithm: Algorithm) -> Result<&'static RsaParameters, KeyError> {
    match algorithm {
        Algorithm::RS256 => Ok(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Ok(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Ok(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Ok(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Ok(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Ok(&signature::RSA_PSS_2048_8192_SHA512),
        _ => Err(KeyError::WrongFamily),
    }
}

/// The `alg` values that mean an algorithm. RFC 9864 renamed `EdDSA` with this curve to `Ed25519`.
pub(super) fn names(algorithm: Algorithm) -> &'static [&'static str] {
    match algorithm {
        Algorithm::HS256 => &["HS256"],
        Algorithm::HS384 => &["HS384"],
        Algorithm::HS512 => &["HS512"],
        Algorithm::ES256 => &["ES256"],
        Algorithm::ES384 => &["ES384"],
        Algorithm::RS256 => &["RS256"],
        Algorithm::RS384 => &["RS384"],
        Algorithm::RS512 => &["RS512"],
        Algorithm::PS256 => &["PS256"],
        Algorithm::PS384 => &["PS384"],
        Algorithm::PS512 => &["PS512"],
        Algorithm::EdDSA => &["EdDSA", "Ed25519"],
        _ => &[],
    }
}
