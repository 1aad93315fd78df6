//! The compact serialisation of RFC 7515 §7.1, taken apart.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use super::rejection::Fault;

/// A token in its three parts: decoded, not yet verified.
#[derive(Debug)]
pub(super) struct Compact<'a> {
    /// What the signature covers.
    pub(super) message: &'a str,
    pub(super) header: Vec<u8>,
    pub(super) payload: &'a str,
    pub(super) signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Splits and decodes: exactly three parts, none empty, base64url without padding and without stray bits.
    pub(super) fn parse(token: &'a str) -> Result<Self, Fault> {
        let (message, signature) = token.rsplit_once('.').ok_or(Fault::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(Fault::Malformed)?;
        if header.is_empty() || payload.is_empty() || signature.is_empty() || payload.contains('.') {
            return Err(Fault::Malformed);
        }
        Ok(Self { message, header: decode(header)?, payload, signature: decode(signature)? })
    }

    /// Decodes the claims; to be called once the signature has been verified.
    pub(super) fn claims(&self) -> Result<Vec<u8>, Fault> {
        decode(self.payload)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, Fault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Malformed)
}

/// The members of the JOSE header that count. `jku`, `jwk`, `x5u` and `x5c` are not among them: a token does not bring its own key.
#[derive(Debug, Deserialize)]
pub(super) struct Header<'a> {
    #[serde(borrow)]
    pub(super) alg: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) kid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    typ: Option<Cow<'a, str>>,
    #[serde(default)]
    crit: Presence,
}

impl<'a> Header<'a> {
    /// Reads the header and refuses what must be understood or what is no token for us.
    pub(super) fn parse(json: &'a [u8], types: Option<&[Box<str>]>) -> Result<Self, Fault> {
        let header: Self = serde_json::from_slice(json).map_err(|_| Fault::Malformed)?;
        if header.crit.0 {
            return Err(Fault::CriticalHeader);
        }
        let accepted = |types: &[Box<str>]| {
            header.typ.as_deref().is_some_and(|typ| types.iter().any(|accepted| same_type(typ, accepted)))
        };
        if types.is_some_and(|types| !accepted(types)) {
            return Err(Fault::TokenType);
        }
        Ok(header)
    }
}

/// Compares media types as RFC 7515 §4.1.9 asks: without regard to case, and `application/` may be left out.
fn same_type(left: &str, right: &str) -> bool {
    short_type(left).eq_ignore_ascii_case(short_type(right))
}

fn short_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.get(..PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) && !typ[PREFIX.len()..].contains('/') => {
            &typ[PREFIX.len()..]
        }
        _ => typ,
    }
}

/// Whether a member is there at all, even as `null`.
#[derive(Debug, Default)]
struct Presence(bool);

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_compared_as_media_types() {
        for (typ, same) in [
            ("at+jwt", true),
            ("AT+JWT", true),
            ("application/at+jwt", true),
            ("Application/AT+jwt", true),
            ("JWT", false),
            ("text/at+jwt", false),
            ("application/x/at+jwt", false),
            ("applicatiön/at+jwt", false),
            ("", false),
        ] {
            assert_eq!(same_type(typ, "at+jwt"), same, "{typ}");
        }
    }

    #[test]
    fn only_three_full_parts_are_a_token() {
        for token in [
            "",
            ".",
            "..",
            "...",
            "e30",
            "e30.e30",
            "e30.e30.",
            ".e30.e30",
            "e30..e30",
            "e30.e30.e30.e30",
            "e30.e30.e3=",
        ] {
            assert_eq!(Compact::parse(token).err(), Some(Fault::Malformed), "{token}");
        }
        assert!(Compact::parse("e30.e30.e30").is_ok());
    }
}
