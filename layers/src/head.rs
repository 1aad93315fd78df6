//! What a layer shows to a closure that decides about a request.

use http::{Extensions, HeaderMap, Method, Request, Uri};

/// A request without its body, borrowed: what a policy closure may look at.
///
/// It carries no body type, so one closure serves every body.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target as received.
    pub uri: &'a Uri,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// What the app and the layers further out attached, such as [`RoutePattern`](crate::RoutePattern).
    pub extensions: &'a Extensions,
}

impl<'a, B> From<&'a Request<B>> for RequestHead<'a> {
    fn from(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}
