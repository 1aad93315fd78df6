//! The `WWW-Authenticate` challenges of RFC 6750 §3, made once.

use http::{HeaderValue, StatusCode};

use super::error::ConfigError;
use super::rejection::Rejection;

/// One challenge per kind of rejection. Cloning one is a reference count.
#[derive(Clone, Debug)]
pub(super) struct Challenges {
    prefix: String,
    missing: HeaderValue,
    malformed: HeaderValue,
    invalid: HeaderValue,
    expired: HeaderValue,
    revoked: HeaderValue,
    scope: HeaderValue,
}

impl Challenges {
    pub(super) fn new(realm: &str) -> Result<Self, ConfigError> {
        if !realm.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(ConfigError::Realm);
        }
        let prefix = format!("Bearer realm=\"{}\"", realm.replace('\\', r"\\").replace('"', "\\\""));
        let value = |text: String| HeaderValue::from_str(&text).map_err(|_| ConfigError::Realm);
        let error = |code: &str, text: &str| value(format!("{prefix}, error=\"{code}\", error_description=\"{text}\""));
        Ok(Self {
            missing: value(prefix.clone())?,
            malformed: error("invalid_request", "The Authorization header is malformed or repeated")?,
            invalid: error("invalid_token", "The access token is invalid")?,
            expired: error("invalid_token", "The access token expired")?,
            revoked: error("invalid_token", "The access token was revoked")?,
            scope: error("insufficient_scope", "The access token does not grant the required scope")?,
            prefix,
        })
    }

    /// The challenge for a rejection; `None` where the answer is not about credentials.
    pub(super) fn of(&self, rejection: &Rejection) -> Option<HeaderValue> {
        Some(match rejection {
            Rejection::MissingToken => self.missing.clone(),
            Rejection::MalformedHeader => self.malformed.clone(),
            Rejection::InvalidToken(_) => self.invalid.clone(),
            Rejection::TokenExpired => self.expired.clone(),
            Rejection::TokenRevoked => self.revoked.clone(),
            Rejection::InsufficientScope(scopes) => self.with_scopes(scopes),
            Rejection::Other(refusal) if refusal.status() == StatusCode::UNAUTHORIZED => self.invalid.clone(),
            Rejection::CheckUnavailable | Rejection::KeysUnavailable | Rejection::Other(_) => return None,
        })
    }

    /// Names the scopes that are needed, if all of them are such that a header can carry them (RFC 6749 §3.3).
    fn with_scopes(&self, scopes: &[&str]) -> HeaderValue {
        if !scopes.iter().all(|scope| !scope.is_empty() && scope.bytes().all(is_scope_char)) {
            return self.scope.clone();
        }
        let text = format!("{}, error=\"insufficient_scope\", scope=\"{}\"", self.prefix, scopes.join(" "));
        HeaderValue::try_from(text).unwrap_or_else(|_| self.scope.clone())
    }
}

fn is_scope_char(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::super::rejection::Fault;
    use super::*;
    use crate::Refusal;

    fn challenge(rejection: &Rejection) -> Option<String> {
        let challenges = Challenges::new("api").unwrap();
        challenges.of(rejection).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_request_without_a_token_gets_no_error_code() {
        assert_eq!(challenge(&Rejection::MissingToken).unwrap(), r#"Bearer realm="api""#);
    }

    #[test]
    fn every_other_challenge_names_the_error_of_the_rfc() {
        for (rejection, error) in [
            (Rejection::MalformedHeader, "invalid_request"),
            (Rejection::InvalidToken(Fault::Signature), "invalid_token"),
            (Rejection::TokenExpired, "invalid_token"),
            (Rejection::TokenRevoked, "invalid_token"),
            (Rejection::Other(Refusal::new(StatusCode::UNAUTHORIZED, "locked")), "invalid_token"),
            (Rejection::InsufficientScope(&["bad\"scope"]), "insufficient_scope"),
        ] {
            let text = challenge(&rejection).unwrap();
            assert!(
                text.starts_with(&format!(r#"Bearer realm="api", error="{error}", error_description=""#)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_missing_scope_is_named() {
        let text = challenge(&Rejection::InsufficientScope(&["read", "write:all"])).unwrap();
        assert_eq!(text, r#"Bearer realm="api", error="insufficient_scope", scope="read write:all""#);
    }

    #[test]
    fn answers_that_are_not_about_credentials_get_no_challenge() {
        assert_eq!(challenge(&Rejection::CheckUnavailable), None);
        assert_eq!(challenge(&Rejection::KeysUnavailable), None);
        assert_eq!(challenge(&Rejection::Other(Refusal::new(StatusCode::FORBIDDEN, "forbidden"))), None);
    }

    #[test]
    fn a_realm_is_quoted_and_must_be_printable() {
        let challenges = Challenges::new(r#"a "b" \c"#).unwrap();
        assert_eq!(challenges.missing, r#"Bearer realm="a \"b\" \\c""#);
        assert_eq!(Challenges::new("a\r\nb").err(), Some(ConfigError::Realm));
        assert_eq!(Challenges::new("é").err(), Some(ConfigError::Realm));
    }
}
