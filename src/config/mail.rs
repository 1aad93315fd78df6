//! `SMTP_*` and `EMAIL_FROM`.

use std::net::IpAddr;

use lettre::Address;
use lettre::message::Mailbox;
use secrecy::SecretString;

use super::Environment;
use super::reader::Reader;

/// The port of message submission (RFC 6409 §3.1).
const SUBMISSION: u16 = 587;
/// The port of message submission over TLS from the first byte on (RFC 8314 §3.3).
const SUBMISSIONS: u16 = 465;

const EXAMPLE: &str = "Example <accounts@example.com>";

/// How mail leaves.
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// `EMAIL_FROM`, the sender, with a name or without.
    pub from: Mailbox,
    /// The server that takes mails; `None` writes them as files.
    pub smtp: Option<SmtpConfig>,
}

/// The server that takes mails.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// `SMTP_HOST`, to whose name its certificate is held.
    pub host: String,
    /// `SMTP_PORT`.
    pub port: u16,
    /// `SMTP_TLS`, or what follows from the port and the host.
    pub encryption: Encryption,
    /// `SMTP_USERNAME` and `SMTP_PASSWORD`.
    pub credentials: Option<(String, SecretString)>,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte on (RFC 8314 §3).
    Implicit,
    /// STARTTLS before anything else is said, or nothing is said at all (RFC 3207).
    StartTls,
    /// STARTTLS if the server offers it: to a server on this machine.
    StartTlsIfOffered,
    /// Never TLS.
    None,
}

/// `SMTP_TLS` as it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Auto,
    Given(Encryption),
}

impl SmtpConfig {
    /// Whether the server is on this machine, so that nobody can listen on the way.
    #[must_use]
    pub fn is_on_this_machine(&self) -> bool {
        is_loopback(&self.host)
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(super) fn read(reader: &mut Reader<'_>, environment: Environment) -> MailConfig {
    let from = reader.parse::<Mailbox>("EMAIL_FROM", EXAMPLE);
    let host = reader.text("SMTP_HOST");
    let choices = [
        ("auto", Choice::Auto),
        ("starttls", Choice::Given(Encryption::StartTls)),
        ("implicit", Choice::Given(Encryption::Implicit)),
        ("none", Choice::Given(Encryption::None)),
    ];
    let choice = reader.choice("SMTP_TLS", &choices, Choice::Auto);
    let usual = if choice == Choice::Given(Encryption::Implicit) { SUBMISSIONS } else { SUBMISSION };
    let port = reader.number("SMTP_PORT", usual, 1..=u16::MAX);
    let credentials = credentials(reader);
    let smtp = host.map(|host| {
        let encryption = match choice {
            Choice::Given(encryption) => encryption,
            Choice::Auto if port == SUBMISSIONS => Encryption::Implicit,
            Choice::Auto if is_loopback(&host) => Encryption::StartTlsIfOffered,
            Choice::Auto => Encryption::StartTls,
        };
        SmtpConfig { host, port, encryption, credentials }
    });
    if let Some(smtp) = &smtp {
        check(reader, smtp, environment);
        if reader.text("EMAIL_FROM").is_none() {
            reader.fault("EMAIL_FROM", format!("required with SMTP_HOST, such as {EXAMPLE}"));
        }
    }
    MailConfig { from: from.unwrap_or_else(nobody), smtp }
}

/// The sender of mails that become files.
fn nobody() -> Mailbox {
    Mailbox::new(Some("Portcullis".to_owned()), Address::new_dangerous("portcullis", "localhost"))
}

fn credentials(reader: &mut Reader<'_>) -> Option<(String, SecretString)> {
    let username = reader.text("SMTP_USERNAME");
    let password = reader.secret("SMTP_PASSWORD");
    if username.is_some() != password.is_some() {
        reader.fault("SMTP_USERNAME", "SMTP_USERNAME and SMTP_PASSWORD belong together");
    }
    Some((username?, password?))
}

/// Links that open accounts, and a password, must not pass a network in the clear.
fn check(reader: &mut Reader<'_>, smtp: &SmtpConfig, environment: Environment) {
    if smtp.encryption != Encryption::None || smtp.is_on_this_machine() {
        return;
    }
    if environment == Environment::Production {
        reader.fault("SMTP_TLS", "none is refused in production, unless SMTP_HOST is this machine: use starttls");
    } else if smtp.credentials.is_some() {
        reader.fault("SMTP_TLS", "none would send SMTP_PASSWORD in the clear, unless SMTP_HOST is this machine");
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::config::{Config, ConfigError};

    fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let find = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Config::load(&find)
    }

    fn smtp(pairs: &[(&str, &str)]) -> SmtpConfig {
        let from = [("EMAIL_FROM", "Example <accounts@example.com>")];
        load(&[pairs, &from].concat()).unwrap().mail.smtp.unwrap()
    }

    #[test]
    fn encryption_follows_from_port_and_host_unless_it_is_chosen() {
        let [host, local] = ["smtp.example.com", "localhost"].map(|host| ("SMTP_HOST", host));
        for (pairs, port, encryption) in [
            (vec![host], 587, Encryption::StartTls),
            (vec![host, ("SMTP_PORT", "25")], 25, Encryption::StartTls),
            (vec![host, ("SMTP_PORT", "465")], 465, Encryption::Implicit),
            (vec![host, ("SMTP_TLS", "implicit")], 465, Encryption::Implicit),
            (vec![host, ("SMTP_TLS", "implicit"), ("SMTP_PORT", "2465")], 2465, Encryption::Implicit),
            (vec![host, ("SMTP_TLS", "none")], 587, Encryption::None),
            (vec![local], 587, Encryption::StartTlsIfOffered),
            (vec![local, ("SMTP_TLS", "starttls")], 587, Encryption::StartTls),
            (vec![("SMTP_HOST", "::1")], 587, Encryption::StartTlsIfOffered),
            (vec![("SMTP_HOST", "127.9.9.9"), ("SMTP_PORT", "465")], 465, Encryption::Implicit),
        ] {
            let found = smtp(&pairs);
            assert_eq!((found.port, found.encryption), (port, encryption), "{pairs:?}");
        }
        for foreign in ["10.0.0.1", "localhost.example.com", "smtp"] {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }

    #[test]
    fn links_and_passwords_never_leave_the_machine_in_the_clear() {
        let remote = [("SMTP_HOST", "smtp.example.com"), ("SMTP_TLS", "none"), ("EMAIL_FROM", "a@example.com")];
        let log_in = [("SMTP_USERNAME", "portcullis"), ("SMTP_PASSWORD", "swordfish")];
        let local = [("SMTP_HOST", "127.0.0.1"), ("SMTP_TLS", "none"), ("EMAIL_FROM", "a@example.com")];
        let production = [("ENVIRONMENT", "production")];
        let refused = |pairs: &[(&str, &str)]| {
            load(pairs).is_err_and(|error| error.0.iter().any(|fault| fault.variable == "SMTP_TLS"))
        };
        assert!(!refused(&remote) && refused(&[remote.as_slice(), &log_in].concat()));
        assert!(refused(&[remote.as_slice(), &production].concat()));
        assert!(!refused(&[local.as_slice(), &log_in, &production].concat()));
    }

    #[test]
    fn a_sender_and_both_halves_of_a_log_in_are_demanded() {
        let faults = |pairs: &[(&str, &str)]| -> Vec<String> {
            load(pairs).unwrap_err().0.into_iter().map(|fault| fault.variable).collect()
        };
        let host = ("SMTP_HOST", "smtp.example.com");
        assert_eq!(faults(&[host]), ["EMAIL_FROM"]);
        assert_eq!(faults(&[host, ("EMAIL_FROM", "nobody")]), ["EMAIL_FROM"]);
        assert_eq!(faults(&[("EMAIL_FROM", "a@example.com"), ("SMTP_USERNAME", "u")]), ["SMTP_USERNAME"]);
        assert_eq!(faults(&[("SMTP_TLS", "sometimes")]), ["SMTP_TLS"]);
        let whole = smtp(&[host, ("SMTP_USERNAME", "u"), ("SMTP_PASSWORD", "swordfish")]);
        assert!(
            whole
                .credentials
                .is_some_and(|(user, password)| (user.as_str(), password.expose_secret()) == ("u", "swordfish"))
        );
        assert!(
            !format!("{:?}", load(&[("SMTP_PASSWORD", "swordfish"), ("SMTP_USERNAME", "u")])).contains("swordfish")
        );
    }

    #[test]
    fn without_a_server_there_is_a_sender_for_files() {
        assert_eq!(load(&[]).unwrap().mail.from.to_string(), "Portcullis <portcullis@localhost>");
        let named = load(&[("EMAIL_FROM", "Example <a@example.com>")]).unwrap().mail;
        assert!(named.from.to_string() == "Example <a@example.com>" && named.smtp.is_none());
    }
}
