//! One identity for a request, in its headers, its log lines and its exported span.

use std::cell::Cell;

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use portcullis_layers::{RequestHead, TraceContext};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

thread_local! {
    /// What the span that this thread is about to start is called.
    static NEXT: Cell<Option<TraceContext>> = const { Cell::new(None) };
}

/// Makes ids up, except for the spans of requests: these have theirs already.
#[derive(Debug, Default)]
pub(super) struct Identities(RandomIdGenerator);

impl IdGenerator for Identities {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get().map_or_else(|| self.0.new_trace_id(), |trace| TraceId::from(trace.trace_id().get()))
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get().map_or_else(|| self.0.new_span_id(), |trace| SpanId::from(trace.span_id().get()))
    }
}

/// Gives the span of a request the ids that its `traceparent` tells, and the caller's span as its parent.
pub(crate) fn continue_trace(span: &Span, head: RequestHead<'_>) {
    let Some(trace) = TraceContext::of(head.extensions) else { return };
    if let Some(caller) = caller(&trace) {
        let parent = opentelemetry::Context::new().with_remote_span_context(caller);
        if span.set_parent(parent).is_err() {
            // Nobody exports this span.
            return;
        }
    }
    NEXT.set(Some(trace));
    // Starts it, which is when it gets its ids.
    drop(span.context());
    NEXT.set(None);
}

fn caller(trace: &TraceContext) -> Option<SpanContext> {
    let span_id = SpanId::from(trace.parent_span_id()?.get());
    let flags = if trace.sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
    Some(SpanContext::new(TraceId::from(trace.trace_id().get()), span_id, flags, true, TraceState::NONE))
}
