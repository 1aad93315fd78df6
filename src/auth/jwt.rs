//! Access tokens: their claims, and the rules by which we accept our own.

use std::time::Duration;

use portcullis_layers::jwt_auth::{ConfigError, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The `typ` header of access tokens (RFC 9068 §2.1).
pub const HEADER_TYPE: &str = "at+jwt";

/// The `token_type` claim of access tokens.
pub const ACCESS: &str = "access";

/// How far the clocks of two instances may differ.
pub const LEEWAY: Duration = Duration::from_secs(5);

/// The claims of an access token. Times are seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who issued it (`JWT_ISSUER`).
    pub iss: String,
    /// For whom (`JWT_AUDIENCE`).
    pub aud: String,
    /// The user.
    pub sub: Uuid,
    /// The user again, under the name that clients of this API read.
    pub user_id: Uuid,
    /// The session it belongs to: when that ends, so does the token.
    pub sid: Uuid,
    /// The token's own id.
    pub jti: Uuid,
    /// Always [`ACCESS`].
    pub token_type: String,
    /// When it was issued.
    pub iat: i64,
    /// From when on it counts.
    pub nbf: i64,
    /// When it stops counting.
    pub exp: i64,
}

/// What a token must say to be one of our access tokens.
///
/// # Errors
/// Never for a non-empty configuration; the type is the layer's.
pub fn validation(issuer: &str, audience: &str) -> Result<Validation<AccessClaims>, ConfigError> {
    Validation::builder()
        .issuer(issuer)
        .audience(audience)
        .token_types([HEADER_TYPE])
        .required_claims(["exp", "iss", "aud", "sub", "iat", "jti", "sid", "token_type"])
        .leeway(LEEWAY.as_secs())
        .claims_check(|claims: &AccessClaims| claims.token_type == ACCESS && claims.sub == claims.user_id)
        .build()
}
