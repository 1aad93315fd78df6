//! What is kept of a request until its answer is known.

use std::borrow::Cow;

use http::uri::PathAndQuery;
use http::{Method, Request, StatusCode};

use super::instance::instance;
use crate::RequestId;

/// The parts of a request that a problem body may name. Cloned from it at reference-count cost.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    method: Method,
    target: Option<PathAndQuery>,
    request_id: Option<RequestId>,
}

impl Asked {
    /// The id only where a closure of the app may ask for it.
    pub(super) fn of<B>(request: &Request<B>, with_id: bool) -> Self {
        let id = || request.extensions().get::<RequestId>().cloned();
        Self {
            method: request.method().clone(),
            target: request.uri().path_and_query().cloned(),
            request_id: if with_id { id() } else { None },
        }
    }
}

/// The request and the answer that is being rendered for it, as the closures of the app see them.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    asked: &'a Asked,
    status: StatusCode,
    code: &'a str,
}

impl<'a> Context<'a> {
    pub(super) fn new(asked: &'a Asked, status: StatusCode, code: &'a str) -> Self {
        Self { asked, status, code }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The machine code of the answer: the member `error`.
    #[must_use]
    pub fn code(&self) -> &'a str {
        self.code
    }

    /// The method of the request.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        &self.asked.method
    }

    /// The path of the request as it was sent, without the query; empty for `CONNECT`, which has none.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.asked.target.as_ref().map_or("", PathAndQuery::path)
    }

    /// The member `instance`: see [`instance`].
    pub(super) fn instance(&self) -> Cow<'a, str> {
        instance(self.path())
    }

    /// The id of the request, where an outer layer has given it one.
    #[must_use]
    pub fn request_id(&self) -> Option<&'a RequestId> {
        self.asked.request_id.as_ref()
    }
}
