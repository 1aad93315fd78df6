use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use portcullis_layers::rate_limit::{
    Charge, Charges, ConfigError, Event, Key, Limit, Limiter, LimiterBuilder, Outcome, Policy, RateLimitLayer, Standing,
};
use portcullis_layers::{ClientIp, Refusal};
use tower::{Layer, Service, ServiceExt, service_fn};

type Body = Full<Bytes>;

/// A clock that stands still until it is moved.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1_000_000_000, Ordering::Relaxed);
    }

    fn limiter(&self) -> LimiterBuilder {
        let clock = self.clone();
        Limiter::builder().clock(move || clock.0.load(Ordering::Relaxed))
    }
}

fn policy(name: &str, quota: u32, seconds: u64) -> Policy {
    Policy::new(name, quota, Duration::from_secs(seconds))
}

/// The limits of a limiter with these policies, on a clock that stands still.
fn limits<const N: usize>(policies: [Policy; N]) -> ([Limit; N], Clock) {
    let clock = Clock::default();
    let limiter = policies.into_iter().fold(clock.limiter(), LimiterBuilder::policy).build().unwrap();
    let limits: Vec<_> = limiter.limits().cloned().collect();
    (limits.try_into().unwrap(), clock)
}

fn by_client(limit: &Limit) -> RateLimitLayer {
    RateLimitLayer::builder().limit(limit, |head| Some(Key::client(head))).build()
}

fn serve(
    layer: &RateLimitLayer,
) -> impl Service<Request<()>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + use<> {
    layer.layer(service_fn(async |_: Request<()>| Ok(Response::new(Body::from("served")))))
}

fn from(address: &str) -> Request<()> {
    Request::builder().extension(ClientIp(address.parse::<IpAddr>().unwrap())).body(()).unwrap()
}

fn field(response: &Response<Body>, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_client_that_has_spent_its_quota_is_told_when_to_come_back() {
    let ([login], clock) = limits([policy("login", 5, 900)]);
    let service = serve(&by_client(&login));
    for left in (0..5).rev() {
        let response = service.clone().oneshot(from("203.0.113.9")).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(field(&response, "ratelimit-policy"), "\"login\";q=5;w=900");
        assert_eq!(field(&response, "ratelimit"), format!("\"login\";r={left};t={}", (5 - left) * 180));
    }

    let refused = service.clone().oneshot(from("203.0.113.9")).await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(field(&refused, "retry-after"), "180");
    assert_eq!(field(&refused, "cache-control"), "no-store");
    assert_eq!(field(&refused, "ratelimit"), "\"login\";r=0;t=900");
    assert_eq!(refused.extensions().get::<Refusal>().unwrap().code(), "rate_limited");
    assert_eq!(refused.into_body().collect().await.unwrap().to_bytes(), "rate_limited");

    clock.advance(179);
    let refused = service.clone().oneshot(from("203.0.113.9")).await.unwrap();
    assert_eq!(field(&refused, "retry-after"), "1");
    clock.advance(1);
    assert_eq!(service.oneshot(from("203.0.113.9")).await.unwrap().status(), StatusCode::OK);
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait_for_the_step() {
    let ([login, wide], clock) = limits([policy("login", 5, 900), policy("wide", 100, 900)]);
    clock.advance(86_400);
    let charges = Charges::from_iter([Charge::new(&login, "a").cost(5), Charge::new(&wide, "a")]);
    assert!(!charges.charge().is_refused());

    clock.0.store(0, Ordering::Relaxed);
    let wait = |charges: Charges| charges.charge().retry_after().map_or(0, |wait| wait.as_secs());
    assert_eq!(wait(Charge::new(&login, "a").into()), 180, "for one unit, not for a day");
    assert_eq!(wait(charges.clone()), 900);
    clock.advance(180);
    assert!(!login.charge("a").is_refused());
    clock.advance(900);
    assert!(!charges.charge().is_refused(), "together too");
}

#[test]
fn limits_of_two_limiters_are_charged_together_each_by_its_own_clock() {
    let ([network], network_clock) = limits([policy("network", 1, 60)]);
    let ([account], account_clock) = limits([policy("account", 1, 60)]);
    network_clock.advance(10);
    account_clock.advance(86_400);
    let charges = Charges::from_iter([Charge::new(&network, "a"), Charge::new(&account, "a")]);
    assert!(!charges.charge().is_refused());
    assert!(account.peek("a").is_refused(), "the account was charged at the time of its own limiter");

    charges.refund();
    assert!(!account.peek("a").is_refused() && !network.peek("a").is_refused());
}

#[test]
fn a_counter_of_the_app_is_told_in_the_same_words() {
    let wait = Duration::from_millis(89_001);
    let written = |remaining, wait| {
        let outcome = Outcome::from(Standing::new(&policy("login", 5, 900), remaining, wait, wait).unwrap());
        let mut response = Response::new(Body::default());
        outcome.write(response.headers_mut());
        ["ratelimit-policy", "ratelimit", "retry-after", "cache-control"].map(|name| field(&response, name))
    };
    assert_eq!(written(0, wait), ["\"login\";q=5;w=900", "\"login\";r=0;t=90", "90", "no-store"]);
    assert_eq!(written(5, Duration::ZERO), ["\"login\";q=5;w=900", "\"login\";r=5;t=0", "", ""]);
    let nonsense = Standing::new(&policy("a b", 5, 900), 0, wait, wait);
    assert_eq!(nonsense, Err(ConfigError::Name("a b".into())));
}

#[tokio::test]
async fn clients_do_not_pay_for_each_other_and_cannot_hide_in_their_own_network() {
    let ([limit], _) = limits([policy("network", 1, 60)]);
    let service = serve(&by_client(&limit));
    for (address, status) in [
        ("203.0.113.9", 200),
        ("203.0.113.10", 200),
        ("203.0.113.9", 429),
        ("::ffff:203.0.113.9", 429),
        ("2001:db8:0:1::1", 200),
        ("2001:db8:0:1:ffff::2", 429),
        ("2001:db8:0:2::1", 200),
    ] {
        assert_eq!(service.clone().oneshot(from(address)).await.unwrap().status(), status, "{address}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_parallel_requests_exactly_as_many_pass_as_there_are_units() {
    let ([wide, narrow], _) = limits([policy("wide", 1_000, 60), policy("narrow", 37, 60)]);
    let layer = RateLimitLayer::builder()
        .limit(&narrow, |head| Some(Key::client(head)))
        .limit(&wide, |_| Some(Key::new("all")))
        .build();
    let service = serve(&layer);
    let requests: Vec<_> = (0..500).map(|_| tokio::spawn(service.clone().oneshot(from("203.0.113.9")))).collect();
    let mut passed = 0;
    for request in requests {
        passed += u32::from(request.await.unwrap().unwrap().status() == StatusCode::OK);
    }
    assert_eq!(passed, 37);
    assert_eq!(wide.peek("all").standing().unwrap().remaining(), 1_000 - 37 - 1, "refused requests paid nothing");
}

#[test]
fn threads_that_charge_the_same_limits_in_any_order_neither_hang_nor_overspend() {
    let ([one, two], _) = limits([policy("one", 1_000, 60).max_keys(1), policy("two", 1_000, 60).max_keys(1)]);
    let passed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (one, two, passed) = (&one, &two, &passed);
            scope.spawn(move || {
                let mut charges = vec![Charge::new(one, "a"), Charge::new(two, "b"), Charge::new(one, "c")];
                charges.rotate_left(thread % 3);
                let charges: Charges = charges.into_iter().collect();
                for _ in 0..500 {
                    passed.fetch_add(u64::from(!charges.charge().is_refused()), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), 1_000);
}

#[test]
fn all_limits_are_charged_or_none_and_the_tightest_speaks() {
    let ([loose, tight, slow], _) = limits([policy("loose", 10, 10), policy("tight", 1, 60), policy("slow", 1, 900)]);
    let mut charges = Charges::new();
    charges.add(&loose, "key").add(&tight, "key");
    let passed = charges.charge();
    assert_eq!(passed.standing().map(|standing| (standing.policy(), standing.remaining())), Some(("tight", 0)));
    assert_eq!(loose.peek("key").standing().unwrap().remaining(), 8, "of ten, one is charged and one asked about");

    assert!(!slow.charge("key").is_refused());
    let refused = charges.add(&slow, "key").charge();
    assert_eq!(refused.standing().unwrap().policy(), "slow");
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(900)));
    assert_eq!(loose.peek("key").standing().unwrap().remaining(), 8);
}

#[test]
fn one_key_named_twice_in_a_check_pays_twice() {
    let ([limit], _) = limits([policy("limit", 3, 60)]);
    let twice: Charges = [Charge::new(&limit, "key"), Charge::new(&limit, "key")].into_iter().collect();
    assert!(!twice.charge().is_refused());
    assert!(twice.charge().is_refused());
    assert!(!limit.charge("key").is_refused());
}

#[test]
fn units_can_be_asked_about_refunded_and_forgotten() {
    let ([limit], _) = limits([policy("limit", 2, 60)]);
    for _ in 0..9 {
        assert!(!limit.peek("key").is_refused());
    }
    assert_eq!(limit.held_keys(), 0);
    assert!(!limit.charge("key").is_refused() && !limit.charge("key").is_refused());
    assert!(limit.peek("key").is_refused() && limit.charge("key").is_refused());
    limit.refund("key", 1);
    assert!(!limit.charge("key").is_refused());
    assert!(limit.charge("key").is_refused());
    assert_eq!(limit.held_keys(), 1);
    limit.clear("key");
    assert_eq!(limit.held_keys(), 0);
    assert_eq!(limit.charge("key").standing().unwrap().remaining(), 1);
    limit.refund("stranger", 100);
    assert_eq!(limit.charge("stranger").standing().unwrap().remaining(), 1);
}

#[tokio::test]
async fn requests_pay_by_their_cost_and_exempt_ones_nothing() {
    let ([limit], _) = limits([policy("limit", 10, 60)]);
    let charged = limit.clone();
    let layer = RateLimitLayer::builder()
        .exempt(|head| head.uri.path() == "/health")
        .charges(move |head, charges| {
            let cost = if head.uri.path() == "/search" { 4 } else { 1 };
            charges.push(Charge::new(&charged, "all").cost(cost));
        })
        .build();
    let service = serve(&layer);
    for (path, status, remaining) in [
        ("/search", 200, "r=6"),
        ("/", 200, "r=5"),
        ("/search", 200, "r=1"),
        ("/search", 429, "r=1"),
        ("/health", 200, ""),
        ("/", 200, "r=0"),
        ("/", 429, "r=0"),
        ("/health", 200, ""),
    ] {
        let response = service.clone().oneshot(Request::get(path).body(()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert!(field(&response, "ratelimit").contains(remaining), "{path} {response:?}");
    }
}

#[tokio::test]
async fn a_handler_charges_the_account_and_the_layer_tells_the_client() {
    let ([network, account], _) = limits([policy("network", 100, 60), policy("account", 2, 60)]);
    let charged = account.clone();
    let service = by_client(&network).layer(service_fn(move |_: Request<()>| {
        let outcome: Outcome = charged.charge(Key::new("someone").and(7_u64));
        let mut response = Response::new(Body::default());
        if outcome.is_refused() {
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        }
        response.extensions_mut().insert(outcome);
        std::future::ready(Ok::<_, Infallible>(response))
    }));
    for (status, remaining, retry_after) in [(200, "r=1;t=30", ""), (200, "r=0;t=60", ""), (429, "r=0;t=60", "30")] {
        let response = service.clone().oneshot(from("203.0.113.9")).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(field(&response, "ratelimit"), format!("\"account\";{remaining}"));
        assert_eq!(field(&response, "ratelimit-policy"), "\"account\";q=2;w=60");
        assert_eq!(field(&response, "retry-after"), retry_after);
        assert_eq!(response.headers().contains_key(header::CACHE_CONTROL), status == 429);
    }
}

#[tokio::test]
async fn the_app_shapes_the_answer() {
    let ([limit], _) = limits([policy("limit", 1, 60)]);
    let layer = RateLimitLayer::builder()
        .limit(&limit, |_| Some(Key::new("all")))
        .refuse(|refusal: &Refusal| {
            Response::builder().status(refusal.status()).body(Body::from(format!("no: {}", refusal.code()))).unwrap()
        })
        .build();
    let service = layer.layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Body::default()))));
    service.clone().oneshot(Request::new(())).await.unwrap();
    let refused = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(field(&refused, "retry-after"), "60");
    assert_eq!(refused.into_body().collect().await.unwrap().to_bytes(), "no: rate_limited");
}

#[test]
fn observers_hear_of_what_was_charged_refused_and_evicted() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    let limiter = Clock::default()
        .limiter()
        .policy(policy("small", 3, 60).max_keys(16))
        .policy(policy("one", 1, 60))
        .observe(move |policy, event| sink.lock().unwrap().push(format!("{policy} {}", event.as_str())))
        .build()
        .unwrap();
    let (small, one) = (limiter.limit("small").unwrap(), limiter.limit("one").unwrap());
    let both: Charges = [Charge::new(&small, 0_u64), Charge::new(&one, "key")].into_iter().collect();
    let _ = both.peek();
    both.charge();
    both.charge();
    let expected = ["small charged", "one charged", "one refused"];
    assert_eq!(std::mem::take(&mut *heard.lock().unwrap()), expected);

    (1..=16_u64).for_each(|key| drop(small.charge(key)));
    assert_eq!(heard.lock().unwrap().iter().filter(|heard| *heard == "small evicted").count(), 1);
    assert_eq!(Event::Evicted.as_str(), "evicted");
}

#[test]
fn a_million_keys_cost_no_more_memory_than_was_set_aside_and_free_nobody() {
    let ([limit], _) = limits([policy("limit", 2, 900).max_keys(1_024)]);
    let victim = Key::new("victim");
    while !limit.charge(victim.clone()).is_refused() {}
    let change = allocation_counter::measure(|| {
        for key in 0..1_000_000_u64 {
            limit.charge(key);
        }
    });
    assert_eq!(change.bytes_current, 0, "nothing stays but the table");
    assert!(limit.held_keys() <= 1_024);
    assert!(limit.charge(victim).is_refused());
}

#[test]
fn limits_are_found_by_name_and_names_are_unique() {
    let limiter = Limiter::builder().policy(policy("a", 1, 60)).policy(policy("b", 1, 60)).build().unwrap();
    assert_eq!(limiter.limits().map(Limit::name).collect::<Vec<_>>(), ["a", "b"]);
    assert!(limiter.limit("a").is_some() && limiter.limit("c").is_none());
    let twice = Limiter::builder().policy(policy("a", 1, 60)).policy(policy("a", 2, 60)).build();
    assert_eq!(twice.err(), Some(ConfigError::Duplicate("a".into())));
}
