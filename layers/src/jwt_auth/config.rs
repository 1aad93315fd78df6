//! The decision about one request: at once where it can be, by asking where it must.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use serde::de::DeserializeOwned;

use super::access::Access;
use super::bearer;
use super::challenge::Challenges;
use super::keys::{KeySource, Refresh};
use super::rejection::{Fault, Rejection};
use super::revocation::{CheckRevocation, Denied, OnUnavailable};
use super::validation::Validation;
use super::verified::Verified;
use crate::{Refuse, RequestHead};

pub(super) struct Settings<C> {
    pub(super) keys: Box<dyn KeySource>,
    pub(super) validation: Validation<C>,
    pub(super) access: Box<dyn Fn(RequestHead<'_>) -> Access + Send + Sync>,
    pub(super) clock: Box<dyn Fn() -> u64 + Send + Sync>,
    pub(super) max_token_len: usize,
    pub(super) on_unavailable: OnUnavailable,
    pub(super) retry_after: HeaderValue,
}

impl<C> fmt::Debug for Settings<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("validation", &self.validation)
            .field("max_token_len", &self.max_token_len)
            .field("on_unavailable", &self.on_unavailable)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}

pub(super) struct Config<C, R, F> {
    pub(super) settings: Settings<C>,
    pub(super) challenges: Challenges,
    pub(super) revocation: R,
    pub(super) refuse: F,
}

/// What is known without waiting for anybody.
pub(super) enum Decision<C> {
    Pass,
    Refuse(Rejection),
    Ask(Question<C>),
}

/// What has to be asked before the request may pass.
pub(super) enum Question<C> {
    /// The token names a key that may have been published since.
    Keys(Refresh, Access),
    /// The token is good unless it was revoked.
    Revocation(Verified<C>),
}

impl<C, R, F> Config<C, R, F>
where
    C: DeserializeOwned + Send + Sync + 'static,
    R: CheckRevocation<C>,
{
    /// Decides about a request; one that passes with a token gets its [`Verified`] here.
    pub(super) fn decide<B>(&self, request: &mut Request<B>) -> Decision<C> {
        let access = (self.settings.access)(RequestHead::from(&*request));
        if access == Access::Skip {
            return Decision::Pass;
        }
        if let Some(value) = request.headers_mut().get_mut(header::AUTHORIZATION) {
            // Keeps the token out of whatever prints the headers.
            value.set_sensitive(true);
        }
        match self.verify(request.headers(), access) {
            Ok(Some(token)) if self.revocation.applies(&token) => Decision::Ask(Question::Revocation(token)),
            Ok(Some(token)) => {
                request.extensions_mut().insert(token);
                Decision::Pass
            }
            Ok(None) => Decision::Pass,
            Err(rejection) if rejection == Fault::UnknownKey.into() => match self.settings.keys.refresh() {
                Some(refresh) => Decision::Ask(Question::Keys(refresh, access)),
                None => Decision::Refuse(rejection),
            },
            Err(rejection) => Decision::Refuse(rejection),
        }
    }

    /// Everything that needs no I/O. `None` is a request that may do without a token and does.
    fn verify(&self, headers: &HeaderMap, access: Access) -> Result<Option<Verified<C>>, Rejection> {
        let Some(token) = bearer::token(headers, self.settings.max_token_len)? else {
            return if access == Access::Optional { Ok(None) } else { Err(Rejection::MissingToken) };
        };
        let verified =
            self.settings.validation.verify(&self.settings.keys.current(), token, (self.settings.clock)())?;
        let needed = access.scopes();
        if !needed.iter().all(|scope| verified.has_scope(scope)) {
            return Err(Rejection::InsufficientScope(needed));
        }
        Ok(Some(verified))
    }

    /// Puts the question and leaves the [`Verified`] in the request if the answer lets it pass.
    async fn settle(&self, question: Question<C>, parts: &mut Parts) -> Result<(), Rejection> {
        let token = match question {
            Question::Revocation(token) => token,
            Question::Keys(refresh, access) => {
                refresh.await;
                let Some(token) = self.verify(&parts.headers, access)? else { return Ok(()) };
                token
            }
        };
        if self.revocation.applies(&token) {
            match self.revocation.check(&token, &mut parts.extensions).await {
                Ok(()) => {}
                Err(Denied::Unavailable) if self.settings.on_unavailable == OnUnavailable::Pass => {}
                Err(Denied::Unavailable) => return Err(Rejection::CheckUnavailable),
                Err(Denied::Revoked) => return Err(Rejection::TokenRevoked),
                Err(Denied::Other(refusal)) => return Err(Rejection::Other(refusal)),
            }
        }
        parts.extensions.insert(token);
        Ok(())
    }

    /// [`settle`](Self::settle) as a future that owns all it needs: the request's parts, or the response in their place.
    pub(super) async fn answer<B>(
        self: Arc<Self>,
        question: Question<C>,
        mut parts: Parts,
    ) -> Result<Parts, Response<B>>
    where
        F: Refuse<B>,
    {
        match self.settle(question, &mut parts).await {
            Ok(()) => Ok(parts),
            Err(rejection) => Err(self.respond(rejection)),
        }
    }
}

impl<C, R, F> Config<C, R, F> {
    /// The refusing response with its mandatory headers, and the reasons in its extensions.
    pub(super) fn respond<B>(&self, rejection: Rejection) -> Response<B>
    where
        F: Refuse<B>,
    {
        let refusal = rejection.refusal();
        let mut response = self.refuse.refuse(&refusal);
        if let Some(challenge) = self.challenges.of(&rejection) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if rejection == Rejection::CheckUnavailable {
            response.headers_mut().insert(header::RETRY_AFTER, self.settings.retry_after.clone());
        }
        response.extensions_mut().insert(refusal);
        response.extensions_mut().insert(rejection);
        response
    }
}
