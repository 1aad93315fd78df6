//! How messages leave: to a mail server, or into a folder.

use std::path::PathBuf;

use jiff::Timestamp;
use uuid::Uuid;

use super::Kind;
use super::files::Folder;
use super::message::Parcel;
use super::smtp::Smtp;
use crate::config::Config;

/// Where messages go.
#[derive(Debug)]
pub(super) enum Transport {
    /// `SMTP_HOST`.
    Smtp(Box<Smtp>),
    /// `DATA_DIR/mail`, for development.
    Folder(Folder),
}

/// Why a message did not leave. The text names the class of the failure, for operators; it never quotes the server, which may repeat the
/// message and the link in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing can be sent at the moment, whatever the message.
    Unreachable(String),
    /// This message is not wanted now.
    Deferred(String),
    /// This message is not wanted at all.
    Refused(String),
}

impl Failure {
    /// What happened, in few words.
    pub(super) fn class(&self) -> &str {
        match self {
            Self::Unreachable(class) | Self::Deferred(class) | Self::Refused(class) => class,
        }
    }
}

/// Why mail cannot be sent with this configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// TLS cannot be prepared.
    #[error("TLS towards the mail server cannot be set up: {0}")]
    Tls(#[from] lettre::transport::smtp::Error),
    /// There is no mail server, and the folder for mails cannot be made.
    #[error("the folder for mails, {}, cannot be used", path.display())]
    Folder {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl Transport {
    pub(super) fn new(config: &Config) -> Result<Self, TransportError> {
        Ok(match &config.mail.smtp {
            Some(smtp) => Self::Smtp(Box::new(Smtp::new(smtp, config.public_url.as_deref())?)),
            None => {
                let path = config.data_dir.join("mail");
                Self::Folder(Folder::new(path.clone()).map_err(|source| TransportError::Folder { path, source })?)
            }
        })
    }

    /// Hands a message over. Whoever takes it is responsible for it from then on (RFC 5321 §6.1).
    pub(super) async fn send(
        &self,
        kind: Kind,
        job: Uuid,
        created_at: Timestamp,
        parcel: Parcel,
    ) -> Result<(), Failure> {
        match self {
            Self::Smtp(smtp) => smtp.send(&parcel).await,
            Self::Folder(folder) => folder.write(kind, job, created_at, parcel.bytes).await,
        }
    }

    /// Asks whether messages would be taken. A folder is not asked.
    pub(super) async fn check(&self) -> Option<Result<(), Failure>> {
        match self {
            Self::Smtp(smtp) => Some(smtp.check().await),
            Self::Folder(_) => None,
        }
    }

    /// Closes connections that nobody has needed for a while, or all of them.
    pub(super) async fn release(&self, all: bool) {
        if let Self::Smtp(smtp) = self {
            smtp.release(all).await;
        }
    }
}
