//! How handlers answer.

mod body;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::db::users::User;
use crate::error::ApiError;

pub use body::{Body, BodyError};

/// An answer.
pub type Response = http::Response<Body>;

/// What a handler comes back with.
pub type Result = std::result::Result<Response, ApiError>;

/// An answer with a JSON body.
///
/// # Errors
/// [`ApiError::Internal`] if the value cannot be written as JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Result {
    let body = serde_json::to_vec(value).map_err(ApiError::internal)?;
    Ok(bytes(status, HeaderValue::from_static("application/json"), body.into()))
}

/// An answer with a ready body.
#[must_use]
pub fn bytes(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// The user object of every reply: never a hash, never a token.
#[derive(Clone, Debug, Serialize)]
pub struct UserView {
    id: Uuid,
    email: String,
    first_name: String,
    last_name: String,
    full_name: String,
    is_email_verified: bool,
    is_active: bool,
    last_login_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            full_name: format!("{} {}", user.first_name, user.last_name),
            email: user.email,
            first_name: user.first_name,
            last_name: user.last_name,
            is_email_verified: user.is_email_verified,
            is_active: user.is_active,
            last_login_at: user.last_login_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// Which request this is, and when it was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Stamp {
    /// The request's id.
    pub request_id: String,
    /// When it was answered.
    pub timestamp: Timestamp,
}

/// `{success, message, request_id, timestamp}`.
#[derive(Clone, Debug, Serialize)]
pub struct Done {
    success: bool,
    message: &'static str,
    #[serde(flatten)]
    stamp: Stamp,
}

impl Done {
    /// A success, in words.
    #[must_use]
    pub fn new(message: &'static str, stamp: Stamp) -> Self {
        Self { success: true, message, stamp }
    }
}

/// The tokens of a log-in, a refresh or a sign-up.
#[derive(Clone, Debug, Serialize)]
pub struct TokenPair {
    /// The JWT.
    pub access_token: String,
    /// The opaque refresh token.
    pub refresh_token: String,
    /// Always `Bearer` (RFC 6750).
    pub token_type: &'static str,
    /// Life of the access token in seconds.
    pub expires_in: u64,
}

/// The answer to a log-in or a refresh.
#[derive(Clone, Debug, Serialize)]
pub struct LoggedIn {
    /// The tokens.
    #[serde(flatten)]
    pub tokens: TokenPair,
    /// Whose they are.
    pub user: UserView,
    /// Which request, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
}

/// The answer to a sign-up.
#[derive(Clone, Debug, Serialize)]
pub struct Registered {
    /// Always true.
    pub success: bool,
    /// In words.
    pub message: &'static str,
    /// The tokens and the user.
    #[serde(flatten)]
    pub logged_in: LoggedIn,
}
