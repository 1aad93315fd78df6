//! What every layer promises, whatever else it does: one line per layer in the table below.

mod probe;
mod promises;

use std::mem::size_of_val;
use std::num::NonZeroUsize;

use portcullis_layers::client_ip::ClientIpLayer;
use portcullis_layers::jwt_auth::{Algorithm, JwtAuthLayer, KeySet, KeySetHandle, Validation, VerifyingKey};
use portcullis_layers::load_shed::LoadShedLayer;
use portcullis_layers::metrics::MetricsLayer;
use portcullis_layers::problem::ProblemLayer;
use portcullis_layers::request_id::RequestIdLayer;
use portcullis_layers::security_headers::SecurityHeadersLayer;
use portcullis_layers::trace::TraceLayer;
use prometheus::Registry;
use serde_json::Value;

use self::probe::Session;

/// name: layer, words of memory it takes, allocations it may add to a request that passes (with the growth of its extension and header maps).
macro_rules! contract {
    ($($name:ident: $layer:expr, $words:literal word(s), $allocations:literal allocation(s);)+) => {$(
        mod $name {
            use super::*;

            #[test]
            fn is_clone_send_sync_and_static_and_so_is_its_service() {
                promises::is_shareable($layer);
            }

            #[test]
            fn takes_no_more_memory_than_it_needs() {
                assert!(size_of_val(&$layer) <= $words * size_of::<usize>());
            }

            #[tokio::test]
            async fn calls_only_the_instance_that_was_ready() {
                promises::calls_only_the_readied_instance($layer).await;
            }

            #[tokio::test]
            async fn hands_on_the_error_of_the_inner_service() {
                promises::hands_on_the_error($layer).await;
            }

            #[tokio::test]
            async fn drops_the_inner_future_when_it_is_dropped_and_serves_on() {
                promises::can_be_cancelled($layer).await;
            }

            #[tokio::test]
            async fn leaves_head_requests_alone() {
                promises::leaves_head_alone($layer).await;
            }

            #[tokio::test]
            async fn keeps_data_trailers_and_size_hints_of_the_body() {
                promises::keeps_the_body($layer).await;
            }

            #[test]
            fn allocates_within_its_bound_on_the_pass_path() {
                let added = promises::allocations_added($layer);
                assert!(added <= $allocations, "{added} allocations");
            }
        }
    )+};
}

contract! {
    request_id: RequestIdLayer::new(), 1 word(s), 5 allocation(s);
    trace: TraceLayer::new(), 2 word(s), 0 allocation(s);
    metrics: MetricsLayer::builder(&Registry::new()).build().unwrap(), 1 word(s), 0 allocation(s);
    security_headers: SecurityHeadersLayer::api(), 1 word(s), 2 allocation(s);
    problem: ProblemLayer::builder().build().unwrap(), 1 word(s), 0 allocation(s);
    client_ip: client_ip(), 1 word(s), 4 allocation(s);
    load_shed: LoadShedLayer::new(NonZeroUsize::MIN), 1 word(s), 0 allocation(s);
    jwt_auth: jwt_auth(), 1 word(s), 18 allocation(s);
}

fn client_ip() -> ClientIpLayer {
    ClientIpLayer::builder().trusted([probe::PROXY.into()]).build().unwrap()
}

fn jwt_auth() -> JwtAuthLayer<Value, Session> {
    let key = VerifyingKey::from_secret(Algorithm::HS256, &probe::SECRET).unwrap();
    let validation = Validation::builder().issuer("issuer").audience("audience").build().unwrap();
    let keys = KeySetHandle::new(KeySet::new([key]).unwrap());
    JwtAuthLayer::builder(keys, validation).revocation(Session).build().unwrap()
}
