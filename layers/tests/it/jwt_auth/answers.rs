//! The layer on real requests: who passes, and the exact words for those who do not.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use portcullis_layers::jwt_auth::{
    Access, Builder, ConfigError, Fault, JwtAuthLayer, KeySetHandle, Rejection, Validation, Verified,
};
use portcullis_layers::{Refusal, RequestHead};
use tower::{Layer, ServiceExt, service_fn};

use super::forge::{self, Claims, NOW, claiming, good};

pub(super) type Body = Full<Bytes>;

pub(super) fn builder() -> Builder<Claims> {
    JwtAuthLayer::builder(KeySetHandle::new(forge::key_set()), forge::validation()).clock(|| NOW)
}

/// Answers with the subject of the token, or `anonymous`.
pub(super) async fn whoami(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let token = request.extensions().get::<Verified<Claims>>();
    let name = token.map_or("anonymous", |token| &token.claims().sub).to_owned();
    Ok(Response::new(Full::from(name)))
}

pub(super) fn request(authorization: &[&str]) -> Request<Body> {
    let mut request = Request::new(Full::default());
    for value in authorization {
        request.headers_mut().append(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    request
}

pub(super) fn bearer(token: &str) -> Request<Body> {
    request(&[&format!("Bearer {token}")])
}

pub(super) async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn ask(layer: &JwtAuthLayer<Claims>, request: Request<Body>) -> Response<Body> {
    layer.layer(service_fn(whoami)).oneshot(request).await.unwrap()
}

#[tokio::test]
async fn every_token_is_kept_out_of_what_prints_the_headers() {
    let layer = JwtAuthLayer::builder(KeySetHandle::new(forge::key_set()), forge::validation())
        .access(|_| Access::Optional)
        .clock(|| NOW)
        .build()
        .unwrap();
    let service = layer.layer(service_fn(async |request: Request<Body>| {
        assert!(request.headers().get_all(AUTHORIZATION).iter().all(HeaderValue::is_sensitive));
        Ok::<_, Infallible>(Response::new(Body::default()))
    }));
    let repeated = service.clone().oneshot(request(&["Basic a", "Bearer b"])).await.unwrap();
    assert_eq!(repeated.status(), StatusCode::BAD_REQUEST);
    assert_eq!(service.oneshot(bearer(&good())).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_good_token_arrives_as_typed_claims() {
    let layer = builder().build().unwrap();
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer  "] {
        let response = ask(&layer, request(&[&format!("{scheme} {}", good())])).await;
        assert_eq!(response.status(), StatusCode::OK, "{scheme}");
        assert_eq!(text(response).await, "alice");
    }
}

#[tokio::test]
async fn the_extension_tells_key_scopes_and_expiry_and_hides_the_header() {
    let layer = builder().build().unwrap();
    let service = layer.layer(service_fn(|request: Request<Body>| async move {
        let token = request.extensions().get::<Verified<Claims>>().unwrap().clone();
        assert_eq!((token.kid(), token.expires_at()), (Some("ed"), Some(NOW + 900)));
        assert_eq!(token.scopes().collect::<Vec<_>>(), ["read", "write"]);
        assert!(token.has_scope("write") && !token.has_scope("rea") && !token.has_scope(""));
        assert!(!format!("{:?}", request.headers()).contains("eyJ"));
        Ok::<_, Infallible>(Response::new(Body::default()))
    }));
    let response = service.oneshot(bearer(&claiming(&[("scope", r#""read write""#)]))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn every_refusal_has_its_status_code_and_challenge() {
    let layer = builder().realm("shop").build().unwrap();
    let token = good();
    let huge = format!("Bearer {}", "a".repeat(1_000_000));
    let good_header = format!("Bearer {token}");
    let missing = (401, "missing_token", None, Rejection::MissingToken);
    let malformed = (400, "invalid_request", Some("invalid_request"), Rejection::MalformedHeader);
    let invalid = |fault| (401, "invalid_token", Some("invalid_token"), Rejection::InvalidToken(fault));
    let expired = format!("Bearer {}", claiming(&[("exp", "1")]));
    let table: &[(&[&str], _)] = &[
        (&[], missing.clone()),
        (&["Basic dXNlcjpwYXNz"], missing.clone()),
        (&["DPoP abc"], missing),
        (&[""], malformed.clone()),
        (&["Bearer"], malformed.clone()),
        (&["Bearer "], malformed.clone()),
        (&["Bearer a b"], malformed.clone()),
        (&["Bearer, abc"], malformed.clone()),
        (&[&token], malformed.clone()),
        (&["Bearer tökèn"], malformed.clone()),
        (&[&good_header, &good_header], malformed.clone()),
        (&[&good_header, "Basic dXNlcjpwYXNz"], malformed),
        (&["Bearer abc"], invalid(Fault::Malformed)),
        (&["Bearer null"], invalid(Fault::Malformed)),
        (&[&huge], invalid(Fault::TooLong)),
        (&[&expired], (401, "token_expired", Some("invalid_token"), Rejection::TokenExpired)),
    ];
    for (values, (status, code, error, rejection)) in table {
        let response = ask(&layer, request(values)).await;
        let case = format!("{values:.100?}");
        assert_eq!(response.status(), *status, "{case}");
        assert_eq!(response.extensions().get::<Refusal>().unwrap().code(), *code, "{case}");
        assert_eq!(response.extensions().get::<Rejection>(), Some(rejection), "{case}");
        let challenge = response.headers()[WWW_AUTHENTICATE].to_str().unwrap();
        match error {
            None => assert_eq!(challenge, r#"Bearer realm="shop""#, "{case}"),
            Some(error) => {
                let start = format!(r#"Bearer realm="shop", error="{error}", error_description=""#);
                assert!(challenge.starts_with(&start), "{case}: {challenge}");
            }
        }
    }
}

#[tokio::test]
async fn the_cap_on_the_length_is_exact() {
    let token = good();
    for (cap, status) in [(token.len(), StatusCode::OK), (token.len() - 1, StatusCode::UNAUTHORIZED)] {
        // The space after the scheme counts.
        let layer = builder().max_token_len(cap + 1).build().unwrap();
        assert_eq!(ask(&layer, bearer(&token)).await.status(), status, "{cap}");
    }
}

#[tokio::test]
async fn a_skipped_request_passes_whatever_its_header_says() {
    let layer = builder().access(|_| Access::Skip).build().unwrap();
    let header = format!("Bearer {}", good());
    for values in [&[][..], &[""], &["Bearer"], &["Bearer a b"], &[&header, &header], &[&header]] {
        let response = ask(&layer, request(values)).await;
        assert_eq!((response.status(), text(response).await.as_str()), (StatusCode::OK, "anonymous"), "{values:?}");
    }
}

#[tokio::test]
async fn an_optional_token_may_be_absent_but_not_bad() {
    let layer = builder().access(|_| Access::Optional).build().unwrap();
    assert_eq!(text(ask(&layer, request(&[])).await).await, "anonymous");
    assert_eq!(text(ask(&layer, request(&["Basic dXNlcjpwYXNz"])).await).await, "anonymous");
    assert_eq!(text(ask(&layer, bearer(&good())).await).await, "alice");
    assert_eq!(ask(&layer, bearer("abc")).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&layer, request(&["Bearer"])).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_token_without_the_scopes_is_forbidden_and_told_which() {
    let access = |head: RequestHead<'_>| match head.uri.path() {
        "/" => Access::RequiredScopes(&["read", "write"]),
        _ => Access::Required,
    };
    let layer = builder().access(access).build().unwrap();
    for (scope, passes) in [
        (r#""write read""#, true),
        (r#"["read","write","x"]"#, true),
        (r#""read""#, false),
        (r#""read writer""#, false),
        (r#""READ WRITE""#, false),
        (r#""""#, false),
        ("", false),
    ] {
        let response = ask(&layer, bearer(&claiming(&[("scope", scope)]))).await;
        assert_eq!(response.status() == StatusCode::OK, passes, "{scope}");
        if !passes {
            assert_eq!(response.status(), StatusCode::FORBIDDEN);
            assert_eq!(response.extensions().get::<Refusal>().unwrap().code(), "forbidden");
            let challenge = &response.headers()[WWW_AUTHENTICATE];
            assert_eq!(challenge, r#"Bearer realm="api", error="insufficient_scope", scope="read write""#);
        }
    }
}

#[tokio::test]
async fn a_token_expires_while_the_clock_moves_on() {
    let time = Arc::new(AtomicU64::new(NOW));
    let clock = Arc::clone(&time);
    let layer = builder().clock(move || clock.load(Ordering::Relaxed)).build().unwrap();
    let token = good();
    for (seconds, status) in [(0, 200), (899, 200), (904, 200), (905, 401), (100_000, 401)] {
        time.store(NOW + seconds, Ordering::Relaxed);
        assert_eq!(ask(&layer, bearer(&token)).await.status(), status, "after {seconds} s");
    }
    time.store(NOW - 6, Ordering::Relaxed);
    assert_eq!(ask(&layer, bearer(&token)).await.status(), 401);
}

#[tokio::test]
async fn the_app_may_write_the_refusals_itself() {
    let refuse = |refusal: &Refusal| {
        let mut response = Response::new(Body::from(format!("<{}>", refusal.code())));
        *response.status_mut() = refusal.status();
        response
    };
    let layer = builder().refuse(refuse).build().unwrap();
    let response = layer.layer(service_fn(whoami)).oneshot(request(&[])).await.unwrap();
    assert_eq!(response.headers()[WWW_AUTHENTICATE], r#"Bearer realm="api""#);
    assert_eq!(text(response).await, "<missing_token>");
}

#[test]
fn settings_that_make_no_sense_are_refused_when_the_layer_is_built() {
    let rules = Validation::<Claims>::builder;
    assert_eq!(rules().audience("api").build().err(), Some(ConfigError::NoIssuer));
    assert_eq!(rules().issuer("x").build().err(), Some(ConfigError::NoAudience));
    let no_type = rules().issuer("x").audience("api").token_types(Vec::<String>::new()).build();
    assert_eq!(no_type.err(), Some(ConfigError::NoTokenType));
    assert!(rules().required_claims(["exp"]).build().is_ok());
    assert_eq!(builder().realm("a\nb").build().err(), Some(ConfigError::Realm));
}

#[test]
fn rules_can_be_relaxed_one_by_one() {
    let keys = forge::key_set();
    let anonymous = claiming(&[("iss", ""), ("aud", ""), ("sub", ""), ("exp", "")]);
    let rules = Validation::<Claims>::builder().required_claims(Vec::<String>::new()).build().unwrap();
    let token = rules.verify(&keys, &anonymous, NOW).unwrap_err();
    assert_eq!(token, Rejection::InvalidToken(Fault::ClaimFormat), "the app's own type still needs `sub`");
    let rules = Validation::<serde_json::Value>::builder().required_claims(Vec::<String>::new()).build().unwrap();
    assert_eq!(rules.verify(&keys, &anonymous, NOW).unwrap().expires_at(), None);

    let any_type = Validation::<Claims>::builder()
        .issuer("https://issuer.example")
        .audience("api")
        .any_token_type()
        .build()
        .unwrap();
    assert!(any_type.verify(&keys, &forge::headed(&[("typ", "")]), NOW).is_ok());

    let demanding = Validation::<Claims>::builder().required_claims(["jti"]).leeway(0).build().unwrap();
    let fault = |token: &str| demanding.verify(&keys, token, NOW).map(drop).unwrap_err();
    assert_eq!(fault(&good()), Rejection::InvalidToken(Fault::MissingClaim));
    assert_eq!(fault(&claiming(&[("jti", "null")])), Rejection::InvalidToken(Fault::MissingClaim));
    assert_eq!(fault(&claiming(&[("jti", "1"), ("exp", "1800000000")])), Rejection::TokenExpired);
    assert!(demanding.verify(&keys, &claiming(&[("jti", "1"), ("exp", "1800000001")]), NOW).is_ok());
}
