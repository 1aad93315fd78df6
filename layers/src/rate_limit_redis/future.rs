use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::answer::Refuser;
use super::error::Unavailable;
use crate::Refuse;
use crate::rate_limit::{self, Outcome};

type Answer = Pin<Box<dyn Future<Output = Result<Outcome, Unavailable>> + Send>>;

pin_project! {
    /// Asks Redis, then resolves to the inner response or to a refusal. The future of [`RedisRateLimit`](super::RedisRateLimit).
    ///
    /// The question is boxed; requests that need not ask allocate nothing here.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, F, ReqBody, ResBody, R> {
        #[pin]
        state: State<S, F, ReqBody, ResBody, R>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F, ReqBody, ResBody, R> {
        Asking { answer: Answer, waiting: Option<Waiting<S, ReqBody, R>> },
        Settled { #[pin] future: rate_limit::ResponseFuture<F, ResBody> },
    }
}

/// What goes on when the answer is there.
struct Waiting<S, B, R> {
    service: S,
    request: Request<B>,
    refuser: Refuser<R>,
}

impl<S, F, ReqBody, ResBody, R> ResponseFuture<S, F, ReqBody, ResBody, R> {
    pub(super) fn inner(future: F, outcome: Outcome) -> Self {
        Self { state: State::Settled { future: rate_limit::ResponseFuture::inner(future, outcome) } }
    }

    pub(super) fn refused(response: Response<ResBody>) -> Self {
        Self { state: State::Settled { future: rate_limit::ResponseFuture::refused(response) } }
    }

    pub(super) fn asking(
        answer: impl Future<Output = Result<Outcome, Unavailable>> + Send + 'static,
        service: S,
        request: Request<ReqBody>,
        refuser: Refuser<R>,
    ) -> Self {
        let waiting = Some(Waiting { service, request, refuser });
        Self { state: State::Asking { answer: Box::pin(answer), waiting } }
    }
}

impl<S, ReqBody, ResBody, R> Future for ResponseFuture<S, S::Future, ReqBody, ResBody, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Refuse<ResBody>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut this = self.as_mut().project();
            let future = match this.state.as_mut().project() {
                StateProjection::Settled { future } => return future.poll(cx),
                StateProjection::Asking { answer, waiting } => {
                    let settled = ready!(answer.as_mut().poll(cx));
                    // Taken once: the state changes below.
                    let Some(Waiting { mut service, request, refuser }) = waiting.take() else { return Poll::Pending };
                    match refuser.settle(settled) {
                        Ok(outcome) => rate_limit::ResponseFuture::inner(service.call(request), outcome),
                        Err(response) => rate_limit::ResponseFuture::refused(response),
                    }
                }
            };
            this.state.set(State::Settled { future });
        }
    }
}

impl<S, F, ReqBody, ResBody, R> fmt::Debug for ResponseFuture<S, F, ReqBody, ResBody, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
