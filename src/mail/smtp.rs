//! A mail server, and the connections to it.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::message::Parcel;
use super::transport::{Failure, TransportError};
use crate::config::{Encryption, SmtpConfig};

/// The longest that one message may take, connecting included.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);
/// The longest wait for the TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that nobody has needed for so long is closed: servers do the same, and less politely.
const IDLE: Duration = Duration::from_secs(20);
/// The longest that a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// What servers offer everywhere; PLAIN first, since it takes one round trip.
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];

/// A mail server.
///
/// It keeps its own few connections instead of using lettre's pool, which takes a connection back when its user gave up in the middle of a
/// command: the next message would then be written into the half-sent one, or believe the reply to it.
pub(super) struct Smtp {
    config: SmtpConfig,
    tls: TlsParameters,
    hello: ClientId,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Smtp {
    /// Prepares TLS with the root certificates of the machine; connects on first use.
    pub(super) fn new(config: &SmtpConfig, public_url: Option<&str>) -> Result<Self, TransportError> {
        let hello = public_url.and_then(|url| url.parse::<http::Uri>().ok()).and_then(|uri| uri.host().map(client_id));
        Ok(Self {
            tls: TlsParameters::new_rustls(config.host.clone())?,
            hello: hello.unwrap_or_default(),
            config: config.clone(),
            idle: Mutex::default(),
        })
    }

    /// Hands a message over.
    pub(super) async fn send(&self, parcel: &Parcel) -> Result<(), Failure> {
        // A connection that is given up on the way, here or by an error, is dropped and never used again.
        within_deadline(async {
            let mut connection = self.connection().await?;
            connection.send(&parcel.envelope, &parcel.bytes).await.map_err(|error| refusal(&error))?;
            self.idle.lock().await.push((connection, Instant::now()));
            Ok(())
        })
        .await
    }

    /// Whether the server lets us in.
    pub(super) async fn check(&self) -> Result<(), Failure> {
        within_deadline(async {
            let connection = self.connection().await?;
            self.idle.lock().await.push((connection, Instant::now()));
            Ok(())
        })
        .await
    }

    /// Says goodbye on connections that have been idle, or on all of them.
    pub(super) async fn release(&self, all: bool) {
        let mut idle = self.idle.lock().await;
        let (leaving, staying) = idle.drain(..).partition(|(_, since)| all || since.elapsed() >= IDLE);
        *idle = staying;
        drop(idle);
        let leaving: Vec<(AsyncSmtpConnection, Instant)> = leaving;
        for (mut connection, _) in leaving {
            // Nothing is lost with a goodbye that nobody answers.
            drop(tokio::time::timeout(GOODBYE, connection.quit()).await);
        }
    }

    /// A connection on which the next command may be sent.
    async fn connection(&self) -> Result<AsyncSmtpConnection, Failure> {
        loop {
            let Some((mut connection, since)) = self.idle.lock().await.pop() else { return self.connect().await };
            if since.elapsed() < IDLE && connection.test_connected().await {
                return Ok(connection);
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let address = (self.config.host.trim_start_matches('[').trim_end_matches(']'), self.config.port);
        let implicit = (self.config.encryption == Encryption::Implicit).then(|| self.tls.clone());
        let connected =
            AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT_TIMEOUT), &self.hello, implicit, None).await;
        let mut connection = connected.map_err(|error| unreachable("connect", &error))?;
        if self.wants_starttls(&connection)? {
            let upgraded = connection.starttls(self.tls.clone(), &self.hello).await;
            upgraded.map_err(|error| unreachable("starttls", &error))?;
        }
        if let Some((username, password)) = &self.config.credentials {
            // Whoever listens must not learn the password.
            if !connection.is_encrypted() && !self.config.is_on_this_machine() {
                return Err(Failure::Unreachable("log-in: not encrypted".to_owned()));
            }
            let credentials = Credentials::new(username.clone(), password.expose_secret().to_owned());
            let let_in = connection.auth(&MECHANISMS, &credentials).await;
            let_in.map_err(|error| unreachable("log-in", &error))?;
        }
        Ok(connection)
    }

    fn wants_starttls(&self, connection: &AsyncSmtpConnection) -> Result<bool, Failure> {
        match self.config.encryption {
            Encryption::Implicit | Encryption::None => Ok(false),
            Encryption::StartTlsIfOffered => Ok(connection.can_starttls()),
            Encryption::StartTls if connection.can_starttls() => Ok(true),
            Encryption::StartTls => Err(Failure::Unreachable("starttls: not offered".to_owned())),
        }
    }
}

async fn within_deadline(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    // On the heap: the state of a TLS handshake is large.
    match tokio::time::timeout(DEADLINE, Box::pin(work)).await {
        Ok(result) => result,
        Err(_) => Err(Failure::Unreachable("timeout".to_owned())),
    }
}

/// Names us to the server (RFC 5321 §4.1.4).
fn client_id(host: &str) -> ClientId {
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
        Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
        Err(_) => ClientId::Domain(host.to_owned()),
    }
}

/// A failure before anything was said about a message: even a final "no" to our log-in may be mended by the operator.
fn unreachable(phase: &str, error: &Error) -> Failure {
    Failure::Unreachable(format!("{phase}: {}", class(error)))
}

/// A failure while a message was handed over.
fn refusal(error: &Error) -> Failure {
    let class = class(error);
    // 530: it wants a log-in or TLS first (RFC 4954 §6), whatever the message.
    if error.status().is_some_and(|code| code.to_string() == "530") {
        Failure::Unreachable(class)
    } else if error.is_permanent() || error.is_client() {
        Failure::Refused(class)
    } else if error.is_transient() {
        Failure::Deferred(class)
    } else {
        Failure::Unreachable(class)
    }
}

/// What kind of failure it is: the codes of a reply, and never its text.
fn class(error: &Error) -> String {
    if let Some(code) = error.status() {
        let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        return match enhanced_code(&text) {
            Some(enhanced) => format!("reply {code} {enhanced}"),
            None => format!("reply {code}"),
        };
    }
    let class = if error.is_timeout() {
        "timeout"
    } else if let Some(error) = tls_error(error) {
        match error {
            rustls::Error::InvalidCertificate(_) => "tls: the certificate is not trusted",
            _ => "tls",
        }
    } else if error.is_client() {
        "not supported by the server"
    } else if error.is_response() {
        "connection lost"
    } else {
        "connection"
    };
    class.to_owned()
}

/// The failure of TLS behind an error, which may have been taken for one of the connection.
fn tls_error(error: &Error) -> Option<&rustls::Error> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = error.downcast_ref().or_else(|| inner?.downcast_ref()) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// The enhanced status code at the beginning of a reply (RFC 3463 §2), such as `5.1.1`.
fn enhanced_code(text: &str) -> Option<&str> {
    let code = text.split_whitespace().next()?;
    let mut parts = code.split('.');
    let good = |part: Option<&str>, most: usize| {
        part.is_some_and(|part| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    (good(parts.next(), 1) && good(parts.next(), 3) && good(parts.next(), 3) && parts.next().is_none()).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::enhanced_code;

    #[test]
    fn an_enhanced_code_is_taken_from_a_reply_and_nothing_else_is() {
        assert_eq!(enhanced_code("5.1.1 <ada@example.com> unknown"), Some("5.1.1"));
        assert_eq!(enhanced_code("4.7.650 slow down"), Some("4.7.650"));
        for text in ["", "no such user", "https://example.com", "5.1", "5.1.1.1 x", "5.1.x", "55.1.1", "5.1.1234"] {
            assert_eq!(enhanced_code(text), None, "{text}");
        }
    }
}
