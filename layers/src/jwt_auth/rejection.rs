//! The reasons for which a request is turned away, and the [`Refusal`] each becomes.

use http::StatusCode;

use crate::Refusal;

/// Why the layer turned a request away. It travels in the extensions of the response, next to the [`Refusal`], for logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// No bearer token where one is needed: the header is absent or names another scheme.
    MissingToken,
    /// The `Authorization` header is repeated, empty or not of the form `Bearer <token>`.
    MalformedHeader,
    /// The token is no token for us.
    InvalidToken(Fault),
    /// The token was good until its `exp`.
    TokenExpired,
    /// The revocation check said so.
    TokenRevoked,
    /// The token lacks one of these scopes.
    InsufficientScope(&'static [&'static str]),
    /// The revocation check could not answer.
    CheckUnavailable,
    /// The [`KeySource`](super::KeySource) has no keys yet.
    KeysUnavailable,
    /// The revocation check refused for a reason of the app's own.
    Other(Refusal),
}

/// What exactly is wrong with an invalid token. Clients are not told: it helps whoever reads the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Longer than the cap; it was not parsed.
    TooLong,
    /// Not three base64url parts with JSON in the first two (RFC 7515 §7.1), or a member is repeated.
    Malformed,
    /// The header has a `crit` member; no extension is understood here (RFC 7515 §4.1.11).
    CriticalHeader,
    /// The `typ` header is absent or not an accepted one (RFC 8725 §3.11).
    TokenType,
    /// The token has no `kid`, and the set has several keys.
    NoKeyId,
    /// No key of the set goes by the token's `kid`.
    UnknownKey,
    /// The key that the token names is for another algorithm.
    Algorithm,
    /// The signature does not verify.
    Signature,
    /// A registered claim has the wrong JSON type, or the claims do not fit the app's type.
    ClaimFormat,
    /// A required claim is absent.
    MissingClaim,
    /// `iss` is none of the accepted issuers.
    Issuer,
    /// `aud` names none of the accepted audiences.
    Audience,
    /// `nbf` or `iat` lies in the future.
    NotYetValid,
    /// The app's own check of the claims said no.
    ClaimsCheck,
}

impl Fault {
    /// A short constant name, fit for a log field or a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::CriticalHeader => "critical_header",
            Self::TokenType => "token_type",
            Self::NoKeyId => "no_key_id",
            Self::UnknownKey => "unknown_key",
            Self::Algorithm => "algorithm",
            Self::Signature => "signature",
            Self::ClaimFormat => "claim_format",
            Self::MissingClaim => "missing_claim",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::NotYetValid => "not_yet_valid",
            Self::ClaimsCheck => "claims_check",
        }
    }
}

impl Rejection {
    /// The refusal that clients see.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let (status, code, detail) = match self {
            Self::MissingToken => (StatusCode::UNAUTHORIZED, "missing_token", "An access token is required."),
            Self::MalformedHeader => {
                (StatusCode::BAD_REQUEST, "invalid_request", "The Authorization header is malformed or repeated.")
            }
            Self::InvalidToken(_) => (StatusCode::UNAUTHORIZED, "invalid_token", "The access token is invalid."),
            Self::TokenExpired => (StatusCode::UNAUTHORIZED, "token_expired", "The access token has expired."),
            Self::TokenRevoked => (StatusCode::UNAUTHORIZED, "token_revoked", "The access token was revoked."),
            Self::InsufficientScope(_) => {
                (StatusCode::FORBIDDEN, "forbidden", "The access token does not grant the required scope.")
            }
            Self::CheckUnavailable | Self::KeysUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "service_unavailable",
                "The access token cannot be checked at the moment.",
            ),
            Self::Other(refusal) => return refusal.clone(),
        };
        Refusal::new(status, code).with_detail(detail)
    }
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Self {
        Self::InvalidToken(fault)
    }
}
