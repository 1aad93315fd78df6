use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::{HeaderMap, Response, header};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::exchange::Exchange;

pin_project! {
    /// A response body that runs inside the span of its request and notices its end. Made by [`Trace`](super::Trace); made from
    /// `Default` or bytes it belongs to no request.
    #[derive(Debug, Default)]
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        // The length that the head announced: a server stops asking for frames once it has that much.
        announced: Option<u64>,
        exchange: Option<Exchange>,
    }
}

impl<B: Body> ResponseBody<B> {
    pub(super) fn wrap(response: Response<B>, mut exchange: Exchange) -> Response<Self> {
        exchange.answered(&response);
        let (head, inner) = response.into_parts();
        let announced = content_length(&head.headers).or_else(|| inner.size_hint().exact());
        let ended = exchange.is_without_body() || inner.is_end_stream() || announced == Some(0);
        let exchange = if ended {
            exchange.complete();
            None
        } else {
            Some(exchange)
        };
        Response::from_parts(head, Self { inner, announced, exchange })
    }
}

impl<B> ResponseBody<B> {
    /// The inner body.
    pub const fn get_ref(&self) -> &B {
        &self.inner
    }

    /// The inner body, mutable.
    pub const fn get_mut(&mut self) -> &mut B {
        &mut self.inner
    }
}

impl<B: From<Bytes>> From<Bytes> for ResponseBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self { inner: bytes.into(), announced: None, exchange: None }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        // Outside the struct while the body runs, so that a panic drops it while unwinding.
        let Some(mut exchange) = this.exchange.take() else { return this.inner.poll_frame(cx) };
        let polled = {
            let _entered = exchange.span.enter();
            this.inner.as_mut().poll_frame(cx)
        };
        match &polled {
            Poll::Pending => *this.exchange = Some(exchange),
            Poll::Ready(None) => exchange.complete(),
            Poll::Ready(Some(Err(_))) => exchange.body_failed(),
            Poll::Ready(Some(Ok(frame))) => {
                let sent = exchange.sent(frame.data_ref().map_or(0, Buf::remaining));
                let announced = this.announced.is_some_and(|announced| sent >= announced);
                if announced || frame.is_trailers() || this.inner.is_end_stream() {
                    exchange.complete();
                } else {
                    *this.exchange = Some(exchange);
                }
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
