//! Tokens that verify and still do not count.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Extensions, Request, Response, StatusCode};
use portcullis_layers::Refusal;
use portcullis_layers::jwt_auth::{CheckRevocation, Denied, OnUnavailable, Rejection, Verified};
use tower::{Layer, ServiceExt, service_fn};

use super::answers::{Body, bearer, builder, request, text, whoami};
use super::forge::{Claims, claiming, good};

/// Gives the same answer for every token and counts the questions.
#[derive(Clone)]
struct Always(Result<(), Denied>, Arc<AtomicUsize>);

impl Always {
    fn new(answer: Result<(), Denied>) -> Self {
        Self(answer, Arc::default())
    }
}

/// What the check leaves for the handler.
#[derive(Clone)]
struct Loaded(&'static str);

impl CheckRevocation<Claims> for Always {
    async fn check(&self, token: &Verified<Claims>, extensions: &mut Extensions) -> Result<(), Denied> {
        assert_eq!(token.claims().sub, "alice");
        self.1.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        extensions.insert(Loaded("row of alice"));
        self.0.clone()
    }
}

async fn ask(answer: Result<(), Denied>, mode: OnUnavailable) -> Response<Body> {
    let layer = builder()
        .revocation(Always::new(answer))
        .on_unavailable(mode)
        .retry_after(NonZeroU32::new(7).unwrap())
        .build()
        .unwrap();
    layer.layer(service_fn(whoami)).oneshot(bearer(&good())).await.unwrap()
}

#[tokio::test]
async fn the_check_hands_what_it_loaded_to_the_handler() {
    let layer = builder().revocation(Always::new(Ok(()))).build().unwrap();
    let service = layer.layer(service_fn(|request: Request<Body>| async move {
        assert!(request.extensions().get::<Verified<Claims>>().is_some());
        Ok::<_, Infallible>(Response::new(Body::from(request.extensions().get::<Loaded>().unwrap().0)))
    }));
    assert_eq!(text(service.oneshot(bearer(&good())).await.unwrap()).await, "row of alice");
}

#[tokio::test]
async fn a_revoked_token_is_refused_as_such() {
    let response = ask(Err(Denied::Revoked), OnUnavailable::Refuse).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.extensions().get::<Refusal>().unwrap().code(), "token_revoked");
    let challenge = response.headers()[WWW_AUTHENTICATE].to_str().unwrap();
    assert!(challenge.starts_with(r#"Bearer realm="api", error="invalid_token", error_description=""#));
}

#[tokio::test]
async fn a_check_that_cannot_answer_fails_closed() {
    let response = ask(Err(Denied::Unavailable), OnUnavailable::Refuse).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[RETRY_AFTER], "7");
    assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
    assert_eq!(response.extensions().get::<Rejection>(), Some(&Rejection::CheckUnavailable));
}

#[tokio::test]
async fn it_fails_open_only_when_told_so_and_only_for_an_outage() {
    let response = ask(Err(Denied::Unavailable), OnUnavailable::Pass).await;
    assert_eq!(text(response).await, "alice");
    assert_eq!(ask(Err(Denied::Revoked), OnUnavailable::Pass).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_app_may_refuse_for_reasons_of_its_own() {
    let refusal = Refusal::new(StatusCode::FORBIDDEN, "email_not_verified");
    let response = ask(Err(Denied::Other(refusal.clone())), OnUnavailable::Refuse).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.extensions().get::<Refusal>(), Some(&refusal));
    assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
}

#[tokio::test]
async fn nobody_is_asked_about_a_token_that_is_bad_anyway() {
    let check = Always::new(Ok(()));
    let layer = builder().revocation(check.clone()).build().unwrap();
    for request in [request(&[]), request(&["Bearer"]), bearer("abc"), bearer(&claiming(&[("exp", "1")]))] {
        let response = layer.layer(service_fn(whoami)).oneshot(request).await.unwrap();
        assert!(response.status().is_client_error());
    }
    assert_eq!(check.1.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_check_that_does_not_apply_is_not_run() {
    struct Never;
    impl CheckRevocation<Claims> for Never {
        fn applies(&self, _: &Verified<Claims>) -> bool {
            false
        }
        async fn check(&self, _: &Verified<Claims>, _: &mut Extensions) -> Result<(), Denied> {
            Err(Denied::Revoked)
        }
    }
    let layer = builder().revocation(Never).build().unwrap();
    let response = layer.layer(service_fn(whoami)).oneshot(bearer(&good())).await.unwrap();
    assert_eq!(text(response).await, "alice");
}
