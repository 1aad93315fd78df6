use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::MetricsBody;
use super::tracker::Tracker;
use crate::body_end::Watch;

pin_project! {
    /// The future of [`Metrics`](super::Metrics).
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        tracker: Option<Tracker>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(inner: F, tracker: Tracker) -> Self {
        Self { inner, tracker: Some(tracker) }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<MetricsBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Held here while the service runs: unwinding from a panic drops it, and it sees that.
        let tracker = this.tracker.take();
        match this.inner.poll(cx) {
            Poll::Pending => {
                *this.tracker = tracker;
                Poll::Pending
            }
            Poll::Ready(Ok(response)) => Poll::Ready(Ok(MetricsBody::track(response, tracker))),
            Poll::Ready(Err(error)) => {
                if let Some(tracker) = tracker {
                    tracker.fail();
                }
                Poll::Ready(Err(error))
            }
        }
    }
}
