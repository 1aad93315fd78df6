//! The keys at one moment: which one signs, which ones verify. Immutable; a change makes a new ring.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use jiff::Timestamp;
use portcullis_layers::jwt_auth::{Algorithm, Jwks, KeySet, VerifyingKey};
use serde_json::json;

use super::KeysError;
use super::key_pair::{KeyPair, PublicKey};
use crate::auth::jwt::{AccessClaims, HEADER_TYPE};

/// A key that may sign.
#[derive(Debug)]
pub(super) struct SigningKey {
    pub(super) kid: String,
    pub(super) activates_at: Timestamp,
    /// The encoded header, the same in every token of this key.
    header: String,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Pair(KeyPair, PublicKey),
    Secret(Box<hmac::Key>),
}

impl SigningKey {
    pub(super) fn from_pair(pair: KeyPair, activates_at: Timestamp) -> Self {
        let public = pair.public();
        let header = header(pair.algorithm(), &public.kid);
        Self { kid: public.kid.clone(), activates_at, header, material: Material::Pair(pair, public) }
    }

    /// A shared secret. Its id is a MAC, so that it tells nothing about the secret but changes with it.
    pub(super) fn from_secret(secret: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let kid = URL_SAFE_NO_PAD.encode(&hmac::sign(&key, b"portcullis key id").as_ref()[..16]);
        Self {
            header: header("HS256", &kid),
            kid,
            activates_at: Timestamp::MIN,
            material: Material::Secret(Box::new(key)),
        }
    }

    /// A token with these claims in the compact serialisation of RFC 7515.
    ///
    /// Not through `jsonwebtoken::encode`: it parses the private key for every token, and it finds its backend in a process-wide default
    /// that panics when it was set twice or not at all.
    fn sign(&self, claims: &AccessClaims) -> Result<String, KeysError> {
        let claims = serde_json::to_vec(claims).map_err(|_| KeysError::Crypto)?;
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = match &self.material {
            Material::Pair(pair, _) => URL_SAFE_NO_PAD.encode(pair.sign(token.as_bytes())?),
            Material::Secret(key) => URL_SAFE_NO_PAD.encode(hmac::sign(key, token.as_bytes())),
        };
        token.push('.');
        token.push_str(&signature);
        Ok(token)
    }
}

fn header(algorithm: &str, kid: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm}","kid":"{kid}","typ":"{HEADER_TYPE}"}}"#))
}

/// The keys at one moment.
#[derive(Debug)]
pub(super) struct Ring {
    /// Ordered by activation.
    keys: Vec<Arc<SigningKey>>,
    jwks: Bytes,
}

impl Ring {
    /// A ring of these keys with the set that verifies what they sign.
    pub(super) fn of_pairs(mut keys: Vec<Arc<SigningKey>>) -> Result<(Self, KeySet), KeysError> {
        keys.sort_by_key(|key| key.activates_at);
        let public = keys.iter().filter_map(|key| match &key.material {
            Material::Pair(_, public) => Some(&public.jwk),
            Material::Secret(_) => None,
        });
        let jwks = Bytes::from(json!({"keys": public.collect::<Vec<_>>()}).to_string());
        // What we verify with is what we publish.
        let verifying = Jwks::parse(&jwks).map_err(|_| KeysError::Crypto)?.keys;
        Ok((Self { keys, jwks }, verifying))
    }

    /// A ring of one shared secret, which is not published.
    pub(super) fn of_secret(secret: &[u8]) -> Result<(Self, KeySet), KeysError> {
        let key = SigningKey::from_secret(secret);
        let verifying = VerifyingKey::from_secret(Algorithm::HS256, secret).map_err(|_| KeysError::ShortSecret)?;
        let verifying = KeySet::new([verifying.with_kid(key.kid.as_str())]).map_err(|_| KeysError::Crypto)?;
        Ok((Self { keys: vec![Arc::new(key)], jwks: Bytes::from_static(br#"{"keys":[]}"#) }, verifying))
    }

    /// The public JWK Set.
    pub(super) fn jwks(&self) -> Bytes {
        self.jwks.clone()
    }

    /// The key of that id, if it is in the ring.
    pub(super) fn find(&self, kid: &str) -> Option<&Arc<SigningKey>> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// The key that signs: the newest that is active.
    ///
    /// If none is yet, because this clock runs behind the one that set the time, then the first that will be.
    pub(super) fn active(&self, now: Timestamp) -> Option<&SigningKey> {
        let active = self.keys.iter().rev().find(|key| key.activates_at <= now);
        active.or(self.keys.first()).map(Arc::as_ref)
    }

    /// Signs with the [active](Self::active) key.
    pub(super) fn sign(&self, claims: &AccessClaims, now: Timestamp) -> Result<String, KeysError> {
        self.active(now).ok_or(KeysError::NoKey)?.sign(claims)
    }
}
