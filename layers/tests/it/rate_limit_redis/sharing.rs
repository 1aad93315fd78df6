//! While Redis answers: several processes count as one.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use portcullis_layers::rate_limit::{Charge, Charges, Key, Limiter, Policy, RateLimitLayer};
use portcullis_layers::rate_limit_redis::{RedisLimiter, RedisRateLimitLayer};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{Instance, Server};

type Body = Full<Bytes>;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_parallel_requests_to_two_instances_exactly_as_many_pass_as_there_are_units() {
    let server = Server::start();
    // Their clocks are years apart and stand still.
    let services = [0, 1 << 60].map(|nanoseconds| {
        let policy = Policy::new("network", 37, Duration::from_secs(900));
        let limiter = Limiter::builder().policy(policy).clock(move || nanoseconds).build().unwrap();
        let limit = limiter.limit("network").unwrap();
        // Long enough for a machine with other things to do.
        let redis = RedisLimiter::builder(server.address()).deadline(Duration::from_secs(10)).build().unwrap();
        let rules = RateLimitLayer::builder().limit(&limit, |head| Some(Key::client(head))).build();
        let answer = async |_: Request<()>| Ok::<_, Infallible>(Response::new(Body::default()));
        RedisRateLimitLayer::new(redis, rules).layer(service_fn(answer))
    });
    let requests: Vec<_> =
        (0..400).map(|number| tokio::spawn(services[number % 2].clone().oneshot(Request::new(())))).collect();
    let mut passed = 0;
    for request in requests {
        let response = request.await.unwrap().unwrap();
        assert!(response.headers().contains_key("ratelimit"));
        match response.status() {
            StatusCode::OK => passed += 1,
            refused => assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS),
        }
    }
    assert_eq!(passed, 37);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_everybody_asks_for_is_counted_exactly_and_holds_up_nobody_else() {
    let server = Server::start();
    let instances = [Instance::patient(&server), Instance::patient(&server)].map(Arc::new);
    let crowd: Vec<_> = (0..3_000)
        .map(|number| {
            let instance = Arc::clone(&instances[number % 2]);
            tokio::spawn(async move { instance.charge("login", "everybody").await.is_refused() })
        })
        .collect();
    for number in 0..100 {
        assert!(!instances[0].charge("login", &format!("bystander {number}")).await.is_refused());
    }
    let mut passed = 0;
    for charge in crowd {
        passed += u32::from(!charge.await.unwrap());
    }
    assert_eq!(passed, 5);
    assert!(instances.iter().all(|instance| instance.redis.is_shared() && instance.events.heard().is_empty()));
}

#[tokio::test]
async fn it_says_what_the_limits_of_one_process_would_say() {
    let server = Server::start();
    let instance = Instance::patient(&server);
    for left in (0..5).rev() {
        let shared = instance.charge("login", "someone").await;
        let standing = shared.standing().unwrap();
        assert_eq!((standing.policy(), standing.remaining()), ("login", left));
        let due = Duration::from_secs(180 * u64::from(5 - left));
        assert!(standing.reset() <= due && standing.reset() > due - Duration::from_secs(10), "{standing:?}");
    }
    let refused = instance.charge("login", "someone").await;
    let wait = refused.retry_after().unwrap();
    assert!(wait <= Duration::from_secs(180) && wait > Duration::from_secs(170), "{wait:?}");
    assert!(!instance.charge("login", "someone else").await.is_refused());
    assert!(instance.events.heard().is_empty());
}

#[tokio::test]
async fn all_limits_are_charged_or_none() {
    let server = Server::start();
    let instance = Instance::patient(&server);
    let (login, wide) = (instance.limit("login"), instance.limit("wide"));
    let both: Charges = [Charge::new(&wide, "key"), Charge::new(&login, "key").cost(3)].into_iter().collect();
    assert!(!instance.redis.charge(&both).await.unwrap().is_refused());
    let refused = instance.redis.charge(&both).await.unwrap();
    assert_eq!(refused.standing().map(|standing| (standing.policy(), standing.remaining())), Some(("login", 2)));
    // The one allowed charge has come back meanwhile; a second would take twice as long.
    let standing = instance.redis.peek(&Charge::new(&wide, "key").cost(0).into()).await.unwrap();
    assert!(standing.standing().unwrap().reset() <= Duration::from_micros(60));
}

#[tokio::test]
async fn one_key_named_twice_in_a_check_pays_twice() {
    let server = Server::start();
    let instance = Instance::patient(&server);
    let login = instance.limit("login");
    let twice: Charges = [Charge::new(&login, "key").cost(2), Charge::new(&login, "key").cost(2)].into_iter().collect();
    assert!(!instance.redis.charge(&twice).await.unwrap().is_refused());
    assert!(instance.redis.charge(&twice).await.unwrap().is_refused());
    assert_eq!(instance.charge("login", "key").await.standing().unwrap().remaining(), 0);
}

#[tokio::test]
async fn units_are_asked_about_refunded_and_forgotten_for_all_instances() {
    let server = Server::start();
    let (one, other) = (Instance::patient(&server), Instance::patient(&server));
    while !one.charge("login", "someone").await.is_refused() {}
    for _ in 0..3 {
        assert!(other.redis.peek(&other.one("login", "someone")).await.unwrap().is_refused());
    }
    one.redis.refund(&one.one("login", "someone")).await;
    assert!(!other.redis.peek(&other.one("login", "someone")).await.unwrap().is_refused());
    assert!(!other.charge("login", "someone").await.is_refused());
    assert!(one.charge("login", "someone").await.is_refused());

    other.redis.clear(&other.limit("login"), "someone").await.unwrap();
    assert_eq!(one.charge("login", "someone").await.standing().unwrap().remaining(), 4);
    let all = Charge::new(&one.limit("login"), "someone").cost(5).into();
    one.redis.refund(&all).await;
    assert_eq!(server.command("DBSIZE"), ":0\r\n", "a key that is fresh again is not kept");
}

#[tokio::test]
async fn keys_share_a_slot_and_expire_when_they_are_fresh() {
    let server = Server::start();
    let instance = Instance::patient(&server);
    instance.charge("brief", "a").await;
    instance.charge("brief", "b").await;
    let keys = server.command("KEYS *");
    assert_eq!(keys.matches("{test}:brief:").count(), 2, "{keys}");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(server.command("KEYS *"), "*0\r\n");
}

#[tokio::test]
async fn a_key_is_never_further_from_fresh_than_its_policy_allows() {
    let server = Server::start();
    let instance = Instance::patient(&server);
    instance.charge("login", "someone").await;
    let keys = server.command("EVAL \"local k = redis.call('KEYS', '*') redis.call('SET', k[1], '9e15') return #k\" 0");
    assert_eq!(keys, ":1\r\n");
    let refused = instance.charge("login", "someone").await;
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(180)));
}

#[tokio::test]
async fn a_flush_of_data_and_scripts_is_no_failure() {
    let server = Server::start();
    let instance = Instance::patient(&server);
    while !instance.charge("login", "someone").await.is_refused() {}
    for command in ["FLUSHALL", "SCRIPT FLUSH"] {
        server.command(command);
    }
    assert_eq!(instance.charge("login", "someone").await.standing().unwrap().remaining(), 4);
    assert!(instance.redis.is_shared() && instance.events.heard().is_empty());
}

/// Ready at the second poll, and only as itself: a clone has to be polled anew.
#[derive(Debug)]
struct Picky(u8);

impl Clone for Picky {
    fn clone(&self) -> Self {
        Self(0)
    }
}

impl Service<Request<()>> for Picky {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0 += 1;
        cx.waker().wake_by_ref();
        if self.0 < 2 { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(self.0 >= 2, "called before it was ready");
        self.0 = 0;
        std::future::ready(Ok(Response::new(Body::default())))
    }
}

#[tokio::test]
async fn a_request_that_asks_calls_the_instance_that_was_ready_and_may_be_cancelled() {
    let server = Server::start();
    let instance = Instance::patient(&server);
    let rules = RateLimitLayer::builder().limit(&instance.limit("wide"), |_| Some(Key::new("all"))).build();
    let mut service = RedisRateLimitLayer::new(instance.redis.clone(), rules).layer(Picky(0));
    for _ in 0..3 {
        drop(service.ready().await.unwrap().call(Request::new(())));
        let response = service.ready().await.unwrap().call(Request::new(())).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    assert!(instance.redis.is_shared());
}
