//! The promises, each checked for any layer around a [`Probe`].

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceExt};

use super::probe::{self, Broken, Conduct, DATA, Payload, Probe, TRAILER};

/// A service made by a layer under test. Its error is that of the probe: no layer may change it.
pub(super) trait Wrapped:
    Service<Request<Payload>, Response = Response<Self::Body>, Error = Broken, Future: Send> + Clone + Send + Sync + 'static
{
    type Body: Body<Data = Bytes, Error = Broken> + Unpin + Send;
}

impl<S, B> Wrapped for S
where
    S: Service<Request<Payload>, Response = Response<B>, Error = Broken, Future: Send> + Clone + Send + Sync + 'static,
    B: Body<Data = Bytes, Error = Broken> + Unpin + Send,
{
    type Body = B;
}

pub(super) fn is_shareable(layer: impl Layer<Probe, Service: Wrapped> + Clone + Send + Sync + 'static) {
    let _service = layer.clone().layer(Probe::new(Conduct::Answer));
}

pub(super) async fn calls_only_the_readied_instance(layer: impl Layer<Probe, Service: Wrapped>) {
    let probe = Probe::new(Conduct::Answer);
    let notes = probe.notes.clone();
    let mut service = layer.layer(probe);
    for _ in 0..2 {
        let response = service.ready().await.unwrap().call(probe::request(Method::GET)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    let clone = service.clone();
    drop(service);
    clone.oneshot(probe::request(Method::GET)).await.unwrap();
    assert!(notes.called.load(Ordering::Relaxed));
    assert!(!notes.called_unready.load(Ordering::Relaxed), "an instance was called that was not readied");
}

pub(super) async fn hands_on_the_error(layer: impl Layer<Probe, Service: Wrapped>) {
    let service = layer.layer(Probe::new(Conduct::Fail));
    assert_eq!(service.oneshot(probe::request(Method::GET)).await.err(), Some(Broken));
}

pub(super) async fn can_be_cancelled(layer: impl Layer<Probe, Service: Wrapped>) {
    let probe = Probe::new(Conduct::Hang);
    let notes = probe.notes.clone();
    let mut service = layer.layer(probe);
    for _ in 0..3 {
        notes.called.store(false, Ordering::Relaxed);
        notes.future_dropped.store(false, Ordering::Relaxed);
        let mut future = Box::pin(service.ready().await.unwrap().call(probe::request(Method::GET)));
        for _ in 0..3 {
            let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
            assert!(polled.is_pending(), "the inner service never answers");
            tokio::task::yield_now().await;
        }
        assert!(notes.called.load(Ordering::Relaxed));
        drop(future);
        assert!(notes.future_dropped.load(Ordering::Relaxed), "the inner future outlived the outer");
    }
}

pub(super) async fn leaves_head_alone(layer: impl Layer<Probe, Service: Wrapped>) {
    let service = layer.layer(Probe::new(Conduct::Answer));
    let response = service.oneshot(probe::request(Method::HEAD)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_LENGTH], "5");
    assert!(response.body().is_end_stream());
}

pub(super) async fn keeps_the_body(layer: impl Layer<Probe, Service: Wrapped>) {
    let service = layer.layer(Probe::new(Conduct::Answer));
    let mut body = service.oneshot(probe::request(Method::GET)).await.unwrap().into_body();
    assert_eq!(body.size_hint().exact(), Some(DATA.len() as u64));
    assert!(!body.is_end_stream());
    let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(data, DATA);
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(!body.is_end_stream(), "the trailers are still to come");
    let trailers = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(trailers[TRAILER], "1");
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
}

/// Allocations of a warm service from call to response, beyond those of the bare probe.
pub(super) fn allocations_added(layer: impl Layer<Probe, Service: Wrapped>) -> u64 {
    let bare = allocations(Probe::new(Conduct::Answer));
    allocations(layer.layer(Probe::new(Conduct::Answer))).saturating_sub(bare)
}

/// Those of this thread alone. The first rounds warm the service up, so the last one counts.
fn allocations(mut service: impl Wrapped) -> u64 {
    let cx = &mut Context::from_waker(Waker::noop());
    let mut allocations = 0;
    for _ in 0..16 {
        let request = probe::request(Method::GET);
        while service.poll_ready(cx).is_pending() {}
        let mut response = None;
        let change = allocation_counter::measure(|| {
            let mut future = pin!(service.call(request));
            while response.is_none() {
                if let Poll::Ready(answered) = future.as_mut().poll(cx) {
                    response = Some(answered);
                }
            }
        });
        allocations = change.count_total;
    }
    allocations
}
