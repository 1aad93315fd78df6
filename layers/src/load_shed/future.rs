use std::future::{self, Future, Ready};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::gate::Permit;

pin_project! {
    /// The inner future with its permit, or the refusal. The future of [`LoadShed`](super::LoadShed).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, B> {
        #[pin]
        kind: Kind<F, B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProjection]
    enum Kind<F, B> {
        Inner {
            #[pin]
            inner: F,
            permit: Option<Permit>,
        },
        Refused {
            response: Ready<Response<B>>,
        },
    }
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) const fn inner(inner: F, permit: Permit) -> Self {
        Self { kind: Kind::Inner { inner, permit: Some(permit) } }
    }

    pub(super) fn refused(response: Response<B>) -> Self {
        Self { kind: Kind::Refused { response: future::ready(response) } }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjection::Inner { inner, permit } => {
                let outcome = ready!(inner.poll(cx));
                // Given back now, not when the caller gets round to dropping the future.
                *permit = None;
                Poll::Ready(outcome)
            }
            KindProjection::Refused { response } => Pin::new(response).poll(cx).map(Ok),
        }
    }
}
