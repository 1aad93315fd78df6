//! What the semantic conventions of OpenTelemetry ask of spans of servers, and log lines do not need.

use std::time::Duration;

use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// Calls the spans of requests by method and route, then exports them.
#[derive(Debug)]
pub(super) struct Named<E>(pub(super) E);

impl<E: SpanExporter> SpanExporter for Named<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().filter(|span| span.name == "http.request").for_each(name);
        self.0.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// A server span is called `{method} {route}`, or by the method alone where no route was found.
fn name(span: &mut SpanData) {
    let attribute =
        |key: &str| span.attributes.iter().find(|kept| kept.key.as_str() == key).map(|kept| kept.value.as_str());
    let Some(method) = attribute("http.request.method") else { return };
    let method = if method == "_OTHER" { "HTTP".into() } else { method };
    span.name = match attribute("http.route") {
        Some(route) => format!("{method} {route}").into(),
        None => method.into_owned().into(),
    };
    span.span_kind = SpanKind::Server;
}
