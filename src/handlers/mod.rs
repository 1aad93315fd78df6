//! One file per resource; functions are named by what they do. A handler turns a parsed request into rules, queries and a reply.

pub mod accounts;
pub mod audit;
pub mod docs;
pub mod emails;
pub mod health;
mod links;
pub mod me;
pub mod metrics;
pub mod pages;
pub mod passwords;
pub mod sessions;
pub mod tokens;
pub mod users;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, header};
use http_body_util::Full;
use jiff::Timestamp;
use portcullis_layers::{ClientIp, RequestId};
use uuid::Uuid;

use crate::access::Authenticated;
use crate::audit::Origin;
use crate::db::GenericClient;
use crate::error::ApiError;
use crate::mail;
use crate::reply::Stamp;
use crate::state::App;

/// A request as its handler sees it.
#[derive(Debug)]
pub struct Call {
    /// What it may touch.
    pub app: Arc<App>,
    /// Method, path, headers, and what the layers found out.
    pub parts: Parts,
    /// The whole body, well-formed where the row reads JSON.
    pub body: Bytes,
}

impl Call {
    /// Takes a request that went through the stack. The body is in memory already, so nothing waits here.
    #[must_use]
    pub fn new(app: Arc<App>, request: Request<Full<Bytes>>) -> Self {
        let (parts, body) = request.into_parts();
        Self { app, parts, body: crate::validate::in_memory(body) }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    /// Which request this is, and the moment of the answer.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp { request_id: self.request_id().unwrap_or_default().to_owned(), timestamp: self.now() }
    }

    /// Where the request came from, for the audit log.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            ip_address: self.parts.extensions.get::<ClientIp>().map(|ip| ip.0),
            user_agent: self
                .parts
                .headers
                .get(header::USER_AGENT)
                .map(|agent| crate::audit::bounded_agent(agent.as_bytes())),
            request_id: self.request_id().map(str::to_owned),
            session_id: self.parts.extensions.get::<Authenticated>().map(|who| who.session_id),
            operator: None,
        }
    }

    /// Adds a mail that this request is the cause of, in its transaction. Ring [`App::mail`] after the commit.
    ///
    /// # Errors
    /// When the database does not answer; the caller must not acknowledge then.
    pub async fn enqueue(
        &self,
        client: &impl GenericClient,
        kind: mail::Kind,
        recipient: mail::Recipient<'_>,
        subject_id: Option<Uuid>,
    ) -> Result<(), ApiError> {
        let origin = self.origin();
        let job = mail::NewJob {
            kind,
            recipient,
            subject_id,
            accept_language: self.parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()),
            ip_address: origin.ip_address,
            device_info: &origin.device_info(),
        };
        job.enqueue(&self.app, client).await.map(drop)
    }

    /// Who is asking, on rows that demand it.
    ///
    /// # Errors
    /// [`ApiError::MissingToken`] on a row that is public.
    pub fn authenticated(&self) -> Result<&Authenticated, ApiError> {
        self.parts.extensions.get().ok_or(ApiError::MissingToken)
    }

    fn request_id(&self) -> Option<&str> {
        self.parts.extensions.get::<RequestId>().map(RequestId::as_str)
    }
}
