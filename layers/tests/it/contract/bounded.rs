//! What strangers choose fills no memory.

use std::convert::Infallible;
use std::net::Ipv6Addr;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use portcullis_layers::metrics::MetricsLayer;
use portcullis_layers::rate_limit::{Key, Limiter, Policy, RateLimitLayer};
use portcullis_layers::{ClientIp, RoutePattern};
use prometheus::Registry;
use tower::{Service, ServiceBuilder, service_fn};

const MAX_KEYS: usize = 1_024;
const MAX_ROUTES: usize = 256;

/// A request from one of 2⁶⁴ networks for one of 2⁶⁴ paths. Every other one matches a route, in an app that takes paths for patterns.
fn request(number: u64) -> Request<()> {
    // An odd factor makes a permutation, and a large one spreads neighbours.
    let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let path = format!("/{random:x}");
    let mut request = Request::get(&path).body(()).unwrap();
    request.extensions_mut().insert(ClientIp(Ipv6Addr::from(u128::from(random) << 64).into()));
    if number.is_multiple_of(2) {
        request.extensions_mut().insert(RoutePattern(path.into()));
    }
    request
}

fn serve<S: Service<Request<()>>>(service: &mut S, numbers: std::ops::Range<u64>) {
    let cx = &mut Context::from_waker(Waker::noop());
    for number in numbers {
        assert!(service.poll_ready(cx).is_ready());
        assert!(pin!(service.call(request(number))).poll(cx).is_ready());
    }
}

#[test]
fn a_million_random_keys_and_paths_leave_limiter_and_metrics_within_their_caps() {
    let registry = Registry::new();
    let policy = Policy::new("network", 2, Duration::from_secs(900)).max_keys(MAX_KEYS);
    let network = Limiter::builder().policy(policy).build().unwrap().limit("network").unwrap();
    let mut service = ServiceBuilder::new()
        .layer(MetricsLayer::builder(&registry).max_routes(MAX_ROUTES).build().unwrap())
        .layer(RateLimitLayer::builder().limit(&network, |head| Some(Key::client(head))).build())
        .service(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))));

    serve(&mut service, 0..10_000);
    let change = allocation_counter::measure(|| serve(&mut service, 10_000..1_000_000));
    assert_eq!(change.bytes_current, 0, "ten thousand have taken all the memory that a million take");

    assert!(network.held_keys() <= MAX_KEYS, "{} keys", network.held_keys());
    let families = registry.gather();
    let requests = families.iter().find(|family| family.name() == "http_server_requests_total").unwrap();
    assert_eq!(requests.get_metric().len(), MAX_ROUTES + 2, "the known, those beyond the cap, and the unmatched");
    let counted: f64 = requests.get_metric().iter().map(|metric| metric.get_counter().get_value()).sum();
    assert_eq!(counted, 1_000_000.0);
}
