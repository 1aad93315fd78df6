//! The one table of routes: method, path, access, limit class, body → handler.
//!
//! A row without an access value does not compile. `openapi.yaml` is held to this table, and table-driven tests visit every row.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use http::Method;
use portcullis_layers::sanitize::FieldKind;

use crate::handlers::{
    Call, accounts, audit, docs, emails, health, me, metrics, pages, passwords, sessions, tokens, users,
};
use crate::reply;

/// Who may call a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody. An `Authorization` header is not even looked at.
    Public,
    /// The bearer of an access token of a live session.
    User,
    /// Who reads metrics: anybody in development, loopback peers in production, nobody here once metrics have a listener of their own.
    Operator,
}

/// Which limits apply to a row besides those per network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitClass {
    /// Sign-ups.
    Register,
    /// Log-ins.
    Login,
    /// Refreshes.
    Refresh,
    /// Whatever else takes a secret.
    Secret,
    /// Whatever does nothing but send a mail to an address that anybody may type: limited for the address as well, as sign-ups and changes of
    /// address are.
    Mail,
    /// Everything else.
    Default,
    /// Health and metrics: never refused, or an overload would look like an outage.
    Exempt,
}

/// What a row reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody {
    /// Nothing: a body is left unread.
    None,
    /// A JSON object.
    Json,
    /// A JSON object, or nothing at all.
    OptionalJson,
}

/// A handler, boxed here: the one seam where types stop.
pub type Handler = fn(Call) -> Pin<Box<dyn Future<Output = reply::Result> + Send>>;

/// A row of the table.
pub struct Route {
    /// The method; a `GET` row also answers `HEAD`.
    pub method: Method,
    /// The path, in the syntax of `matchit`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Which limits apply.
    pub limit: LimitClass,
    /// What it reads.
    pub body: RequestBody,
    /// The text fields that are searched for attacks, as JSON Pointers, and what they are. Passwords and tokens are never among them.
    pub texts: &'static [(&'static str, FieldKind)],
    /// Whether the answer is the same for everybody, so that it may be compressed (never so for tokens: BREACH).
    pub is_static: bool,
    /// What answers.
    pub handler: Handler,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({:?})", self.method, self.path, self.access)
    }
}

macro_rules! route {
    ($method:ident $path:literal, $access:ident, $limit:ident, $body:ident $($texts:ident)? => $handler:path) => {
        route!(@row $method $path, $access, $limit, $body, false, [$($texts)?] => $handler)
    };
    (static $path:literal => $handler:path) => {
        route!(@row GET $path, Public, Default, None, true, [] => $handler)
    };
    (@row $method:ident $path:literal, $access:ident, $limit:ident, $body:ident, $static:literal, [$($texts:ident)?] => $handler:path) => {
        Route {
            method: Method::$method,
            path: $path,
            access: Access::$access,
            limit: LimitClass::$limit,
            body: RequestBody::$body,
            texts: route!(@texts $($texts)?),
            is_static: $static,
            handler: |call| Box::pin($handler(call)),
        }
    };
    (@texts) => { &[] };
    (@texts $texts:ident) => { $texts };
}

/// The address that somebody logs in with, or wants mail at.
const ADDRESS: &[(&str, FieldKind)] = &[("/email", FieldKind::Email)];
/// What a sign-up or a profile tells about a person.
const PERSON: &[(&str, FieldKind)] =
    &[("/email", FieldKind::Email), ("/first_name", FieldKind::Name), ("/last_name", FieldKind::Name)];

/// Every route of the service.
pub static ROUTES: &[Route] = &[
    // Accounts and tokens.
    route!(POST "/api/v1/auth/register", Public, Register, Json PERSON => users::register),
    route!(POST "/api/v1/auth/login", Public, Login, Json ADDRESS => sessions::log_in),
    route!(POST "/api/v1/auth/refresh", Public, Refresh, Json => tokens::refresh),
    route!(POST "/api/v1/auth/logout", User, Default, OptionalJson => sessions::log_out),
    route!(POST "/api/v1/auth/logout-all", User, Default, OptionalJson => sessions::log_out_everywhere),
    route!(GET "/api/v1/auth/me", User, Default, None => me::show),
    // Takes the current password with a new address.
    route!(PUT "/api/v1/auth/me", User, Secret, Json PERSON => me::update),
    route!(DELETE "/api/v1/auth/me", User, Secret, Json => accounts::delete),
    route!(GET "/api/v1/auth/me/export", User, Default, None => accounts::export),
    route!(GET "/api/v1/auth/sessions", User, Default, None => sessions::list),
    route!(DELETE "/api/v1/auth/sessions", User, Default, None => sessions::revoke_others),
    route!(DELETE "/api/v1/auth/sessions/{id}", User, Default, None => sessions::revoke_one),
    route!(POST "/api/v1/auth/sessions/end", Public, Secret, Json => sessions::end),
    route!(PUT "/api/v1/auth/password/change", User, Secret, Json => passwords::change),
    // An older name that front ends still call.
    route!(PUT "/api/v1/auth/change-password", User, Secret, Json => passwords::change),
    route!(GET "/api/v1/auth/audit", User, Default, None => audit::list),
    route!(POST "/api/v1/auth/password/forgot", Public, Mail, Json ADDRESS => passwords::forgot),
    route!(POST "/api/v1/auth/password/reset", Public, Secret, Json ADDRESS => passwords::reset),
    // Older names that front ends still call.
    route!(POST "/api/v1/password/forgot", Public, Mail, Json ADDRESS => passwords::forgot),
    route!(POST "/api/v1/password/reset", Public, Secret, Json ADDRESS => passwords::reset),
    route!(POST "/api/v1/auth/email/verify", Public, Secret, Json => emails::verify),
    route!(POST "/api/v1/auth/email/resend", Public, Mail, Json ADDRESS => emails::resend),
    route!(POST "/api/v1/auth/email/confirm-change", Public, Secret, Json => emails::confirm_change),
    route!(POST "/api/v1/auth/email/undo", Public, Secret, Json => emails::undo_change),
    route!(POST "/api/v1/auth/email/inspect", Public, Secret, Json => emails::inspect),
    route!(POST "/api/v1/auth/email/reject", Public, Secret, Json => emails::reject),
    // Keys for those who verify our tokens.
    route!(GET "/.well-known/jwks.json", Public, Default, None => tokens::jwks),
    // Operation.
    route!(GET "/health", Public, Exempt, None => health::summary),
    route!(GET "/health/live", Public, Exempt, None => health::live),
    route!(GET "/health/ready", Public, Exempt, None => health::ready),
    route!(GET "/api/v1/health", Public, Exempt, None => health::summary),
    route!(GET "/api/v1/health/live", Public, Exempt, None => health::live),
    route!(GET "/api/v1/health/ready", Public, Exempt, None => health::ready),
    route!(GET "/metrics", Operator, Exempt, None => metrics::show),
    route!(GET "/api/v1/metrics", Operator, Exempt, None => metrics::show),
    // Where links in mails land.
    route!(static "/verify-email" => pages::show),
    route!(static "/reset-password" => pages::show),
    route!(static "/confirm-email-change" => pages::show),
    route!(static "/undo-email-change" => pages::show),
    route!(static "/end-session" => pages::show),
    route!(static "/pages/{file}" => pages::asset),
    // Documentation.
    route!(static "/openapi.yaml" => docs::openapi_yaml),
    route!(static "/openapi.json" => docs::openapi_json),
    route!(static "/docs" => docs::page),
    route!(static "/docs/{file}" => docs::asset),
    route!(static "/swagger/index.html" => docs::redirect),
];
