//! The outbox.
//!
//! Whoever has a reason to write to somebody adds a [`NewJob`] in the transaction of that reason and [rings](Mailer::ring) when it is
//! committed. The worker of some instance looks the reader up, renders the mail and sends it, again and again until it is accepted or
//! given up.

pub(crate) mod accept_language;
mod delivery;
mod files;
mod language;
mod letter;
mod link;
mod mailer;
mod message;
mod prepare;
mod schedule;
mod smtp;
mod token;
mod transport;
mod worker;

use std::net::IpAddr;

use jiff::Timestamp;
use uuid::Uuid;

use crate::db::{GenericClient, mail_jobs};
use crate::error::ApiError;
use crate::random::Random;
use crate::state::App;

pub use letter::WordingError;
pub use link::Link;
pub use mailer::{Health, Mailer, MailerError};
pub use transport::TransportError;
pub(crate) use worker::run as work;

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Welcome, and the link that proves the address of a new account.
    Verify,
    /// A sign-up that becomes an account by its link; or, if the address has one, a word to its owner that somebody tried.
    SignUp,
    /// The link that sets a new password.
    Reset,
    /// The password was changed or reset.
    PasswordChanged,
    /// To a new address: the link that confirms it. If it belongs to somebody else, a word to that owner.
    EmailChange,
    /// To the old address: what is asked for, and the link that takes it back.
    EmailChangeNotice,
    /// A log-in from a device not seen before, with the link that ends its session.
    NewDevice,
    /// Too many wrong passwords: the account is under attack.
    AccountLocked,
    /// The account was deleted, and until when its data is kept.
    AccountDeleted,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Verify,
        Self::SignUp,
        Self::Reset,
        Self::PasswordChanged,
        Self::EmailChange,
        Self::EmailChangeNotice,
        Self::NewDevice,
        Self::AccountLocked,
        Self::AccountDeleted,
    ];

    /// The name in the table, in metrics and in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::SignUp => "sign_up",
            Self::Reset => "reset",
            Self::PasswordChanged => "password_changed",
            Self::EmailChange => "email_change",
            Self::EmailChangeNotice => "email_change_notice",
            Self::NewDevice => "new_device",
            Self::AccountLocked => "account_locked",
            Self::AccountDeleted => "account_deleted",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// To whom a mail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient<'a> {
    /// An account.
    User(Uuid),
    /// Whoever has the address with this key, if anybody does: the worker looks, not the request.
    EmailKey(&'a str),
}

/// A mail to be sent.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    /// What it is about.
    pub kind: Kind,
    /// To whom.
    pub recipient: Recipient<'a>,
    /// The pending registration, e-mail change or session that it is about.
    pub subject_id: Option<Uuid>,
    /// The `Accept-Language` header of its cause, from which the language is picked.
    pub accept_language: Option<&'a str>,
    /// Whence its cause came.
    pub ip_address: Option<IpAddr>,
    /// From which device, in words.
    pub device_info: &'a str,
}

impl NewJob<'_> {
    /// Adds the row, in the transaction of the caller, who rings [`App::mail`] after the commit. Tells the id of the job.
    ///
    /// # Errors
    /// When the database does not answer; the caller must not acknowledge then.
    pub async fn enqueue(&self, app: &App, client: &impl GenericClient) -> Result<Uuid, ApiError> {
        let language = app.mail.writer.languages.choose(self.accept_language);
        self.insert(language, app.clock.now(), &*app.random, client).await
    }

    /// As [`enqueue`](Self::enqueue), for an operator's command, which has no [`App`] and nobody's language: the mail is in English, and the
    /// workers find it at their next look.
    ///
    /// # Errors
    /// When the database does not answer; the caller must not go on then.
    pub async fn enqueue_at(
        &self,
        now: Timestamp,
        random: &dyn Random,
        client: &impl GenericClient,
    ) -> Result<Uuid, ApiError> {
        self.insert(language::BASE, now, random, client).await
    }

    async fn insert(
        &self,
        language: &str,
        now: Timestamp,
        random: &dyn Random,
        client: &impl GenericClient,
    ) -> Result<Uuid, ApiError> {
        let id = random.uuid(now)?;
        let (user_id, email_key) = match self.recipient {
            Recipient::User(id) => (Some(id), None),
            Recipient::EmailKey(key) => (None, Some(key)),
        };
        let row = mail_jobs::NewMailJob {
            id,
            kind: self.kind.name(),
            user_id,
            email_key,
            subject_id: self.subject_id,
            language,
            ip_address: self.ip_address,
            device_info: self.device_info,
            now,
        };
        mail_jobs::insert(client, &row).await?;
        Ok(id)
    }
}
