//! A client with a method for each endpoint, and raw requests for the rest.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// A password that every policy accepts.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Speaks to one instance. A clone shares the connections.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    base: String,
    headers: HeaderMap,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The tokens of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// Somebody who signed up.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) tokens: Tokens,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// The status and the machine code of a refusal: `(401, "invalid_token")`.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (
            self.status.as_u16(),
            self.json()["error"].as_str().unwrap_or_else(|| panic!("no refusal: {self:?}")).to_owned(),
        )
    }

    pub(crate) fn tokens(&self) -> Tokens {
        let json = self.json();
        let text = |name: &str| json[name].as_str().unwrap_or_else(|| panic!("no {name} in {self:?}")).to_owned();
        Tokens { access: text("access_token"), refresh: text("refresh_token") }
    }

    /// A header as text; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The answer itself, if it has the wanted status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { http, base: format!("http://{address}"), headers: HeaderMap::new() }
    }

    /// Sends a header with every request. Given twice, it is sent twice.
    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    /// A client that speaks HTTP/2 from the first byte on (RFC 9113 §3.3).
    pub(crate) fn http2(address: SocketAddr) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        Self { http, base: format!("http://{address}"), headers: HeaderMap::new() }
    }

    /// Sends a request as it stands; its URI may be a path.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        self.try_send(request).await.unwrap()
    }

    pub(crate) async fn try_send(&self, mut request: Request<Full<Bytes>>) -> Result<Answer, legacy::Error> {
        if request.uri().host().is_none() {
            *request.uri_mut() = format!("{}{}", self.base, request.uri()).parse().unwrap();
        }
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        let (head, body) = self.http.request(request).await?.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() })
    }

    /// Sends JSON, with an access token or without.
    pub(crate) async fn call(&self, method: Method, path: &str, access: Option<&str>, body: Option<&Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = access {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        self.send(request.body(Full::new(body)).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, None, Some(&body)).await
    }

    pub(crate) async fn register(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password, "first_name": "Ada", "last_name": "Lovelace" });
        self.post("/api/v1/auth/register", body).await
    }

    /// Signs somebody up under an address that nobody else has.
    pub(crate) async fn sign_up(&self) -> Account {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let email = format!("user{}@example.com", NEXT.fetch_add(1, Ordering::Relaxed));
        let answer = self.register(&email, PASSWORD).await.expect(201);
        let id = answer.json()["user"]["id"].as_str().unwrap().to_owned();
        Account { id, email, password: PASSWORD.to_owned(), tokens: answer.tokens() }
    }

    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Answer {
        self.post("/api/v1/auth/login", json!({ "email": email, "password": password })).await
    }

    pub(crate) async fn refresh(&self, refresh: &str) -> Answer {
        self.post("/api/v1/auth/refresh", json!({ "refresh_token": refresh })).await
    }

    pub(crate) async fn log_out(&self, access: &str) -> Answer {
        self.call(Method::POST, "/api/v1/auth/logout", Some(access), None).await
    }

    pub(crate) async fn log_out_everywhere(&self, access: &str) -> Answer {
        self.call(Method::POST, "/api/v1/auth/logout-all", Some(access), None).await
    }

    pub(crate) async fn me(&self, access: &str) -> Answer {
        self.call(Method::GET, "/api/v1/auth/me", Some(access), None).await
    }

    pub(crate) async fn update_me(&self, access: &str, body: Value) -> Answer {
        self.call(Method::PUT, "/api/v1/auth/me", Some(access), Some(&body)).await
    }

    pub(crate) async fn change_password(&self, access: &str, current: &str, new: &str) -> Answer {
        let body = json!({ "current_password": current, "new_password": new });
        self.call(Method::PUT, "/api/v1/auth/password/change", Some(access), Some(&body)).await
    }
}
