//! Which mails carry a link, where it leads and for how long it works.

use jiff::SignedDuration;

use super::Kind;

/// The link in a mail of some kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// What the token is for, as its table and the derivation of tokens name it.
    pub purpose: &'static str,
    /// The page on which it lands. Opening a page consumes nothing: mail scanners follow links.
    pub path: &'static str,
    /// For how long the token works, from the creation of the job on.
    pub lifetime: SignedDuration,
}

impl Kind {
    /// The link in mails of this kind.
    #[must_use]
    pub const fn link(self) -> Option<Link> {
        let (purpose, path, hours) = match self {
            Self::Verify => ("verify", "/verify-email", 24),
            Self::SignUp => ("sign_up", "/verify-email", 24),
            Self::Reset => ("reset", "/reset-password", 1),
            Self::EmailChange => ("confirm_change", "/confirm-email-change", 24),
            Self::EmailChangeNotice => ("undo_change", "/undo-email-change", 72),
            Self::NewDevice => ("end_session", "/end-session", 72),
            Self::PasswordChanged | Self::AccountLocked | Self::AccountDeleted => return None,
        };
        Some(Link { purpose, path, lifetime: SignedDuration::from_hours(hours) })
    }
}
