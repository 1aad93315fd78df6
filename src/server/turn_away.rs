//! A few last words to a client that gets no request through.

use std::sync::Arc;
use std::time::Duration;

use portcullis_layers::Refusal;
use portcullis_layers::problem::{self, Members};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, sink};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::error::ApiError;
use crate::random::Random;

/// How long the words may take to be heard.
const PATIENCE: Duration = Duration::from_secs(1);
/// How much of what the client says meanwhile is read: if any of it were left, closing would reset the connection, and the words with it.
const MOST_HEARD: u64 = 64 * 1024;
/// How many clients are spoken to at once; the next ones are left without a word.
pub(super) const MOST_AT_ONCE: usize = 256;

/// Writes refusals that no layer can make, since there is no request, in the form of all the others.
#[derive(Debug)]
pub(super) struct Answers {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    places: Arc<Semaphore>,
}

impl Answers {
    pub(super) fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random, places: Arc::new(Semaphore::new(MOST_AT_ONCE)) }
    }

    /// The head of a request took too long.
    pub(super) fn request_timeout(&self) -> Vec<u8> {
        self.write(&ApiError::RequestTimeout, "The request did not arrive in time.", "")
    }

    /// All connections are taken.
    fn overloaded(&self) -> Vec<u8> {
        self.write(&ApiError::Overloaded, "Too many connections; try again shortly.", "retry-after: 1\r\n")
    }

    /// Answers 503 beside the caller, who need not wait.
    pub(super) fn turn_away(self: &Arc<Self>, stream: TcpStream) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let words = self.overloaded();
        tokio::spawn(async move {
            say(stream, words).await;
            drop(place);
        });
    }

    /// A whole answer of HTTP/1.1 after which the connection ends.
    fn write(&self, error: &ApiError, detail: &'static str, more_headers: &str) -> Vec<u8> {
        let (status, code, _) = error.row();
        let now = self.clock.now();
        let id = self.random.uuid(now).map_or_else(|_| String::new(), |id| id.simple().to_string());
        let title = status.canonical_reason().unwrap_or_default();
        let members = Members::new().with("request_id", id.as_str()).with("timestamp", now.to_string());
        // No request has been read that would have a path.
        let body = problem::body(&Refusal::new(status, code).with_detail(detail), "/", &members);
        let (number, media_type) = (status.as_str(), problem::MEDIA_TYPE);
        let head = format!(
            "HTTP/1.1 {number} {title}\r\nconnection: close\r\ncontent-type: {media_type}\r\n\
             cache-control: no-store\r\nx-content-type-options: nosniff\r\nx-request-id: {id}\r\n{more_headers}\
             content-length: {}\r\n\r\n",
            body.len(),
        );
        [head.as_bytes(), &body].concat()
    }
}

/// Says it, and listens until the other end hangs up.
pub(super) async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin, words: Vec<u8>) {
    let said = async {
        stream.write_all(&words).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(MOST_HEARD), &mut sink()).await
    };
    // Who does not listen is not waited for.
    drop(tokio::time::timeout(PATIENCE, said).await);
}
