//! What requests and the worker share.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use lettre::message::Mailbox;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::letter::{WordingError, Writer};
use super::transport::{Failure, Transport, TransportError};
use crate::clock::Clock;
use crate::config::Config;

/// Mail as the service uses it.
#[derive(Debug)]
pub struct Mailer {
    bell: Notify,
    pub(super) writer: Writer,
    pub(super) transport: Transport,
    pub(super) from: Mailbox,
    /// What links begin with.
    pub(super) base: String,
    health: Option<Mutex<Health>>,
}

/// What the last look at the mail server showed.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    /// Whether it takes mails.
    pub is_reachable: bool,
    /// How long its answer took.
    pub response_time: Duration,
    /// When that was.
    pub last_checked: Timestamp,
}

/// Why mail cannot be prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailerError {
    /// The texts of mails are wrong.
    #[error(transparent)]
    Wording(#[from] WordingError),
    /// The way out cannot be prepared.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

impl Mailer {
    /// Prepares the texts and the way out; nothing is sent before the worker runs. Until it has looked, the mail server is believed in.
    ///
    /// # Errors
    /// When the texts are wrong, or TLS cannot be prepared.
    pub fn new(config: &Config, now: Timestamp) -> Result<Self, MailerError> {
        let health = Health { is_reachable: true, response_time: Duration::ZERO, last_checked: now };
        Ok(Self {
            bell: Notify::new(),
            writer: Writer::new(&service(config))?,
            transport: Transport::new(config)?,
            from: config.mail.from.clone(),
            base: base(config),
            health: config.mail.smtp.as_ref().map(|_| Mutex::new(health)),
        })
    }

    /// Says that mail is waiting, so that it leaves at once and not at the next look. Call it after the commit.
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    /// Waits for a ring; one that came before is not missed.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// What the last look at the mail server showed; `None` without one.
    #[must_use]
    pub fn health(&self) -> Option<Health> {
        self.health.as_ref().map(|health| *health.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Whether the mail server lets us in; `None` without one.
    ///
    /// # Errors
    /// The class of the failure, in few words.
    pub async fn check(&self) -> Option<Result<(), String>> {
        let checked = self.transport.check().await?;
        self.transport.release(true).await;
        Some(checked.map_err(|failure| failure.class().to_owned()))
    }

    /// Asks the mail server, and remembers what it said.
    pub(super) async fn look(&self, clock: &dyn Clock) {
        let begun = Instant::now();
        let Some(checked) = self.transport.check().await else { return };
        if let Err(failure) = &checked {
            tracing::warn!(class = failure.class(), "the mail server is out of reach");
        }
        self.note(checked.as_ref().copied(), begun.elapsed(), clock.now());
    }

    /// Learns from an attempt: a server that refuses one mail is still there for the next.
    pub(super) fn note(&self, outcome: Result<(), &Failure>, response_time: Duration, now: Timestamp) {
        let Some(health) = &self.health else { return };
        let is_reachable = !matches!(outcome, Err(Failure::Unreachable(_)));
        let seen = Health { is_reachable, response_time, last_checked: now };
        *health.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = seen;
    }
}

/// What the service is called in mails: the name in `EMAIL_FROM`, else the host of `PUBLIC_URL`.
fn service(config: &Config) -> String {
    let host = || config.public_url.as_deref()?.parse::<http::Uri>().ok()?.host().map(str::to_owned);
    let named = config.mail.from.name.clone().filter(|name| !name.trim().is_empty());
    named.or_else(host).unwrap_or_else(|| config.mail.from.email.domain().to_owned())
}

/// Where links lead. Never taken from a request, whose `Host` is whatever its sender likes.
fn base(config: &Config) -> String {
    config.public_url.clone().unwrap_or_else(|| {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", std::net::SocketAddr::new(config.host, config.port))
    })
}
