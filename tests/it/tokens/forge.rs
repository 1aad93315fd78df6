//! Makes tokens that the service would not, even with its own key.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::auth::seal::Sealer;
use serde_json::Value;

use crate::support::{KEY_ENCRYPTION_KEY, TestApp};

/// Somebody who holds the service's signing key and a good token.
pub(super) struct Forger {
    pub(super) header: Value,
    pub(super) claims: Value,
    pub(super) good: String,
    key: Ed25519KeyPair,
}

impl Forger {
    /// Takes the signing key out of the database, as only the holder of `KEY_ENCRYPTION_KEY` can.
    pub(super) async fn with_the_key_of(app: &TestApp, access: &str) -> Self {
        let (header, claims) = read(access);
        let kid = header["kid"].as_str().unwrap();
        let sql = "select private_key_sealed from signing_keys where kid = $1";
        let row = app.database.connect().await.query_one(sql, &[&kid]).await.unwrap();
        let sealer = Sealer::new(KEY_ENCRYPTION_KEY.as_bytes()).unwrap();
        let opened = sealer.open("signing key", kid.as_bytes(), row.get(0)).unwrap();
        let key = Ed25519KeyPair::from_pkcs8(&opened).unwrap();
        Self { header, claims, good: access.to_owned(), key }
    }

    /// A token with a true signature whose claims differ from good ones; null takes a claim out.
    pub(super) fn claiming(&self, changes: Value) -> String {
        self.signed(&self.header.to_string(), &changed(&self.claims, changes).to_string())
    }

    /// A token with a true signature whose header differs from a good one.
    pub(super) fn headed(&self, changes: Value) -> String {
        self.signed(&changed(&self.header, changes).to_string(), &self.claims.to_string())
    }

    /// A token of these very texts with a true signature.
    pub(super) fn signed(&self, header: &str, claims: &str) -> String {
        token(header, claims, |message| self.key.sign(message).as_ref().to_vec())
    }

    /// A token with a changed header and good claims, signed by `sign`.
    pub(super) fn signed_by(&self, changes: Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        token(&changed(&self.header, changes).to_string(), &self.claims.to_string(), sign)
    }
}

/// `object` with some members replaced, added, or taken out where they are null.
fn changed(object: &Value, changes: Value) -> Value {
    let mut object = object.as_object().unwrap().clone();
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        match value {
            Value::Null => drop(object.remove(&name)),
            value => drop(object.insert(name, value)),
        }
    }
    object.into()
}

/// A token in the compact serialisation (RFC 7515 §7.1).
fn token(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Signs with HS256 and any secret.
pub(super) fn hs256(secret: &[u8]) -> impl FnOnce(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    move |message| hmac::sign(&key, message).as_ref().to_vec()
}

/// Header and claims of a token, unverified.
pub(super) fn read(token: &str) -> (Value, Value) {
    let parts: Vec<_> = token.split('.').collect();
    let part = |index: usize| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[index]).unwrap()).unwrap();
    (part(0), part(1))
}
