//! What a settled check means for the request.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};

use super::error::Unavailable;
use crate::rate_limit::{self, Config, Outcome, whole_seconds};
use crate::{Refusal, Refuse};

const UNAVAILABLE: Refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable");

/// Makes the refusing responses.
#[derive(Debug)]
pub(super) struct Refuser<R> {
    pub(super) rules: Arc<Config<R>>,
    pub(super) pause: Duration,
}

impl<R> Refuser<R> {
    /// The outcome that lets the request pass, or the response in its place.
    pub(super) fn settle<B>(&self, settled: Result<Outcome, Unavailable>) -> Result<Outcome, Response<B>>
    where
        R: Refuse<B>,
    {
        match settled {
            Ok(outcome) if outcome.is_refused() => Err(rate_limit::refusal(&self.rules.refuse, outcome)),
            Ok(outcome) => Ok(outcome),
            Err(Unavailable) => Err(self.unavailable()),
        }
    }

    fn unavailable<B>(&self) -> Response<B>
    where
        R: Refuse<B>,
    {
        let mut response = self.rules.refuse.refuse(&UNAVAILABLE);
        let seconds = HeaderValue::from(whole_seconds(self.pause).max(1));
        let _full = response.headers_mut().try_insert(header::RETRY_AFTER, seconds);
        response.extensions_mut().insert(UNAVAILABLE);
        response
    }
}
