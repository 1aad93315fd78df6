//! The metrics as the registry sees them.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts};

/// Upper bounds of the duration histogram, in seconds: those that OpenTelemetry's HTTP conventions advise.
pub const DURATION_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Upper bounds for the body size histograms, in bytes: powers of four from 256 B to 4 MiB.
pub const BODY_SIZE_BUCKETS: &[f64] = &[256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0];

const LABELS: [&str; 3] = ["method", "route", "status"];

/// All metric families of one layer, registered as one collector: all of them or, on a clash of names, none.
#[derive(Clone, Debug)]
pub(super) struct Families {
    pub(super) in_flight: IntGauge,
    pub(super) requests: IntCounterVec,
    pub(super) duration: HistogramVec,
    pub(super) sizes: Option<Sizes>,
}

#[derive(Clone, Debug)]
pub(super) struct Sizes {
    pub(super) request: HistogramVec,
    pub(super) response: HistogramVec,
}

impl Families {
    pub(super) fn new(namespace: &str, duration: &[f64], sizes: Option<&[f64]>) -> prometheus::Result<Self> {
        let opts = |name, help| Opts::new(name, help).namespace(namespace);
        let histogram = |name, help, buckets: &[f64]| {
            HistogramVec::new(HistogramOpts { common_opts: opts(name, help), buckets: buckets.to_vec() }, &LABELS)
        };
        Ok(Self {
            in_flight: IntGauge::with_opts(opts(
                "http_server_requests_in_flight",
                "HTTP requests that are being answered.",
            ))?,
            requests: IntCounterVec::new(
                opts("http_server_requests_total", "HTTP requests, by how they ended."),
                &LABELS,
            )?,
            duration: histogram(
                "http_server_request_duration_seconds",
                "Time from the arrival of an HTTP request to the end of its answer.",
                duration,
            )?,
            sizes: match sizes {
                None => None,
                Some(buckets) => Some(Sizes {
                    request: histogram(
                        "http_server_request_body_size_bytes",
                        "Declared size of HTTP request bodies.",
                        buckets,
                    )?,
                    response: histogram(
                        "http_server_response_body_size_bytes",
                        "Size of HTTP response bodies as far as they were sent.",
                        buckets,
                    )?,
                }),
            },
        })
    }

    fn collectors(&self) -> impl Iterator<Item = &dyn Collector> {
        let sizes = self.sizes.iter().flat_map(|sizes| [&sizes.request, &sizes.response]);
        let fixed: [&dyn Collector; 3] = [&self.in_flight, &self.requests, &self.duration];
        fixed.into_iter().chain(sizes.map(|family| -> &dyn Collector { family }))
    }
}

impl Collector for Families {
    fn desc(&self) -> Vec<&Desc> {
        self.collectors().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.collectors().flat_map(Collector::collect).collect()
    }
}
