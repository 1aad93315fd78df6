//! While Redis does not answer: requests keep their speed, limits hold, and all comes back by itself.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use portcullis_layers::Refusal;
use portcullis_layers::rate_limit::{Key, RateLimitLayer};
use portcullis_layers::rate_limit_redis::{Event, Failure, OnFailure, RedisRateLimitLayer, Unavailable};
use tower::{Layer, ServiceExt, service_fn};

use super::{Instance, Server};

/// What the deadline of 50 ms may take on a machine with other things to do.
const LATE: Duration = Duration::from_millis(500);

fn is_lost(instance: &Instance) -> bool {
    !instance.redis.is_shared()
}

fn is_shared(instance: &Instance) -> bool {
    instance.redis.is_shared()
}

/// Charges as often as a busy second would, and returns how long it took.
async fn thousand(instance: &Instance) -> Duration {
    let start = Instant::now();
    for _ in 0..1_000 {
        instance.charge("wide", "anybody").await;
    }
    start.elapsed()
}

#[tokio::test]
async fn when_redis_is_killed_the_limits_of_the_process_take_over_at_full_speed() {
    let mut server = Server::start();
    let instance = Instance::new(&server);
    instance.charge("login", "someone").await;
    server.kill();
    let start = Instant::now();
    instance.charge_until(is_lost).await;
    assert!(start.elapsed() < LATE * 5, "five failures, each at most one deadline: {:?}", start.elapsed());
    assert!(thousand(&instance).await < LATE);
    let mut passed = 0;
    while !instance.charge("login", "stranger").await.is_refused() {
        passed += 1;
    }
    assert_eq!(passed, 5);
    assert!(matches!(&*instance.events.heard(), [Event::Lost { failure: Failure::Redis(_) }]), "{:?}", instance.events);

    server.revive();
    instance.charge_until(is_shared).await;
    assert!(matches!(&*instance.events.heard(), [Event::Lost { .. }, Event::Recovered { .. }]));
    let other = Instance::new(&server);
    while !instance.charge("login", "another").await.is_refused() {}
    assert!(other.charge("login", "another").await.is_refused(), "they count together again");
}

#[tokio::test]
async fn a_key_at_its_limit_stays_there_when_redis_goes() {
    let mut server = Server::start();
    let (seen, charged_by_other) = (Instance::new(&server), Instance::new(&server));
    while !charged_by_other.charge("login", "attacker").await.is_refused() {}
    assert!(seen.charge("login", "attacker").await.is_refused());
    server.kill();
    seen.charge_until(is_lost).await;
    assert!(seen.charge("login", "attacker").await.is_refused());
}

#[tokio::test]
async fn a_restart_is_survived_without_an_answer_lost() {
    let mut server = Server::start();
    let instance = Instance::new(&server);
    for _ in 0..5 {
        instance.charge("wide", "anybody").await;
        server.kill();
        server.revive();
        instance.charge_until(is_shared).await;
    }
    // Each of the pool's connections may have to fail once before the next answer comes from the new server.
    let start = Instant::now();
    while server.command("DBSIZE") == ":0\r\n" {
        assert!(start.elapsed() < Duration::from_secs(10));
        instance.charge("login", "someone").await;
    }
}

#[tokio::test]
async fn a_stalled_redis_costs_a_deadline_and_comes_back() {
    let server = Server::start();
    let instance = Instance::new(&server);
    instance.charge("wide", "anybody").await;
    server.stall();
    let start = Instant::now();
    assert!(!instance.charge("login", "someone").await.is_refused());
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(50) && waited < LATE, "{waited:?}");
    instance.charge_until(is_lost).await;
    assert!(thousand(&instance).await < LATE);
    assert_eq!(instance.events.heard(), [Event::Lost { failure: Failure::Deadline }]);
    server.resume();
    instance.charge_until(is_shared).await;
    assert_eq!(instance.events.heard().len(), 2);
}

#[tokio::test]
async fn a_wrong_password_is_told_once_and_never_shown() {
    let server = Server::start_with(&["--requirepass", "right"]);
    let instance = Instance::at(&server.address_with_password("hunter2"), |builder| builder);
    instance.charge_until(is_lost).await;
    let [Event::Lost { failure }] = &*instance.events.heard() else { panic!("{:?}", instance.events) };
    assert!(failure.to_string().contains("authentication failed"), "{failure}");
    assert!(!format!("{failure} {:?} {:?}", instance.events, instance.redis).contains("hunter2"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    thousand(&instance).await;
    assert_eq!(instance.events.heard().len(), 1);
}

#[tokio::test]
async fn a_full_redis_counts_as_lost_until_it_takes_writes() {
    let server = Server::start();
    let instance = Instance::new(&server);
    instance.charge("wide", "anybody").await;
    server.command("CONFIG SET maxmemory 1");
    instance.charge_until(is_lost).await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        instance.charge("wide", "anybody").await;
    }
    let [Event::Lost { failure: Failure::Redis(reason) }] = &*instance.events.heard() else {
        panic!("{:?}", instance.events)
    };
    assert!(reason.contains("OOM"), "{reason}");
    server.command("CONFIG SET maxmemory 0");
    instance.charge_until(is_shared).await;
}

#[tokio::test]
async fn without_redis_from_the_start_the_app_serves_and_finds_it_later() {
    let mut server = Server::start();
    server.kill();
    let instance = Instance::new(&server);
    instance.charge_until(is_lost).await;
    assert!(!instance.charge("login", "someone").await.is_refused());
    server.revive();
    instance.charge_until(is_shared).await;
}

#[tokio::test]
async fn it_fails_open_or_closed_only_when_told_so() {
    let mut server = Server::start();
    server.kill();
    let open = Instance::with(&server, |builder| builder.on_failure(OnFailure::Open));
    for _ in 0..9 {
        let outcome = open.charge("login", "someone").await;
        assert!(!outcome.is_refused() && outcome.standing().is_none());
    }

    let closed = Instance::with(&server, |builder| builder.on_failure(OnFailure::Closed));
    assert_eq!(closed.redis.charge(&closed.one("login", "someone")).await, Err(Unavailable));
    assert_eq!(closed.redis.peek(&closed.one("login", "someone")).await, Err(Unavailable));
    let rules = RateLimitLayer::builder()
        .exempt(|head| head.uri.path() == "/health")
        .limit(&closed.limit("wide"), |_| Some(Key::new("all")))
        .build();
    let layer = RedisRateLimitLayer::new(closed.redis.clone(), rules);
    let answer = async |_: Request<()>| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()));
    let service = layer.layer(service_fn(answer));
    for _ in 0..9 {
        let refused = service.clone().oneshot(Request::new(())).await.unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()["retry-after"], "1");
        assert_eq!(refused.extensions().get::<Refusal>().unwrap().code(), "service_unavailable");
    }
    let health = service.oneshot(Request::get("/health").body(()).unwrap()).await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_could_not_be_forgotten_is_said() {
    let mut server = Server::start();
    let instance = Instance::new(&server);
    while !instance.charge("login", "someone").await.is_refused() {}
    server.kill();
    assert!(instance.redis.clear(&instance.limit("login"), "someone").await.is_err());
    instance.charge_until(is_lost).await;
    assert!(!instance.charge("login", "someone").await.is_refused(), "this process has forgotten");
}
