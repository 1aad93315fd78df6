//! Traces, as a collector receives them.

#[cfg(feature = "otel")]
mod collector;
#[cfg(feature = "otel")]
mod exported;

#[cfg(not(feature = "otel"))]
use crate::support::Program;

#[cfg(not(feature = "otel"))]
#[tokio::test(flavor = "multi_thread")]
async fn a_build_without_traces_says_how_to_get_them() {
    let program = Program::on_fresh_database().await.set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    let service = program.serve().await;
    service.client().sign_up().await;
    let ended = service.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("traces are not exported") && ended.stderr.contains("--features otel"), "{ended:?}");
}
