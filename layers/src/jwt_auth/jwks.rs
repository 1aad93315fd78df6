//! Reading a JWK Set (RFC 7517 §5): what can be used is used, the rest is reported.

use std::borrow::Cow;
use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::key::{KeyError, VerifyingKey, names};
use super::keys::KeySet;

/// The most keys that are read from one document.
const MAX_KEYS: usize = 100;

/// A parsed JWK Set.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Jwks {
    /// The keys that can verify tokens.
    pub keys: KeySet,
    /// The keys that cannot, each with the reason.
    pub skipped: Vec<SkippedKey>,
}

/// A key of a JWK Set that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedKey {
    /// Its place in the `keys` array, from 0.
    pub index: usize,
    /// Its `kid`, if it has one.
    pub kid: Option<String>,
    /// What is wrong with it.
    pub reason: SkipReason,
}

/// Why a key was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// Not a JSON object of the form RFC 7517 asks for, or a parameter is missing or not base64url.
    Malformed,
    /// A key type, curve or algorithm that is not supported.
    Unsupported,
    /// `use` or `key_ops` say that it does not verify signatures.
    WrongUse,
    /// A shared secret: it has no business in a published document.
    Symmetric,
    /// It shows its private part: anybody can sign with it.
    Private,
    /// The key itself cannot be used.
    Key(KeyError),
    /// The document holds more than 100 keys.
    TooMany,
}

/// The document is no JWK Set: not JSON, or without an array `keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJwks;

impl fmt::Display for NotJwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the document is no JWK Set: a JSON object with an array `keys`")
    }
}

impl std::error::Error for NotJwks {}

impl Jwks {
    /// Reads a document. Keys that cannot be used do not spoil the others.
    ///
    /// A key without `alg` is taken by its type: `OKP` with Ed25519 for `EdDSA`, `EC` by its curve, `RSA` for RS256 (the default of
    /// OIDC).
    ///
    /// # Errors
    /// [`NotJwks`] if the document as a whole makes no sense.
    pub fn parse(json: &[u8]) -> Result<Self, NotJwks> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_slice(json).map_err(|_| NotJwks)?;
        let mut jwks = Self { keys: KeySet::default(), skipped: Vec::new() };
        for (index, jwk) in document.keys.iter().enumerate() {
            let added = if index < MAX_KEYS { read(jwk) } else { Err(SkipReason::TooMany) }
                .and_then(|key| jwks.keys.push(key).map_err(SkipReason::Key));
            if let Err(reason) = added {
                let kid = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
                jwks.skipped.push(SkippedKey { index, kid, reason });
            }
        }
        Ok(jwks)
    }
}

#[derive(Deserialize)]
struct Jwk<'a> {
    #[serde(borrow)]
    kty: Cow<'a, str>,
    kid: Option<Cow<'a, str>>,
    alg: Option<Cow<'a, str>>,
    #[serde(rename = "use")]
    usage: Option<Cow<'a, str>>,
    key_ops: Option<Vec<Cow<'a, str>>>,
    crv: Option<Cow<'a, str>>,
    x: Option<Cow<'a, str>>,
    y: Option<Cow<'a, str>>,
    n: Option<Cow<'a, str>>,
    e: Option<Cow<'a, str>>,
    d: Option<IgnoredAny>,
}

fn read(jwk: &Value) -> Result<VerifyingKey, SkipReason> {
    let jwk = Jwk::deserialize(jwk).map_err(|_| SkipReason::Malformed)?;
    if jwk.kty == "oct" {
        return Err(SkipReason::Symmetric);
    }
    if jwk.d.is_some() {
        return Err(SkipReason::Private);
    }
    let may_verify = jwk.usage.as_ref().is_none_or(|usage| usage == "sig")
        && jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !may_verify {
        return Err(SkipReason::WrongUse);
    }
    let (algorithms, key) = material(&jwk)?;
    let algorithm = match &jwk.alg {
        None => algorithms.first(),
        Some(alg) => algorithms.iter().find(|algorithm| names(**algorithm).contains(&&**alg)),
    };
    let algorithm = *algorithm.ok_or(SkipReason::Unsupported)?;
    let key = VerifyingKey::new(algorithm, &key).map_err(SkipReason::Key)?;
    Ok(match jwk.kid {
        Some(kid) => key.with_kid(kid),
        None => key,
    })
}

/// The key, and the algorithms it may be for: first the one that is meant when `alg` is absent.
fn material(jwk: &Jwk<'_>) -> Result<(&'static [Algorithm], DecodingKey), SkipReason> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};

    let need = |parameter: &Option<Cow<'_, str>>| parameter.as_deref().map(str::to_owned).ok_or(SkipReason::Malformed);
    let (algorithms, key): (&[Algorithm], _) = match (&*jwk.kty, jwk.crv.as_deref()) {
        ("OKP", Some("Ed25519")) => (&[EdDSA], DecodingKey::from_ed_components(&need(&jwk.x)?)),
        ("EC", Some("P-256")) => (&[ES256], DecodingKey::from_ec_components(&need(&jwk.x)?, &need(&jwk.y)?)),
        ("EC", Some("P-384")) => (&[ES384], DecodingKey::from_ec_components(&need(&jwk.x)?, &need(&jwk.y)?)),
        ("RSA", _) => (
            &[RS256, RS384, RS512, PS256, PS384, PS512],
            DecodingKey::from_rsa_components(&need(&jwk.n)?, &need(&jwk.e)?),
        ),
        _ => return Err(SkipReason::Unsupported),
    };
    Ok((algorithms, key.map_err(|_| SkipReason::Malformed)?))
}
