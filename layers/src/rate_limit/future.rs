use std::future::{self, Future, Ready};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::fields;
use super::outcome::Outcome;

pin_project! {
    /// The inner future with what the client is to be told, or the refusal. The future of [`RateLimit`](super::RateLimit).
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
            outcome: Outcome,
        },
        Refused {
            response: Ready<Response<B>>,
        },
    }
}

impl<F, B> ResponseFuture<F, B> {
    pub(crate) const fn inner(inner: F, outcome: Outcome) -> Self {
        Self { kind: Kind::Inner { inner, outcome } }
    }

    pub(crate) fn refused(response: Response<B>) -> Self {
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
            KindProjection::Inner { inner, outcome } => {
                let mut result = ready!(inner.poll(cx));
                if let Ok(response) = &mut result {
                    fields::announce(response, std::mem::take(outcome));
                }
                Poll::Ready(result)
            }
            KindProjection::Refused { response } => Pin::new(response).poll(cx).map(Ok),
        }
    }
}
