use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project_lite::pin_project;

use super::pending::Pending;

pin_project! {
    /// The inner future, recorded when it ends or is dropped. The future of [`Audit`](super::Audit).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        pending: Option<Pending>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, pending: Pending) -> Self {
        Self { inner, pending: Some(pending) }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Held here while the service runs: unwinding from a panic drops it, and it sees that.
        let pending = this.pending.take();
        let mut outcome = match this.inner.poll(cx) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => {
                *this.pending = pending;
                return Poll::Pending;
            }
        };
        match (pending, &mut outcome) {
            (Some(pending), Ok(response)) => pending.answered(response),
            (Some(pending), Err(_)) => pending.failed(),
            (None, _) => {}
        }
        Poll::Ready(outcome)
    }
}
