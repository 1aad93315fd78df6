//! E-mail addresses: the address that mail is sent to, and the key under which its owner is found.
//!
//! Two addresses that people, fonts or a careless `to_lowercase` would take for one share a key, so that nobody can
//! register the twin of somebody's address. Mail always goes to the address as it was given, never to a key.

use std::borrow::Cow;
use std::fmt;

use caseless::Caseless;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_public_assigned;

/// Longest address in bytes: what a forward path of 256 leaves between its brackets (RFC 5321 §4.5.3.1.3).
pub const MAX_BYTES: usize = 254;

/// Longest part before the `@` in bytes (RFC 5321 §4.5.3.1.1).
pub const MAX_LOCAL_BYTES: usize = 64;

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
    /// The address has more than [`MAX_BYTES`], or the part before the `@` more than [`MAX_LOCAL_BYTES`].
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
}

impl Email {
    /// Reads an address. ASCII white space around it is dropped: it comes with copying and pasting. Internationalised
    /// addresses (RFC 6531) are accepted; quoted local parts, comments and IP literals are not.
    ///
    /// # Errors
    /// The first fault found.
    pub fn parse(input: &str) -> Result<Self, EmailFault> {
        let input = input.trim_matches(|c: char| c.is_ascii_whitespace());
        if input.is_empty() {
            return Err(EmailFault::Required);
        }
        // Normalising shortens a text by far less than this factor.
        if input.len() > 4 * MAX_BYTES {
            return Err(EmailFault::TooLong);
        }
        let (local, domain) = input.rsplit_once('@').ok_or(EmailFault::MissingAt)?;
        let local: String = local.nfc().collect();
        let folded = fold(&local);
        if !is_local_part(&local) || !is_local_part(&folded) {
            return Err(EmailFault::InvalidLocalPart);
        }
        let ascii = ascii_domain(domain)?;
        if local.len() > MAX_LOCAL_BYTES || local.len() + 1 + ascii.len() > MAX_BYTES {
            return Err(EmailFault::TooLong);
        }
        let shown = if domain.is_ascii() { Cow::Borrowed(&*ascii) } else { unicode_domain(&ascii) };
        Ok(Self { given: format!("{local}@{shown}"), key: format!("{folded}@{ascii}") })
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

/// A dot-atom (RFC 5322 §3.2.3) with the characters beyond ASCII of RFC 6531 §3.3.
fn is_local_part(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character))
}

fn is_atom_character(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
    } else {
        is_public_assigned(c) && !c.is_control() && !c.is_whitespace() && !is_invisible(c)
    }
}

/// Characters that may show nothing at all (`Default_Ignorable_Code_Point` of the Unicode Character Database, and the
/// annotation marks): two addresses that differ in them only cannot be told apart.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The domain in lower-case ASCII (UTS #46, STD3 rules), with at least two labels and no IPv4 address in disguise.
fn ascii_domain(domain: &str) -> Result<Cow<'_, str>, EmailFault> {
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map_err(|_| EmailFault::InvalidDomain)?;
    match ascii.rsplit_once('.') {
        Some((_, top)) if !top.bytes().all(|byte| byte.is_ascii_digit()) => Ok(ascii),
        _ => Err(EmailFault::InvalidDomain),
    }
}

fn unicode_domain(ascii: &str) -> Cow<'_, str> {
    Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast).0
}

#[cfg(test)]
mod tests;
