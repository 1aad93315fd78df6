use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderName, HeaderValue, Response};
use pin_project_lite::pin_project;

const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");

pin_project! {
    /// Sets the id on the response of the inner future. The future of [`SetRequestId`](super::SetRequestId).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        id: Option<(HeaderName, HeaderValue)>,
        traceresponse: Option<HeaderValue>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, header: HeaderName, id: HeaderValue, traceresponse: Option<HeaderValue>) -> Self {
        Self { inner, id: Some((header, id)), traceresponse }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        let headers = response.headers_mut();
        if let Some((header, id)) = this.id.take() {
            let _full = headers.try_insert(header, id);
        }
        if let Some(value) = this.traceresponse.take() {
            let _full = headers.try_insert(TRACERESPONSE, value);
        }
        Poll::Ready(Ok(response))
    }
}
