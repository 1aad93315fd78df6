//! What an answer carries: bytes in memory, or pieces that are made while the client reads.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};

/// Why a streamed answer broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer. Nearly all are in memory; what may be larger than that is streamed.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Full<Bytes>),
    Streamed(UnsyncBoxBody<Bytes, BodyError>),
}

impl Body {
    /// A body whose pieces come one after the other. An error cuts the connection, so that half an answer is never taken for a whole one.
    pub fn streamed<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    {
        Self(Kind::Streamed(body.map_err(Into::into).boxed_unsync()))
    }

    /// Takes a body out of what a layer wrapped around it.
    pub fn rewrap<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    {
        match body.size_hint().exact() {
            Some(_) => crate::validate::in_memory(body).into(),
            None => Self::streamed(body),
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self(Kind::Whole(Full::default()))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Whole(Full::new(bytes)))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Kind::Streamed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(body) => body.is_end_stream(),
            Kind::Streamed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(body) => body.size_hint(),
            Kind::Streamed(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::channel::Channel;

    use super::*;

    #[tokio::test]
    async fn bytes_keep_their_length_through_a_rewrap_and_pieces_come_in_order() {
        let whole = Body::rewrap(Body::from(Bytes::from_static(b"whole")));
        assert_eq!(whole.size_hint().exact(), Some(5));
        let (mut sender, pieces) = Channel::<Bytes, BodyError>::new(2);
        let streamed = Body::rewrap(Body::streamed(pieces));
        assert_eq!(streamed.size_hint().exact(), None);
        for piece in ["one ", "two"] {
            sender.send_data(Bytes::from_static(piece.as_bytes())).await.unwrap();
        }
        drop(sender);
        assert_eq!(streamed.collect().await.unwrap().to_bytes(), "one two");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_an_error_and_no_end() {
        let (sender, pieces) = Channel::<Bytes, BodyError>::new(1);
        sender.abort("the database is gone".into());
        assert_eq!(Body::streamed(pieces).collect().await.unwrap_err().to_string(), "the database is gone");
    }
}
