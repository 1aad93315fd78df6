//! The early half: what does the table say of this request?

use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use portcullis_layers::RoutePattern;
use tower::{Layer, Service};

use super::{Match, Router, fitness};

/// Matches early: leaves [`Match`] and [`RoutePattern`] in the request extensions.
#[derive(Clone, Debug)]
pub struct MatchRouteLayer(pub Arc<Router>);

impl<S> Layer<S> for MatchRouteLayer {
    type Service = MatchRoute<S>;
    fn layer(&self, inner: S) -> MatchRoute<S> {
        MatchRoute { router: self.0.clone(), inner }
    }
}

/// The service of [`MatchRouteLayer`].
#[derive(Clone, Debug)]
pub struct MatchRoute<S> {
    router: Arc<Router>,
    inner: S,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for MatchRoute<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let (found, pattern) = match fitness::unfit(&request) {
            Some(rule) => (Match::Unfit(rule), None),
            None => self.router.find(request.method(), request.uri().path()),
        };
        request.extensions_mut().insert(found);
        if let Some(pattern) = pattern {
            request.extensions_mut().insert(RoutePattern(pattern.into()));
        }
        self.inner.call(request)
    }
}
