//! The decision about one request: at once where it can be, by asking where it must.

use std::sync::Arc;
use std::{fmt, future};

use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, Request, Response, header};
use serde::de::DeserializeOwned;

use super::access::Access;
use super::bearer;
use super::cache::{CacheKey, TokenCache};
use super::challenge::Challenges;
use super::keys::{KeySet, KeySource, Refresh};
use super::rejection::{Fault, Rejection};
use super::revocation::{CheckRevocation, Denied, OnUnavailable};
use super::validation::Validation;
use super::verified::Verified;
use crate::{Refuse, RequestHead, refusal};

pub(super) struct Settings<C> {
    pub(super) keys: Box<dyn KeySource>,
    pub(super) validation: Validation<C>,
    pub(super) access: Box<dyn Fn(RequestHead<'_>) -> Access + Send + Sync>,
    pub(super) clock: Box<dyn Fn() -> u64 + Send + Sync>,
    pub(super) max_token_len: usize,
    pub(super) cache: Option<TokenCache<C>>,
    pub(super) on_unavailable: OnUnavailable,
    pub(super) retry_after: HeaderValue,
}

impl<C> fmt::Debug for Settings<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("validation", &self.validation)
            .field("max_token_len", &self.max_token_len)
            .field("cache", &self.cache)
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
    Revocation(Candidate<C>),
}

/// A token that is good unless it was revoked.
pub(super) struct Candidate<C> {
    token: Verified<C>,
    /// What to remember it by; `None` if it is remembered already or nothing is.
    key: Option<CacheKey>,
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
        if !hide_credentials(request.headers_mut()) {
            let missing = Decision::Refuse(Rejection::MissingToken);
            return if access == Access::Optional { Decision::Pass } else { missing };
        }
        let keys = self.settings.keys.current();
        match self.verify(request.headers(), access, &keys) {
            Ok(Some(candidate)) if self.revocation.applies(&candidate.token) => {
                Decision::Ask(Question::Revocation(candidate))
            }
            Ok(Some(candidate)) => {
                request.extensions_mut().insert(self.accept(candidate));
                Decision::Pass
            }
            Ok(None) => Decision::Pass,
            Err(rejection) if rejection == Fault::UnknownKey.into() => match self.newer_keys(&keys) {
                Some(refresh) => Decision::Ask(Question::Keys(refresh, access)),
                None => Decision::Refuse(self.last_word(rejection)),
            },
            Err(rejection) => Decision::Refuse(rejection),
        }
    }

    /// Everything that needs no I/O. `None` is a request that may do without a token and does.
    fn verify(
        &self,
        headers: &HeaderMap,
        access: Access,
        keys: &Arc<KeySet>,
    ) -> Result<Option<Candidate<C>>, Rejection> {
        let Some(token) = bearer::token(headers, self.settings.max_token_len)? else {
            return if access == Access::Optional { Ok(None) } else { Err(Rejection::MissingToken) };
        };
        let candidate = self.candidate(token, keys)?;
        let needed = access.scopes();
        if !needed.iter().all(|scope| candidate.token.has_scope(scope)) {
            return Err(Rejection::InsufficientScope(needed));
        }
        Ok(Some(candidate))
    }

    /// The token as it is remembered, or else verified.
    fn candidate(&self, token: &str, keys: &Arc<KeySet>) -> Result<Candidate<C>, Rejection> {
        let Settings { validation, cache, clock, .. } = &self.settings;
        let now = clock();
        let Some(cache) = cache else {
            return Ok(Candidate { token: validation.verify(keys, token, now)?, key: None });
        };
        let key = CacheKey::new(token, keys);
        if let Some(token) = cache.get(&key, |token| !validation.has_expired(token, now)) {
            return Ok(Candidate { token, key: None });
        }
        Ok(Candidate { token: validation.verify(keys, token, now)?, key: Some(key) })
    }

    /// What to wait for before a token whose key is not among the `seen` ones is tried once more.
    fn newer_keys(&self, seen: &Arc<KeySet>) -> Option<Refresh> {
        self.settings.keys.refresh().or_else(|| {
            // The set may have been exchanged while this token was looked at.
            let exchanged = !Arc::ptr_eq(&self.settings.keys.current(), seen);
            exchanged.then(|| -> Refresh { Box::pin(future::ready(())) })
        })
    }

    /// A token cannot be called invalid while there are no keys to judge it by.
    fn last_word(&self, rejection: Rejection) -> Rejection {
        if rejection == Fault::UnknownKey.into() && !self.settings.keys.is_ready() {
            return Rejection::KeysUnavailable;
        }
        rejection
    }

    /// The token of a request that passes, remembered for the next one.
    fn accept(&self, candidate: Candidate<C>) -> Verified<C> {
        let Candidate { token, key } = candidate;
        if let (Some(cache), Some(key)) = (&self.settings.cache, key) {
            cache.insert(key, token.clone());
        }
        token
    }

    fn forget(&self, headers: &HeaderMap) {
        if let (Some(cache), Ok(Some(token))) =
            (&self.settings.cache, bearer::token(headers, self.settings.max_token_len))
        {
            cache.forget(token);
        }
    }

    /// Puts the question and leaves the [`Verified`] in the request if the answer lets it pass.
    async fn settle(&self, question: Question<C>, parts: &mut Parts) -> Result<(), Rejection> {
        let candidate = match question {
            Question::Revocation(candidate) => candidate,
            Question::Keys(refresh, access) => {
                refresh.await;
                let verified = self.verify(&parts.headers, access, &self.settings.keys.current());
                let Some(candidate) = verified.map_err(|rejection| self.last_word(rejection))? else { return Ok(()) };
                candidate
            }
        };
        if self.revocation.applies(&candidate.token) {
            match self.revocation.check(&candidate.token, &mut parts.extensions).await {
                Ok(()) => {}
                Err(Denied::Unavailable) if self.settings.on_unavailable == OnUnavailable::Pass => {}
                Err(Denied::Unavailable) => return Err(Rejection::CheckUnavailable),
                Err(Denied::Revoked) => {
                    self.forget(&parts.headers);
                    return Err(Rejection::TokenRevoked);
                }
                Err(Denied::Other(refusal)) => return Err(Rejection::Other(refusal)),
            }
        }
        parts.extensions.insert(self.accept(candidate));
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
            Err(rejection) => Err(self.respond(rejection, parts.extensions)),
        }
    }
}

impl<C, R, F> Config<C, R, F> {
    /// The refusing response with its mandatory headers, and the reasons in its extensions, for which those of the request make room.
    pub(super) fn respond<B>(&self, rejection: Rejection, spent: Extensions) -> Response<B>
    where
        F: Refuse<B>,
    {
        let refusal = rejection.refusal();
        let mut response = self.refuse.refuse(&refusal);
        refusal::reuse(spent, &mut response);
        if let Some(challenge) = self.challenges.of(&rejection) {
            let _full = response.headers_mut().try_insert(header::WWW_AUTHENTICATE, challenge);
        }
        if matches!(rejection, Rejection::CheckUnavailable | Rejection::KeysUnavailable) {
            let retry_after = self.settings.retry_after.clone();
            let _full = response.headers_mut().try_insert(header::RETRY_AFTER, retry_after);
        }
        response.extensions_mut().insert(refusal);
        response.extensions_mut().insert(rejection);
        response
    }
}

/// Keeps tokens out of whatever prints the headers, also where there are several. Tells whether there is any.
fn hide_credentials(headers: &mut HeaderMap) -> bool {
    let mut found = false;
    for (_, credentials) in headers.iter_mut().filter(|(name, _)| *name == header::AUTHORIZATION) {
        credentials.set_sensitive(true);
        found = true;
    }
    found
}
