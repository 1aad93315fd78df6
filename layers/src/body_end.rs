//! When has an answer ended? Decided here for all layers that wait for it.

use std::task::Poll;

use bytes::Buf;
use http::response::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use http_body::{Body, Frame};

/// What polling a body gives.
type Polled<B> = Poll<Option<Result<Frame<<B as Body>::Data>, <B as Body>::Error>>>;

/// Somebody who wants to know how an answer ends. Dropped without a word, the answer was broken off.
pub(crate) trait Watch {
    /// Counts bytes of the body; returns how many there were so far.
    fn sent(&mut self, bytes: usize) -> u64;

    /// The answer is complete.
    fn complete(self);

    /// The body failed.
    fn fail(self);
}

/// A watch over a body that has not ended yet.
#[derive(Debug)]
pub(crate) struct Watched<W> {
    watch: W,
    /// The length that the head announced: a server stops asking for frames once it has that much.
    announced: Option<u64>,
}

impl<W: Watch> Watched<W> {
    /// Begins with the head. `None`, and the watch is told, if a server sends nothing after it.
    pub(crate) fn begin(watch: W, asked: Asked, head: &Parts, body: &impl Body) -> Option<Self> {
        // In this order: a server goes by the header if there is one.
        let announced = content_length(&head.headers).or_else(|| body.size_hint().exact());
        if asked.is_answered_without_content(head.status) || body.is_end_stream() || announced == Some(0) {
            watch.complete();
            return None;
        }
        Some(Self { watch, announced })
    }

    #[cfg(feature = "trace")]
    pub(crate) const fn watch(&self) -> &W {
        &self.watch
    }

    /// Looks at what polling the body gave. `None`, and the watch is told, if nothing comes after it.
    pub(crate) fn after<B: Body>(mut self, polled: &Polled<B>, body: &B) -> Option<Self> {
        match polled {
            Poll::Pending => Some(self),
            Poll::Ready(None) => {
                self.watch.complete();
                None
            }
            Poll::Ready(Some(Err(_))) => {
                self.watch.fail();
                None
            }
            Poll::Ready(Some(Ok(frame))) => {
                let sent = self.watch.sent(frame.data_ref().map_or(0, Buf::remaining));
                let all_sent = self.announced.is_some_and(|announced| sent >= announced);
                if all_sent || frame.is_trailers() || body.is_end_stream() {
                    self.watch.complete();
                    return None;
                }
                Some(self)
            }
        }
    }
}

/// What the method of a request says about the content of its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Head,
    Connect,
    Content,
}

impl Asked {
    pub(crate) fn by(method: &Method) -> Self {
        match *method {
            Method::HEAD => Self::Head,
            Method::CONNECT => Self::Connect,
            _ => Self::Content,
        }
    }

    /// Whether a server sends no body after this status, whatever the response holds (RFC 9110, section 6.4.1).
    fn is_answered_without_content(self, status: StatusCode) -> bool {
        match self {
            Self::Head => true,
            Self::Connect if status.is_success() => true,
            Self::Connect | Self::Content => {
                status.is_informational()
                    || matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
            }
        }
    }
}

/// The number of bytes that a message says its body has.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn answers_without_content_are_known_by_method_and_status() {
        let without = |method: &Method, status: u16| {
            Asked::by(method).is_answered_without_content(StatusCode::from_u16(status).unwrap())
        };
        assert!([200, 404, 500].into_iter().all(|status| without(&Method::HEAD, status)));
        assert!(without(&Method::CONNECT, 200) && !without(&Method::CONNECT, 502));
        assert!([101, 204, 205, 304].into_iter().all(|status| without(&Method::GET, status)));
        assert!(![200, 206, 301, 404, 500].into_iter().any(|status| without(&Method::GET, status)));
    }

    #[test]
    fn a_content_length_that_is_no_number_announces_nothing() {
        let announced =
            |value| content_length(&HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from_static(value))]));
        assert_eq!(announced("12"), Some(12));
        assert_eq!(announced("-1"), None);
        assert_eq!(announced("1, 1"), None);
        assert_eq!(content_length(&HeaderMap::new()), None);
    }
}
