//! Where a key set document comes from: the app knows, and has the HTTP client.

use std::error::Error;
use std::fmt;
use std::future::Future;

use bytes::Bytes;

use crate::jwt_auth::jwks::NotJwks;

/// Fetches a JWK Set document (RFC 7517 §5), by HTTPS as a rule. Closures that return such a future implement it.
///
/// The time limit is the fetcher's: this crate has no timer. A fetch that never ends holds up the requests that wait for its keys, and no
/// other begins before it has ended.
pub trait FetchJwks: Send + Sync + 'static {
    /// The body of the document. An answer with another status than 200 is an error, and reading should stop beyond the
    /// [limit](super::RemoteKeysBuilder::max_document_len), which is checked afterwards.
    ///
    /// The requests that wait for the document poll this future in turn, so it may be polled from different tasks.
    ///
    /// # Errors
    /// [`FetchError::failed`] with whatever went wrong; the keys stay as they are.
    fn fetch(&self) -> impl Future<Output = Result<Bytes, FetchError>> + Send;
}

impl<F, Fut> FetchJwks for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Bytes, FetchError>> + Send,
{
    fn fetch(&self) -> impl Future<Output = Result<Bytes, FetchError>> + Send {
        self()
    }
}

/// Why a fetch brought no keys.
#[derive(Debug)]
#[non_exhaustive]
pub enum FetchError {
    /// The document could not be had: the issuer's fault, or the network's.
    Failed(Box<dyn Error + Send + Sync>),
    /// The document has this many bytes, which is more than the limit; it was not read.
    TooLong(usize),
    /// The document is no JWK Set.
    NotJwks,
}

impl FetchError {
    /// For a [`FetchJwks`]: the document could not be had.
    pub fn failed(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(reason.into())
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(_) => f.write_str("the key set document could not be fetched"),
            Self::TooLong(bytes) => write!(f, "the key set document has {bytes} bytes, which is over the limit"),
            Self::NotJwks => NotJwks.fmt(f),
        }
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(reason) => Some(&**reason),
            Self::TooLong(_) | Self::NotJwks => None,
        }
    }
}
