//! `client_ip`.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::extract::FromRequestParts;
use axum_client_ip::RightmostXForwardedFor;
use http::Request;
use tower::Service;

use crate::exchange::{Get, Plain};
use crate::table::{Row, Table};

pub(crate) fn measure(table: &mut Table, get: &Get) {
    let row = Row { rival_of: Some("client_ip"), ..Row::passed("axum-client-ip, X-Forwarded-For's last") };
    table.measure(row, get, Extracting(Plain::ok()));
}

/// Extracts the address, as axum would before it calls a handler, and leaves it to the handler as an extension.
struct Extracting<S>(S);

impl<S, B> Service<Request<B>> for Extracting<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        let (mut head, body) = request.into_parts();
        let mut cx = Context::from_waker(Waker::noop());
        let found = pin!(RightmostXForwardedFor::from_request_parts(&mut head, &())).poll(&mut cx);
        if let Poll::Ready(Ok(address)) = found {
            head.extensions.insert(address);
        }
        self.0.call(Request::from_parts(head, body))
    }
}
