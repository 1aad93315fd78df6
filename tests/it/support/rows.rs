//! A good request for every row of the route table, for the tests that visit them all.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, header, request};
use http_body_util::Full;
use portcullis::routes::{Access, RequestBody, Route};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Account, PASSWORD};

/// What a token of a mailed link looks like. Nobody was mailed this one.
const SOME_TOKEN: &str = "0N9dRzB2cRZ5m8eXc4tq2m3Q1qk9l7b3vYwF6sJ0aHg";

/// Whether the row takes the token of a mailed link. No link of any account is at hand here, so that the best answer to a good request is
/// 400 `invalid_token`.
pub(crate) fn takes_a_link(route: &Route) -> bool {
    let ends =
        ["/password/reset", "/email/verify", "/email/confirm-change", "/email/undo", "/email/inspect", "/email/reject"];
    ends.iter().chain(&["/sessions/end"]).any(|end| route.path.ends_with(end))
}

/// The path of a row, with a value for its parameter.
pub(crate) fn address(route: &Route) -> String {
    let path = route.path.replace("/pages/{file}", "/pages/page.js").replace("{file}", "init.js");
    let path = path.replace("{id}", &Uuid::nil().to_string());
    assert!(!path.contains('{'), "{route:?}: its parameter needs a value here");
    path
}

/// A body that the row takes from somebody who has just signed up.
pub(crate) fn good_body(route: &Route, account: &Account) -> Option<Value> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = route.path.strip_prefix("/api/v1/auth/").unwrap_or(route.path);
    match (&route.method, name) {
        (&Method::POST, "register") => {
            let email = format!("row{}@example.com", NEXT.fetch_add(1, Ordering::Relaxed));
            Some(json!({ "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" }))
        }
        (&Method::POST, "login") => Some(json!({ "email": account.email, "password": account.password })),
        (&Method::POST, "password/forgot" | "/api/v1/password/forgot" | "email/resend") => {
            Some(json!({ "email": account.email }))
        }
        (&Method::POST, "password/reset" | "/api/v1/password/reset") => Some(
            json!({ "token": SOME_TOKEN, "email": account.email, "new_password": "nine lives of the harbour cat" }),
        ),
        (&Method::POST, "email/verify") => Some(json!({ "token": SOME_TOKEN, "password": account.password })),
        _ if takes_a_link(route) => Some(json!({ "token": SOME_TOKEN })),
        (&Method::POST, "refresh") => Some(json!({ "refresh_token": account.tokens.refresh })),
        (&Method::DELETE, "me") => Some(json!({ "password": account.password })),
        (&Method::PUT, "me") => Some(json!({ "first_name": "Augusta" })),
        (&Method::PUT, "password/change" | "change-password") => {
            Some(json!({ "current_password": account.password, "new_password": "nine lives of the harbour cat" }))
        }
        _ => {
            assert_ne!(route.body, RequestBody::Json, "{route:?} needs a body here");
            None
        }
    }
}

/// A request that lacks nothing but a body and, where the row wants one, a token.
pub(crate) fn bare_request(route: &Route) -> request::Builder {
    Request::builder().method(route.method.clone()).uri(address(route))
}

/// A request that the row answers without a fault.
pub(crate) fn good_request(route: &Route, account: &Account) -> Request<Full<Bytes>> {
    let mut request = anonymous_request(route, account);
    if route.access == Access::User {
        let bearer = format!("Bearer {}", account.tokens.access).parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
    }
    request
}

/// As [`good_request`], without a token.
pub(crate) fn anonymous_request(route: &Route, account: &Account) -> Request<Full<Bytes>> {
    let mut request = match good_body(route, account) {
        None => bare_request(route).body(Full::default()),
        Some(body) => {
            let builder = bare_request(route).header(header::CONTENT_TYPE, "application/json");
            builder.body(Full::new(Bytes::from(body.to_string())))
        }
    }
    .unwrap();
    if route.path.ends_with("/sessions/{id}") {
        *request.uri_mut() = route.path.replace("{id}", &own_session(account)).parse().unwrap();
    }
    request
}

/// The session of an account, as its access token names it.
fn own_session(account: &Account) -> String {
    let payload = account.tokens.access.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    claims["sid"].as_str().unwrap().to_owned()
}
