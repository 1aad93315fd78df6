//! One request and its response, from arrival to the one event that reports it.

use std::time::Instant;

use http::{Method, Request, Response, StatusCode};
use tracing::field::display;
use tracing::{Level, Span};

use super::level::{TARGET, at_level};
use super::span;
use crate::{ClientIp, Refusal};

/// Reports its request when it is dropped, as broken off unless it was told of another end before.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) span: Span,
    event_level: Level,
    started: Instant,
    method: Method,
    status: Option<StatusCode>,
    refusal: Option<&'static str>,
    body_bytes: u64,
    end: End,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    BrokenOff,
    Complete,
    ServiceError,
    BodyError,
}

impl Exchange {
    pub(super) fn open<B>(span_level: Level, event_level: Level, request: &Request<B>) -> Self {
        Self {
            span: span::open(span_level, request),
            event_level,
            started: Instant::now(),
            method: request.method().clone(),
            status: None,
            refusal: None,
            body_bytes: 0,
            end: End::BrokenOff,
        }
    }

    /// Takes note of the head of the response.
    pub(super) fn answered<B>(&mut self, response: &Response<B>) {
        self.status = Some(response.status());
        self.refusal = response.extensions().get().map(Refusal::code);
        self.span.record("http.response.status_code", response.status().as_u16());
        if let Some(ClientIp(address)) = response.extensions().get() {
            self.span.record("client.address", display(address));
        }
    }

    /// Whether a server sends no body after this head, whatever the response holds (RFC 9112, section 6.3).
    pub(super) fn is_without_body(&self) -> bool {
        let Some(status) = self.status else { return false };
        match self.method {
            Method::HEAD => true,
            Method::CONNECT if status.is_success() => true,
            _ => status.is_informational() || matches!(status.as_u16(), 204 | 205 | 304),
        }
    }

    /// Counts bytes of the body; returns how many there were so far.
    pub(super) fn sent(&mut self, bytes: usize) -> u64 {
        self.body_bytes = self.body_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.body_bytes
    }

    pub(super) fn complete(mut self) {
        self.end = End::Complete;
    }

    pub(super) fn service_failed(mut self) {
        self.end = End::ServiceError;
    }

    pub(super) fn body_failed(mut self) {
        self.end = End::BodyError;
    }

    /// The value of `error.type`, and whether it is the service's fault.
    fn error(&self) -> Option<(&str, bool)> {
        let failed_status = self.status.as_ref().filter(|status| status.is_server_error());
        match (self.end, failed_status) {
            (End::BrokenOff, _) if std::thread::panicking() => Some(("panic", true)),
            (End::ServiceError, _) => Some(("service_error", true)),
            (End::BodyError, _) => Some(("body_error", true)),
            (_, Some(status)) => Some((status.as_str(), true)),
            (End::BrokenOff, None) if self.status.is_some() => Some(("body_dropped", false)),
            (End::BrokenOff, None) => Some(("cancelled", false)),
            (End::Complete, None) => None,
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let error = self.error();
        if let Some((kind, _)) = error {
            self.span.record("error.type", kind);
        }
        let (level, message) = match error {
            None => (self.event_level, "request completed"),
            Some((_, false)) => (self.event_level, "request broken off"),
            Some((_, true)) => (Level::ERROR, "request failed"),
        };
        self.span.in_scope(|| {
            at_level!(
                level,
                event!(
                    http.response.status_code = self.status.map(|status| status.as_u16()),
                    "error.type" = error.map(|(kind, _)| kind),
                    refusal = self.refusal,
                    http.response.body.size = self.body_bytes,
                    duration_ms = milliseconds(self.started),
                    "{message}"
                )
            );
        });
    }
}

/// Since `started`, to the microsecond.
fn milliseconds(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1e6).round() / 1e3
}
