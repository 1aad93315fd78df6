//! The `Authorization` header, before there is a token to look at.

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Full;

use crate::support::{Answer, Client, TestApp};

async fn me_with(client: &Client, values: &[&[u8]]) -> Answer {
    let mut request = Request::get("/api/v1/auth/me").body(Full::<Bytes>::default()).unwrap();
    for value in values {
        request.headers_mut().append(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
    }
    client.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_the_challenge_names_no_error() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for values in [&[][..], &[&b"Basic dXNlcjpwYXNz"[..]], &[b"Negotiate"], &[b"Bearerish a.b.c"]] {
        let answer = me_with(&client, values).await;
        assert_eq!(answer.refusal(), (401, "missing_token".into()), "{values:?}");
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="portcullis""#, "{values:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_or_repeated_header_is_the_requests_fault_and_never_ours() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let good = format!("Bearer {}", account.tokens.access);
    let token = account.tokens.access.as_bytes();
    for values in [
        &[&b""[..]][..],
        &[b"Bearer"],
        &[b"Bearer\t"],
        &[b"Bearer a b"],
        &[b"Bearer a,b"],
        &[b"Bearer \"a.b.c\""],
        &[b"Bearer a.b.c\xff"],
        &["Bearer ä.b.c".as_bytes()],
        &[b"Bearer =="],
        &[b"Bearer {\"alg\":\"none\"}"],
        &[token],
        &[good.as_bytes(), good.as_bytes()],
        &[good.as_bytes(), b"Basic dXNlcjpwYXNz"],
        &[b"Basic dXNlcjpwYXNz", good.as_bytes()],
        &[b"", good.as_bytes()],
        &[format!("{good}, {good}").as_bytes()],
    ] {
        let answer = me_with(&client, values).await;
        let shown: Vec<_> = values.iter().map(|value| String::from_utf8_lossy(value)).collect();
        assert_eq!(answer.refusal(), (400, "invalid_request".into()), "{shown:?}");
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.starts_with(r#"Bearer realm="portcullis", error="invalid_request""#),
            "{shown:?}: {challenge}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheme_is_read_without_regard_to_case_and_spaces_may_follow_it() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    for scheme in ["Bearer ", "bearer ", "BEARER ", "BeArEr ", "Bearer    "] {
        me_with(&client, &[format!("{scheme}{}", account.tokens.access).as_bytes()]).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_query_or_the_body_is_no_token() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let answer = client.get(&format!("/api/v1/auth/me?access_token={}", account.tokens.access)).await;
    assert_eq!(answer.refusal(), (401, "missing_token".into()));
    let form = format!("access_token={}", account.tokens.access);
    let request =
        Request::post("/api/v1/auth/logout").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = client.send(request.body(Full::new(Bytes::from(form))).unwrap()).await;
    assert_eq!(answer.refusal(), (401, "missing_token".into()));
}
