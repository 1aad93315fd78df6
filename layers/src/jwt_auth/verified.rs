//! What a verified token leaves in the request.

use std::fmt;
use std::sync::Arc;

/// The claims of a token that passed every check: a request extension, cheap to clone.
pub struct Verified<C>(Arc<Parts<C>>);

pub(super) struct Parts<C> {
    pub(super) claims: C,
    pub(super) kid: Option<Box<str>>,
    pub(super) scope: Option<Box<str>>,
    pub(super) expires_at: Option<u64>,
}

impl<C> Verified<C> {
    pub(super) fn new(parts: Parts<C>) -> Self {
        Self(Arc::new(parts))
    }

    /// The claims, in the app's type.
    #[must_use]
    pub fn claims(&self) -> &C {
        &self.0.claims
    }

    /// The id of the key that signed the token; `None` for a token without one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    /// `exp`, in seconds since the epoch; `None` only if the app made that claim optional.
    #[must_use]
    pub fn expires_at(&self) -> Option<u64> {
        self.0.expires_at
    }

    /// The scopes the token grants (RFC 8693 §4.2), in its order.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.0.scope.as_deref().unwrap_or_default().split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether the token grants `scope`. Scopes are compared byte by byte (RFC 6749 §3.3).
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|granted| granted == scope)
    }
}

impl<C> Clone for Verified<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: fmt::Debug> fmt::Debug for Verified<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("claims", &self.0.claims)
            .field("kid", &self.0.kid)
            .field("scope", &self.0.scope)
            .field("expires_at", &self.0.expires_at)
            .finish()
    }
}
