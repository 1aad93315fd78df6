//! Asking the app whether a token that verifies still counts.

use std::future::Future;

use http::Extensions;

use super::verified::Verified;
use crate::Refusal;

/// Asks a store whether a token is still good: its session not ended, its user not disabled.
///
/// It runs after every check that needs no I/O. What it loads on the way (the row of the user, say) it may leave in the request
/// extensions, so that the handler need not ask again.
pub trait CheckRevocation<C>: Send + Sync {
    /// Whether this token has to be asked about. `false` passes it at once and saves the check's one allocation.
    fn applies(&self, token: &Verified<C>) -> bool {
        let _ = token;
        true
    }

    /// Asks. Dropped when the client goes away.
    ///
    /// # Errors
    /// [`Denied`] says what the client hears.
    fn check(
        &self,
        token: &Verified<C>,
        extensions: &mut Extensions,
    ) -> impl Future<Output = Result<(), Denied>> + Send;
}

/// The answer of a [`CheckRevocation`] that does not let a token pass.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// The token no longer counts: 401 `token_revoked`.
    Revoked,
    /// The store could not answer: what follows is set by [`OnUnavailable`].
    Unavailable,
    /// A refusal of the app's own. A 401 gets the `invalid_token` challenge.
    Other(Refusal),
}

/// What to do with a token whose revocation cannot be checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnUnavailable {
    /// 503 with `Retry-After`: an outage of the store never brings a revoked token back.
    #[default]
    Refuse,
    /// Let it pass on its signature alone.
    Pass,
}

/// No revocation: a token counts until it expires.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRevocation;

impl<C: Send + Sync> CheckRevocation<C> for NoRevocation {
    fn applies(&self, _: &Verified<C>) -> bool {
        false
    }

    async fn check(&self, _: &Verified<C>, _: &mut Extensions) -> Result<(), Denied> {
        Ok(())
    }
}
