//! What every layer promises, whatever else it does: one line per layer in the table below.

mod bounded;
mod builders;
mod probe;
mod promises;
mod readme;
mod refusing;

use std::mem::size_of_val;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use ::governor::clock::QuantaInstant;
use ::governor::middleware::{NoOpMiddleware, StateInformationMiddleware};
use http::Method;
use portcullis_layers::audit::{AuditLayer, AuditLog};
use portcullis_layers::client_ip::ClientIpLayer;
use portcullis_layers::jwt_auth::{
    Algorithm, Builder, JwtAuthLayer, KeySet, KeySetHandle, TokenCache, Validation, VerifyingKey,
};
use portcullis_layers::load_shed::LoadShedLayer;
use portcullis_layers::metrics::MetricsLayer;
use portcullis_layers::problem::ProblemLayer;
use portcullis_layers::rate_limit::governor::GovernorLayer;
use portcullis_layers::rate_limit::{Key, Limiter, Policy as RatePolicy, RateLimitLayer};
use portcullis_layers::rate_limit_redis::{RedisLimiter, RedisRateLimitLayer};
use portcullis_layers::request_id::RequestIdLayer;
use portcullis_layers::sanitize::{FieldKind, Policy as FieldPolicy, SanitizeLayer};
use portcullis_layers::security_headers::SecurityHeadersLayer;
use portcullis_layers::trace::TraceLayer;
use prometheus::Registry;
use serde_json::Value;
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::GlobalKeyExtractor;

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
    request_id: RequestIdLayer::new(), 1 word(s), 1 allocation(s);
    trace: TraceLayer::new(), 1 word(s), 0 allocation(s);
    metrics: MetricsLayer::builder(&Registry::new()).build().unwrap(), 1 word(s), 0 allocation(s);
    security_headers: SecurityHeadersLayer::api(), 1 word(s), 2 allocation(s);
    problem: ProblemLayer::builder().build().unwrap(), 1 word(s), 0 allocation(s);
    audit: audit(), 1 word(s), 0 allocation(s);
    sanitize: sanitize(), 1 word(s), 0 allocation(s);
    client_ip: client_ip(), 1 word(s), 1 allocation(s);
    load_shed: LoadShedLayer::new(NonZeroUsize::MIN), 1 word(s), 0 allocation(s);
    rate_limit: rate_limit(), 1 word(s), 0 allocation(s);
    rate_limit_redis: rate_limit_redis(), 2 word(s), 0 allocation(s);
    rate_limit_governor: governor(), 1 word(s), 0 allocation(s);
    rate_limit_governor_with_fields: governor_with_fields(), 1 word(s), 0 allocation(s);
    jwt_auth: jwt_auth().build().unwrap(), 1 word(s), 17 allocation(s);
    jwt_auth_with_cache: jwt_auth().cache(TokenCache::new(8)).build().unwrap(), 1 word(s), 2 allocation(s);
}

/// Each in its place, with nothing but the growth of the maps added to what they cost alone.
#[test]
fn all_layers_without_cryptography_allocate_six_times_together() {
    let all = ServiceBuilder::new()
        .layer(RequestIdLayer::new())
        .layer(TraceLayer::new())
        .layer(MetricsLayer::builder(&Registry::new()).build().unwrap())
        .layer(SecurityHeadersLayer::api())
        .layer(ProblemLayer::builder().build().unwrap())
        .layer(client_ip())
        .layer(AuditLayer::new(AuditLog::bounded(NonZeroUsize::MIN).0))
        .layer(rate_limit())
        .layer(LoadShedLayer::new(NonZeroUsize::MIN))
        .layer(sanitize());
    let added = promises::allocations_added(all);
    assert!(added <= 6, "{added} allocations");
}

/// Every request becomes an event; nobody reads them, so that the log does not grow.
fn audit() -> AuditLayer {
    let (sink, _) = AuditLog::bounded(NonZeroUsize::MIN);
    AuditLayer::builder(sink).when(|_| Some("probe")).build()
}

fn sanitize() -> SanitizeLayer {
    SanitizeLayer::builder(|_, _| FieldPolicy::Inspect(FieldKind::Path)).build()
}

fn client_ip() -> ClientIpLayer {
    ClientIpLayer::builder().trusted([probe::PROXY.into()]).build().unwrap()
}

fn rate_limit() -> RateLimitLayer {
    let policy = RatePolicy::new("network", 1_000_000, Duration::from_secs(60));
    let limit = Limiter::builder().policy(policy).build().unwrap().limit("network").unwrap();
    RateLimitLayer::builder().limit(&limit, |head| Some(Key::client(head))).build()
}

/// Without Redis, which it has found out: the requests that ask are tested where a server runs.
fn rate_limit_redis() -> RedisRateLimitLayer {
    let limiter = RedisLimiter::builder("redis+unix:///nowhere")
        .failures(NonZeroU32::MIN)
        .deadline(Duration::from_millis(1))
        .retry_every(Duration::from_secs(3_600))
        .build()
        .unwrap();
    let rules = rate_limit();
    let layer = RedisRateLimitLayer::new(limiter, rules);
    let service = layer.layer(probe::Probe::new(probe::Conduct::Answer));
    let first = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(service.oneshot(probe::request(Method::GET))).map(drop)
    };
    std::thread::spawn(first).join().unwrap().unwrap();
    layer
}

fn governor() -> GovernorLayer<GlobalKeyExtractor, NoOpMiddleware<QuantaInstant>> {
    let config =
        GovernorConfigBuilder::default().burst_size(1_000_000).key_extractor(GlobalKeyExtractor).finish().unwrap();
    GovernorLayer::builder(GlobalKeyExtractor, config.limiter().clone()).build().unwrap()
}

fn governor_with_fields() -> GovernorLayer<GlobalKeyExtractor, StateInformationMiddleware> {
    let mut config = GovernorConfigBuilder::default().burst_size(1_000_000).key_extractor(GlobalKeyExtractor);
    let config = config.use_headers().finish().unwrap();
    GovernorLayer::builder(GlobalKeyExtractor, config.limiter().clone()).build().unwrap()
}

fn jwt_auth() -> Builder<Value, Session> {
    let key = VerifyingKey::from_secret(Algorithm::HS256, &probe::SECRET).unwrap();
    let validation = Validation::builder().issuer("issuer").audience("audience").build().unwrap();
    let keys = KeySetHandle::new(KeySet::new([key]).unwrap());
    JwtAuthLayer::builder(keys, validation).revocation(Session)
}
