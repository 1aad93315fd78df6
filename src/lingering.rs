//! What happens to the rest of a request body that nobody wants.
//!
//! A refusal answers before the body is read. If the connection closed right then, a client that is still sending would get a reset in
//! place of the answer (RFC 9112 §9.6). So what is left of an HTTP/1 body is read and thrown away for a while, beside the answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::{Request, Version, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// How much is thrown away at most, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// For how long.
const MAX_TIME: Duration = Duration::from_secs(5);

/// A request body that is drained when it is dropped early.
#[derive(Debug)]
pub struct Lingering {
    body: Option<Incoming>,
    drains: bool,
}

impl Lingering {
    /// Wraps the body of a request. HTTP/2 resets the stream alone, and a client that waits for `100 Continue` has sent nothing yet: there
    /// is nothing to drain then.
    #[must_use]
    pub fn wrap(request: Request<Incoming>) -> Request<Self> {
        let drains = request.version() < Version::HTTP_2 && !request.headers().contains_key(header::EXPECT);
        request.map(|body| Self { body: Some(body), drains })
    }
}

impl Body for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
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
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(MAX_TIME, drain(body)));
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
