use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::walk::Client;

pin_project! {
    /// Adds what was found to the response of the inner future. The future of [`FindClientIp`](super::FindClientIp).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        client: Option<Client>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, client: Option<Client>) -> Self {
        Self { inner, client }
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
        if let Some(client) = this.client {
            client.apply(response.extensions_mut());
        }
        Poll::Ready(Ok(response))
    }
}
