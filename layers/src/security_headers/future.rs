use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::fields::{Fields, Seen};

pin_project! {
    /// Completes the headers of the inner future's response. The future of [`SecurityHeaders`](super::SecurityHeaders).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        fields: Arc<Fields>,
        seen: Seen,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, fields: Arc<Fields>, seen: Seen) -> Self {
        Self { inner, fields, seen }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (mut parts, body) = ready!(this.inner.poll(cx))?.into_parts();
        this.fields.write(*this.seen, &mut parts.headers, &parts.extensions);
        Poll::Ready(Ok(Response::from_parts(parts, body)))
    }
}
