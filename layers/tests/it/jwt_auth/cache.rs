//! Tokens that come again.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use http::{Extensions, Request, Response, StatusCode};
use portcullis_layers::Refusal;
use portcullis_layers::jwt_auth::{
    Access, Builder, CheckRevocation, Denied, JwtAuthLayer, KeySetHandle, TokenCache, TokenCacheHandle, Validation,
    Verified,
};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::answers::{Body, bearer, builder, request, text, whoami};
use super::forge::{self, Claims, NOW, claiming, good, headed, token_by};

/// A layer that counts how often it verified a token, and remembers them.
struct Counted {
    builder: Builder<Claims>,
    keys: KeySetHandle,
    verified: Arc<AtomicUsize>,
    time: Arc<AtomicU64>,
    cache: TokenCacheHandle<Claims>,
}

fn counted() -> Counted {
    let (keys, verified) = (KeySetHandle::new(forge::key_set()), Arc::<AtomicUsize>::default());
    let (count, time) = (Arc::clone(&verified), Arc::new(AtomicU64::new(NOW)));
    let check = move |claims: &Claims| {
        count.fetch_add(1, Ordering::Relaxed);
        claims.token_type == "access"
    };
    let rules = Validation::builder().issuer("https://issuer.example").audience("api").claims_check(check);
    let cache = TokenCache::new(100);
    let handle = cache.handle();
    let clock = Arc::clone(&time);
    let builder = JwtAuthLayer::builder(keys.clone(), rules.build().unwrap())
        .clock(move || clock.load(Ordering::Relaxed))
        .cache(cache);
    Counted { builder, keys, verified, time, cache: handle }
}

/// Answers with the status, and the name in the token where it passed.
async fn ask<S>(service: &S, token: &str) -> (StatusCode, String)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    let response = service.clone().oneshot(bearer(token)).await.unwrap();
    (response.status(), text(response).await)
}

#[tokio::test]
async fn a_token_that_comes_again_is_not_verified_again() {
    let Counted { builder, verified, cache, .. } = counted();
    let service = builder.build().unwrap().layer(service_fn(whoami));
    let (alice, bob) = (good(), claiming(&[("sub", r#""bob""#)]));
    for _ in 0..5 {
        assert_eq!(ask(&service, &alice).await, (StatusCode::OK, "alice".to_owned()));
        assert_eq!(ask(&service, &bob).await, (StatusCode::OK, "bob".to_owned()));
    }
    assert_eq!((verified.load(Ordering::Relaxed), cache.len()), (2, 2));
    cache.forget(&bob);
    ask(&service, &bob).await;
    assert_eq!(verified.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_remembered_token_expires_in_time() {
    let Counted { builder, time, cache, .. } = counted();
    let service = builder.build().unwrap().layer(service_fn(whoami));
    let token = good();
    for (seconds, status) in [(0, 200), (899, 200), (904, 200), (905, 401), (100_000, 401)] {
        time.store(NOW + seconds, Ordering::Relaxed);
        let response = service.clone().oneshot(bearer(&token)).await.unwrap();
        assert_eq!(response.status(), status, "after {seconds} s");
        assert!(response.extensions().get::<Refusal>().is_none_or(|refusal| refusal.code() == "token_expired"));
    }
    assert!(cache.is_empty());
}

#[tokio::test]
async fn a_remembered_token_goes_with_the_keys_it_was_verified_with() {
    let Counted { builder, keys, verified, .. } = counted();
    let service = builder.build().unwrap().layer(service_fn(whoami));
    let token = good();
    assert_eq!(ask(&service, &token).await.0, StatusCode::OK);
    keys.store(forge::key_set());
    assert_eq!(ask(&service, &token).await.0, StatusCode::OK);
    assert_eq!(verified.load(Ordering::Relaxed), 2, "the new set might lack the key");
    keys.store(portcullis_layers::jwt_auth::KeySet::default());
    assert_eq!(ask(&service, &token).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn scopes_are_looked_at_for_each_request() {
    let layer = builder()
        .cache(TokenCache::new(100))
        .access(|head| match head.uri.path() {
            "/write" => Access::RequiredScopes(&["write"]),
            _ => Access::Required,
        })
        .build()
        .unwrap();
    let service = layer.layer(service_fn(whoami));
    let token = claiming(&[("scope", r#""read""#)]);
    for _ in 0..2 {
        assert_eq!(ask(&service, &token).await.0, StatusCode::OK);
        let mut write = bearer(&token);
        *write.uri_mut() = "/write".parse().unwrap();
        assert_eq!(service.clone().oneshot(write).await.unwrap().status(), StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn a_refused_token_is_never_remembered() {
    let Counted { builder, cache, .. } = counted();
    let layer = builder.access(|_| Access::RequiredScopes(&["write"])).build().unwrap();
    let service = layer.layer(service_fn(whoami));
    let tokens = [
        "abc".to_owned(),
        good(),
        headed(&[("typ", "")]),
        headed(&[("kid", r#""unknown""#)]),
        claiming(&[("exp", "1"), ("scope", r#""write""#)]),
        claiming(&[("token_type", r#""refresh""#), ("scope", r#""write""#)]),
        token_by(forge::stranger, &forge::header(&[]), forge::claims(&[("scope", r#""write""#)])),
    ];
    for token in &tokens {
        assert!(ask(&service, token).await.0.is_client_error(), "{token}");
    }
    for number in 0..10_000 {
        assert_eq!(ask(&service, &format!("{number:x}.{number:x}.{number:x}")).await.0, StatusCode::UNAUTHORIZED);
    }
    assert!(service.oneshot(request(&[])).await.unwrap().status().is_client_error());
    assert!(cache.is_empty());
}

/// Says what its number says: 0 for good, 1 for revoked, 2 for unavailable. Counts the questions.
#[derive(Clone, Default)]
struct Session {
    state: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

impl CheckRevocation<Claims> for Session {
    async fn check(&self, _: &Verified<Claims>, _: &mut Extensions) -> Result<(), Denied> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match self.state.load(Ordering::Relaxed) {
            0 => Ok(()),
            1 => Err(Denied::Revoked),
            _ => Err(Denied::Unavailable),
        }
    }
}

#[tokio::test]
async fn revocation_is_asked_about_every_time_and_drops_the_token() {
    let (Counted { builder, cache, .. }, session) = (counted(), Session::default());
    let service = builder.revocation(session.clone()).build().unwrap().layer(service_fn(whoami));
    let token = good();
    for (state, status, remembered) in [(2, 503, 0), (0, 200, 1), (0, 200, 1), (2, 503, 1), (1, 401, 0), (1, 401, 0)] {
        session.state.store(state, Ordering::Relaxed);
        assert_eq!(ask(&service, &token).await.0, status);
        assert_eq!(cache.len(), remembered);
    }
    assert_eq!(session.asked.load(Ordering::Relaxed), 6);
}
