//! What a new password means for whoever knew the old one.

use jiff::Timestamp;
use uuid::Uuid;

use crate::db::{DbError, Transaction, devices, email_changes, email_tokens, password_reset_tokens, sessions};

/// What outlives a new password: nothing by default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spared {
    /// The session that asks.
    pub(crate) session: Option<Uuid>,
    /// The known device that it asks from.
    pub(crate) device: Option<Uuid>,
}

/// Ends all that somebody who knew the old password may have set up: sessions for this reason, marks of devices, links that set another
/// password, and changes of address that wait for their confirmation. Tells how many sessions ended. The caller has stored the new hash in
/// this transaction, and so holds the lock of the account.
///
/// Links that take back a change of address, a log-in or a sign-up live on: a thief who changes the password must not bar the owner's way back.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn evict(
    transaction: &Transaction<'_>,
    user_id: Uuid,
    now: Timestamp,
    reason: &str,
    spared: Spared,
) -> Result<u64, DbError> {
    password_reset_tokens::end_all(transaction, user_id).await?;
    email_changes::cancel_pending(transaction, user_id, now).await?;
    email_tokens::end_confirmations(transaction, user_id, now).await?;
    devices::revoke_all(transaction, user_id, now, spared.device).await?;
    sessions::revoke_all(transaction, user_id, now, reason, spared.session).await
}
