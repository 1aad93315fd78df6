//! Every way in which the service turns a request down, and the one mapping of each to status, code and words.
//!
//! Handlers return [`ApiError`]; the `problem` layer renders the body (RFC 9457). Whatever is unexpected becomes a 500 that is logged once,
//! here, with its chain, and says nothing outside.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode, header};
use portcullis_layers::Refusal;
use portcullis_layers::problem::Members;
use portcullis_layers::rate_limit::{Outcome, Policy, Standing};
use serde::Serialize;

use crate::auth::pool::Overloaded;
use crate::db::DbError;
use crate::random::RandomError;
use crate::reply::Response;

/// One field of a body that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// Path of the field in the body.
    pub field: Cow<'static, str>,
    /// Stable code such as `too_short`.
    pub code: &'static str,
    /// What the field must be, for people: reads on from its name.
    pub message: Cow<'static, str>,
}

/// A budget that is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// What was counted.
    pub policy: &'static str,
    /// How many are allowed in a window.
    pub limit: i32,
    /// The window.
    pub window: Duration,
    /// How long until the next may be tried.
    pub wait: Duration,
}

impl TooMany {
    /// The same in the terms of the limits, which know how to tell the client.
    fn outcome(self) -> Outcome {
        let wait = self.wait.max(Duration::from_secs(1));
        let policy = Policy::new(self.policy, u32::try_from(self.limit).unwrap_or_default(), self.window);
        // The names and numbers are ours: they always make a policy.
        Standing::new(&policy, 0, wait, wait).map(Outcome::from).unwrap_or_default()
    }
}

/// A refusal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// Some fields cannot be accepted; all of them are named.
    #[error("{} field(s) are not acceptable", .0.len())]
    Validation(Vec<FieldFault>),
    /// The body is not JSON.
    #[error("the body is not valid JSON: {what} at byte {offset}")]
    MalformedJson {
        /// The kind of fault, never the value.
        what: &'static str,
        /// Where, in bytes from the start of the body.
        offset: usize,
    },
    /// The body names fields that this operation does not have.
    #[error("unknown field")]
    UnknownField(Vec<FieldFault>),
    /// The request itself is malformed.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// An unknown or malformed refresh token.
    #[error("the refresh token is not valid")]
    InvalidToken,
    /// A refresh token past its time.
    #[error("the refresh token has expired")]
    TokenExpired,
    /// A refresh token of an ended session, or of an account that cannot act.
    #[error("the session has ended")]
    TokenRevoked,
    /// A rotated refresh token came back: its family was ended.
    #[error("the refresh token was used before; the session has been ended")]
    RefreshTokenReused,
    /// A token of a mailed link that is unknown, malformed, used, expired or overtaken; which of them is not told.
    #[error("the link is not valid any more")]
    InvalidLink,
    /// A request without an access token where one is needed.
    #[error("an access token is required")]
    MissingToken,
    /// Unknown address or wrong password at log-in.
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    /// Wrong current password of somebody who is logged in.
    #[error("the current password is wrong")]
    WrongCurrentPassword,
    /// Not the password that the sign-up chose.
    #[error("the password is not that of the sign-up")]
    WrongSignUpPassword,
    /// The right password of an account that the operator shut out.
    #[error("the account is disabled")]
    AccountDisabled,
    /// Log-in waits for a verified address.
    #[error("the e-mail address is not verified yet")]
    EmailNotVerified,
    /// Not for this caller.
    #[error("{0}")]
    Forbidden(&'static str),
    /// No such resource.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path exists, the method does not.
    #[error("this path does not answer to this method")]
    MethodNotAllowed {
        /// The `Allow` header.
        allow: HeaderValue,
    },
    /// The address belongs to an account.
    #[error("an account with this e-mail address exists")]
    EmailTaken,
    /// The sender is too slow.
    #[error("the request body did not arrive in time")]
    RequestTimeout,
    /// The body is too large.
    #[error("the request body is larger than allowed")]
    PayloadTooLarge,
    /// The path and query are too long.
    #[error("the request target is longer than allowed")]
    UriTooLong,
    /// The header block is too large.
    #[error("the request headers are larger than allowed")]
    HeadersTooLarge,
    /// Not JSON.
    #[error("the request body must be sent as application/json")]
    UnsupportedMediaType,
    /// Too many requests of a user, or for an address; the outcome tells the layer of limits what to say.
    #[error("too many requests")]
    RateLimited(Box<Outcome>),
    /// Too many attempts at a password.
    #[error("too many attempts")]
    TooManyAttempts(TooMany),
    /// Too much work at once.
    #[error("the service is busy")]
    Overloaded,
    /// A dependency is gone.
    #[error("a part of the service is not available")]
    ServiceUnavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Our fault.
    #[error("something went wrong on our side")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

/// `(status, code, sentence for people)` of a refusal.
type Row = (StatusCode, &'static str, Cow<'static, str>);

impl ApiError {
    /// Our fault, whatever it was.
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// What has to be written down before the answer could not be: nobody may be told more then, and the same request may work later.
    pub fn unwritten(error: DbError) -> Self {
        Self::ServiceUnavailable(Box::new(error))
    }

    /// The status, code and sentence of this refusal, as `openapi.yaml` lists them.
    #[must_use]
    pub fn row(&self) -> Row {
        let text = |text: &'static str| Cow::Borrowed(text);
        match self {
            Self::Validation(_) => {
                (StatusCode::BAD_REQUEST, "validation_error", text("Some fields are not acceptable."))
            }
            Self::MalformedJson { what, offset } => (
                StatusCode::BAD_REQUEST,
                "malformed_json",
                format!("The body is not valid JSON: {what} at byte {offset}.").into(),
            ),
            Self::UnknownField(faults) => {
                let names: Vec<_> = faults.iter().map(|fault| fault.field.as_ref()).collect();
                (StatusCode::BAD_REQUEST, "unknown_field", format!("Unknown field: {}.", names.join(", ")).into())
            }
            Self::InvalidRequest(detail) => (StatusCode::BAD_REQUEST, "invalid_request", text(detail)),
            Self::InvalidToken => (StatusCode::UNAUTHORIZED, "invalid_token", text("The refresh token is not valid.")),
            Self::TokenExpired => {
                (StatusCode::UNAUTHORIZED, "token_expired", text("The refresh token has expired; log in again."))
            }
            Self::TokenRevoked => {
                (StatusCode::UNAUTHORIZED, "token_revoked", text("The session has ended; log in again."))
            }
            Self::RefreshTokenReused => (
                StatusCode::UNAUTHORIZED,
                "refresh_token_reused",
                text("The refresh token was used before. The session has been ended; log in again."),
            ),
            Self::InvalidLink => (
                StatusCode::BAD_REQUEST,
                "invalid_token",
                text("The link is not valid: it has expired, was used, or a newer one has taken its place."),
            ),
            Self::MissingToken => (StatusCode::UNAUTHORIZED, "missing_token", text("An access token is required.")),
            Self::InvalidCredentials => {
                (StatusCode::UNAUTHORIZED, "invalid_credentials", text("The e-mail address or the password is wrong."))
            }
            Self::WrongCurrentPassword => {
                (StatusCode::FORBIDDEN, "invalid_credentials", text("The current password is wrong."))
            }
            Self::WrongSignUpPassword => {
                (StatusCode::FORBIDDEN, "invalid_credentials", text("This is not the password of the sign-up."))
            }
            Self::AccountDisabled => (StatusCode::FORBIDDEN, "account_disabled", text("This account is disabled.")),
            Self::EmailNotVerified => (
                StatusCode::FORBIDDEN,
                "email_not_verified",
                text("The e-mail address of this account is not verified yet."),
            ),
            Self::Forbidden(detail) => (StatusCode::FORBIDDEN, "forbidden", text(detail)),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", text("There is nothing at this path.")),
            Self::MethodNotAllowed { .. } => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                text("This path does not answer to this method."),
            ),
            Self::EmailTaken => {
                (StatusCode::CONFLICT, "email_taken", text("An account with this e-mail address exists."))
            }
            Self::RequestTimeout => {
                (StatusCode::REQUEST_TIMEOUT, "request_timeout", text("The request body did not arrive in time."))
            }
            Self::PayloadTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", text("The request body is larger than allowed."))
            }
            Self::UriTooLong => {
                (StatusCode::URI_TOO_LONG, "uri_too_long", text("The request target is longer than allowed."))
            }
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers_too_large",
                text("The request headers are larger than allowed."),
            ),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                text("The request body must be sent with Content-Type: application/json."),
            ),
            Self::RateLimited(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "rate_limited", text("Too many requests; try again later."))
            }
            Self::TooManyAttempts(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", text("Too many attempts; try again later."))
            }
            Self::Overloaded => {
                (StatusCode::SERVICE_UNAVAILABLE, "overloaded", text("The service is busy; try again shortly."))
            }
            Self::ServiceUnavailable(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "service_unavailable",
                text("A part of the service is not available; try again shortly."),
            ),
            Self::Internal(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal_error",
                text("Something went wrong on our side; it has been logged."),
            ),
        }
    }

    /// The header that the status demands, if it demands one.
    fn mandatory_header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::InvalidToken | Self::TokenExpired | Self::TokenRevoked | Self::RefreshTokenReused => Some((
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(r#"Bearer realm="portcullis", error="invalid_token""#),
            )),
            // RFC 6750 §3.1: no error code when the request carried no authentication information.
            Self::InvalidCredentials | Self::MissingToken => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="portcullis""#)))
            }
            Self::MethodNotAllowed { allow } => Some((header::ALLOW, allow.clone())),
            Self::Overloaded => Some((header::RETRY_AFTER, HeaderValue::from_static("1"))),
            Self::ServiceUnavailable(_) => Some((header::RETRY_AFTER, HeaderValue::from_static("2"))),
            _ => None,
        }
    }

    /// The response; its body is rendered by the `problem` layer.
    #[must_use]
    pub fn into_response(self) -> Response {
        self.log();
        let (status, code, detail) = self.row();
        let mut response = Response::default();
        *response.status_mut() = status;
        if let Some((name, value)) = self.mandatory_header() {
            response.headers_mut().insert(name, value);
        }
        if let Self::TooManyAttempts(spent) = &self {
            spent.outcome().write(response.headers_mut());
        }
        response.extensions_mut().insert(Refusal::new(status, code).with_detail(detail));
        let this = match self {
            Self::RateLimited(outcome) => {
                response.extensions_mut().insert(*outcome);
                return response;
            }
            this => this,
        };
        if let Self::Validation(faults) | Self::UnknownField(faults) = this {
            response.extensions_mut().insert(details(&faults));
        }
        response
    }

    fn log(&self) {
        match self {
            Self::Internal(error) => tracing::error!(error = chain(error.as_ref()), "a request failed"),
            Self::ServiceUnavailable(error) => {
                tracing::warn!(error = chain(error.as_ref()), "a dependency is not available");
            }
            _ => {}
        }
    }
}

fn details(faults: &[FieldFault]) -> Members {
    let mut members = serde_json::Map::new();
    members.insert("details".into(), serde_json::to_value(faults).unwrap_or_default());
    Members(members)
}

/// An error with everything that caused it, on one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable(_) => Self::ServiceUnavailable(Box::new(error)),
            DbError::Query(_) => Self::Internal(Box::new(error)),
        }
    }
}

impl From<RandomError> for ApiError {
    fn from(error: RandomError) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<Overloaded> for ApiError {
    fn from(_: Overloaded) -> Self {
        Self::Overloaded
    }
}
