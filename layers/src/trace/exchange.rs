//! One request and its response, from arrival to the one event that reports it.

use std::time::Instant;

use http::{Request, Response, StatusCode};
use tracing::field::display;
use tracing::{Level, Span};

use super::layer::Config;
use super::level::{TARGET, at_level};
use super::span;
use crate::body_end::{Asked, Watch};
use crate::{ClientIp, Refusal, RequestHead};

/// Reports its request when it is dropped, as broken off unless it was told of another end before.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) span: Span,
    event_level: Level,
    outcome_on_span: bool,
    started: Instant,
    asked: Asked,
    scheme: Option<&'static str>,
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
    pub(super) fn open<B>(config: &Config, request: &Request<B>) -> Self {
        let span = span::open(config, request);
        config.opened(&span, RequestHead::from(request));
        Self {
            span,
            event_level: config.event_level(RequestHead::from(request)),
            outcome_on_span: config.outcome_on_span,
            started: Instant::now(),
            asked: Asked::by(request.method()),
            scheme: span::scheme(request),
            status: None,
            refusal: None,
            body_bytes: 0,
            end: End::BrokenOff,
        }
    }

    /// Takes note of the head of the response. Tells what the request asked for.
    pub(super) fn answered<B>(&mut self, response: &Response<B>) -> Asked {
        self.status = Some(response.status());
        self.refusal = response.extensions().get().map(Refusal::code);
        if self.outcome_on_span {
            self.span.record("http.response.status_code", response.status().as_u16());
        }
        if let Some(ClientIp(address)) = response.extensions().get() {
            self.span.record("client.address", display(address));
        }
        // Only a layer further in knows what a trusted proxy says.
        let scheme = response.extensions().get().map(|scheme| span::scheme_name(*scheme));
        if scheme.is_some() && scheme != self.scheme {
            self.span.record("url.scheme", scheme);
        }
        self.asked
    }

    pub(super) fn service_failed(mut self) {
        self.end = End::ServiceError;
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

impl Watch for Exchange {
    fn sent(&mut self, bytes: usize) -> u64 {
        self.body_bytes = self.body_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.body_bytes
    }

    fn complete(mut self) {
        self.end = End::Complete;
    }

    fn fail(mut self) {
        self.end = End::BodyError;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let error = self.error();
        if let Some((kind, _)) = error.filter(|_| self.outcome_on_span) {
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
