//! The shared limits against a real Redis, which the tests start, stop and break.

mod cluster;
mod failures;
mod server;
mod sharing;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portcullis_layers::rate_limit::{Charge, Charges, Limit, Limiter, Outcome, Policy};
use portcullis_layers::rate_limit_redis::{Builder, Event, RedisLimiter};

use self::server::Server;

/// One of several processes: limits of its own, and a connection to the Redis of all.
struct Instance {
    limiter: Limiter,
    redis: RedisLimiter,
    events: Events,
}

/// What an operator would have read in the log.
#[derive(Clone, Debug, Default)]
struct Events(Arc<Mutex<Vec<Event>>>);

impl Events {
    fn heard(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }
}

impl Instance {
    fn new(server: &Server) -> Self {
        Self::with(server, |builder| builder)
    }

    /// Waits as long as a busy machine may take to start a server and connect to it.
    fn patient(server: &Server) -> Self {
        Self::with(server, |builder| builder.deadline(Duration::from_secs(10)))
    }

    fn with(server: &Server, configure: impl FnOnce(Builder) -> Builder) -> Self {
        Self::at(&server.address(), configure)
    }

    fn at(address: &str, configure: impl FnOnce(Builder) -> Builder) -> Self {
        let limiter = Limiter::builder()
            .policy(Policy::new("login", 5, Duration::from_secs(900)))
            .policy(Policy::new("wide", 1_000_000, Duration::from_secs(60)))
            .policy(Policy::new("brief", 2, Duration::from_secs(1)))
            .build()
            .unwrap();
        let events = Events::default();
        let sink = events.clone();
        let builder = RedisLimiter::builder(address)
            .prefix("test")
            .retry_every(Duration::from_millis(50))
            .on_event(move |event| sink.0.lock().unwrap().push(event.clone()));
        Self { limiter, redis: configure(builder).build().unwrap(), events }
    }

    fn limit(&self, name: &str) -> Limit {
        self.limiter.limit(name).unwrap()
    }

    fn one(&self, limit: &str, key: &str) -> Charges {
        Charge::new(&self.limit(limit), key).into()
    }

    async fn charge(&self, limit: &str, key: &str) -> Outcome {
        self.redis.charge(&self.one(limit, key)).await.unwrap()
    }

    /// Charges until `done`, as requests that keep coming would.
    async fn charge_until(&self, done: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}", self.events);
            self.charge("wide", "anybody").await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
