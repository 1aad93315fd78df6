//! A bearer token, and the layer that knows its key.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use portcullis_layers::jwt_auth::{
    Algorithm, Builder, DecodingKey, JwtAuthLayer, KeySet, KeySetHandle, Validation, VerifyingKey,
};
use serde_json::{Value, json};

use crate::exchange::Failure;

pub(crate) const ISSUER: &str = "https://auth.example.com";
pub(crate) const AUDIENCE: &str = "shop";

/// A key and a token that is good for as long as anyone will bench.
pub(crate) struct Token {
    pub(crate) key: Ed25519KeyPair,
    pub(crate) text: String,
}

impl Token {
    pub(crate) fn new() -> Result<Self, Failure> {
        let key = Ed25519KeyPair::generate()?;
        let encode = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let header = encode(json!({ "alg": "EdDSA", "kid": "1", "typ": "at+jwt" }));
        let claims = encode(json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "0190a7f2-6d2c-7c3e-9c55-0a7f26d2c7c3",
            "sid": "0190a7f2-6d2c-7c3e-9c55-0a7f26d2c7c4", "iat": 1_700_000_000, "exp": 4_000_000_000_u64,
        }));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(format!("{header}.{claims}").as_bytes()));
        Ok(Self { key, text: format!("{header}.{claims}.{signature}") })
    }

    /// The same token with a signature of zeros.
    pub(crate) fn forged(&self) -> String {
        let signed = self.text.rsplit_once('.').map_or("", |(signed, _)| signed);
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode([0; 64]))
    }

    pub(crate) fn layer(&self) -> Result<Builder<Value>, Failure> {
        let public = DecodingKey::from_ed_der(self.key.public_key().as_ref());
        let key = VerifyingKey::new(Algorithm::EdDSA, &public)?.with_kid("1");
        let validation = Validation::builder().issuer(ISSUER).audience(AUDIENCE).build()?;
        Ok(JwtAuthLayer::builder(KeySetHandle::new(KeySet::new([key])?), validation))
    }
}
