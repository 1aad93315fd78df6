use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::exchange::Exchange;
use crate::body_end::Watched;

pin_project! {
    /// A response body that runs inside the span of its request and notices its end. Made by [`Trace`](super::Trace); made from
    /// `Default` or bytes it belongs to no request.
    #[derive(Debug, Default)]
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        watched: Option<Watched<Exchange>>,
    }
}

impl<B: Body> ResponseBody<B> {
    pub(super) fn wrap(response: Response<B>, mut exchange: Exchange) -> Response<Self> {
        let asked = exchange.answered(&response);
        let (head, inner) = response.into_parts();
        let watched = Watched::begin(exchange, asked, &head, &inner);
        Response::from_parts(head, Self { inner, watched })
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
        Self { inner: bytes.into(), watched: None }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        // Outside the struct while the body runs, so that a panic drops it while unwinding.
        let Some(watched) = this.watched.take() else { return this.inner.poll_frame(cx) };
        let polled = {
            let _entered = watched.watch().span.enter();
            this.inner.as_mut().poll_frame(cx)
        };
        *this.watched = watched.after(&polled, &*this.inner);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
