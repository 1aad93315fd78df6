//! What happens to request bodies that do not come, and to what is left of those that nobody wants.
//!
//! A refusal answers before the body is read. If the connection closed right then, a client that is still sending would get a reset in
//! place of the answer (RFC 9112 §9.6). So what is left of an HTTP/1 body is read and thrown away for a while, beside the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::{Request, Version, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::server::Exchange;
use crate::stack::BoxError;

/// How much is thrown away at most, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// For how long.
const MAX_TIME: Duration = Duration::from_secs(5);

/// The sender of a body has paused for too long.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the sender of the body has stopped sending")]
pub struct Stalled;

/// A request body that fails when its sender pauses for too long, and is drained when it is dropped early.
#[derive(Debug)]
pub struct Lingering {
    body: Option<Incoming>,
    drains: bool,
    pause: Duration,
    /// Runs while the sender pauses. Kept for the next pause.
    alarm: Option<Pin<Box<Sleep>>>,
    paused: bool,
    exchange: Arc<Exchange>,
}

impl Lingering {
    /// Wraps the body of a request whose sender may pause for so long. HTTP/2 resets the stream alone, and a client that waits for
    /// `100 Continue` has sent nothing yet: there is nothing to drain then.
    #[must_use]
    pub(crate) fn wrap(request: Request<Incoming>, pause: Duration, exchange: Arc<Exchange>) -> Request<Self> {
        let drains = request.version() < Version::HTTP_2 && !request.headers().contains_key(header::EXPECT);
        request.map(|body| Self { body: Some(body), drains, pause, alarm: None, paused: false, exchange })
    }

    /// Ready once the sender has paused for too long.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = Instant::now() + self.pause;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if !self.paused {
            self.paused = true;
            alarm.as_mut().reset(until);
        }
        alarm.as_mut().poll(cx)
    }
}

impl Body for Lingering {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(frame) => {
                self.paused = false;
                Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)))
            }
            Poll::Pending => self.poll_alarm(cx).map(|()| Some(Err(Stalled.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let drains = self.drains;
        let Some(body) = self.body.take().filter(|body| drains && !body.is_end_stream()) else { return };
        let exchange = Arc::clone(&self.exchange);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // Until the end of the draining the bytes that come in are no new request.
                let _exchange = exchange;
                tokio::time::timeout(MAX_TIME, drain(body)).await
            });
        }
    }
}

async fn drain(mut body: Incoming) {
    let mut left = MAX_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let read = frame.data_ref().map_or(0, Buf::remaining);
        if read > left {
            return;
        }
        left -= read;
    }
}
