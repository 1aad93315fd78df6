use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::walk::Client;

pin_project! {
    /// Tells the layers further out what was found. The future of [`FindClientIp`](super::FindClientIp).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        client: Option<Client>,
        ip_wanted: bool,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, client: Option<Client>, ip_wanted: bool) -> Self {
        Self { inner, client, ip_wanted }
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
            client.tell_outer(*this.ip_wanted, response.extensions_mut());
        }
        Poll::Ready(Ok(response))
    }
}
