//! The decision about one token. Pure: the keys and the time are arguments.

use std::fmt;

use serde::de::DeserializeOwned;

use super::claims::{Registered, Rules};
use super::error::ConfigError;
use super::keys::KeySet;
use super::rejection::{Fault, Rejection};
use super::token::{Compact, Header};
use super::verified::{Parts, Verified};

type ClaimsCheck<C> = Box<dyn Fn(&C) -> bool + Send + Sync>;

/// What a token must say to be accepted, with claims of type `C`.
///
/// In this order, and the first fault counts:
///
/// 1. three base64url parts (RFC 7515 §7.1);
/// 2. a header without `crit`, with an accepted `typ` (`at+jwt` unless set: RFC 9068 §2.1);
/// 3. a key of the set with the token's `kid`, whose own algorithm is the token's `alg`;
/// 4. the signature;
/// 5. no claim twice; every required claim there (`exp`, `iss`, `aud`, `sub` unless set), `sub` not empty;
/// 6. `iss` and `aud` accepted, `nbf` and `iat` not in the future;
/// 7. claims that fit `C` and satisfy the app's check;
/// 8. `exp` not reached.
pub struct Validation<C> {
    rules: Rules,
    types: Option<Vec<Box<str>>>,
    claims_check: Option<ClaimsCheck<C>>,
}

impl<C> Validation<C> {
    /// Starts with the defaults: `typ` is `at+jwt`, `exp`, `iss`, `aud` and `sub` are required, and clocks may differ by 5 s.
    pub fn builder() -> ValidationBuilder<C> {
        let required = ["exp", "iss", "aud", "sub"].map(Box::from).into();
        ValidationBuilder(Self {
            rules: Rules { issuers: Vec::new(), audiences: Vec::new(), required, leeway: 5 },
            types: Some(vec!["at+jwt".into()]),
            claims_check: None,
        })
    }
}

impl<C: DeserializeOwned> Validation<C> {
    /// Verifies `token` with a key of `keys` at the time `now` (seconds since the epoch).
    ///
    /// # Errors
    /// [`Rejection::InvalidToken`] with its fault, or [`Rejection::TokenExpired`] for a token that nothing else is wrong with.
    pub fn verify(&self, keys: &KeySet, token: &str, now: u64) -> Result<Verified<C>, Rejection> {
        let compact = Compact::parse(token)?;
        let header = Header::parse(&compact.header, self.types.as_deref())?;
        let key = keys.select(header.kid.as_deref(), &header.alg)?;
        if !key.verifies(compact.message.as_bytes(), &compact.signature) {
            return Err(Fault::Signature.into());
        }
        let json = compact.claims()?;
        let registered = Registered::parse(&json)?;
        registered.check(&self.rules, now)?;
        let claims: C = serde_json::from_slice(&json).map_err(|_| Fault::ClaimFormat)?;
        if self.claims_check.as_ref().is_some_and(|check| !check(&claims)) {
            return Err(Fault::ClaimsCheck.into());
        }
        // Last, so that a client refreshes only a token that nothing else is wrong with.
        if self.rules.is_past(registered.exp, now) {
            return Err(Rejection::TokenExpired);
        }
        let scope = registered.scope.0;
        Ok(Verified::new(Parts {
            claims,
            kid: header.kid.map(Into::into),
            scope: (!scope.is_empty()).then(|| scope.join(" ").into()),
            expires_at: registered.exp,
        }))
    }
}

impl<C> Validation<C> {
    /// Whether a token that was good once has expired since.
    pub(super) fn has_expired(&self, token: &Verified<C>, now: u64) -> bool {
        self.rules.is_past(token.expires_at(), now)
    }
}

impl<C> fmt::Debug for Validation<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validation").field("rules", &self.rules).field("types", &self.types).finish_non_exhaustive()
    }
}

/// Sets up a [`Validation`].
#[must_use]
pub struct ValidationBuilder<C>(Validation<C>);

impl<C> ValidationBuilder<C> {
    /// Accepts tokens of this issuer. May be called for several.
    pub fn issuer(mut self, issuer: impl Into<Box<str>>) -> Self {
        self.0.rules.issuers.push(issuer.into());
        self
    }

    /// Accepts tokens for this audience. May be called for several; a token needs one of them.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.0.rules.audiences.push(audience.into());
        self
    }

    /// The claims that must be present and not `null`, in place of `exp`, `iss`, `aud` and `sub`. A claim that is present is checked
    /// whether it is required or not.
    pub fn required_claims<N: Into<Box<str>>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.0.rules.required = names.into_iter().map(Into::into).collect();
        self
    }

    /// The accepted `typ` headers, in place of `at+jwt`.
    pub fn token_types<N: Into<Box<str>>>(mut self, types: impl IntoIterator<Item = N>) -> Self {
        self.0.types = Some(types.into_iter().map(Into::into).collect());
        self
    }

    /// Accepts any `typ` and none. Only for an issuer all of whose tokens are access tokens (RFC 8725 §2.8).
    pub fn any_token_type(mut self) -> Self {
        self.0.types = None;
        self
    }

    /// How far the clocks of issuer and verifier may differ, in seconds.
    pub fn leeway(mut self, seconds: u64) -> Self {
        self.0.rules.leeway = seconds;
        self
    }

    /// A last word of the app on the claims, such as `|claims| claims.token_type == "access"`.
    pub fn claims_check(mut self, check: impl Fn(&C) -> bool + Send + Sync + 'static) -> Self {
        self.0.claims_check = Some(Box::new(check));
        self
    }

    /// The finished rules.
    ///
    /// # Errors
    /// [`ConfigError::NoIssuer`] or [`ConfigError::NoAudience`] if the claim is required but no value for it is accepted,
    /// [`ConfigError::NoTokenType`] if the list of types is empty.
    pub fn build(self) -> Result<Validation<C>, ConfigError> {
        let requires = |name: &str| self.0.rules.required.iter().any(|required| **required == *name);
        if requires("iss") && self.0.rules.issuers.is_empty() {
            return Err(ConfigError::NoIssuer);
        }
        if requires("aud") && self.0.rules.audiences.is_empty() {
            return Err(ConfigError::NoAudience);
        }
        if self.0.types.as_ref().is_some_and(Vec::is_empty) {
            return Err(ConfigError::NoTokenType);
        }
        Ok(self.0)
    }
}

impl<C> fmt::Debug for ValidationBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValidationBuilder").field(&self.0).finish()
    }
}
