//! Traces, in the variables that every OpenTelemetry SDK reads.

use super::reader::Reader;

/// Which traces go where. Takes effect in builds with the feature `otel`.
#[derive(Clone, Debug)]
pub struct TraceConfig {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, the base URL of a collector that speaks OTLP over HTTP; `None` exports nothing.
    pub endpoint: Option<String>,
    /// `OTEL_SERVICE_NAME`, what the service is called in traces.
    pub service_name: String,
    /// `OTEL_TRACES_SAMPLER`, and `OTEL_TRACES_SAMPLER_ARG` as its ratio.
    pub sampling: Sampling,
}

/// `OTEL_TRACES_SAMPLER`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Whether a caller that has decided for its trace decides for us, too.
    pub parent_based: bool,
    /// The share of all other traces that is recorded, 0 to 1.
    pub ratio: f64,
}

pub(super) fn read(reader: &mut Reader<'_>) -> TraceConfig {
    TraceConfig {
        endpoint: endpoint(reader),
        service_name: reader.text("OTEL_SERVICE_NAME").unwrap_or_else(|| "portcullis".into()),
        sampling: sampling(reader),
    }
}

fn endpoint(reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.text("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    let good = text.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
    });
    if !good {
        reader.fault("OTEL_EXPORTER_OTLP_ENDPOINT", "must be an http or https URL, such as http://localhost:4318");
        return None;
    }
    Some(text.trim_end_matches('/').to_owned())
}

fn sampling(reader: &mut Reader<'_>) -> Sampling {
    let ratio = reader.number("OTEL_TRACES_SAMPLER_ARG", 1.0, 0.0..=1.0);
    let samplers = [
        ("always_on", (false, 1.0)),
        ("always_off", (false, 0.0)),
        ("traceidratio", (false, ratio)),
        ("parentbased_always_on", (true, 1.0)),
        ("parentbased_always_off", (true, 0.0)),
        ("parentbased_traceidratio", (true, ratio)),
    ];
    let (parent_based, ratio) = reader.choice("OTEL_TRACES_SAMPLER", &samplers, (true, 1.0));
    Sampling { parent_based, ratio }
}
