//! The rows of our own layers.

use std::num::NonZeroUsize;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use portcullis_layers::audit::{Audit, AuditEvents, AuditLayer, AuditLog};
use portcullis_layers::client_ip::ClientIpLayer;
use portcullis_layers::jwt_auth::TokenCache;
use portcullis_layers::load_shed::LoadShedLayer;
use portcullis_layers::metrics::MetricsLayer;
use portcullis_layers::problem::ProblemLayer;
use portcullis_layers::rate_limit::{Key, Limiter, Policy, RateLimitLayer};
use portcullis_layers::request_id::RequestIdLayer;
use portcullis_layers::sanitize::{self, FieldKind, SanitizeLayer};
use portcullis_layers::security_headers::SecurityHeadersLayer;
use portcullis_layers::trace::TraceLayer;
use prometheus::Registry;
use tower::{Layer, Service, ServiceBuilder};
use tracing::Dispatch;
use tracing::subscriber::NoSubscriber;

use crate::exchange::{Failure, Plain, get, get_with, post};
use crate::table::{Row, Table};
use crate::token::Token;

/// The row that does the work of other tracing layers, which tell no status on the span.
pub(crate) const TERSE_TRACE: &str = "trace, JSON to nowhere, outcome on the event";

/// Requests that reach the handler.
pub(crate) fn passing(table: &mut Table, token: &Token) -> Result<(), Failure> {
    let post = post()?;
    table.measure(Row::bare("plain bodies, JSON posted"), &post, Plain::ok());
    table.measure(Row::passed("sanitize, JSON of 101 bytes"), &post, sanitize().layer(Plain::ok()));

    let get = get()?;
    table.measure(Row::bare("plain bodies"), &get, Plain::ok());
    table.measure(Row::passed("request_id"), &get, RequestIdLayer::new().layer(Plain::ok()));
    table.measure(Row::passed("trace, nobody listens"), &get, TraceLayer::new().layer(Plain::ok()));
    listening(|| table.measure(Row::passed("trace, JSON to nowhere"), &get, TraceLayer::new().layer(Plain::ok())));
    let terse = TraceLayer::new().outcome_on_span(false).layer(Plain::ok());
    listening(|| table.measure(Row::passed(TERSE_TRACE), &get, terse));
    table.measure(Row::passed("metrics"), &get, metrics()?.layer(Plain::ok()));
    table.measure(Row::passed("security_headers"), &get, SecurityHeadersLayer::api().layer(Plain::ok()));
    table.measure(Row::passed("problem"), &get, problem()?.layer(Plain::ok()));
    table.measure(Row::passed("client_ip"), &get, client_ip()?.layer(Plain::ok()));
    table.measure(Row::passed("rate_limit"), &get, rate_limit(u32::MAX)?.layer(Plain::ok()));
    table.measure(Row::passed("load_shed"), &get, load_shed().layer(Plain::ok()));
    table.measure(Row::passed("audit, nothing to record"), &get, audit().layer(Plain::ok()));
    table.measure(Row::passed("audit, an event written and read"), &get, Audited::around(Plain::ok()));
    table.measure(Row::passed("sanitize, path and query"), &get, sanitize().layer(Plain::ok()));
    let all_but_jwt_auth = ServiceBuilder::new()
        .layer(RequestIdLayer::new())
        .layer(TraceLayer::new())
        .layer(metrics()?)
        .layer(SecurityHeadersLayer::api())
        .layer(problem()?)
        .layer(client_ip()?)
        .layer(rate_limit(u32::MAX)?)
        .layer(load_shed())
        .layer(audit())
        .layer(sanitize());
    table.measure(Row::passed("all of these"), &get, all_but_jwt_auth.service(Plain::ok()));

    let get = get_with(&token.text)?;
    table.measure(Row::passed("jwt_auth, Ed25519"), &get, token.layer()?.build()?.layer(Plain::ok()));
    let cached = token.layer()?.cache(TokenCache::new(1024)).build()?;
    table.measure(Row::passed("jwt_auth, cached"), &get, cached.layer(Plain::ok()));
    Ok(())
}

/// Requests that are turned away, or whose answer gets its body from `problem`.
pub(crate) fn refusing(table: &mut Table, token: &Token) -> Result<(), Failure> {
    let get = get()?;
    table.measure(Row::refused("problem: a bare 404"), &get, problem()?.layer(Plain::not_found()));
    table.measure(Row::refused("rate_limit: none left"), &get, rate_limit(1)?.layer(Plain::ok()));
    let mut busy = LoadShedLayer::new(NonZeroUsize::MIN).layer(Plain::ok());
    let _in_flight = busy.call(get.clone());
    table.measure(Row::refused("load_shed: full"), &get, busy.clone());
    table.measure(Row::refused("jwt_auth: no token"), &get, token.layer()?.build()?.layer(Plain::ok()));
    let forged = get_with(&token.forged())?;
    table.measure(Row::refused("jwt_auth: bad signature"), &forged, token.layer()?.build()?.layer(Plain::ok()));
    let rendered = ServiceBuilder::new().layer(problem()?).layer(token.layer()?.build()?);
    table.measure(Row::refused("problem + jwt_auth: no token"), &get, rendered.service(Plain::ok()));
    Ok(())
}

/// Runs `measure` while somebody writes every span and event.
pub(crate) fn listening(measure: impl FnOnce()) {
    let listener = tracing_subscriber::fmt().json().with_writer(std::io::sink).finish();
    tracing::subscriber::with_default(listener, measure);
    // Call sites remember that somebody listened until another subscriber is made.
    drop(Dispatch::new(NoSubscriber::default()));
}

fn metrics() -> Result<MetricsLayer, Failure> {
    Ok(MetricsLayer::builder(&Registry::new()).build()?)
}

fn problem() -> Result<ProblemLayer, Failure> {
    Ok(ProblemLayer::builder().build()?)
}

fn client_ip() -> Result<ClientIpLayer, Failure> {
    Ok(ClientIpLayer::builder().trusted(["10.0.0.0/8".parse()?]).build()?)
}

/// One policy per network. Its window is long enough for a quota of 1 to last.
fn rate_limit(quota: u32) -> Result<RateLimitLayer, Failure> {
    let limiter = Limiter::builder().policy(Policy::new("network", quota, Duration::from_secs(86_400))).build()?;
    let network = limiter.limit("network").ok_or("a policy of this name")?;
    Ok(RateLimitLayer::builder().limit(&network, |head| Some(Key::client(head))).build())
}

fn load_shed() -> LoadShedLayer {
    LoadShedLayer::new(NonZeroUsize::MAX)
}

fn audit() -> AuditLayer {
    let (sink, _) = AuditLog::bounded(NonZeroUsize::MIN);
    AuditLayer::new(sink)
}

/// Makes each request an event, and reads the log now and then as an app's task would.
struct Audited<S> {
    inner: Audit<S>,
    events: AuditEvents,
    unread: usize,
}

impl<S> Audited<S> {
    const BATCH: usize = 64;

    fn around(inner: S) -> Self {
        let (sink, events) = AuditLog::bounded(NonZeroUsize::MAX);
        let inner = AuditLayer::builder(sink).when(|_| Some("user.read")).build().layer(inner);
        Self { inner, events, unread: 0 }
    }
}

impl<S, R> Service<Request<R>> for Audited<S>
where
    Audit<S>: Service<Request<R>>,
{
    type Response = <Audit<S> as Service<Request<R>>>::Response;
    type Error = <Audit<S> as Service<Request<R>>>::Error;
    type Future = <Audit<S> as Service<Request<R>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        self.unread += 1;
        if self.unread == Self::BATCH {
            self.unread = 0;
            drop(self.events.try_drain());
        }
        self.inner.call(request)
    }
}

fn sanitize() -> SanitizeLayer {
    SanitizeLayer::builder(|_, _| sanitize::Policy::Inspect(FieldKind::Text)).build()
}
