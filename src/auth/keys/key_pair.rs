//! One private key: made, stored, and used to sign.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{SecretBox, SecretSlice};
use serde_json::{Value, json};

use super::KeysError;
use crate::config::KeyAlgorithm;

/// An asymmetric key pair. Parsed once, since parsing costs more than signing.
#[derive(Debug)]
pub(super) enum KeyPair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl KeyPair {
    /// A fresh pair. RSA takes some tenths of a second.
    pub(super) fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeysError> {
        Ok(match algorithm {
            KeyAlgorithm::EdDsa => Self::Ed25519(Ed25519KeyPair::generate().map_err(|_| KeysError::Crypto)?),
            KeyAlgorithm::Es256 => {
                Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeysError::Crypto)?)
            }
            KeyAlgorithm::Rs256 => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeysError::Crypto)?),
        })
    }

    /// Reads a private key; `None` if the bytes are no such key.
    pub(super) fn from_pkcs8(algorithm: &str, der: &[u8]) -> Option<Self> {
        match algorithm {
            "EdDSA" => Ed25519KeyPair::from_pkcs8(der).ok().map(Self::Ed25519),
            "ES256" => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok().map(Self::P256),
            "RS256" => RsaKeyPair::from_pkcs8(der).ok().map(Self::Rsa),
            _ => None,
        }
    }

    /// The private key in PKCS#8 (RFC 5958).
    pub(super) fn to_pkcs8(&self) -> Result<SecretSlice<u8>, KeysError> {
        let der = match self {
            Self::Ed25519(pair) => pair.to_pkcs8().map(|document| document.as_ref().to_vec()),
            Self::P256(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Self::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|document| document.as_ref().to_vec()),
        };
        der.map(|der| SecretBox::new(der.into_boxed_slice())).map_err(|_| KeysError::Crypto)
    }

    /// The name of the algorithm in headers, key sets and the database.
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
            Self::Rsa(_) => "RS256",
        }
    }

    /// Signs as RFC 7515 asks; ECDSA as two numbers of fixed length, not in DER.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeysError> {
        let random = SystemRandom::new();
        match self {
            Self::Ed25519(pair) => pair.try_sign(message).map(|signature| signature.as_ref().to_vec()),
            Self::P256(pair) => pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map(|()| signature)
            }
        }
        .map_err(|_| KeysError::Crypto)
    }

    /// The public half with its id.
    pub(super) fn public(&self) -> PublicKey {
        match self {
            Self::Ed25519(pair) => {
                let x = URL_SAFE_NO_PAD.encode(pair.public_key());
                let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
                PublicKey::new(&canonical, json!({"kty": "OKP", "crv": "Ed25519", "x": x, "alg": self.algorithm()}))
            }
            Self::P256(pair) => {
                // An uncompressed point: 4, x, y.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
                let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
                PublicKey::new(
                    &canonical,
                    json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": self.algorithm()}),
                )
            }
            Self::Rsa(pair) => {
                let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
                let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
                PublicKey::new(&canonical, json!({"kty": "RSA", "n": n, "e": e, "alg": self.algorithm()}))
            }
        }
    }
}

/// The public half of a key.
#[derive(Clone, Debug)]
pub(super) struct PublicKey {
    /// SHA-256 thumbprint (RFC 7638).
    pub(super) kid: String,
    /// The key as a member of a JWK Set.
    pub(super) jwk: Value,
}

impl PublicKey {
    /// `canonical` has the required members alone, in the order of RFC 7638 §3.2.
    fn new(canonical: &str, mut jwk: Value) -> Self {
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()));
        jwk["kid"] = Value::from(kid.as_str());
        jwk["use"] = Value::from("sig");
        Self { kid, jwk }
    }
}
