use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::context::Asked;
use super::layer::Config;

pin_project! {
    /// The future of [`Problem`](super::Problem).
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        call: Call<F>,
        asked: Asked,
        config: Arc<Config>,
    }
}

pin_project! {
    #[project = CallProjection]
    #[derive(Debug)]
    enum Call<F> {
        Running { #[pin] future: F },
        Panicked { text: Cow<'static, str> },
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(called: Result<F, Box<dyn Any + Send>>, asked: Asked, config: Arc<Config>) -> Self {
        let call = match called {
            Ok(future) => Call::Running { future },
            Err(payload) => Call::Panicked { text: panic_text(payload.as_ref()) },
        };
        Self { call, asked, config }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body + From<Bytes>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.call.project() {
            // A future that panicked is not polled again, so what the panic left of it is never seen.
            CallProjection::Running { future } => match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
                Ok(polled) => Poll::Ready(ready!(polled).map(|response| this.config.render(response, this.asked))),
                Err(payload) => Poll::Ready(Ok(this.config.panicked(&panic_text(payload.as_ref()), this.asked))),
            },
            CallProjection::Panicked { text } => Poll::Ready(Ok(this.config.panicked(text, this.asked))),
        }
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> Cow<'static, str> {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        Cow::Borrowed(text)
    } else if let Some(text) = payload.downcast_ref::<String>() {
        Cow::Owned(text.clone())
    } else {
        Cow::Borrowed("a panic without a text")
    }
}
