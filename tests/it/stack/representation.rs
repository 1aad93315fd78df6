//! Compressed, or held already: how the same content can leave in other forms.

use http::{Request, header};
use portcullis::routes::ROUTES;

use crate::support::{TestApp, address, good_request};

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_the_same_for_everybody_is_compressed() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let mut compressed = 0;
    for route in ROUTES {
        let account = client.sign_up().await;
        let mut request = good_request(route, &account);
        request.headers_mut().insert(header::ACCEPT_ENCODING, "gzip, deflate, br, zstd".parse().unwrap());
        let answer = client.send(request).await;
        let is_compressed = answer.headers.contains_key("content-encoding");
        assert!(route.is_static || !is_compressed, "{route:?} is compressed: its length would tell of its secrets");
        if is_compressed {
            assert_eq!(answer.header("content-encoding"), "gzip", "{route:?}");
            assert!(answer.headers.get_all("vary").iter().any(|value| value == "accept-encoding"), "{route:?}");
            assert!(answer.body.starts_with(b"\x1f\x8b"), "{route:?}");
            compressed += 1;
        }
    }
    assert!(compressed >= 4, "the descriptions, the page and its scripts are worth compressing");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_compressed_for_who_does_not_ask() {
    let app = TestApp::spawn().await;
    for route in ROUTES.iter().filter(|route| route.is_static) {
        let answer = app.client().get(&address(route)).await;
        assert_eq!(answer.header("content-encoding"), "", "{route:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_not_compressed_either() {
    let app = TestApp::spawn().await;
    for path in ["/api/v1/auth/me", "/nothing", "/docs/nothing.js"] {
        let request = Request::get(path).header(header::ACCEPT_ENCODING, "gzip").body(Default::default()).unwrap();
        let answer = app.client().send(request).await;
        assert_eq!(answer.header("content-encoding"), "", "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_client_holds_is_not_sent_again() {
    let app = TestApp::spawn().await;
    for path in ["/openapi.yaml", "/openapi.json", "/docs", "/docs/init.js"] {
        let tag = app.client().get(path).await.expect(200).header("etag").to_owned();
        assert!(!tag.is_empty(), "{path}");
        let request = Request::get(path).header(header::IF_NONE_MATCH, &tag).body(Default::default()).unwrap();
        let answer = app.client().send(request).await.expect(304);
        assert!(answer.body.is_empty() && answer.header("etag") == tag, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_is_also_found_where_such_services_often_have_it() {
    let app = TestApp::spawn().await;
    let answer = app.client().get("/swagger/index.html").await.expect(308);
    assert_eq!(answer.header("location"), "/docs");
    assert_eq!(app.client().get("/docs").await.expect(200).header("content-type"), "text/html; charset=utf-8");
}
