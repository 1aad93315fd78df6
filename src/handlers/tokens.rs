//! Tokens: opening a session, refreshing, and the public keys.

use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::Call;
use crate::audit::{Event, Origin};
use crate::auth::device;
use crate::auth::jwt::{self, AccessClaims};
use crate::auth::refresh::{Facts, Verdict, judge};
use crate::auth::seal;
use crate::auth::token::OpaqueToken;
use crate::body::Form;
use crate::db::refresh_tokens::{self, NewRefreshToken, Presented};
use crate::db::sessions::{self, NewSession};
use crate::db::users::User;
use crate::db::{GenericClient, Transaction, query};
use crate::error::ApiError;
use crate::reply::{self, LoggedIn, TokenPair};
use crate::state::App;

/// Binds a sealed successor to its use.
const SUCCESSOR: &str = "refresh-successor";

/// The tokens of a new session.
pub(super) struct Opened {
    pub(super) session_id: Uuid,
    pub(super) pair: TokenPair,
}

/// Opens a session with its first pair of tokens, in the transaction of its cause.
pub(super) async fn open_session(
    app: &App,
    transaction: &Transaction<'_>,
    user: &User,
    origin: &Origin,
    remember_me: bool,
) -> Result<Opened, ApiError> {
    let now = app.clock.now();
    let session_id = app.random.uuid(now)?;
    let user_agent = origin.user_agent.as_deref().unwrap_or("");
    let device_info = device::describe(user_agent);
    let session_end = after(now, app.config.tokens.session_absolute);
    let session = NewSession {
        id: session_id,
        user_id: user.id,
        device_info: &device_info,
        user_agent,
        ip_address: origin.ip_address,
        remember_me,
        now,
        expires_at: session_end,
    };
    sessions::insert(transaction, &session).await?;
    let refresh = OpaqueToken::generate(&*app.random)?;
    let new = NewRefreshToken {
        id: app.random.uuid(now)?,
        user_id: user.id,
        session_id,
        parent_id: None,
        token_hash: &refresh.hash(),
        device_info: &device_info,
        expires_at: refresh_end(app, now, remember_me, session_end),
        now,
    };
    refresh_tokens::insert(transaction, &new).await?;
    let pair = pair(app, user, session_id, &refresh, now)?;
    app.metrics.tokens.issued.inc();
    Ok(Opened { session_id, pair })
}

/// `POST /api/v1/auth/refresh`: the next pair of tokens for a refresh token.
///
/// # Errors
/// 401 with `invalid_token`, `token_expired`, `token_revoked` or `refresh_token_reused`; the last one ends the session.
pub async fn refresh(call: Call) -> reply::Result {
    let app = &call.app;
    let mut form = Form::parse(&call.body)?;
    let text = form.required("refresh_token");
    form.finish()?;
    let token = text.as_deref().and_then(OpaqueToken::parse).ok_or(ApiError::InvalidToken)?;

    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let found = refresh_tokens::find_for_update(&transaction, &token.hash()).await?.ok_or(ApiError::InvalidToken)?;
    // Read after the lock was granted: a rotation that we waited for lies in the past.
    let now = call.now();
    let config = &app.config.tokens;
    let successor = match judge(&facts(&found), now, config.refresh_grace, config.session_idle) {
        Verdict::Rotate => rotate(app, &transaction, &token, &found, now).await?,
        Verdict::Repeat => open_successor(&token, &found)?,
        Verdict::Replayed => return end_family(&call, transaction, &found, now).await,
        Verdict::Expired => return Err(ApiError::TokenExpired),
        Verdict::Revoked => return Err(ApiError::TokenRevoked),
    };
    let details = json!({ "repeated": found.rotated_at.is_some() });
    let event = Event::success("token.refreshed", found.user.id).in_session(found.session_id).with(details);
    event.write(app, &transaction, &call.origin()).await?;
    let tokens = pair(app, &found.user, found.session_id, &successor, now)?;
    query::commit(transaction).await?;
    let metrics = &app.metrics.tokens;
    let counter = if found.rotated_at.is_some() { &metrics.replayed } else { &metrics.refreshed };
    counter.inc();
    reply::json(StatusCode::OK, &LoggedIn { tokens, user: found.user.into(), stamp: call.stamp() })
}

fn facts(found: &Presented) -> Facts {
    Facts {
        in_force: found.user.may_act() && !found.is_revoked && found.session_revoked_at.is_none(),
        expires_at: found.expires_at,
        session_expires_at: found.session_expires_at,
        session_last_used_at: found.session_last_used_at,
        rotated_at: found.rotated_at,
        has_sealed_successor: found.sealed_successor.is_some(),
    }
}

/// Exchanges the newest token of a family.
async fn rotate(
    app: &App,
    client: &impl GenericClient,
    token: &OpaqueToken,
    found: &Presented,
    now: Timestamp,
) -> Result<OpaqueToken, ApiError> {
    let successor = OpaqueToken::generate(&*app.random)?;
    let sealed = match app.config.tokens.refresh_grace.is_zero() {
        // Nobody may ask again.
        true => None,
        false => {
            Some(seal::seal_with_token(token.as_bytes(), SUCCESSOR, successor.as_bytes()).map_err(ApiError::internal)?)
        }
    };
    if !refresh_tokens::rotate(client, found.id, now, sealed.as_deref()).await? {
        // The row is locked, so nobody can have come first.
        return Err(ApiError::internal("a locked refresh token was rotated by somebody else"));
    }
    if let Some(parent) = found.parent_id {
        // The presented token is its parent's successor, and it has just been used.
        refresh_tokens::erase_successor(client, parent).await?;
    }
    let new = NewRefreshToken {
        id: app.random.uuid(now)?,
        user_id: found.user.id,
        session_id: found.session_id,
        parent_id: Some(found.id),
        token_hash: &successor.hash(),
        device_info: &found.device_info,
        expires_at: refresh_end(app, now, found.remember_me, found.session_expires_at),
        now,
    };
    refresh_tokens::insert(client, &new).await?;
    sessions::touch(client, found.session_id, now).await?;
    Ok(successor)
}

/// The successor that was handed out a moment ago; only the presented token opens it.
fn open_successor(token: &OpaqueToken, found: &Presented) -> Result<OpaqueToken, ApiError> {
    let sealed = found.sealed_successor.as_deref().unwrap_or_default();
    let opened = seal::open_with_token(token.as_bytes(), SUCCESSOR, sealed).map_err(ApiError::internal)?;
    OpaqueToken::from_bytes(&opened).ok_or_else(|| ApiError::internal("a sealed refresh token has another length"))
}

/// Ends the session of a replayed token, and says so only once that is written down.
async fn end_family(call: &Call, transaction: Transaction<'_>, found: &Presented, now: Timestamp) -> reply::Result {
    sessions::revoke(&transaction, found.session_id, now, "refresh_token_reused").await?;
    let event = Event::failure("token.reuse_detected", Some(found.user.id)).in_session(found.session_id);
    event.write(&call.app, &transaction, &call.origin()).await?;
    query::commit(transaction).await?;
    call.app.metrics.tokens.reuse_detected.inc();
    Err(ApiError::RefreshTokenReused)
}

/// A signed access token beside the refresh token.
fn pair(
    app: &App,
    user: &User,
    session_id: Uuid,
    refresh: &OpaqueToken,
    now: Timestamp,
) -> Result<TokenPair, ApiError> {
    let config = &app.config.tokens;
    let issued = now.as_second();
    let claims = AccessClaims {
        iss: config.issuer.clone(),
        aud: config.audience.clone(),
        sub: user.id,
        user_id: user.id,
        sid: session_id,
        jti: app.random.uuid(now)?,
        token_type: jwt::ACCESS.to_owned(),
        iat: issued,
        nbf: issued,
        exp: issued.saturating_add_unsigned(config.access.as_secs()),
    };
    Ok(TokenPair {
        access_token: app.keys.sign(&claims, now).map_err(ApiError::internal)?,
        refresh_token: refresh.text(),
        token_type: "Bearer",
        expires_in: config.access.as_secs(),
    })
}

fn refresh_end(app: &App, now: Timestamp, remember_me: bool, session_end: Timestamp) -> Timestamp {
    let config = &app.config.tokens;
    after(now, if remember_me { config.refresh_remembered } else { config.refresh }).min(session_end)
}

pub(super) fn after(now: Timestamp, duration: std::time::Duration) -> Timestamp {
    now.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// `GET /.well-known/jwks.json`: the public keys (RFC 7517).
///
/// # Errors
/// None; the set is in memory.
pub async fn jwks(call: Call) -> reply::Result {
    let mut response =
        reply::bytes(StatusCode::OK, HeaderValue::from_static("application/jwk-set+json"), call.app.keys.jwks());
    let age = format!("public, max-age={}", crate::auth::keys::JWKS_MAX_AGE.as_secs());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_str(&age).map_err(ApiError::internal)?);
    Ok(response)
}
