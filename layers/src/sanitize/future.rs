use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::buffered::Buffered;
use super::collect::{Collect, Extent};
use super::layer::Config;
use super::media::Format;
use super::report::{Findings, SanitizeReport};
use crate::{Refuse, RequestHead};

pin_project! {
    /// Reads the body where it has to, then becomes the inner future or the refusal. The future of [`Sanitize`](super::Sanitize).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, F, B, R, ResBody> {
        #[pin]
        state: State<S, F, B, R, ResBody>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F, B, R, ResBody> {
        Inner { #[pin] future: F, report: Option<SanitizeReport> },
        Refused { response: Option<Response<ResBody>> },
        // Boxed, so that requests without a body do not carry room for one.
        Reading { reading: Option<Box<Reading<S, B, R>>> },
    }
}

/// A request whose body is being read.
pub(super) struct Reading<S, B, R> {
    collect: Collect<B>,
    parts: Parts,
    service: S,
    config: Arc<Config<R>>,
    format: Format,
    findings: Findings,
}

impl<S, B: Body<Data = Bytes>, R> Reading<S, B, R> {
    pub(super) fn new(
        request: Request<B>,
        service: S,
        config: Arc<Config<R>>,
        format: Format,
        findings: Findings,
    ) -> Self {
        let (parts, body) = request.into_parts();
        let collect = Collect::new(body, config.rules.structural.max_body);
        Self { collect, parts, service, config, format, findings }
    }

    /// Goes on when the body was read as far as `extent`.
    fn finish<ResBody>(self, extent: Extent<B::Error>) -> State<S, S::Future, B, R, ResBody>
    where
        S: Service<Request<Buffered<B>>, Response = Response<ResBody>>,
        R: Refuse<ResBody>,
    {
        let Self { collect, parts, mut service, config, format, mut findings } = self;
        if matches!(extent, Extent::TooLarge) {
            config.rules.note_too_large(&mut findings);
        }
        let body = collect.into_body(extent);
        if let Some(content) = body.content() {
            let Parts { method, uri, headers, extensions, .. } = &parts;
            let head = RequestHead { method, uri, headers, extensions };
            config.rules.examine_body(head, format, content, &mut findings);
        }
        match config.rules.judge(findings) {
            Ok(report) => State::Inner { future: service.call(Request::from_parts(parts, body)), report },
            Err(refused) => State::Refused { response: Some(refused.response(&config.refuse)) },
        }
    }
}

impl<S, F, B, R, ResBody> ResponseFuture<S, F, B, R, ResBody> {
    pub(super) const fn inner(future: F, report: Option<SanitizeReport>) -> Self {
        Self { state: State::Inner { future, report } }
    }

    pub(super) const fn refused(response: Response<ResBody>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }

    pub(super) fn reading(reading: Reading<S, B, R>) -> Self {
        Self { state: State::Reading { reading: Some(Box::new(reading)) } }
    }
}

impl<S, B, R, ResBody> Future for ResponseFuture<S, S::Future, B, R, ResBody>
where
    S: Service<Request<Buffered<B>>, Response = Response<ResBody>>,
    B: Body<Data = Bytes>,
    R: Refuse<ResBody>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Inner { future, report } => {
                    let mut outcome = ready!(future.poll(cx));
                    if let (Ok(response), Some(report)) = (&mut outcome, report.take()) {
                        response.extensions_mut().insert(report);
                    }
                    return Poll::Ready(outcome);
                }
                StateProjection::Refused { response } => match response.take() {
                    Some(response) => return Poll::Ready(Ok(response)),
                    // Polled again after it was done: there is nothing more to say.
                    None => return Poll::Pending,
                },
                StateProjection::Reading { reading } => {
                    let Some(mut read) = reading.take() else { return Poll::Pending };
                    match read.collect.poll(cx) {
                        Poll::Ready(extent) => read.finish(extent),
                        Poll::Pending => {
                            *reading = Some(read);
                            return Poll::Pending;
                        }
                    }
                }
            };
            state.set(next);
        }
    }
}

impl<S, F, B, R, ResBody> fmt::Debug for ResponseFuture<S, F, B, R, ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
