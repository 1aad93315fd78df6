//! A token for the tests in which authentication is one layer among others.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

/// Good for a thousand years, signed with HS256.
pub(crate) fn long_lived(secret: &[u8], issuer: &str, audience: &str) -> String {
    let header = json!({ "alg": "HS256", "typ": "at+jwt" }).to_string();
    let claims = json!({ "iss": issuer, "aud": audience, "sub": "somebody", "exp": 32_503_680_000_u64 }).to_string();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
