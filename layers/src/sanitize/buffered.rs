//! The body that the inner service gets.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// A request body that the layer may have read before: it replays what was read, trailers included, and streams what was not.
    ///
    /// A body that the layer did not have to look at streams through, untouched. One that failed while it was being read yields that error
    /// and no data.
    pub struct Buffered<B>
    where
        B: Body,
    {
        content: Bytes,
        #[pin]
        rest: Rest<B, B::Error>,
    }
}

pin_project! {
    /// What follows the content.
    #[project = RestProjection]
    enum Rest<B, E> {
        Streamed { #[pin] body: B },
        // A body that has been polled cannot be moved: it stays in the box that it was read in.
        Boxed { body: Pin<Box<B>> },
        Trailers { trailers: Option<HeaderMap> },
        Failed { error: Option<E> },
    }
}

impl<B: Body> Buffered<B> {
    /// A body that was not touched.
    pub(super) fn streamed(body: B) -> Self {
        Self { content: Bytes::new(), rest: Rest::Streamed { body } }
    }

    /// A body that was read to its end.
    pub(super) fn whole(content: Bytes, trailers: Option<HeaderMap>) -> Self {
        Self { content, rest: Rest::Trailers { trailers } }
    }

    /// A body that was read in part.
    pub(super) fn begun(content: Bytes, body: Pin<Box<B>>) -> Self {
        Self { content, rest: Rest::Boxed { body } }
    }

    /// A body that failed while it was read.
    pub(super) fn failed(error: B::Error) -> Self {
        Self { content: Bytes::new(), rest: Rest::Failed { error: Some(error) } }
    }

    /// The content, if the layer has read all of it: what a handler would otherwise collect. Empty once it was taken as a frame.
    #[must_use]
    pub fn content(&self) -> Option<&Bytes> {
        matches!(self.rest, Rest::Trailers { .. }).then_some(&self.content)
    }
}

impl<B: Body<Data = Bytes>> Body for Buffered<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        if !this.content.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(mem::take(this.content)))));
        }
        match this.rest.project() {
            RestProjection::Streamed { body } => body.poll_frame(cx),
            RestProjection::Boxed { body } => body.as_mut().poll_frame(cx),
            RestProjection::Trailers { trailers } => {
                Poll::Ready(trailers.take().map(|fields| Ok(Frame::trailers(fields))))
            }
            RestProjection::Failed { error } => Poll::Ready(error.take().map(Err)),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_empty()
            && match &self.rest {
                Rest::Streamed { body } => body.is_end_stream(),
                Rest::Boxed { body } => body.is_end_stream(),
                Rest::Trailers { trailers } => trailers.is_none(),
                Rest::Failed { error } => error.is_none(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        let rest = match &self.rest {
            Rest::Streamed { body } => body.size_hint(),
            Rest::Boxed { body } => body.size_hint(),
            Rest::Trailers { .. } => SizeHint::with_exact(0),
            Rest::Failed { .. } => SizeHint::default(),
        };
        let held = u64::try_from(self.content.len()).unwrap_or(u64::MAX);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(held));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(held));
        }
        hint
    }
}

/// Sizes only: a body may hold a password.
impl<B: Body> fmt::Debug for Buffered<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = match &self.rest {
            Rest::Streamed { .. } => "untouched",
            Rest::Boxed { .. } => "read in part",
            Rest::Trailers { .. } => "read",
            Rest::Failed { .. } => "failed",
        };
        f.debug_struct("Buffered").field("held", &self.content.len()).field("body", &rest).finish()
    }
}
