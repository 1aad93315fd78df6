//! What the client is told: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers), `Retry-After`, and the refusal.

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::outcome::{Outcome, RATE_LIMITED, Standing, whole_seconds};
use crate::header_text::Chunk;
use crate::{Refuse, refusal};

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

thread_local! {
    static TEXTS: Chunk = Chunk::new();
}

/// Tells the client where it stands, `passed` being the outcome of the layer's own check. What an inner layer told already stays.
pub(crate) fn announce<B>(response: &mut Response<B>, passed: Outcome) {
    let outcome = match response.extensions().get::<Outcome>() {
        Some(reported) => passed.tightest(reported.clone()),
        None => passed,
    };
    let Some(standing) = outcome.standing() else { return };
    let limited = response.status() == StatusCode::TOO_MANY_REQUESTS;
    let headers = response.headers_mut();
    put_fields(headers, standing);
    if limited && standing.retry_after().is_some() {
        put_retry_after(headers, standing);
    }
}

/// Tells all that is to be told.
pub(super) fn put(headers: &mut HeaderMap, standing: &Standing) {
    put_fields(headers, standing);
    if standing.retry_after().is_some() {
        put_retry_after(headers, standing);
    }
}

/// The response to a request that some policy refused.
#[cfg(feature = "rate_limit_redis")]
pub(crate) fn refusal<B>(refuse: &impl Refuse<B>, outcome: Outcome) -> Response<B> {
    refusal_in(Extensions::new(), refuse, outcome)
}

/// The response to a request that some policy refused, in the memory of the request's extensions.
pub(super) fn refusal_in<B>(spent: Extensions, refuse: &impl Refuse<B>, outcome: Outcome) -> Response<B> {
    let mut response = refuse.refuse(&RATE_LIMITED);
    refusal::reuse(spent, &mut response);
    outcome.write(response.headers_mut());
    response.extensions_mut().insert(RATE_LIMITED);
    response.extensions_mut().insert(outcome);
    response
}

fn put_fields(headers: &mut HeaderMap, standing: &Standing) {
    // A map at its limit of 32 768 entries takes no more, and the client can do without.
    if let Ok(header::Entry::Vacant(vacant)) = headers.try_entry(RATELIMIT) {
        let _full = vacant.try_insert(ratelimit(standing));
        let _full = headers.try_insert(RATELIMIT_POLICY, standing.label.field.clone());
    }
}

fn put_retry_after(headers: &mut HeaderMap, standing: &Standing) {
    let seconds = whole_seconds(standing.wait).max(1);
    for (name, value) in [
        (header::RETRY_AFTER, HeaderValue::from(seconds)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ] {
        if !headers.contains_key(&name) {
            let _full = headers.try_insert(name, value);
        }
    }
}

/// `"login";r=4;t=120`.
fn ratelimit(standing: &Standing) -> HeaderValue {
    let Standing { label, remaining, reset, .. } = standing;
    let mut text = FromTheRight::new();
    text.number(whole_seconds(*reset));
    text.put(b";t=");
    text.number((*remaining).into());
    text.put(b"r=");
    text.put(label.quoted_name());
    HeaderValue::from_maybe_shared(Chunk::copy(&TEXTS, text.as_bytes())).unwrap_or(HeaderValue::from_static(""))
}

/// A short text that is put together on the stack, its end first, as numbers are.
struct FromTheRight {
    text: [u8; Self::LONGEST],
    start: usize,
}

impl FromTheRight {
    /// A name of 64 characters, numbers of 10 and 20 digits, and what stands between.
    const LONGEST: usize = 102;

    const fn new() -> Self {
        Self { text: [0; Self::LONGEST], start: Self::LONGEST }
    }

    /// What finds no room is left out.
    fn put(&mut self, text: &[u8]) {
        let Some(start) = self.start.checked_sub(text.len()) else { return };
        self.text[start..self.start].copy_from_slice(text);
        self.start = start;
    }

    fn number(&mut self, mut number: u64) {
        while let Some(start) = self.start.checked_sub(1) {
            self.text[start] = b"0123456789"[(number % 10) as usize];
            self.start = start;
            number /= 10;
            if number == 0 {
                return;
            }
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.text[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::DefaultRefuse;
    use crate::rate_limit::Policy;
    use crate::rate_limit::outcome::Label;

    fn standing(name: &str, remaining: u32, reset: Duration, wait: Duration) -> Standing {
        let policy = Policy::new(name, 5, Duration::from_millis(899_500));
        Standing { label: Arc::new(Label::new(&policy)), remaining, reset, wait }
    }

    fn login(wait: Duration) -> Standing {
        standing("login", 4, Duration::from_millis(119_001), wait)
    }

    fn response(status: StatusCode) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = status;
        response
    }

    #[test]
    fn fields_are_structured_and_times_whole_seconds_rounded_up() {
        let mut response = response(StatusCode::OK);
        announce(&mut response, login(Duration::ZERO).into());
        assert_eq!(response.headers()[RATELIMIT_POLICY], "\"login\";q=5;w=900");
        assert_eq!(response.headers()[RATELIMIT], "\"login\";r=4;t=120");
        assert!(!response.headers().contains_key(header::RETRY_AFTER));
    }

    #[test]
    fn the_longest_value_fits() {
        let name = "n".repeat(64);
        let value = ratelimit(&standing(&name, u32::MAX, Duration::MAX, Duration::ZERO));
        assert_eq!(value, format!("\"{name}\";r=4294967295;t=18446744073709551615"));
    }

    #[test]
    fn a_refusal_says_when_to_come_back_and_is_not_cached() {
        for (wait, seconds) in
            [(Duration::from_nanos(1), "1"), (Duration::from_secs(180), "180"), (Duration::from_millis(1_001), "2")]
        {
            let refused: Response<Bytes> = refusal_in(Extensions::new(), &DefaultRefuse, login(wait).into());
            assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(refused.headers()[header::RETRY_AFTER], seconds, "{wait:?}");
            assert_eq!(refused.headers()[header::CACHE_CONTROL], "no-store");
            assert_eq!(refused.extensions().get(), Some(&RATE_LIMITED));
        }
    }

    #[test]
    fn the_tighter_of_layer_and_handler_is_told() {
        let mut response = response(StatusCode::OK);
        response.extensions_mut().insert(Outcome::from(standing("account", 1, Duration::from_secs(9), Duration::ZERO)));
        announce(&mut response, login(Duration::ZERO).into());
        assert_eq!(response.headers()[RATELIMIT], "\"account\";r=1;t=9");
    }

    #[test]
    fn the_refusal_of_a_handler_gets_its_headers_unless_it_brings_its_own() {
        let mut limited = response(StatusCode::TOO_MANY_REQUESTS);
        limited.extensions_mut().insert(Outcome::from(login(Duration::from_secs(7))));
        announce(&mut limited, Outcome::default());
        assert_eq!(limited.headers()[header::RETRY_AFTER], "7");
        assert_eq!(limited.headers()[header::CACHE_CONTROL], "no-store");

        let mut own = response(StatusCode::TOO_MANY_REQUESTS);
        own.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(9));
        own.headers_mut().insert(RATELIMIT, HeaderValue::from_static("\"inner\";r=0;t=9"));
        own.extensions_mut().insert(Outcome::from(login(Duration::from_secs(7))));
        announce(&mut own, Outcome::default());
        assert_eq!(own.headers()[header::RETRY_AFTER], "9");
        assert_eq!(own.headers()[RATELIMIT], "\"inner\";r=0;t=9");
        assert!(!own.headers().contains_key(RATELIMIT_POLICY));
    }

    #[test]
    fn an_answer_that_is_no_429_gets_no_retry_after() {
        let mut accepted = response(StatusCode::ACCEPTED);
        accepted.extensions_mut().insert(Outcome::from(login(Duration::from_secs(7))));
        announce(&mut accepted, Outcome::default());
        assert!(!accepted.headers().contains_key(header::RETRY_AFTER));
        assert!(accepted.headers().contains_key(RATELIMIT));
    }

    #[test]
    fn nothing_is_told_where_nothing_was_charged() {
        let mut response = response(StatusCode::OK);
        announce(&mut response, Outcome::default());
        assert!(response.headers().is_empty());
    }
}
