//! The one table of pages: path, and what their buttons call.

use serde::Serialize;

/// The password that a page asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Password {
    /// None.
    None,
    /// That of the sign-up, where the link demands it: whoever clicks must be the one who signed up.
    SignUp,
    /// A new one, and the same again.
    New,
}

/// A page. Operations are paths below `/api/v1/auth/`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Page {
    /// Where it is.
    pub path: &'static str,
    /// The key of its texts.
    pub name: &'static str,
    /// What it asks for.
    pub password: Password,
    /// The operation behind its button.
    pub action: &'static str,
    /// The operation behind "this wasn't me".
    pub rejection: Option<&'static str>,
    /// The operation that sends another mail of this kind to an address.
    pub renewal: Option<&'static str>,
    /// Whether its reader may well need a new password next.
    pub advises_reset: bool,
    /// Whether somebody else may have chosen the password of the account, of which its reader is told once the button has worked.
    pub doubts_password: bool,
}

const PLAIN: Page = Page {
    path: "",
    name: "",
    password: Password::None,
    action: "",
    rejection: None,
    renewal: None,
    advises_reset: false,
    doubts_password: false,
};

/// Every page.
pub const PAGES: &[Page] = &[
    Page {
        path: "/verify-email",
        name: "verify_email",
        password: Password::SignUp,
        action: "email/verify",
        rejection: Some("email/reject"),
        renewal: Some("email/resend"),
        doubts_password: true,
        ..PLAIN
    },
    Page {
        path: "/reset-password",
        name: "reset_password",
        password: Password::New,
        action: "password/reset",
        renewal: Some("password/forgot"),
        ..PLAIN
    },
    Page { path: "/confirm-email-change", name: "confirm_email_change", action: "email/confirm-change", ..PLAIN },
    Page { path: "/undo-email-change", name: "undo_email_change", action: "email/undo", advises_reset: true, ..PLAIN },
    Page { path: "/end-session", name: "end_session", action: "sessions/end", advises_reset: true, ..PLAIN },
];
