//! The tokens of links: derived, so that every attempt at a mail has the same one, and kept as hashes only.

use uuid::Uuid;

use super::link::Link;
use crate::auth::token::OpaqueToken;
use crate::db::GenericClient;
use crate::db::email_tokens::{self, NewEmailToken};
use crate::db::mail_jobs::ClaimedMailJob;
use crate::db::password_reset_tokens::{self, NewPasswordResetToken};
use crate::error::ApiError;
use crate::state::App;

/// The purpose whose tokens have a table of their own.
const RESET: &str = "reset";

/// What a link is about. There is one working link of each purpose for each of these.
#[derive(Clone, Copy, Debug)]
pub(super) enum About {
    /// An account.
    User(Uuid),
    /// One pending registration, e-mail change or session.
    Subject { user: Option<Uuid>, subject: Uuid },
}

/// Issues the token of a job, or issues it again. `None` when it was used or replaced meanwhile: a mail with it would lead nowhere.
pub(super) async fn issue(
    app: &App,
    client: &impl GenericClient,
    link: Link,
    job: &ClaimedMailJob,
    about: About,
) -> Result<Option<OpaqueToken>, ApiError> {
    let token = app.links.token(link.purpose, job.id);
    let used = match about {
        About::User(_) if link.purpose == RESET => password_reset_tokens::is_used(client, job.id).await?,
        _ => email_tokens::is_used(client, job.id).await?,
    };
    match used {
        Some(true) => return Ok(None),
        Some(false) => return Ok(Some(token)),
        None => {}
    }
    let expires_at = job.created_at.saturating_add(link.lifetime).map_err(ApiError::internal)?;
    if let (RESET, About::User(user_id)) = (link.purpose, about) {
        password_reset_tokens::end_older(client, user_id, job.id, job.created_at).await?;
        let new = NewPasswordResetToken {
            id: job.id,
            user_id,
            token_hash: &token.hash(),
            expires_at,
            ip_address: job.ip_address,
            device_info: &job.device_info,
            created_at: job.created_at,
        };
        password_reset_tokens::issue(client, &new).await?;
        return Ok(Some(token));
    }
    let (user_id, subject_id) = match about {
        About::User(id) => {
            email_tokens::end_older_of_user(client, id, link.purpose, job.id, job.created_at).await?;
            (Some(id), job.subject_id)
        }
        About::Subject { user, subject } => {
            email_tokens::end_older_of_subject(client, subject, link.purpose, job.id, job.created_at).await?;
            (user, Some(subject))
        }
    };
    let new = NewEmailToken {
        id: job.id,
        purpose: link.purpose,
        user_id,
        subject_id,
        token_hash: &token.hash(),
        expires_at,
        created_at: job.created_at,
    };
    email_tokens::issue(client, &new).await?;
    Ok(Some(token))
}
