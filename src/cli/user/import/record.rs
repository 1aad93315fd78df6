//! One line of an import: an account that is to be taken over.

use std::fmt;

use jiff::Timestamp;
use secrecy::SecretString;
use uuid::Uuid;

use crate::auth::email::Email;
use crate::auth::hash::{MAX_PASSWORD_BYTES, Stored};
use crate::auth::name::parse_name;
use crate::body::Form;
use crate::error::ApiError;

/// An account whose every field is acceptable.
#[derive(Debug)]
pub(super) struct Record {
    /// Number of its line, from 1.
    pub(super) line: u64,
    pub(super) id: Option<Uuid>,
    pub(super) email: Email,
    pub(super) secret: Secret,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) is_email_verified: bool,
    pub(super) is_active: bool,
    pub(super) created_at: Option<Timestamp>,
}

/// What its owner proves themselves with. `Debug` hides it.
pub(super) enum Secret {
    /// A hash of an accepted format, whose cost is within bounds.
    Hash(String),
    /// The password itself, which is hashed on arrival. It was somebody's password before, so no policy judges it now.
    Password(SecretString),
    /// Nothing: the owner sets a password by a reset.
    None,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hash(_) => "Hash(…)",
            Self::Password(_) => "Password(…)",
            Self::None => "None",
        })
    }
}

impl Record {
    /// Reads a line. The fault never shows a value: it may be a password.
    pub(super) fn parse(line: u64, text: &[u8], now: Timestamp) -> Result<Self, String> {
        let mut form = Form::parse(text).map_err(|error| words(&error))?;
        let id = form.optional("id");
        let id = field(&mut form, "id", id, |text| Uuid::try_parse(text).map_err(|_| "is no UUID".to_owned()));
        let email = form.required("email");
        let email = field(&mut form, "email", email, |text| Email::parse(text).map_err(|fault| fault.to_string()));
        let first_name = form.required("first_name");
        let first_name = field(&mut form, "first_name", first_name, name);
        let last_name = form.required("last_name");
        let last_name = field(&mut form, "last_name", last_name, name);
        let secret = secret(&mut form);
        let is_email_verified = form.flag("is_email_verified");
        let is_active = form.optional_flag("is_active").unwrap_or(true);
        let created_at = form.optional("created_at");
        let created_at = field(&mut form, "created_at", created_at, |text| moment(text, now));
        form.finish().map_err(|error| words(&error))?;
        match (email, first_name, last_name, secret) {
            (Some(email), Some(first_name), Some(last_name), Some(secret)) => {
                Ok(Self { line, id, email, secret, first_name, last_name, is_email_verified, is_active, created_at })
            }
            // Each of them noted a fault when it was missing, so `finish` has refused already.
            _ => Err("is incomplete".to_owned()),
        }
    }
}

fn field<T>(
    form: &mut Form,
    name: &'static str,
    text: Option<String>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    read(&text?).map_err(|fault| form.fault(name, "invalid", fault)).ok()
}

fn name(text: &str) -> Result<String, String> {
    parse_name(text).map_err(|fault| fault.to_string())
}

/// `None` when a fault was noted.
fn secret(form: &mut Form) -> Option<Secret> {
    match (form.optional("password_hash"), form.optional("password")) {
        (Some(_), Some(_)) => {
            form.fault("password", "invalid", "stands beside password_hash: give one of them");
            None
        }
        (Some(hash), None) => match Stored::parse(&hash) {
            Ok(_) => Some(Secret::Hash(hash)),
            Err(fault) => {
                form.fault("password_hash", "invalid", format!("is not accepted: {fault}"));
                None
            }
        },
        (None, Some(password)) if password.is_empty() || password.len() > MAX_PASSWORD_BYTES => {
            form.fault("password", "invalid", format!("must have 1 to {MAX_PASSWORD_BYTES} bytes"));
            None
        }
        (None, Some(password)) => Some(Secret::Password(password.into())),
        (None, None) => Some(Secret::None),
    }
}

/// To the microsecond, as the database keeps it.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let time: Timestamp = text.parse().map_err(|_| "is no time such as 2024-05-17T09:30:00Z".to_owned())?;
    if time > now {
        return Err("lies in the future".to_owned());
    }
    if time < Timestamp::UNIX_EPOCH {
        return Err("lies before 1970".to_owned());
    }
    Timestamp::from_microsecond(time.as_microsecond()).map_err(|_| "is out of range".to_owned())
}

/// A refusal of the form in words: every field that is wrong.
fn words(error: &ApiError) -> String {
    match error {
        ApiError::Validation(faults) | ApiError::UnknownField(faults) => {
            let faults: Vec<_> = faults.iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect();
            faults.join("; ")
        }
        other => other.row().2.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-06-15T12:00:00Z";
    const HASH: &str = "$2y$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm";

    fn parse(text: &str) -> Result<Record, String> {
        Record::parse(7, text.as_bytes(), NOW.parse().unwrap())
    }

    /// A good line with one member more.
    fn with(member: &str) -> String {
        format!(r#"{{"email":"ada@example.com","first_name":"Ada","last_name":"Lovelace"{member}}}"#)
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let record = parse(&with("")).unwrap();
        assert_eq!((record.line, record.id, record.created_at), (7, None, None));
        assert!(record.is_active && !record.is_email_verified && matches!(record.secret, Secret::None));
        let full = with(&format!(
            r#","password_hash":"{HASH}","is_email_verified":true,"is_active":false,
               "created_at":"2020-02-29T23:59:59.1234567+02:00","id":"0199e0c4-11aa-7f0e-8d32-5b7c9e1fa604""#
        ));
        let record = parse(&full).unwrap();
        assert_eq!(record.created_at.unwrap().to_string(), "2020-02-29T21:59:59.123456Z");
        assert!(!record.is_active && record.is_email_verified && record.id.is_some());
        assert!(matches!(record.secret, Secret::Hash(hash) if hash == HASH));
    }

    #[test]
    fn every_fault_of_a_line_is_told_and_no_value() {
        for (text, complaint) in [
            ("hunter2", "not valid JSON"),
            ("[]", "not valid JSON"),
            ("{}", "email is required; first_name is required; last_name is required"),
            (&with(r#","role":"admin""#), "role is not a field"),
            (&with(r#","is_active":"yes""#), "is_active must be true or false"),
            (&with(r#","id":"7""#), "id is no UUID"),
            (&with(r#","created_at":"yesterday""#), "created_at is no time"),
            (&with(r#","created_at":"2030-01-01T00:00:00Z""#), "created_at lies in the future"),
            (&with(r#","password":12345678"#), "password must be a string"),
            (&with(r#","password":"""#), "password must have"),
            (&with(&format!(r#","password":"hunter2","password_hash":"{HASH}""#)), "give one of them"),
            (&with(r#","password_hash":"hunter2""#), "password_hash is not accepted: the password hash is in no"),
            (&with(r#","password_hash":"$2b$31$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm""#), "costs more"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(complaint), "{text}: {refused}");
            for secret in ["hunter2", "12345678", "Kz1Yv9c0"] {
                assert!(!refused.contains(secret), "{text}: {refused}");
            }
        }
    }
}
