//! The claims that RFC 7519 registers, read strictly and held against the rules. Pure: time is an argument.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::rejection::Fault;

/// What the registered claims of a token must say.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) issuers: Vec<Box<str>>,
    pub(super) audiences: Vec<Box<str>>,
    pub(super) required: Vec<Box<str>>,
    pub(super) leeway: u64,
}

impl Rules {
    /// Whether `exp` was reached, which is already too late (RFC 7519 §4.1.4).
    pub(super) fn is_past(&self, exp: Option<u64>, now: u64) -> bool {
        exp.is_some_and(|exp| now >= exp.saturating_add(self.leeway))
    }
}

/// The registered claims, borrowed from the JSON text where it has no escapes.
#[derive(Debug, Default)]
pub(super) struct Registered<'a> {
    names: Vec<Name<'a>>,
    iss: Option<Cow<'a, str>>,
    sub: Option<Cow<'a, str>>,
    aud: Strings<'a>,
    pub(super) scope: Strings<'a>,
    pub(super) exp: Option<u64>,
    nbf: Option<u64>,
    iat: Option<u64>,
}

/// The name of a claim; one that is `null` does not count as present.
#[derive(Debug)]
struct Name<'a> {
    text: Cow<'a, str>,
    present: bool,
}

impl<'a> Registered<'a> {
    /// Reads the JSON object of the claims. Times are non-negative whole seconds; a name that occurs twice is a fault, whatever its
    /// name, since two readers could disagree about which one counts.
    pub(super) fn parse(json: &'a [u8]) -> Result<Self, Fault> {
        serde_json::from_slice(json).map_err(|_| Fault::ClaimFormat)
    }

    /// Holds the claims against `rules` at the time `now` (seconds since the epoch), except for the expiry.
    pub(super) fn check(&self, rules: &Rules, now: u64) -> Result<(), Fault> {
        let has = |name: &str| self.names.iter().any(|claim| claim.present && claim.text == name);
        if !rules.required.iter().all(|name| has(name)) || self.sub.as_deref() == Some("") {
            return Err(Fault::MissingClaim);
        }
        if has("iss")
            && !rules.issuers.is_empty()
            && !self.iss.as_ref().is_some_and(|iss| contains(&rules.issuers, iss))
        {
            return Err(Fault::Issuer);
        }
        if has("aud") && !rules.audiences.is_empty() && !self.aud.0.iter().any(|aud| contains(&rules.audiences, aud)) {
            return Err(Fault::Audience);
        }
        let latest = now.saturating_add(rules.leeway);
        if self.nbf.is_some_and(|nbf| nbf > latest) || self.iat.is_some_and(|iat| iat > latest) {
            return Err(Fault::NotYetValid);
        }
        Ok(())
    }
}

fn contains(accepted: &[Box<str>], value: &str) -> bool {
    accepted.iter().any(|accepted| **accepted == *value)
}

impl<'de> Deserialize<'de> for Registered<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Claims;

        impl<'de> Visitor<'de> for Claims {
            type Value = Registered<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of claims")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut claims = Registered::default();
                while let Some(Text(text)) = map.next_key()? {
                    if claims.names.iter().any(|name| name.text == text) {
                        return Err(de::Error::custom("repeated claim"));
                    }
                    let mut present = true;
                    match &*text {
                        "iss" => claims.iss = Some(map.next_value::<Text<'_>>()?.0),
                        "sub" => claims.sub = Some(map.next_value::<Text<'_>>()?.0),
                        "aud" => claims.aud = map.next_value()?,
                        "scope" => claims.scope = map.next_value()?,
                        "exp" => claims.exp = Some(map.next_value()?),
                        "nbf" => claims.nbf = Some(map.next_value()?),
                        "iat" => claims.iat = Some(map.next_value()?),
                        _ => present = map.next_value::<Option<IgnoredAny>>()?.is_some(),
                    }
                    claims.names.push(Name { text, present });
                }
                Ok(claims)
            }
        }

        deserializer.deserialize_map(Claims)
    }
}

/// A string, borrowed if it can be. (`Cow` alone would always be owned.)
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// One string or an array of them, as `aud` may be (RFC 7519 §4.1.3).
#[derive(Debug, Default)]
pub(super) struct Strings<'a>(pub(super) Vec<Cow<'a, str>>);

impl<'de> Deserialize<'de> for Strings<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Strings<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Strings(vec![Cow::Borrowed(text)]))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Strings(vec![Cow::Owned(text.to_owned())]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut strings = Vec::new();
                while let Some(Text(text)) = seq.next_element()? {
                    strings.push(text);
                }
                Ok(Strings(strings))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}
