use std::fmt;
use std::sync::Arc;

use http::{HeaderName, header};
use tower_layer::Layer;

use super::identity::Config;
use super::number::Numbers;
use super::service::SetRequestId;
use crate::TraceContext;

/// Applies [`SetRequestId`]. See the [module](super) for what it does.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequestIdLayer {
    config: Arc<Config>,
}

impl RequestIdLayer {
    /// Header `x-request-id`; safe incoming ids and traces are taken over.
    pub fn new() -> Self {
        Builder::new().assemble()
    }

    /// Starts from what [`new`](Self::new) gives.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Default for RequestIdLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for RequestIdLayer {
    type Service = SetRequestId<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SetRequestId::new(inner, Arc::clone(&self.config))
    }
}

/// Builds a [`RequestIdLayer`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    header: HeaderName,
    accept_incoming: bool,
    trace: bool,
    continue_traces: bool,
    sample: bool,
    trace_response: bool,
}

impl Builder {
    const fn new() -> Self {
        Self {
            header: HeaderName::from_static("x-request-id"),
            accept_incoming: true,
            trace: true,
            continue_traces: true,
            sample: false,
            trace_response: false,
        }
    }

    /// The header that carries the id, on request and response. Default: `x-request-id`.
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = name;
        self
    }

    /// Whether a safe id of the sender is kept. Default: yes.
    pub fn accept_incoming(mut self, accept: bool) -> Self {
        self.accept_incoming = accept;
        self
    }

    /// Whether `traceparent` is read, made and propagated at all. Default: yes.
    pub fn trace_context(mut self, trace: bool) -> Self {
        self.trace = trace;
        self
    }

    /// Whether the sender's trace is continued; otherwise every request begins its own. Default: yes.
    pub fn continue_traces(mut self, continue_traces: bool) -> Self {
        self.continue_traces = continue_traces;
        self
    }

    /// Whether traces that begin here carry the `sampled` flag, which asks the services behind to record them. Default: no.
    pub fn sample_new_traces(mut self, sample: bool) -> Self {
        self.sample = sample;
        self
    }

    /// Whether the response names the trace in a `traceresponse` header (W3C Trace Context, Level 2 draft). Default: no.
    pub fn trace_response(mut self, trace_response: bool) -> Self {
        self.trace_response = trace_response;
        self
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// [`ConfigError::ReservedHeader`] if the id was to travel in a header that means something else.
    pub fn build(self) -> Result<RequestIdLayer, ConfigError> {
        const RESERVED: [HeaderName; 15] = [
            header::AUTHORIZATION,
            header::CONNECTION,
            header::CONTENT_LENGTH,
            header::CONTENT_TYPE,
            header::COOKIE,
            header::DATE,
            header::HOST,
            header::SET_COOKIE,
            header::TE,
            header::TRAILER,
            header::TRANSFER_ENCODING,
            header::UPGRADE,
            TraceContext::HEADER,
            HeaderName::from_static("tracestate"),
            HeaderName::from_static("traceresponse"),
        ];
        if RESERVED.contains(&self.header) {
            return Err(ConfigError::ReservedHeader(self.header));
        }
        Ok(self.assemble())
    }

    fn assemble(self) -> RequestIdLayer {
        let Self { header, accept_incoming, trace, continue_traces, sample, trace_response } = self;
        let numbers = Numbers::new();
        let config = Config { header, accept_incoming, trace, continue_traces, sample, trace_response, numbers };
        RequestIdLayer { config: Arc::new(config) }
    }
}

/// Why a [`Builder`] cannot build: the caller's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// This header frames the message, carries credentials or belongs to the trace.
    ReservedHeader(HeaderName),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedHeader(name) => write!(f, "the header `{name}` cannot carry a request id"),
        }
    }
}

impl std::error::Error for ConfigError {}
