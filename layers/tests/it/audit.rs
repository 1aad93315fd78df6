use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use portcullis_layers::audit::{AuditEvent, AuditEvents, AuditLayer, AuditLog, AuditRecord, AuditResult};
use portcullis_layers::client_ip::ClientIpLayer;
use portcullis_layers::{ClientIp, PeerAddr, Refusal, RequestId, RoutePattern};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

type Reply = Response<Full<Bytes>>;

const HUNDRED: NonZeroUsize = NonZeroUsize::new(100).unwrap();

/// Names what lies below `/admin`.
fn layer() -> (AuditLayer, AuditEvents) {
    let (sink, events) = AuditLog::bounded(HUNDRED);
    let layer = AuditLayer::builder(sink)
        .when(|head| head.uri.path().starts_with("/admin").then_some("admin.request"))
        .clock(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_000))
        .build();
    (layer, events)
}

/// Asks for an event at `/login`.
async fn handle(request: Request<()>) -> Result<Reply, Infallible> {
    let mut response = Reply::default();
    if request.uri().path().ends_with("/login") {
        response.extensions_mut().insert(AuditRecord::new("login.succeeded").actor("7").detail("method", "password"));
    }
    Ok(response)
}

fn get(path: &str) -> Request<()> {
    Request::get(path).body(()).unwrap()
}

fn only(events: &mut AuditEvents) -> AuditEvent {
    let mut drained = events.try_drain();
    assert_eq!(drained.len(), 1, "{drained:?}");
    drained.remove(0)
}

const OK: AuditResult = AuditResult::Answered { status: StatusCode::OK, refusal: None };

#[tokio::test]
async fn an_event_says_who_did_what_with_which_result_and_from_where() {
    let (layer, mut events) = layer();
    let mut request = Request::post("/login?token=secret").header("user-agent", "curl/8").body(()).unwrap();
    request.extensions_mut().insert(RequestId::from_u128(10));
    request.extensions_mut().insert(RoutePattern("/login".into()));
    request.extensions_mut().insert(ClientIp(IpAddr::from([192, 0, 2, 7])));
    let response = layer.layer(service_fn(handle)).oneshot(request).await.unwrap();
    assert!(response.extensions().get::<AuditRecord>().is_none(), "a layer further out would record it again");

    let event = only(&mut events);
    assert_eq!((event.action.as_ref(), event.actor.as_deref()), ("login.succeeded", Some("7")));
    assert_eq!(event.details, [("method", "password".into())]);
    assert_eq!((event.result, event.method.clone()), (OK, Method::POST));
    assert_eq!(event.route, Some(RoutePattern("/login".into())));
    assert_eq!(event.client_ip, Some(IpAddr::from([192, 0, 2, 7])));
    assert_eq!(event.user_agent.as_deref(), Some("curl/8"));
    assert_eq!(event.request_id.as_deref(), Some("0000000000000000000000000000000a"));
    assert_eq!(event.at, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000));
    assert!(event.duration < Duration::from_secs(60));
    assert!(!format!("{event:?}").contains("secret"));
}

#[tokio::test]
async fn a_request_that_nobody_asks_about_leaves_nothing() {
    let (layer, mut events) = layer();
    layer.layer(service_fn(handle)).oneshot(get("/")).await.unwrap();
    assert_eq!(events.try_drain(), []);
}

#[tokio::test]
async fn request_and_response_together_make_one_event() {
    let (sink, mut events) = AuditLog::bounded(HUNDRED);
    let layer =
        AuditLayer::builder(sink).when(|_| Some(AuditRecord::new("asked").actor("nobody").detail("a", "1"))).build();
    let service = layer.layer(service_fn(handle));
    service.clone().oneshot(get("/login")).await.unwrap();
    let event = only(&mut events);
    assert_eq!((event.action.as_ref(), event.actor.as_deref()), ("login.succeeded", Some("7")));
    assert_eq!(event.details, [("a", "1".into()), ("method", "password".into())]);

    service.oneshot(get("/")).await.unwrap();
    assert_eq!(only(&mut events).actor.as_deref(), Some("nobody"));
}

#[tokio::test]
async fn a_refusal_is_recorded_with_its_code() {
    for (refused, expected) in [(StatusCode::FORBIDDEN, Some("not_yours")), (StatusCode::NOT_FOUND, None)] {
        let (layer, mut events) = layer();
        let service = layer.layer(service_fn(move |_: Request<()>| async move {
            let mut response = Reply::default();
            *response.status_mut() = StatusCode::FORBIDDEN;
            response.extensions_mut().insert(Refusal::new(refused, "not_yours"));
            Ok::<_, Infallible>(response)
        }));
        service.oneshot(get("/admin")).await.unwrap();
        let event = only(&mut events);
        assert_eq!(event.result, AuditResult::Answered { status: StatusCode::FORBIDDEN, refusal: expected });
        assert_eq!(event.result.as_str(), "refused");
    }
}

#[tokio::test]
async fn a_request_dropped_midway_is_recorded_as_cancelled() {
    let (layer, mut events) = layer();
    let mut service =
        layer.layer(service_fn(async |_: Request<()>| std::future::pending::<Result<Reply, Infallible>>().await));
    let mut waiting = Box::pin(service.ready().await.unwrap().call(get("/admin")));
    assert!(poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await);
    assert_eq!(events.try_drain(), []);
    drop(waiting);
    assert_eq!(only(&mut events).result, AuditResult::Cancelled);

    drop(service.ready().await.unwrap().call(get("/admin")));
    assert_eq!(only(&mut events).result, AuditResult::Cancelled, "never polled");
    drop(service.ready().await.unwrap().call(get("/")));
    assert_eq!(events.try_drain(), []);
}

#[tokio::test]
async fn a_failure_is_recorded_and_handed_on() {
    let (layer, mut events) = layer();
    let service = layer.layer(service_fn(async |_: Request<()>| Err::<Reply, _>("broken")));
    assert_eq!(service.oneshot(get("/admin")).await.unwrap_err(), "broken");
    assert_eq!(only(&mut events).result, AuditResult::Failed);
}

#[tokio::test]
async fn a_panic_is_recorded_as_a_failure() {
    let (layer, mut events) = layer();
    let in_future =
        layer.clone().layer(service_fn(async |_: Request<()>| -> Result<Reply, Infallible> { panic!("on purpose") }));
    tokio::spawn(in_future.oneshot(get("/admin"))).await.unwrap_err();
    assert_eq!(only(&mut events).result, AuditResult::Failed);

    let mut in_call = layer
        .layer(service_fn(|_: Request<()>| -> std::future::Ready<Result<Reply, Infallible>> { panic!("on purpose") }));
    std::panic::catch_unwind(AssertUnwindSafe(|| in_call.call(get("/admin")))).unwrap_err();
    assert_eq!(only(&mut events).result, AuditResult::Failed);
}

#[tokio::test]
async fn the_client_is_found_on_either_side_of_the_layer() {
    let proxied = || {
        let mut request = Request::get("/admin").header("x-forwarded-for", "203.0.113.9").body(()).unwrap();
        request.extensions_mut().insert(PeerAddr(SocketAddr::from(([10, 0, 0, 1], 1))));
        request
    };
    let client_ip = ClientIpLayer::builder().trusted(["10.0.0.0/8".parse().unwrap()]).build().unwrap();
    let (audit, mut events) = layer();

    let inside = ServiceBuilder::new().layer(audit.clone()).layer(client_ip.clone()).service(service_fn(handle));
    inside.oneshot(proxied()).await.unwrap();
    assert_eq!(only(&mut events).client_ip, Some(IpAddr::from([203, 0, 113, 9])));

    let outside = ServiceBuilder::new().layer(client_ip).layer(audit.clone()).service(service_fn(handle));
    outside.oneshot(proxied()).await.unwrap();
    assert_eq!(only(&mut events).client_ip, Some(IpAddr::from([203, 0, 113, 9])));

    let mut mapped = get("/admin");
    mapped.extensions_mut().insert(PeerAddr("[::ffff:192.0.2.7]:1".parse().unwrap()));
    audit.layer(service_fn(handle)).oneshot(mapped).await.unwrap();
    assert_eq!(only(&mut events).client_ip, Some(IpAddr::from([192, 0, 2, 7])), "without such a layer it is the peer");
}

#[test]
fn a_million_events_that_nobody_reads_stay_within_the_bound() {
    const THREADS: usize = 4;
    const EACH: usize = 250_000;
    let (layer, mut events) = layer();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let mut service = layer.clone().layer(service_fn(handle));
            scope.spawn(move || {
                for _ in 0..EACH {
                    let mut answer = pin!(service.call(get("/admin")));
                    assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
                }
            });
        }
    });
    assert_eq!(events.lost(), (THREADS * EACH - HUNDRED.get()) as u64);
    assert_eq!(events.try_drain().len(), HUNDRED.get());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_lost_is_read_once_and_the_log_ends_with_its_layer() {
    let (layer, mut events) = layer();
    let reader = tokio::spawn(async move {
        let mut read = 0;
        while let Some(batch) = events.next_batch(NonZeroUsize::new(7).unwrap()).await {
            assert!((1..=7).contains(&batch.len()));
            read += batch.len() as u64;
        }
        (read, events.lost())
    });
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let mut service = layer.clone().layer(service_fn(handle));
            tokio::spawn(async move {
                for _ in 0..500 {
                    service.ready().await.unwrap().call(get("/admin")).await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    drop(layer);
    for writer in writers {
        writer.await.unwrap();
    }
    let (read, lost) = reader.await.unwrap();
    assert_eq!(read + lost, 8 * 500);
}
