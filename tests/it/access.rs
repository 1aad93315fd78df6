//! Who may call which row: the access column of the route table, held against every row of it.

use std::time::Duration;

use http::{HeaderValue, Request, header};
use http_body_util::Full;
use portcullis::routes::{Access, ROUTES, Route};

use crate::support::{Account, Answer, Client, TestApp, anonymous_request, good_request, takes_a_link};

/// Longer than an access token lives, leeway included.
const PAST_EXPIRY: Duration = Duration::from_secs(16 * 60);

/// Sends the row's good request with these `Authorization` headers in place of its own.
async fn ask(client: &Client, route: &Route, account: &Account, authorization: &[&[u8]]) -> Answer {
    let mut request: Request<Full<_>> = anonymous_request(route, account);
    for value in authorization {
        request.headers_mut().append(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
    }
    client.send(request).await
}

fn rows(access: impl Fn(Access) -> bool) -> impl Iterator<Item = &'static Route> {
    let rows: Vec<_> = ROUTES.iter().filter(|route| access(route.access)).collect();
    assert!(!rows.is_empty());
    rows.into_iter()
}

#[track_caller]
fn assert_served(route: &Route, answer: &Answer) {
    if takes_a_link(route) {
        answer.expect_problem(400, "invalid_token");
        return;
    }
    assert!(answer.status.is_success() || answer.status.is_redirection(), "{route:?}: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_for_users_serves_the_bearer_of_the_right_token() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for route in rows(|access| access == Access::User) {
        let account = client.sign_up().await;
        assert_served(route, &client.send(good_request(route, &account)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_for_users_refuses_everybody_else() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let expired = account.tokens.access.clone();

    // The same database, the same keys, the same account and a live session: only the audience differs.
    let builder = TestApp::builder().set("JWT_AUDIENCE", "elsewhere").on(app.database.clone());
    let elsewhere = builder.spawn().await;
    for instance in [&app, &elsewhere] {
        instance.advance(PAST_EXPIRY);
    }
    let foreign = elsewhere.client().log_in(&account.email, &account.password).await.expect(200).tokens().access;
    elsewhere.client().me(&foreign).await.expect(200);

    let callers = [
        ("nobody", None, "missing_token"),
        ("the bearer of an expired token", Some(expired), "token_expired"),
        ("the bearer of a token for somebody else", Some(foreign), "invalid_token"),
        ("the bearer of a refresh token", Some(account.tokens.refresh.clone()), "invalid_token"),
        ("the bearer of garbage", Some("garbage".to_owned()), "invalid_token"),
    ];
    let before = app.database.account_data().await;
    for route in rows(|access| access == Access::User) {
        for (caller, token, code) in &callers {
            let header = token.as_ref().map(|token| format!("Bearer {token}"));
            let headers: Vec<_> = header.iter().map(String::as_bytes).collect();
            let answer = ask(&client, route, &account, &headers).await;
            assert_eq!(answer.refusal(), (401, (*code).to_owned()), "{route:?} for {caller}");
            answer.expect_problem(401, code);
            // RFC 6750 §3.1: without a token there is nothing that could be in error.
            let challenge = answer.header("www-authenticate");
            assert!(challenge.starts_with("Bearer realm=\"portcullis\""), "{challenge}");
            assert_eq!(
                challenge.contains("error=\"invalid_token\""),
                token.is_some(),
                "{route:?} for {caller}: {challenge}"
            );
        }
    }
    assert_eq!(app.database.account_data().await, before);
}

/// Whatever clients and proxies send in this header; a service like this one once answered some of it with 500.
const ODD_HEADERS: &[(&str, &[&[u8]], u16, &str)] = &[
    ("an empty header", &[b""], 400, "invalid_request"),
    ("a scheme without a token", &[b"Bearer"], 400, "invalid_request"),
    ("a scheme with a space only", &[b"Bearer "], 400, "invalid_request"),
    ("two tokens", &[b"Bearer a b"], 400, "invalid_request"),
    ("a list of tokens", &[b"Bearer a,b"], 400, "invalid_request"),
    ("a token in quotes", &[b"Bearer \"a.b.c\""], 400, "invalid_request"),
    ("bytes beyond ASCII", &[b"Bearer \xff\xfe"], 400, "invalid_request"),
    ("a scheme beyond ASCII", &[b"B\xc3\xa9arer a"], 400, "invalid_request"),
    ("another scheme", &[b"Basic YWRhOnNlY3JldA=="], 401, "missing_token"),
    ("a token alone", &[b"abc"], 401, "missing_token"),
    ("three dots", &[b"Bearer ..."], 401, "invalid_token"),
    ("one of two headers", &[b"Bearer a", b"Bearer a"], 400, "invalid_request"),
    ("a good first and an odd second header", &[b"Bearer a", b""], 400, "invalid_request"),
    ("a token of 7000 bytes", &[&[b'a'; 7000]], 400, "invalid_request"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_authorization_header_is_refused_and_never_a_fault_of_ours() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let before = app.database.account_data().await;
    for route in rows(|access| access == Access::User) {
        for (what, headers, status, code) in ODD_HEADERS {
            let answer = ask(&client, route, &account, headers).await;
            assert_eq!(answer.refusal(), (*status, (*code).to_owned()), "{route:?} with {what}");
            answer.expect_problem(*status, code);
        }
    }
    assert_eq!(app.database.account_data().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_token_sent_twice_is_refused() {
    let app = TestApp::spawn().await;
    let account = app.client().sign_up().await;
    let bearer = format!("Bearer {}", account.tokens.access);
    for route in rows(|access| access == Access::User) {
        let answer = ask(&app.client(), route, &account, &[bearer.as_bytes(), bearer.as_bytes()]).await;
        answer.expect_problem(400, "invalid_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_row_takes_no_notice_of_an_authorization_header() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let stale = format!("Bearer {}", client.sign_up().await.tokens.access);
    app.advance(PAST_EXPIRY);
    let stale: &[&[u8]] = &[stale.as_bytes()];
    let headers = ODD_HEADERS.iter().map(|(what, headers, ..)| (*what, *headers));
    for route in rows(|access| access != Access::User) {
        for (what, headers) in headers.clone().chain([("a stale token", stale), ("nothing", &[])]) {
            let account = client.sign_up().await;
            let answer = ask(&client, route, &account, headers).await;
            assert_served(route, &answer);
            assert_eq!(answer.header("www-authenticate"), "", "{route:?} with {what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_request_after_a_revocation_is_refused_on_every_row_and_every_instance() {
    let app = TestApp::spawn().await;
    let replica = app.replica().await;
    let client = app.client();
    let database = app.database.connect().await;
    let disable = "update users set is_active = false where id::text = $1";
    let delete = "update users set deleted_at = created_at where id::text = $1";
    for (what, sql) in [("disabled", disable), ("deleted", delete)] {
        let account = client.sign_up().await;
        replica.client().me(&account.tokens.access).await.expect(200);
        assert_eq!(database.execute(sql, &[&account.id]).await.unwrap(), 1);
        for route in rows(|access| access == Access::User) {
            for instance in [&app, &replica] {
                let answer = instance.client().send(good_request(route, &account)).await;
                assert_eq!(answer.refusal(), (401, "token_revoked".into()), "{route:?}, {what}");
            }
        }
    }
}
