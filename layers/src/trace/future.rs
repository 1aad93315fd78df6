use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::ResponseBody;
use super::exchange::Exchange;

pin_project! {
    /// The inner future inside the span of its request. The future of [`Trace`](super::Trace).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        exchange: Option<Exchange>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, exchange: Exchange) -> Self {
        Self { inner, exchange: Some(exchange) }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Outside the struct while the inner future runs, so that a panic drops it while unwinding.
        let Some(exchange) = this.exchange.take() else { return Poll::Pending };
        let polled = {
            let _entered = exchange.span.enter();
            this.inner.poll(cx)
        };
        match polled {
            Poll::Pending => {
                *this.exchange = Some(exchange);
                Poll::Pending
            }
            Poll::Ready(Ok(response)) => Poll::Ready(Ok(ResponseBody::wrap(response, exchange))),
            Poll::Ready(Err(error)) => {
                exchange.service_failed();
                Poll::Ready(Err(error))
            }
        }
    }
}
