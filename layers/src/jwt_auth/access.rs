//! What a request needs: the answer of the app's policy closure.

/// What one request needs, as the closure given to [`Builder::access`](super::Builder::access) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// The `Authorization` header is not even looked at: a stale or malformed one changes nothing.
    Skip,
    /// No token is fine, and the request carries no [`Verified`](super::Verified) then; a bad token is refused.
    Optional,
    /// A valid token.
    Required,
    /// A valid token whose `scope` claim holds all of these.
    RequiredScopes(&'static [&'static str]),
}

impl Access {
    /// The scopes this access asks for; empty unless it is [`Access::RequiredScopes`].
    pub(super) fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::RequiredScopes(scopes) => scopes,
            Self::Skip | Self::Optional | Self::Required => &[],
        }
    }
}
