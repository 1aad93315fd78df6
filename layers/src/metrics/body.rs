use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::tracker::Tracker;
use crate::body_end::Watched;

pin_project! {
    /// A response body that notices its end. Made by [`Metrics`](super::Metrics); by itself, from `Default` or bytes, it counts nothing.
    #[derive(Debug, Default)]
    pub struct MetricsBody<B> {
        #[pin]
        inner: B,
        watched: Option<Watched<Tracker>>,
    }
}

impl<B: Body> MetricsBody<B> {
    pub(super) fn track(response: Response<B>, tracker: Option<Tracker>) -> Response<Self> {
        let (head, inner) = response.into_parts();
        let watched = tracker.and_then(|mut tracker| {
            let asked = tracker.answered(head.status);
            Watched::begin(tracker, asked, &head, &inner)
        });
        Response::from_parts(head, Self { inner, watched })
    }
}

impl<B> MetricsBody<B> {
    /// The wrapped body.
    pub fn get_ref(&self) -> &B {
        &self.inner
    }

    /// The wrapped body, mutable.
    pub fn get_mut(&mut self) -> &mut B {
        &mut self.inner
    }
}

impl<B: From<Bytes>> From<Bytes> for MetricsBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self { inner: B::from(bytes), watched: None }
    }
}

impl<B: Body> Body for MetricsBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        // Held here while the body runs: unwinding from a panic drops it, and it sees that.
        let watched = this.watched.take();
        let polled = this.inner.as_mut().poll_frame(cx);
        *this.watched = watched.and_then(|watched| watched.after(&polled, &*this.inner));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
