//! E-mail addresses: the address that mail is sent to, and the key under which its owner is found.
//!
//! Two addresses that people, fonts or a careless `to_lowercase` would take for one share a key, so that nobody can
//! register the twin of somebody's address. Mail always goes to the address as it was given, never to a key.

use std::fmt;

use caseless::Caseless;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use portcullis_layers::sanitize::{InputSanitizer, SanitizationResult};
use unicode_normalization::UnicodeNormalization;

const COMBINING_DOT_ABOVE: char = '\u{307}';

/// A valid e-mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    given: String,
    key: String,
}

/// Why a text is no address that we can write to. `Display` is the text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmailFault {
    /// Nothing but white space.
    #[error("is required")]
    Required,
    /// The address has more than 254 bytes, or the part before the `@` more than 64 (RFC 5321 §4.5.3.1).
    #[error("is too long for an e-mail address")]
    TooLong,
    /// There is no `@`.
    #[error("must have the form name@example.org")]
    MissingAt,
    /// What stands before the `@` is empty, quoted, or holds a character or a dot where none may be.
    #[error("has a part before the @ that is not valid")]
    InvalidLocalPart,
    /// What stands behind the `@` is no domain name of at least two labels.
    #[error("has a part behind the @ that is no domain name")]
    InvalidDomain,
}

impl EmailFault {
    /// The stable code for clients.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::TooLong => "too_long",
            Self::MissingAt => "missing_at",
            Self::InvalidLocalPart => "invalid_local_part",
            Self::InvalidDomain => "invalid_domain",
        }
    }

    /// Why the sanitiser refuses a text.
    fn of(refused: &SanitizationResult<'_>) -> Self {
        let has = |code| refused.errors.iter().any(|error| error.code == code);
        match () {
            () if has("required") => Self::Required,
            () if has("too_long") => Self::TooLong,
            () if has("missing_at") => Self::MissingAt,
            () if has("invalid_domain") => Self::InvalidDomain,
            () => Self::InvalidLocalPart,
        }
    }
}

impl Email {
    /// Reads an address as [`InputSanitizer::sanitize_email`] does: ASCII white space around it is dropped, internationalised addresses
    /// (RFC 6531) are accepted; quoted local parts, comments and IP literals are not.
    ///
    /// # Errors
    /// The first fault found.
    pub fn parse(input: &str) -> Result<Self, EmailFault> {
        let result = InputSanitizer::new().sanitize_email(input);
        if !result.accepted {
            return Err(EmailFault::of(&result));
        }
        let given = result.value.into_owned();
        let (local, domain) = given.rsplit_once('@').ok_or(EmailFault::MissingAt)?;
        let ascii = Uts46::new()
            .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
            .map_err(|_| EmailFault::InvalidDomain)?;
        let key = format!("{}@{ascii}", fold(local));
        Ok(Self { given, key })
    }

    /// The address to write to and to show: the local part as given (in NFC), the domain in lower case.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.given
    }

    /// The key for look-ups, uniqueness and limits: compatibility-normalised and case-folded, the domain in its ASCII
    /// form (RFC 5891). Not an address: mail sent to it may reach somebody else.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What stands before the `@`, as given.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.given.rsplit_once('@').map_or(&self.given, |(local, _)| local)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

/// Unicode's compatibility caseless form (Unicode Standard §3.13, D146), and beyond it the two letters that Turkish
/// casing maps to and from a plain i: dotless ı, and the i whose dot is a mark of its own, left over from İ.
fn fold(local: &str) -> String {
    let caseless = local.nfd().default_case_fold().nfkd().default_case_fold().nfkd();
    let mut folded = String::with_capacity(local.len());
    for c in caseless {
        match c {
            'ı' => folded.push('i'),
            COMBINING_DOT_ABOVE if folded.ends_with('i') => {}
            _ => folded.push(c),
        }
    }
    folded.nfc().collect()
}

#[cfg(test)]
mod tests;
