//! Tokens of mailed links, as their bearers send them.

use serde_json::json;
use uuid::Uuid;

use super::Call;
use super::sessions::refuse;
use crate::audit::Event;
use crate::auth::token::{OpaqueToken, TokenHash};
use crate::body::Form;
use crate::db::users::Credentials;
use crate::db::{Transaction, email_tokens, users};
use crate::error::ApiError;

/// A link that was not used when it was looked at, whose time is not over, and whose account may act. Only [`Link::spend`] decides whether
/// somebody else came first.
pub(super) struct Link {
    /// The row of the token.
    pub(super) id: Uuid,
    /// What it opens: a purpose of [`email_tokens`].
    pub(super) purpose: String,
    /// Whose it is; a sign-up has no account yet.
    pub(super) account: Option<Credentials>,
    /// The pending registration, e-mail change or session that it is about.
    pub(super) subject_id: Option<Uuid>,
    hash: TokenHash,
}

impl Link {
    /// Uses the link up: `false` when somebody else did.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn spend(&self, call: &Call, transaction: &Transaction<'_>) -> Result<bool, ApiError> {
        Ok(email_tokens::consume(transaction, &self.hash, &self.purpose, call.now()).await?)
    }

    /// Locks the account and uses the link up, first thing in the transaction of what it does. `None` when somebody else came first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn spend_with_account(
        &self,
        call: &Call,
        transaction: &Transaction<'_>,
    ) -> Result<Option<Credentials>, ApiError> {
        let Some(account) = &self.account else { return Ok(None) };
        let Some(account) = users::find_for_update(transaction, account.user.id).await? else { return Ok(None) };
        Ok(self.spend(call, transaction).await?.then_some(account))
    }

    /// Refuses the link after all, and writes down why.
    ///
    /// # Errors
    /// Always: 400 `invalid_token`, or 503 when that cannot be written down.
    pub(super) async fn refuse<T>(&self, call: &Call, reason: &'static str) -> Result<T, ApiError> {
        let user_id = self.account.as_ref().map(|account| account.user.id);
        refuse_known(call, user_id, &self.purpose, reason).await
    }
}

/// Finds a link that opens one of `purposes`, and changes nothing.
///
/// # Errors
/// 400 `invalid_token` for any other. One that was known once leaves a row in the audit log; the rest is only counted.
pub(super) async fn follow(call: &Call, token: &OpaqueToken, purposes: &[&str]) -> Result<Link, ApiError> {
    let hash = token.hash();
    let (found, account) = {
        let client = call.app.database.get().await?;
        let found = email_tokens::find(&client, &hash).await?;
        let found = found.filter(|found| purposes.contains(&found.purpose.as_str())).ok_or(ApiError::InvalidLink)?;
        let account = match found.user_id {
            Some(id) => users::find(&client, id).await?.filter(|account| account.user.may_act()),
            None => None,
        };
        (found, account)
    };
    let fault = if found.used_at.is_some() {
        Some("used")
    } else if found.expires_at <= call.now() {
        Some("expired")
    } else {
        (found.user_id.is_some() && account.is_none()).then_some("account")
    };
    match fault {
        Some(reason) => refuse_known(call, found.user_id, &found.purpose, reason).await,
        None => Ok(Link { id: found.id, purpose: found.purpose, account, subject_id: found.subject_id, hash }),
    }
}

/// Writes down that a link which was good once was turned down, before the reply.
///
/// # Errors
/// Always: 400 `invalid_token`, or 503 when that cannot be written down.
pub(super) async fn refuse_known<T>(
    call: &Call,
    user_id: Option<Uuid>,
    purpose: &str,
    reason: &'static str,
) -> Result<T, ApiError> {
    let event = Event::failure("link.refused", user_id).with(json!({ "purpose": purpose, "reason": reason }));
    refuse(&call.app, &call.origin(), &event, ApiError::InvalidLink).await
}

/// Reads a body that is a token and nothing else.
///
/// # Errors
/// 400 when there is none, or something beside it.
pub(super) fn read(body: &[u8]) -> Result<OpaqueToken, ApiError> {
    let mut form = Form::parse(body)?;
    let text = form.required("token");
    form.finish()?;
    parse(text.as_deref())
}

/// Takes a token from its text.
///
/// # Errors
/// 400 `invalid_token` for a text that can be none.
pub(super) fn parse(text: Option<&str>) -> Result<OpaqueToken, ApiError> {
    text.and_then(OpaqueToken::parse).ok_or(ApiError::InvalidLink)
}
