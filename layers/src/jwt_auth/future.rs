//! The future of [`JwtAuth`](super::JwtAuth).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::request::Parts;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::keys::Refresh;

type Answer<ResBody> = Pin<Box<dyn Future<Output = Result<Parts, Response<ResBody>>> + Send>>;

pin_project! {
    /// Resolves to the inner response or to a refusal.
    ///
    /// Asking about revocation is boxed: an `async fn` of a trait has no name, and its future borrows what this one owns. Requests
    /// that need not ask allocate nothing here.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Fut, B, ResBody> {
        #[pin]
        state: State<S, Fut, B, ResBody>,
        ahead: Option<Refresh>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Fut, B, ResBody> {
        Inner { #[pin] future: Fut },
        Ready { response: Option<Response<ResBody>> },
        Asking { answer: Answer<ResBody>, waiting: Option<(S, B)> },
    }
}

impl<S, Fut, B, ResBody> ResponseFuture<S, Fut, B, ResBody> {
    pub(super) fn inner(future: Fut) -> Self {
        Self { state: State::Inner { future }, ahead: None }
    }

    pub(super) fn ready(response: Response<ResBody>) -> Self {
        Self { state: State::Ready { response: Some(response) }, ahead: None }
    }

    pub(super) fn asking(
        answer: impl Future<Output = Result<Parts, Response<ResBody>>> + Send + 'static,
        service: S,
        body: B,
    ) -> Self {
        Self { state: State::Asking { answer: Box::pin(answer), waiting: Some((service, body)) }, ahead: None }
    }

    /// Drives `ahead` along, without waiting for it.
    pub(super) fn alongside(self, ahead: Option<Refresh>) -> Self {
        Self { ahead, ..self }
    }
}

impl<S, B, ResBody> Future for ResponseFuture<S, S::Future, B, ResBody>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ahead = self.as_mut().project().ahead;
        if ahead.as_mut().is_some_and(|ahead| ahead.as_mut().poll(cx).is_ready()) {
            *ahead = None;
        }
        loop {
            let mut this = self.as_mut().project();
            let next = match this.state.as_mut().project() {
                StateProj::Inner { future } => return future.poll(cx),
                StateProj::Ready { response } => match response.take() {
                    Some(response) => return Poll::Ready(Ok(response)),
                    // Polled again after it was done: there is nothing more to say.
                    None => return Poll::Pending,
                },
                StateProj::Asking { answer, waiting } => match (ready!(answer.as_mut().poll(cx)), waiting.take()) {
                    (Ok(parts), Some((mut service, body))) => {
                        State::Inner { future: service.call(Request::from_parts(parts, body)) }
                    }
                    (Err(response), _) => State::Ready { response: Some(response) },
                    (Ok(_), None) => return Poll::Pending,
                },
            };
            this.state.set(next);
        }
    }
}

impl<S, Fut, B, ResBody> fmt::Debug for ResponseFuture<S, Fut, B, ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
