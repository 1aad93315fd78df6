//! Rate limits: the policies, where they are counted, and what each request pays.
//!
//! Networks pay in the `rate_limit` layer, before anything costs. Users and addresses pay when it is known who asks: see
//! [`Limits::charge`]. Without `REDIS_URL` each instance counts for itself; with it they count together, and each goes on by itself while
//! Redis is away.

pub mod deny;
mod networks;
pub mod notices;
mod store;
pub mod target;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_layers::rate_limit::{Charge, Charges, Key, Limit, Limiter, Outcome, Policy, RateLimitLayer};
use portcullis_layers::rate_limit_redis::{
    Builder as RedisBuilder, Event, OnFailure, RedisLimiter, RedisRateLimitLayer,
};
use portcullis_layers::{ClientIp, RequestHead};
use secrecy::ExposeSecret;

pub use self::networks::{ListError, NetworkLists};
use self::store::StoreProbe;
pub use self::store::StoreSight;
use crate::clock::Clock;
use crate::config::{Config, Rate};
use crate::metrics::{LimitMetrics, Metrics};
use crate::router::Match;
use crate::routes::LimitClass;
use crate::setup::Failure;
use crate::telemetry::SPANS;

/// How long a request waits for Redis.
const DEADLINE: Duration = Duration::from_millis(50);
/// How long somebody at a terminal waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is limited besides networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A user, by id.
    User,
    /// An address that somebody types and that is mailed for it.
    MailAddress,
}

/// Every limit of the service.
#[derive(Clone, Debug)]
pub struct Limits {
    default: Limit,
    register: Limit,
    login: Limit,
    refresh: Limit,
    mail: Limit,
    mail_address: Limit,
    secret: Limit,
    user: Limit,
    redis: Option<RedisLimiter>,
    probe: Arc<StoreProbe>,
    metrics: LimitMetrics,
    /// Networks that pay nothing, and networks that get nothing.
    pub networks: Arc<NetworkLists>,
    is_on: bool,
}

impl Limits {
    /// Prepares the limits that the configuration asks for. Redis may come up later.
    ///
    /// # Errors
    /// When a policy cannot be kept, or `REDIS_URL` cannot be used.
    pub fn new(config: &Config, metrics: &Metrics, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        Self::build(config, metrics, clock, |redis| redis.deadline(DEADLINE))
    }

    /// The same for somebody at a terminal, who waits for Redis and wants to hear of it when it does not answer.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn for_operator(config: &Config, metrics: &Metrics, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        Self::build(config, metrics, clock, |redis| redis.deadline(PATIENCE).on_failure(OnFailure::Closed))
    }

    fn build(
        config: &Config,
        metrics: &Metrics,
        clock: Arc<dyn Clock>,
        configure: impl FnOnce(RedisBuilder) -> RedisBuilder,
    ) -> Result<Self, Failure> {
        let wanted = &config.limits;
        let policies = [
            ("default", wanted.default),
            ("register", wanted.register),
            ("login", wanted.login),
            ("refresh", wanted.refresh),
            ("mail", wanted.mail),
            ("mail_address", wanted.mail_address),
            ("secret", wanted.secret),
            ("user", wanted.user),
        ];
        let mut builder = Limiter::builder();
        for (name, Rate { requests, window }) in policies {
            builder = builder.policy(Policy::new(name, requests, window));
            metrics.limits.announce(name);
        }
        let noted = metrics.limits.clone();
        let limiter = builder
            .clock(move || u64::try_from(clock.monotonic().as_nanos()).unwrap_or(u64::MAX))
            .observe(move |policy, event| noted.decided(policy, event))
            .build()?;
        let limit = |name: &str| limiter.limit(name).ok_or_else(|| format!("there is no policy {name}"));
        let redis = match config.redis_url.as_ref().filter(|_| wanted.enabled) {
            Some(url) => Some(configure(shared(url.expose_secret(), metrics)?).build()?),
            None => None,
        };
        Ok(Self {
            default: limit("default")?,
            register: limit("register")?,
            login: limit("login")?,
            refresh: limit("refresh")?,
            mail: limit("mail")?,
            mail_address: limit("mail_address")?,
            secret: limit("secret")?,
            user: limit("user")?,
            redis,
            probe: Arc::default(),
            metrics: metrics.limits.clone(),
            networks: Arc::new(NetworkLists::load(wanted)?),
            is_on: wanted.enabled,
        })
    }

    /// What networks pay.
    fn rules(&self) -> RateLimitLayer {
        let (limits, lists) = (self.clone(), self.networks.clone());
        RateLimitLayer::builder()
            .exempt(move |head| {
                class(head) == LimitClass::Exempt || client(head).is_some_and(|client| lists.is_allowed(client))
            })
            .charges(move |head, charges| {
                let key = Key::client(head);
                if let Some(limit) = limits.of(class(head)) {
                    charges.push(Charge::new(limit, key.clone()));
                }
                charges.push(Charge::new(&limits.default, key));
            })
            .build()
    }

    /// The layer of an instance that counts for itself, if this is one.
    #[must_use]
    pub fn local_layer(&self) -> Option<RateLimitLayer> {
        (self.is_on && self.redis.is_none()).then(|| self.rules())
    }

    /// The layer of an instance that shares its counts, if this is one.
    #[must_use]
    pub fn shared_layer(&self) -> Option<RedisRateLimitLayer> {
        self.redis.as_ref().map(|redis| RedisRateLimitLayer::new(redis.clone(), self.rules()))
    }

    /// Charges a user or an address. Put the outcome into the extensions of the answer: the layer tells the client of the tightest.
    pub async fn charge(&self, who: Who, key: &[u8]) -> Option<Outcome> {
        if !self.is_on {
            return None;
        }
        let limit = match who {
            Who::User => &self.user,
            Who::MailAddress => &self.mail_address,
        };
        let Some(redis) = &self.redis else { return Some(limit.charge(Key::new(key))) };
        let charges = Charges::from(Charge::new(limit, Key::new(key)));
        match redis.charge(&charges).await {
            Ok(outcome) => Some(outcome),
            // Cannot happen: it falls back to the limits of this process.
            Err(_) => Some(limit.charge(Key::new(key))),
        }
    }

    /// Takes a count of the keys that this process remembers.
    pub fn observe(&self, metrics: &LimitMetrics) {
        let all = [
            &self.default,
            &self.register,
            &self.login,
            &self.refresh,
            &self.mail,
            &self.mail_address,
            &self.secret,
            &self.user,
        ];
        for limit in all {
            metrics.held(limit.name(), limit.held_keys());
        }
    }

    /// What is counted by network.
    fn of_networks(&self) -> impl Iterator<Item = &Limit> {
        [&self.default, &self.register, &self.login, &self.refresh, &self.mail, &self.secret].into_iter()
    }

    fn of(&self, class: LimitClass) -> Option<&Limit> {
        match class {
            LimitClass::Register => Some(&self.register),
            LimitClass::Login => Some(&self.login),
            LimitClass::Refresh => Some(&self.refresh),
            LimitClass::Mail => Some(&self.mail),
            LimitClass::Secret => Some(&self.secret),
            LimitClass::Default | LimitClass::Exempt => None,
        }
    }
}

/// The class of the row that a request is for. What no row answers pays by default, or guessing paths would be free.
fn class(head: RequestHead<'_>) -> LimitClass {
    head.extensions.get::<Match>().and_then(Match::row).map_or(LimitClass::Default, |row| row.limit)
}

fn client(head: RequestHead<'_>) -> Option<IpAddr> {
    head.extensions.get::<ClientIp>().map(|ClientIp(address)| *address)
}

fn shared(url: &str, metrics: &Metrics) -> Result<RedisBuilder, Failure> {
    metrics.limits.with_store(&metrics.registry)?;
    let limits: LimitMetrics = metrics.limits.clone();
    let on_event = move |event: &Event| {
        let is_up = i64::from(!matches!(event, Event::Lost { .. }));
        limits.store_up.set(is_up);
        limits.redis_up.set(is_up);
        if is_up == 0 {
            limits.fallbacks.inc();
            tracing::warn!("{event}; each instance counts for itself now");
        } else {
            tracing::info!("{event}");
        }
    };
    let span = || tracing::debug_span!(target: SPANS, "redis.charge", otel.kind = "client", db.system.name = "redis");
    Ok(RedisLimiter::builder(url).prefix("portcullis").on_event(on_event).span(span))
}
