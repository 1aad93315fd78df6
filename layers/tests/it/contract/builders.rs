//! No value that a builder takes makes it panic, nor the service that it builds.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use portcullis_layers::audit::{AuditLayer, AuditLog, AuditRecord};
use portcullis_layers::client_ip::{ClientIpLayer, ForwardedHeader};
use portcullis_layers::jwt_auth::{
    Algorithm, FetchError, FetchJwks, JwtAuthLayer, KeySet, KeySetHandle, RemoteKeys, TokenCache, Validation,
    VerifyingKey,
};
use portcullis_layers::load_shed::LoadShedLayer;
use portcullis_layers::metrics::MetricsLayer;
use portcullis_layers::problem::ProblemLayer;
use portcullis_layers::rate_limit::governor::GovernorLayer;
use portcullis_layers::rate_limit::{Charge, Key, Limiter, Policy, RateLimitLayer};
use portcullis_layers::rate_limit_redis::{RedisLimiter, RedisRateLimitLayer};
use portcullis_layers::request_id::RequestIdLayer;
use portcullis_layers::sanitize::{FieldKind, Policy as FieldPolicy, SanitizeLayer, Structural};
use portcullis_layers::security_headers::{
    Allowlist, ContentSecurityPolicy, Directive, Hsts, PermissionsPolicy, SecurityHeadersLayer, Source,
};
use portcullis_layers::trace::TraceLayer;
use prometheus::Registry;
use serde_json::Value;
use tower::{Layer, ServiceExt};
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::GlobalKeyExtractor;
use tracing::Level;

use super::probe::{self, Conduct, Probe};
use super::promises::Wrapped;

const NUMBERS: [usize; 5] = [0, 1, 7, 1 << 20, usize::MAX];
const TIMES: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_nanos(1),
    Duration::from_millis(1_500),
    Duration::from_secs(900),
    Duration::from_secs(u64::MAX),
    Duration::MAX,
];

fn texts() -> [String; 9] {
    let long = "a".repeat(100_000);
    ["", " ", "plain", "a\0b", "line\r\nbreak", "\"quoted\\", "ünïcode", "{tag}", &long].map(str::to_owned)
}

/// Serves two requests, if the builder let the layer be.
async fn serve(built: impl IntoIterator<Item: Layer<Probe, Service: Wrapped>>) {
    let Some(layer) = built.into_iter().next() else { return };
    let service = layer.layer(Probe::new(Conduct::Answer));
    for method in [Method::GET, Method::HEAD] {
        service.clone().oneshot(probe::request(method)).await.unwrap();
    }
}

fn units(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[tokio::test]
async fn no_header_that_is_to_carry_the_id_makes_it_panic() {
    for name in ["x-request-id", "x-correlation-id", "traceparent", "tracestate", "host", "content-length"] {
        serve(RequestIdLayer::builder().header(HeaderName::from_static(name)).build()).await;
    }
}

#[tokio::test]
async fn no_namespace_and_no_buckets_make_metrics_panic() {
    for text in texts() {
        serve(MetricsLayer::builder(&Registry::new()).namespace(text).build()).await;
    }
    for number in NUMBERS {
        serve(MetricsLayer::builder(&Registry::new()).max_routes(number).build()).await;
    }
    for bounds in
        [&[][..], &[0.0], &[1.0, 1.0], &[f64::NAN], &[f64::NEG_INFINITY, f64::INFINITY], &[f64::MIN, f64::MAX]]
    {
        serve(MetricsLayer::builder(&Registry::new()).duration_buckets(bounds).body_sizes(bounds).build()).await;
    }
}

#[tokio::test]
async fn no_policy_makes_security_headers_panic() {
    for text in texts() {
        for source in [Source::Hash, Source::Origin, Source::Scheme] {
            let policy = ContentSecurityPolicy::builder().allow(Directive::ScriptSrc, [source(text.clone().into())]);
            serve(policy.build().map(SecurityHeadersLayer::html)).await;
        }
        let words = ContentSecurityPolicy::builder()
            .trusted_types([text.clone()])
            .sandbox([text.clone()])
            .report_uri([text.clone()])
            .report_to(text.clone());
        serve(words.build().map(SecurityHeadersLayer::html)).await;
        let origins = Allowlist::Origins(vec![text.clone().into()]);
        for permissions in [
            PermissionsPolicy::builder().allow(text, Allowlist::SelfOrigin),
            PermissionsPolicy::builder().allow("camera", origins),
        ] {
            let layer = permissions
                .build()
                .and_then(|policy| SecurityHeadersLayer::builder().permissions_policy(policy).build());
            serve(layer).await;
        }
    }
    for time in TIMES {
        serve(SecurityHeadersLayer::builder().hsts(Hsts::new(time).preload()).https(|_| true).build()).await;
    }
}

#[tokio::test]
async fn no_header_that_is_set_or_stripped_makes_it_panic() {
    for name in ["x-custom", "server", "strict-transport-security", "connection", "content-type", "content-length"] {
        let name = HeaderName::from_static(name);
        for value in ["", " ", "plain", "\u{fc}", "a=()"].map(|text| HeaderValue::from_bytes(text.as_bytes()).unwrap())
        {
            serve(SecurityHeadersLayer::builder().set(name.clone(), value.clone()).build()).await;
            serve(SecurityHeadersLayer::builder().set(name.clone(), value).strip(name.clone()).build()).await;
        }
        serve(SecurityHeadersLayer::builder().strip(name.clone()).strip(name).build()).await;
    }
}

#[tokio::test]
async fn no_network_of_proxies_makes_the_search_for_the_client_panic() {
    for network in ["0.0.0.0/0", "::/0", "10.0.0.0/8", "::ffff:0:0/96", "::ffff:10.0.0.0/104", "2001:db8::1/128"] {
        for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
            let builder = || ClientIpLayer::builder().trusted([network.parse().unwrap()]).header(header);
            serve(builder().build()).await;
            serve(builder().peer(|_| None).build()).await;
            serve(builder().peer(|_| Some([10, 0, 0, 1].into())).build()).await;
        }
    }
}

#[tokio::test]
async fn no_choice_of_levels_and_fields_makes_the_trace_panic() {
    for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
        for choice in [false, true] {
            let layer = TraceLayer::new().span_level(level).event_level(level).outcome_on_span(choice);
            serve(Some(layer.otel_fields(choice).quiet(move |_| choice))).await;
        }
    }
}

#[tokio::test]
async fn no_address_and_no_time_make_problems_panic() {
    for text in texts() {
        serve(ProblemLayer::builder().type_base(text).build()).await;
    }
    for time in TIMES {
        serve(ProblemLayer::builder().retry_after(time).build()).await;
    }
}

#[tokio::test]
async fn no_bound_makes_load_shedding_panic() {
    for time in TIMES {
        for max in [NonZeroUsize::MIN, NonZeroUsize::MAX] {
            serve(Some(LoadShedLayer::builder(max).retry_after(time).build())).await;
        }
    }
}

#[tokio::test]
async fn no_record_makes_the_audit_panic() {
    for text in texts() {
        let record = AuditRecord::new(text.clone()).actor(text.clone()).detail("text", text);
        for capacity in [NonZeroUsize::MIN, NonZeroUsize::MAX] {
            let (sink, _events) = AuditLog::bounded(capacity);
            let record = record.clone();
            serve(Some(AuditLayer::builder(sink).when(move |_| Some(record.clone())).build())).await;
        }
    }
}

#[tokio::test]
async fn no_bound_makes_the_sanitizer_panic() {
    for number in NUMBERS {
        let structural = Structural::new()
            .max_body(number)
            .max_depth(number)
            .max_names(number)
            .max_name_len(number)
            .max_value_len(number);
        let layer = SanitizeLayer::builder(|_, _| FieldPolicy::Inspect(FieldKind::Text));
        serve(Some(layer.structural(structural).build())).await;
    }
}

#[tokio::test]
async fn no_policy_and_no_cost_make_the_limiter_panic() {
    for text in texts() {
        serve(limited(Policy::new(text, 1, Duration::from_secs(1)), 1)).await;
    }
    for max_keys in NUMBERS {
        serve(limited(Policy::new("policy", 1, Duration::from_secs(1)).max_keys(max_keys), 1)).await;
    }
    for window in TIMES {
        for quota in NUMBERS.map(units) {
            for burst in NUMBERS.map(units) {
                for cost in NUMBERS.map(units) {
                    serve(limited(Policy::new("policy", quota, window).burst(burst).max_keys(16), cost)).await;
                }
            }
        }
    }
}

fn limited(policy: Policy, cost: u32) -> Option<RateLimitLayer> {
    let limit = Limiter::builder().policy(policy).build().ok()?.limits().next()?.clone();
    let charge = move |_: portcullis_layers::RequestHead<'_>, charges: &mut portcullis_layers::rate_limit::Charges| {
        charges.push(Charge::new(&limit, Key::new("")).cost(cost));
        charges.push(Charge::new(&limit, Key::new("")).cost(cost));
    };
    Some(RateLimitLayer::builder().charges(charge).build())
}

#[tokio::test]
async fn no_address_and_no_time_make_the_shared_limiter_panic() {
    let network = || limited(Policy::new("network", 7, Duration::from_secs(60)), 1).unwrap();
    for text in texts() {
        for builder in [RedisLimiter::builder(text.as_str()), RedisLimiter::builder(NOWHERE).prefix(text.as_str())] {
            serve(builder.build().map(|limiter| RedisRateLimitLayer::new(limiter, network()))).await;
        }
    }
    for time in TIMES {
        for failures in [NonZeroU32::MIN, NonZeroU32::MAX] {
            let builder = RedisLimiter::builder(NOWHERE).deadline(time).retry_every(time).failures(failures);
            serve(builder.build().map(|limiter| RedisRateLimitLayer::new(limiter, network()))).await;
        }
    }
}

#[tokio::test]
async fn no_name_makes_a_governor_panic() {
    let config = GovernorConfigBuilder::default().burst_size(1_000).key_extractor(GlobalKeyExtractor).finish().unwrap();
    for text in texts() {
        serve(GovernorLayer::builder(GlobalKeyExtractor, config.limiter().clone()).name(text).build()).await;
    }
}

#[tokio::test]
async fn no_text_and_no_number_make_the_verifier_of_tokens_panic() {
    for text in texts() {
        for algorithm in [Algorithm::HS256, Algorithm::HS512, Algorithm::RS256, Algorithm::EdDSA] {
            let _ = VerifyingKey::from_secret(algorithm, text.as_bytes());
        }
        let named = Validation::<Value>::builder()
            .issuer(text.as_str())
            .audience(text.as_str())
            .required_claims([text.as_str()])
            .token_types([text.as_str()]);
        let layer = named.build().map(|validation| JwtAuthLayer::builder(keys(), validation).build());
        serve(layer.ok().and_then(Result::ok)).await;
        serve(JwtAuthLayer::builder(keys(), validation(0)).realm(&text).build()).await;
    }
    for number in NUMBERS {
        let leeway = u64::try_from(number).unwrap();
        let layer =
            JwtAuthLayer::builder(keys(), validation(leeway)).cache(TokenCache::new(number)).max_token_len(number);
        serve(layer.clock(move || leeway).build()).await;
        for time in TIMES {
            let remote = RemoteKeys::builder(NoIssuer).min_interval(time).max_age(time).max_document_len(number);
            serve(JwtAuthLayer::builder(remote.build(), validation(0)).retry_after(NonZeroU32::MAX).build()).await;
        }
    }
}

const NOWHERE: &str = "redis+unix:///nowhere";

struct NoIssuer;

impl FetchJwks for NoIssuer {
    async fn fetch(&self) -> Result<Bytes, FetchError> {
        Ok(Bytes::from_static(b"{}"))
    }
}

fn keys() -> KeySetHandle {
    let key = VerifyingKey::from_secret(Algorithm::HS256, &probe::SECRET).unwrap().with_kid("\0");
    KeySetHandle::new(KeySet::new([key]).unwrap())
}

fn validation(leeway: u64) -> Validation<Value> {
    Validation::builder().issuer("issuer").audience("audience").leeway(leeway).build().unwrap()
}
