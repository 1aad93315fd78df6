//! Security events on their way to the audit log.
//!
//! An event of a cause that writes rides in the transaction of its cause. A wrong secret, which writes nothing else, commits its row before
//! the reply. Both go through [`Event::write`]. Refusals that never looked at a credential are only counted, per kind, network and minute,
//! by [`crate::audit::refusals`].

pub mod address;
pub mod head;
pub mod partitions;
pub mod refusals;
pub mod seal;
pub mod sealer;
pub mod stretch;
pub mod verify;

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use self::address::AddressMarks;
use crate::auth::device;
use crate::db::GenericClient;
use crate::db::audit_logs::{self, NewAuditLog};
use crate::error::ApiError;
use crate::random::Random;
use crate::state::App;

/// The detail that names who ran a command. Operators see it, owners of accounts do not.
pub const OPERATOR: &str = "operator";

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The client's address, after trusted proxies.
    pub ip_address: Option<IpAddr>,
    /// The `User-Agent`, bounded.
    pub user_agent: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
    /// The session whose access token came along.
    pub session_id: Option<Uuid>,
    /// The user of the operating system who ran the command, where it was the command line.
    pub operator: Option<String>,
}

/// What happened.
#[derive(Clone, Debug)]
pub struct Event {
    event_type: &'static str,
    success: bool,
    user_id: Option<Uuid>,
    session_id: Option<Uuid>,
    details: Value,
    /// The mark of the address that it is about, where no account is named.
    address_mark: Option<String>,
}

impl Origin {
    /// The device in words.
    #[must_use]
    pub fn device_info(&self) -> String {
        device::describe(self.user_agent.as_deref().unwrap_or(""))
    }
}

impl Event {
    /// Something that was asked for and done.
    #[must_use]
    pub fn success(event_type: &'static str, user_id: Uuid) -> Self {
        Self::new(event_type, true, Some(user_id))
    }

    /// Something that was asked for and done without an account that anybody knows of.
    #[must_use]
    pub fn anonymous(event_type: &'static str) -> Self {
        Self::new(event_type, true, None)
    }

    /// Something that was tried and refused; `user_id` is unknown when no account has the address.
    #[must_use]
    pub fn failure(event_type: &'static str, user_id: Option<Uuid>) -> Self {
        Self::new(event_type, false, user_id)
    }

    fn new(event_type: &'static str, success: bool, user_id: Option<Uuid>) -> Self {
        Self { event_type, success, user_id, session_id: None, details: json!({}), address_mark: None }
    }

    /// In which session, when it is not that of the access token.
    #[must_use]
    pub fn in_session(mut self, session_id: Uuid) -> Self {
        self.session_id = Some(session_id);
        self
    }

    /// What else is known. Never a secret, and nothing that a stranger typed: people type passwords into the wrong field.
    #[must_use]
    pub fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// About which address it is, by its [mark](AddressMarks): the erasure of the account that has it, or had it, finds the event by that.
    #[must_use]
    pub fn about(mut self, marks: &AddressMarks, email_key: &str) -> Self {
        self.address_mark = Some(marks.of(email_key));
        self
    }

    /// Adds the row, in the transaction or connection of the caller.
    ///
    /// # Errors
    /// 503 when it cannot be written; the caller must not acknowledge then.
    pub async fn write(&self, app: &App, client: &impl GenericClient, origin: &Origin) -> Result<(), ApiError> {
        self.write_at(app.clock.now(), &*app.random, client, origin).await?;
        app.metrics.audit.events.with_label_values(&[self.event_type]).inc();
        Ok(())
    }

    /// As [`Event::write`], where no app runs: on the command line.
    ///
    /// # Errors
    /// 503 when it cannot be written; the caller must not acknowledge then.
    pub async fn write_at(
        &self,
        now: Timestamp,
        random: &dyn Random,
        client: &impl GenericClient,
        origin: &Origin,
    ) -> Result<(), ApiError> {
        let mut details = self.details.clone();
        if let Value::Object(members) = &mut details {
            let added = [("address_mark", &self.address_mark), (OPERATOR, &origin.operator)];
            for (name, value) in added {
                members.extend(value.as_deref().map(|value| (name.to_owned(), value.into())));
            }
        }
        let row = NewAuditLog {
            id: random.uuid(now)?,
            user_id: self.user_id,
            event_type: self.event_type,
            details: &details,
            ip_address: origin.ip_address,
            user_agent: origin.user_agent.as_deref(),
            success: self.success,
            session_id: self.session_id.or(origin.session_id),
            request_id: origin.request_id.as_deref(),
            now,
        };
        audit_logs::insert(client, &row).await.map_err(ApiError::unwritten)?;
        tracing::info!(
            target: "portcullis::security",
            event = self.event_type,
            success = self.success,
            user_id = self.user_id.map(tracing::field::display),
            "security event"
        );
        Ok(())
    }
}

/// A `User-Agent` fit for storage: valid UTF-8 without control characters, at most 256 characters.
#[must_use]
pub fn bounded_agent(bytes: &[u8]) -> String {
    let bytes = bytes.get(..1024).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(256).collect()
}
