//! Reads a body to its end or to the bound, whichever comes first.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;

use super::buffered::Buffered;

/// A body that is being read. What it holds is at most the bound and one chunk.
pub(super) struct Collect<B> {
    body: Pin<Box<B>>,
    held: Held,
    trailers: Option<HeaderMap>,
    max: usize,
}

/// How far a body could be read.
#[derive(Debug)]
pub(super) enum Extent<E> {
    /// To its end.
    Whole,
    /// To a chunk that goes beyond the bound.
    TooLarge,
    /// To this error.
    Failed(E),
}

impl<B: Body<Data = Bytes>> Collect<B> {
    pub(super) fn new(body: B, max: usize) -> Self {
        Self { body: Box::pin(body), held: Held::default(), trailers: None, max }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Extent<B::Error>> {
        loop {
            let frame = match ready!(self.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Extent::Failed(error)),
                None => return Poll::Ready(Extent::Whole),
            };
            match frame.into_data() {
                Ok(chunk) => {
                    self.held.push(chunk);
                    if self.held.len() > self.max {
                        return Poll::Ready(Extent::TooLarge);
                    }
                }
                Err(frame) => {
                    if let Ok(fields) = frame.into_trailers() {
                        self.trailers.get_or_insert_default().extend(fields);
                    }
                }
            }
        }
    }

    /// The body for the inner service.
    pub(super) fn into_body(self, extent: Extent<B::Error>) -> Buffered<B> {
        match extent {
            Extent::Whole => Buffered::whole(self.held.into_bytes(), self.trailers),
            Extent::TooLarge => Buffered::begun(self.held.into_bytes(), self.body),
            Extent::Failed(error) => Buffered::failed(error),
        }
    }
}

/// The chunks read so far. One alone is kept as it came; several are joined, so that a character cut in two is whole again.
#[derive(Default)]
struct Held {
    first: Bytes,
    joined: BytesMut,
}

impl Held {
    fn push(&mut self, chunk: Bytes) {
        if self.len() == 0 {
            self.first = chunk;
        } else if !chunk.is_empty() {
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
            self.joined.extend_from_slice(&chunk);
        }
    }

    /// One of the two is empty always.
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::Waker;

    use http_body::Frame;

    use super::*;

    /// A body whose frames are ready.
    struct Frames(std::vec::IntoIter<Frame<Bytes>>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.next().map(Ok))
        }
    }

    fn data(chunk: &'static str) -> Frame<Bytes> {
        Frame::data(Bytes::from_static(chunk.as_bytes()))
    }

    fn collect(frames: Vec<Frame<Bytes>>, max: usize) -> Buffered<Frames> {
        let mut collect = Collect::new(Frames(frames.into_iter()), max);
        let Poll::Ready(extent) = collect.poll(&mut Context::from_waker(Waker::noop())) else { panic!("pending") };
        collect.into_body(extent)
    }

    #[test]
    fn a_single_chunk_is_not_copied() {
        let chunk = Bytes::from_static(b"abc");
        let body = collect(vec![data(""), Frame::data(chunk.clone()), data("")], 3);
        assert_eq!(body.content().map(|content| content.as_ptr()), Some(chunk.as_ptr()));
    }

    #[test]
    fn chunks_are_joined_and_counted() {
        assert_eq!(collect(vec![data("ab"), data("c"), data("de")], 5).content().unwrap(), "abcde");
        let beyond = collect(vec![data("ab"), data("c"), data("de"), data("f")], 4);
        assert_eq!(format!("{beyond:?}"), r#"Buffered { held: 5, body: "read in part" }"#);
    }

    #[test]
    fn trailers_are_kept() {
        let trailers = HeaderMap::from_iter([("x-checksum".parse().unwrap(), "1".parse().unwrap())]);
        let mut body = collect(vec![data("ab"), Frame::trailers(trailers)], 5);
        assert_eq!(body.size_hint().exact(), Some(2));
        let mut next = || {
            let polled = Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
            let Poll::Ready(frame) = polled else { panic!("pending") };
            frame.map(Result::unwrap)
        };
        assert_eq!(next().unwrap().into_data().unwrap(), "ab");
        assert_eq!(next().unwrap().into_trailers().unwrap()["x-checksum"], "1");
        assert!(next().is_none());
        assert!(body.is_end_stream());
    }
}
