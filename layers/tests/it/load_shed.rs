use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use portcullis_layers::load_shed::{LoadShedLayer, Place};
use portcullis_layers::{Refusal, Refuse};
use tokio::sync::Semaphore;
use tower::{Layer, Service, ServiceExt, service_fn};

type Body = Full<Bytes>;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// A service whose answers wait for `gate`.
fn waiting<R: Refuse<Body> + Clone>(
    layer: &LoadShedLayer<R>,
    gate: &Arc<Semaphore>,
) -> impl Service<Request<()>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + use<R> {
    let gate = Arc::clone(gate);
    layer.layer(service_fn(move |_: Request<()>| {
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            Ok(Response::new(Body::from("served")))
        }
    }))
}

fn get(path: &str) -> Request<()> {
    Request::get(path).body(()).unwrap()
}

#[tokio::test]
async fn what_exceeds_the_bound_is_refused_at_once_and_places_come_back() {
    let gate = Arc::new(Semaphore::new(0));
    let layer = LoadShedLayer::new(TWO);
    let service = waiting(&layer, &gate);
    let in_flight: Vec<_> = (0..2).map(|_| tokio::spawn(service.clone().oneshot(get("/")))).collect();
    while layer.in_flight() < 2 {
        tokio::task::yield_now().await;
    }

    let refused = service.clone().oneshot(get("/")).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
    let refusal = refused.extensions().get::<Refusal>().unwrap();
    assert_eq!((refusal.status(), refusal.code()), (StatusCode::SERVICE_UNAVAILABLE, "overloaded"));
    assert_eq!(refused.into_body().collect().await.unwrap().to_bytes(), "overloaded");

    gate.add_permits(3);
    for served in in_flight {
        assert_eq!(served.await.unwrap().unwrap().status(), StatusCode::OK);
    }
    assert_eq!(layer.in_flight(), 0);
    assert_eq!(service.oneshot(get("/")).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn the_permit_is_given_back_with_the_head_and_by_cancellation() {
    let gate = Arc::new(Semaphore::new(1));
    let layer = LoadShedLayer::new(TWO);
    let mut service = waiting(&layer, &gate);
    let _unread = service.ready().await.unwrap().call(get("/")).await.unwrap();
    assert_eq!(layer.in_flight(), 0);

    let cancelled = service.ready().await.unwrap().call(get("/"));
    assert_eq!(layer.in_flight(), 1);
    drop(cancelled);
    assert_eq!(layer.in_flight(), 0);
}

/// What a body is waited for with: the place is another's meanwhile.
#[tokio::test]
async fn a_request_that_waits_can_lend_its_place() {
    let layer = LoadShedLayer::builder(NonZeroUsize::MIN).lend_places().build();
    let senders = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&senders);
    let service = layer.layer(service_fn(move |request: Request<()>| {
        let gate = Arc::clone(&gate);
        async move {
            let place = request.extensions().get::<Place>().unwrap();
            if request.uri().path() == "/slow" {
                place.leave();
                gate.acquire().await.unwrap().forget();
            }
            let text = if place.retake() { "served" } else { "too late" };
            Ok::<_, Infallible>(Response::new(Body::from(text)))
        }
    }));
    let mut slow: Vec<_> = (0..3).map(|_| Box::pin(service.clone().oneshot(get("/slow")))).collect();
    for waiting in &mut slow {
        assert!(is_pending(waiting.as_mut()).await);
    }
    assert_eq!(layer.in_flight(), 0);
    assert_eq!(service.oneshot(get("/")).await.unwrap().status(), StatusCode::OK);
    senders.add_permits(2);
    let answer = slow.remove(0).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(answer.to_bytes(), "served");
    drop(slow);
    assert_eq!(layer.in_flight(), 0);
}

/// Polls once.
async fn is_pending(future: std::pin::Pin<&mut impl Future>) -> bool {
    let mut future = Some(future);
    std::future::poll_fn(|cx| std::task::Poll::Ready(future.take().is_none_or(|future| future.poll(cx).is_pending())))
        .await
}

#[tokio::test]
async fn services_made_by_one_layer_share_its_bound() {
    let gate = Arc::new(Semaphore::new(0));
    let layer = LoadShedLayer::new(NonZeroUsize::MIN);
    let (mut one, other) = (waiting(&layer, &gate), waiting(&layer.clone(), &gate));
    let _held = one.ready().await.unwrap().call(get("/"));
    assert_eq!(other.oneshot(get("/")).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn exempt_requests_pass_and_the_app_shapes_the_answer() {
    let gate = Arc::new(Semaphore::new(1));
    let layer = LoadShedLayer::builder(NonZeroUsize::MIN)
        .exempt(|head| head.uri.path() == "/health")
        .retry_after(Duration::from_millis(2_500))
        .refuse(|refusal: &Refusal| {
            Response::builder().status(refusal.status()).body(Body::from(format!("no: {}", refusal.code()))).unwrap()
        })
        .build();
    let mut service = waiting(&layer, &gate);
    let _held = service.ready().await.unwrap().call(get("/"));
    assert_eq!(service.clone().oneshot(get("/health")).await.unwrap().status(), StatusCode::OK);
    let refused = service.oneshot(get("/")).await.unwrap();
    assert_eq!(refused.headers()[header::RETRY_AFTER], "3");
    assert_eq!(refused.into_body().collect().await.unwrap().to_bytes(), "no: overloaded");
}

#[tokio::test]
async fn retry_after_is_a_whole_second_at_least() {
    for (wait, expected) in [
        (Duration::ZERO, "1"),
        (Duration::from_nanos(1), "1"),
        (Duration::from_secs(1), "1"),
        (Duration::from_millis(1_001), "2"),
        (Duration::MAX, "18446744073709551615"),
    ] {
        let layer = LoadShedLayer::builder(NonZeroUsize::MIN).retry_after(wait).build();
        let mut service = waiting(&layer, &Arc::new(Semaphore::new(0)));
        let _held = service.ready().await.unwrap().call(get("/"));
        let refused = service.oneshot(get("/")).await.unwrap();
        assert_eq!(refused.headers()[header::RETRY_AFTER], expected, "{wait:?}");
    }
}
