//! Bad input: each kind gets a specific refusal in the one error body, and leaves no trace in anybody's account.

mod bodies;
mod heads;
mod senders;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use portcullis::auth::pool::Ticket;
use portcullis::routes::{Access, ROUTES, RequestBody, Route};
use serde_json::Value;

use crate::support::{Account, Answer, Client, TestApp, bare_request, wait_for};

/// What a careless error text would repeat: a password of letters, and one that somebody sent as a number.
const SECRET: &str = "hunter2-hunter2";
const SECRET_NUMBER: &str = "90071992547";

/// A service with one account, whose hash pool is full: whatever reached the hasher would hear that the service is busy.
struct Fortress {
    app: TestApp,
    client: Client,
    account: Account,
    before: Vec<(i64, Option<String>)>,
    turned_away: u64,
    _places: Vec<Ticket>,
}

impl Fortress {
    async fn build() -> Self {
        let app = TestApp::builder().set("HASH_THREADS", "1").set("HASH_QUEUE", "0").spawn().await;
        let client = app.client();
        let account = client.sign_up().await;
        let place = wait_for("the place of the sign-up", async || app.app.hasher.admit().ok()).await;
        let before = app.database.account_data().await;
        let turned_away = app.app.hasher.stats().refused;
        Self { app, client, account, before, turned_away, _places: vec![place] }
    }

    /// A request for a row, with the right token, and with any type and any body.
    fn request(&self, route: &Route, content_type: Option<&str>, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        let mut request = bare_request(route).body(Full::new(body.into())).unwrap();
        if let Some(content_type) = content_type {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        }
        if route.access == Access::User {
            let bearer = format!("Bearer {}", self.account.tokens.access);
            request.headers_mut().insert(header::AUTHORIZATION, bearer.parse().unwrap());
        }
        request
    }

    /// Sends a request that must be refused in just this way.
    async fn refuses(&self, what: &str, status: u16, code: &str, request: &Request<Full<Bytes>>) -> Value {
        let answer = self.client.send(request.clone()).await;
        assert!(answer.body.len() < 16 * 1024, "{what}: {} bytes", answer.body.len());
        assert_refused(what, status, code, &answer)
    }

    /// Nothing has changed, and nothing has asked for a hash.
    async fn stands(self) {
        assert_eq!(self.app.app.hasher.stats().refused, self.turned_away, "something reached the hasher");
        assert_eq!(self.app.database.account_data().await, self.before, "something was written down");
        self.client.me(&self.account.tokens.access).await.expect(200);
    }
}

fn assert_refused(what: &str, status: u16, code: &str, answer: &Answer) -> Value {
    assert_eq!(answer.refusal(), (status, code.to_owned()), "{what}: {answer:?}");
    for secret in [SECRET, SECRET_NUMBER] {
        assert!(!String::from_utf8_lossy(&answer.body).contains(secret), "{what} echoes a value: {answer:?}");
    }
    answer.expect_problem(status, code)
}

/// The rows that read a body.
fn reading_rows() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.body != RequestBody::None)
}
