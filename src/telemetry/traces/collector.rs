//! The way to the collector: our own HTTP client, on our own runtime and TLS provider.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Handle;

use crate::error::chain;

/// How long one export may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// Sends exports, and says once when they stop to arrive, and once when they arrive again.
#[derive(Debug)]
pub(super) struct Collector {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// The exporter runs on a thread without a runtime.
    runtime: Handle,
    failing: AtomicBool,
}

/// Why there is no way to the collector.
#[derive(Debug, thiserror::Error)]
pub(in crate::telemetry) enum CollectorError {
    #[error("TLS towards the collector cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("no root certificates were found on this machine: install ca-certificates, or set SSL_CERT_FILE")]
    NoRoots,
}

impl Collector {
    pub(super) fn new(endpoint: &str) -> Result<Self, CollectorError> {
        let mut roots = RootCertStore::empty();
        if endpoint.starts_with("https") {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(CollectorError::NoRoots);
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, runtime: Handle::current(), failing: AtomicBool::new(false) })
    }

    fn note(&self, outcome: &Result<Response<Bytes>, HttpError>) {
        let reason = match outcome {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(response.status().to_string()),
            Err(error) => Some(chain(error.as_ref())),
        };
        let failed = self.failing.swap(reason.is_some(), Ordering::Relaxed);
        match reason {
            Some(reason) if !failed => {
                tracing::warn!(error = reason, "traces cannot be exported; nothing else is affected");
            }
            None if failed => tracing::info!("traces are exported again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let exchange = exchange(self.client.clone(), request.map(Full::new));
        // The clock of the time-out belongs to the runtime, too.
        let task = self.runtime.spawn(async { tokio::time::timeout(TIMEOUT, exchange).await });
        let outcome = match task.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(elapsed)) => Err(elapsed.into()),
            Err(stopped) => Err(stopped.into()),
        };
        self.note(&outcome);
        outcome
    }
}

async fn exchange(
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, HttpError> {
    let (head, body) = client.request(request).await?.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
    Ok(Response::from_parts(head, body))
}
