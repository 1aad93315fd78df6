//! Refusals that rows give whatever they are for, held to the document: of a network over its limit, and of a service that has its hands full.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use portcullis::config::Config;
use portcullis::random::SystemRandom;
use portcullis::routes::{LimitClass, ROUTES, Route};
use portcullis::state::App;
use portcullis::{setup, stack};
use portcullis_layers::PeerAddr;
use serde_json::json;
use tower::{Service, ServiceExt};

use super::replies::Held;
use crate::support::{Account, Answer, KEY_ENCRYPTION_KEY, TestApp, good_request};

/// What a stack lets in at once.
const IN_FLIGHT: usize = 1024;

#[tokio::test(flavor = "multi_thread")]
async fn every_row_that_counts_refuses_a_network_over_its_limit_as_promised() {
    let held = Held::on(TestApp::builder().set("RATE_LIMIT_REQUESTS", "1").set("RATE_LIMIT_DURATION", "1h")).await;
    // The one request of the hour.
    let account = held.client.sign_up().await;
    for route in ROUTES {
        let answer = held.client.send(good_request(route, &account)).await;
        if route.limit == LimitClass::Exempt {
            assert!(answer.status.is_success(), "{route:?}: {answer:?}");
        } else {
            answer.expect_problem(429, "rate_limited");
        }
        held.document.assert_promised(route, &answer);
    }
    held.hold(held.document.operation("GET", "/health/live"), &held.client.get("/nowhere").await.expect(429));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_networks_and_of_addresses_refuse_in_the_same_words() {
    let limits = [("RATE_LIMIT_REQUESTS", "2"), ("RATE_LIMIT_DURATION", "1h"), ("LIMIT_MAIL_ADDRESS", "1/1h")];
    let builder = limits.iter().fold(TestApp::builder(), |builder, (name, value)| builder.set(name, value));
    let held = Held::on(builder).await;
    let forgot = async || held.post("/api/v1/auth/password/forgot", json!({ "email": "ada@example.com" })).await;
    forgot().await.expect(200);
    let (address, network) = (forgot().await, forgot().await);
    let policy = |answer: &Answer| answer.header("ratelimit-policy").split(';').next().unwrap().to_owned();
    assert_eq!([policy(&address), policy(&network)], [r#""mail_address""#, r#""default""#]);
    let message = |answer: Answer| answer.expect_problem(429, "rate_limited")["message"].clone();
    assert_eq!(message(address), message(network));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_but_the_probes_is_refused_as_promised_while_all_places_are_taken() {
    let held = Held::spawn().await;
    let account = held.client.sign_up().await;
    let mut stack = stack::build::<Full<Bytes>>(&beside(&held.app).await).unwrap();
    let login = ROUTES.iter().find(|route| route.path.ends_with("/login")).unwrap();
    // Each has its place from the call on, whether or not anybody waits for its answer.
    let mut in_flight = Vec::new();
    for _ in 0..IN_FLIGHT {
        let Ok(ready) = stack.ready().await;
        in_flight.push(ready.call(from_here(login, &account)));
    }
    for route in ROUTES {
        let answer = read(stack.clone().oneshot(from_here(route, &account)).await).await;
        if route.limit == LimitClass::Exempt {
            assert!(answer.status.is_success(), "{route:?}: {answer:?}");
        } else {
            answer.expect_problem(503, "overloaded");
        }
        held.document.assert_promised(route, &answer);
    }
    drop(in_flight);
    let answer = read(stack.oneshot(from_here(login, &account)).await).await;
    answer.expect(200);
}

/// Another instance on the same database, which listens nowhere.
async fn beside(app: &TestApp) -> Arc<App> {
    let data_dir = app.data_dir.path().to_str().unwrap();
    let variables =
        [("DATA_DIR", data_dir), ("KEY_ENCRYPTION_KEY", KEY_ENCRYPTION_KEY), ("RATE_LIMIT_ENABLED", "false")];
    let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let config = Config::load(&value).unwrap();
    let started = tokio::time::Instant::now();
    setup::app(config, &app.database.server, app.clock.clone(), Arc::new(SystemRandom), started).await.unwrap()
}

/// A good request, with the host that a client would name and the address that the listener would add.
fn from_here(route: &Route, account: &Account) -> Request<Full<Bytes>> {
    let mut request = good_request(route, account);
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
    request.extensions_mut().insert(PeerAddr(SocketAddr::from(([127, 0, 0, 1], 50_000))));
    request
}

async fn read<B>(answer: Result<Response<B>, Infallible>) -> Answer
where
    B: Body<Data = Bytes, Error: Into<stack::BoxError>>,
{
    let Ok(response) = answer;
    let (head, body) = response.into_parts();
    let Ok(body) = body.collect().await else { panic!("the body breaks off") };
    Answer { status: head.status, headers: head.headers, body: body.to_bytes() }
}
