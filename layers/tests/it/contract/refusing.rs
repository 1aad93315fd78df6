//! What makes the refusing responses may hold anything: it is shared by all clones of a layer and never copied.

use std::num::NonZeroUsize;
use std::time::Duration;

use http::Response;
use portcullis_layers::jwt_auth::JwtAuthLayer;
use portcullis_layers::load_shed::LoadShedLayer;
use portcullis_layers::rate_limit::governor::GovernorLayer;
use portcullis_layers::rate_limit::{Key, Limiter, Policy, RateLimitLayer};
use portcullis_layers::rate_limit_redis::{RedisLimiter, RedisRateLimitLayer};
use portcullis_layers::{Refusal, Refuse, RequestHead};
use serde_json::Value;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::GlobalKeyExtractor;

use super::probe::{Payload, Session};
use super::promises;

/// No copy of it can be made.
struct OneOfAKind;

impl Refuse<Payload> for OneOfAKind {
    fn refuse(&self, _: &Refusal) -> Response<Payload> {
        Response::new(Payload::default())
    }
}

fn rate_limit() -> RateLimitLayer<OneOfAKind> {
    let policy = Policy::new("network", 1, Duration::from_secs(60));
    let limit = Limiter::builder().policy(policy).build().unwrap().limit("network").unwrap();
    let key = |head: RequestHead<'_>| Some(Key::client(head));
    RateLimitLayer::builder().limit(&limit, key).refuse(OneOfAKind).build()
}

#[test]
fn layers_share_what_makes_their_refusals() {
    promises::is_shareable(LoadShedLayer::builder(NonZeroUsize::MIN).refuse(OneOfAKind).build());
    promises::is_shareable(rate_limit());
    let limiter = RedisLimiter::builder("redis+unix:///nowhere").build().unwrap();
    promises::is_shareable(RedisRateLimitLayer::new(limiter, rate_limit()));
    let config = GovernorConfigBuilder::default().key_extractor(GlobalKeyExtractor).finish().unwrap();
    let governor = GovernorLayer::builder(GlobalKeyExtractor, config.limiter().clone());
    promises::is_shareable(governor.refuse(OneOfAKind).build().unwrap());
    let jwt_auth: JwtAuthLayer<Value, Session, _> = super::jwt_auth().refuse(OneOfAKind).build().unwrap();
    promises::is_shareable(jwt_auth);
}
