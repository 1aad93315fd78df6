use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::labels::content_length;
use super::tracker::Tracker;

pin_project! {
    /// A response body that notices its end. Made by [`Metrics`](super::Metrics); by itself, from `Default` or bytes, it counts nothing.
    #[derive(Debug, Default)]
    pub struct MetricsBody<B> {
        #[pin]
        inner: B,
        // The announced length: a server stops asking for frames once it has that much.
        announced: Option<u64>,
        tracker: Option<Tracker>,
    }
}

impl<B: Body> MetricsBody<B> {
    pub(super) fn track(response: Response<B>, mut tracker: Option<Tracker>) -> Response<Self> {
        let (head, inner) = response.into_parts();
        let announced = inner.size_hint().exact().or_else(|| content_length(&head.headers));
        let at_end = inner.is_end_stream() || announced == Some(0);
        if let Some(tracker) = tracker.take_if(|tracker| !tracker.expects_content(head.status) || at_end) {
            tracker.complete();
        }
        Response::from_parts(head, Self { inner, announced, tracker })
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
        Self { inner: B::from(bytes), announced: None, tracker: None }
    }
}

impl<B: Body> Body for MetricsBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        // Held here while the body runs: unwinding from a panic drops it, and it sees that.
        let mut tracker = this.tracker.take();
        let polled = this.inner.as_mut().poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Err(_))) => {
                if let Some(tracker) = tracker.take() {
                    tracker.fail();
                }
            }
            Poll::Ready(None) => {
                if let Some(tracker) = tracker.take() {
                    tracker.complete();
                }
            }
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Buf::remaining);
                let ended = frame.is_trailers() || this.inner.is_end_stream();
                let announced = *this.announced;
                let last = |tracker: &mut Tracker| {
                    let sent = tracker.sent(bytes);
                    ended || announced.is_some_and(|announced| sent >= announced)
                };
                if let Some(tracker) = tracker.take_if(last) {
                    tracker.complete();
                }
            }
            Poll::Pending => {}
        }
        *this.tracker = tracker;
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
