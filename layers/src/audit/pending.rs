//! The decision: whether a request becomes an event, and what it says.

use std::mem;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{Extensions, HeaderValue, Method, Request, Response, header};

use super::event::{AuditEvent, AuditResult};
use super::layer::Config;
use super::record::{AuditRecord, cut};
use crate::{ClientIp, PeerAddr, Refusal, RequestHead, RequestId, RoutePattern, WantsClientIp};

/// The longest user agent that is kept, in bytes.
const MAX_USER_AGENT: usize = 256;

/// A request that has not been answered. Dropped, it is recorded as cancelled if an event was asked for.
#[derive(Debug)]
pub(super) struct Pending {
    config: Arc<Config>,
    asked: Option<AuditRecord>,
    method: Method,
    seen: Seen,
    user_agent: Option<HeaderValue>,
    started: Instant,
}

/// What extensions tell. Some layers write them on the request, some on the response.
#[derive(Debug, Default)]
struct Seen {
    client_ip: Option<IpAddr>,
    request_id: Option<HeaderValue>,
    route: Option<RoutePattern>,
}

impl Seen {
    fn in_extensions(extensions: &Extensions) -> Self {
        Self {
            client_ip: extensions.get().map(|ClientIp(ip)| *ip),
            request_id: extensions.get().map(|id: &RequestId| id.header().clone()),
            route: extensions.get().cloned(),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            client_ip: self.client_ip.or(other.client_ip),
            request_id: self.request_id.or(other.request_id),
            route: self.route.or(other.route),
        }
    }
}

impl Pending {
    pub(super) fn start<B>(config: &Arc<Config>, request: &mut Request<B>) -> Self {
        let mut seen = Seen::in_extensions(request.extensions());
        if seen.client_ip.is_none() {
            seen.client_ip = request.extensions().get().map(|PeerAddr(peer)| peer.ip().to_canonical());
            // The layer that finds the client may stand further in.
            request.extensions_mut().insert(WantsClientIp);
        }
        Self {
            asked: config.when.as_ref().and_then(|when| when(RequestHead::from(&*request))),
            method: known(request.method()),
            seen,
            user_agent: request.headers().get(header::USER_AGENT).cloned(),
            started: Instant::now(),
            config: Arc::clone(config),
        }
    }

    /// The service has answered. Takes the [`AuditRecord`] out of the response, so that a request is recorded once, however many layers
    /// there are.
    pub(super) fn answered<B>(mut self, response: &mut Response<B>) {
        let asked = self.asked.take();
        let record = match response.extensions_mut().remove::<AuditRecord>() {
            Some(record) => record.completed_by(asked),
            None => match asked {
                Some(asked) => asked,
                None => return,
            },
        };
        let status = response.status();
        // A refusal of another status is stale: something in between decided anew.
        let refusal = response.extensions().get::<Refusal>().filter(|refusal| refusal.status() == status);
        let result = AuditResult::Answered { status, refusal: refusal.map(Refusal::code) };
        self.record(record, result, Seen::in_extensions(response.extensions()));
    }

    /// The service has failed.
    pub(super) fn failed(mut self) {
        self.end_without_answer(AuditResult::Failed);
    }

    fn end_without_answer(&mut self, result: AuditResult) {
        if let Some(asked) = self.asked.take() {
            self.record(asked, result, Seen::default());
        }
    }

    fn record(&mut self, record: AuditRecord, result: AuditResult, answered: Seen) {
        let Seen { client_ip, request_id, route } = answered.or(mem::take(&mut self.seen));
        let AuditRecord { action, actor, details } = record;
        self.config.sink.offer(AuditEvent {
            action,
            actor,
            details,
            result,
            method: mem::take(&mut self.method),
            route,
            client_ip,
            user_agent: self.user_agent.take().map(|value| readable(value.as_bytes())),
            // Text of its own: a header value may share the read buffer of its connection, and an event outlives that.
            request_id: request_id.and_then(|id| Some(id.to_str().ok()?.into())),
            at: (self.config.clock)(),
            duration: self.started.elapsed(),
        });
    }
}

/// Methods that the client invented share one name, or each event would keep up to the whole head of a request.
fn known(method: &Method) -> Method {
    const KNOWN: [Method; 9] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::CONNECT,
        Method::TRACE,
    ];
    // A token (RFC 9110, section 5.6.2) of so few bytes takes no memory of its own.
    let known = KNOWN.contains(method).then(|| method.clone());
    known.or_else(|| Method::from_bytes(b"_OTHER").ok()).unwrap_or_default()
}

/// A header value as text; what is not UTF-8 is replaced.
fn readable(value: &[u8]) -> Box<str> {
    let value = value.get(..MAX_USER_AGENT).unwrap_or(value);
    cut(String::from_utf8_lossy(value).into_owned(), MAX_USER_AGENT)
}

impl Drop for Pending {
    fn drop(&mut self) {
        let result = if std::thread::panicking() { AuditResult::Failed } else { AuditResult::Cancelled };
        self.end_without_answer(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_bounded_text_whatever_it_was() {
        assert_eq!(readable(b"curl/8").as_ref(), "curl/8");
        assert_eq!(readable(b"a\xffb").as_ref(), "a\u{fffd}b");
        assert!(readable(&[0xff; 10_000]).len() <= MAX_USER_AGENT);
        assert_eq!(readable(&[b'a'; 10_000]).len(), MAX_USER_AGENT);
    }

    #[test]
    fn invented_methods_share_one_name() {
        assert_eq!(known(&Method::PATCH), Method::PATCH);
        for invented in [b"BREW".to_vec(), vec![b'B'; 20_000]] {
            assert_eq!(known(&Method::from_bytes(&invented).unwrap()).as_str(), "_OTHER");
        }
    }

    #[test]
    fn the_answer_knows_better_than_the_request() {
        let ip = |last| Some(IpAddr::from([192, 0, 2, last]));
        let request = Seen { client_ip: ip(1), request_id: None, route: Some(RoutePattern("/a".into())) };
        let answer = Seen { client_ip: ip(2), ..Seen::default() };
        let both = answer.or(request);
        assert_eq!((both.client_ip, both.route), (ip(2), Some(RoutePattern("/a".into()))));
    }
}
