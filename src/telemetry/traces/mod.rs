//! Spans on their way to a collector: OTLP over HTTP, in batches, beside the requests.
//!
//! A span that has ended is put into a queue of bounded length, and dropped where that is full. A thread of its own exports the queue every few
//! seconds, so that no request ever waits for a collector. What the SDK reads itself applies too: `OTEL_BSP_*` for the queue,
//! `OTEL_EXPORTER_OTLP_HEADERS` for collectors that want a key, `OTEL_RESOURCE_ATTRIBUTES`.

mod collector;
mod exporter;
mod identity;

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use self::collector::{Collector, CollectorError};
use self::exporter::Named;
use self::identity::Identities;
use super::{ACCESS, SPANS};
use crate::config::{Sampling, TraceConfig};

pub(crate) use self::identity::continue_trace;

/// How long the end of the process may wait for the collector.
const FAREWELL: Duration = Duration::from_secs(5);

/// The running export.
#[derive(Debug)]
pub(super) struct Export {
    provider: SdkTracerProvider,
}

/// Why traces cannot be exported.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error(transparent)]
    Collector(#[from] CollectorError),
    #[error("the exporter refuses its settings")]
    Exporter(#[from] ExporterBuildError),
}

impl Export {
    /// Prepares the export, if there is somewhere to export to. Nothing is connected yet.
    pub(super) fn start(config: &TraceConfig) -> Result<Option<Self>, ExportError> {
        let Some(endpoint) = &config.endpoint else { return Ok(None) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new(endpoint)?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .build()?;
        let resource = Resource::builder()
            .with_service_name(config.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Named(exporter))
            .with_id_generator(Identities::default())
            .with_sampler(sampler(config.sampling))
            .with_resource(resource)
            .build();
        Ok(Some(Self { provider }))
    }

    /// Hands spans over: those of requests and mails, and what happens inside them.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("portcullis"))
            .with_level(false)
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(dynamic_filter_fn(is_exported).with_max_level_hint(Level::DEBUG))
    }

    /// Exports what waits, and ends.
    pub(super) async fn finish(self) {
        // Blocks until the thread of the export has ended, which needs this runtime for its connection.
        let ended = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(FAREWELL)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::debug!("the last traces were not exported");
        }
    }
}

fn sampler(sampling: Sampling) -> Sampler {
    let own = Sampler::TraceIdRatioBased(sampling.ratio);
    if sampling.parent_based { Sampler::ParentBased(Box::new(own)) } else { own }
}

/// Queries that no request and no mail asked for, such as those of the sweepers, would be traces of one span each. Of events, only a failure
/// is told, which marks its span.
fn is_exported<S>(metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    match metadata.target() {
        ACCESS => metadata.is_span() || *metadata.level() == Level::ERROR,
        SPANS => metadata.name() == "mail.deliver" || context.lookup_current().is_some(),
        _ => false,
    }
}
