//! Serves one connection whose protocol is known, for as long as its client keeps to the time limits.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulConnection;
use portcullis_layers::{ClientScheme, PeerAddr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tower::{Service, ServiceExt};

use super::activity::{Activity, Overdue};
use super::answer_body::AnswerBody;
use super::observed::Observed;
use super::protocol::{self, Protocol};
use super::timeouts::Timeouts;
use super::turn_away::{Answers, say};
use crate::lingering::Lingering;
use crate::stack::BoxError;

/// What is known of a connection before its first request.
pub(super) struct Greeted<I> {
    pub(super) io: I,
    pub(super) protocol: Protocol,
    /// Who is at the other end: the peer of the socket, or whom it says it speaks for.
    pub(super) source: SocketAddr,
    pub(super) scheme: ClientScheme,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, or because the service stops.
    Closed,
    /// Because its client was late.
    Late(Overdue),
}

/// Serves until the connection ends, is late, or the service stops and the requests in flight are done.
pub(super) async fn serve<I, S, B>(
    greeted: Greeted<I>,
    stack: S,
    timeouts: Timeouts,
    answers: &Answers,
    shutdown: watch::Receiver<bool>,
) -> End
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Lingering>, Response = Response<B>, Error = Infallible> + Clone + Send + Unpin + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let Greeted { io, protocol, source, scheme } = greeted;
    let activity = Activity::new(protocol, timeouts);
    let io = TokioIo::new(Observed::new(io, Arc::clone(&activity)));
    let watched = Arc::clone(&activity);
    let service = service_fn(move |request: Request<Incoming>| {
        let exchange = activity.begin();
        let mut request = Lingering::wrap(request, timeouts.body_pause, Arc::clone(&exchange));
        request.extensions_mut().insert(PeerAddr(source));
        request.extensions_mut().insert(scheme);
        let answer = stack.clone().oneshot(request);
        async move { answer.await.map(|answer| answer.map(|body| AnswerBody::new(body, exchange))) }
    });
    match protocol {
        Protocol::Http1 => {
            let mut connection = protocol::http1().serve_connection(io, service);
            let end = drive(Pin::new(&mut connection), &watched, shutdown).await;
            if end == End::Late(Overdue::Head { begun: true }) && !watched.is_blocked() {
                // hyper would hang up without a word.
                say(connection.into_parts().io.into_inner(), answers.request_timeout()).await;
            }
            end
        }
        Protocol::Http2 => {
            let connection = pin!(protocol::http2().serve_connection(io, service));
            drive(connection, &watched, shutdown).await
        }
    }
}

/// Lets the connection run until it ends or is late. A connection that is merely idle is told that it ends, as HTTP/2 wants it (RFC 9113
/// §6.8), and so is every connection when the service stops.
async fn drive<C>(mut connection: Pin<&mut C>, activity: &Activity, mut shutdown: watch::Receiver<bool>) -> End
where
    C: GracefulConnection<Error = hyper::Error>,
{
    let mut stopping = pin!(shutdown.wait_for(|stop| *stop));
    let mut alarm = pin!(sleep_until(activity.due().0));
    let mut closing = false;
    poll_fn(move |cx| {
        if !closing && stopping.as_mut().poll(cx).is_ready() {
            closing = true;
            activity.close();
            connection.as_mut().graceful_shutdown();
        }
        loop {
            if let Poll::Ready(result) = connection.as_mut().poll(cx) {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended early");
                }
                return Poll::Ready(End::Closed);
            }
            let (by, what) = activity.due();
            // An alarm that is too early costs a look; one that is set anew for every request would cost more.
            if by < alarm.deadline() {
                alarm.as_mut().reset(by);
            }
            if alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            match what {
                _ if by > Instant::now() => alarm.as_mut().reset(by),
                Overdue::Idle if !closing => {
                    closing = true;
                    activity.close();
                    connection.as_mut().graceful_shutdown();
                }
                late => return Poll::Ready(End::Late(late)),
            }
        }
    })
    .await
}
