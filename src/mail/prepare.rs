//! Who reads a mail, which mail it becomes, and the token of its link: all decided in one short transaction before anything is sent.

use jiff::Timestamp;

use super::Kind;
use super::letter::{Cause, Letter, Template};
use super::token::{self, About};
use crate::auth::device::describe;
use crate::db::mail_jobs::{self, ClaimedMailJob};
use crate::db::users::{self, User};
use crate::db::{GenericClient, email_changes, email_tokens, pending_registrations, query};
use crate::error::ApiError;
use crate::state::App;

/// What is to be done about a job.
#[derive(Debug)]
pub(super) enum Decision {
    /// A mail is to be sent.
    Send(Box<Letter>),
    /// Nobody is to be written to; why, in few words.
    Drop(&'static str),
}

impl Decision {
    fn send(letter: Letter) -> Self {
        Self::Send(Box::new(letter))
    }
}

/// Decides, and stores the hash of the token that the mail carries.
pub(super) async fn prepare(app: &App, kind: Kind, job: &ClaimedMailJob) -> Result<Decision, ApiError> {
    let mut client = app.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let work = Preparation { app, client: &transaction, kind, job };
    let decision = match kind {
        Kind::Verify => work.verify().await?,
        Kind::SignUp => work.sign_up().await?,
        Kind::Reset => work.reset().await?,
        Kind::PasswordChanged => work.notice(Template::PasswordChanged).await?,
        Kind::EmailChange => work.email_change().await?,
        Kind::EmailChangeNotice => work.email_change_notice().await?,
        Kind::NewDevice => work.notice(Template::NewDevice).await?,
        Kind::AccountLocked => work.notice(Template::AccountLocked).await?,
        Kind::AccountDeleted => work.account_deleted().await?,
    };
    query::commit(transaction).await?;
    Ok(decision)
}

struct Preparation<'a, C> {
    app: &'a App,
    client: &'a C,
    kind: Kind,
    job: &'a ClaimedMailJob,
}

impl<C: GenericClient> Preparation<'_, C> {
    async fn verify(&self) -> Result<Decision, ApiError> {
        let Some(user) = self.reader().await? else { return self.sign_up_again().await };
        if user.is_email_verified {
            return Ok(Decision::Drop("verified already"));
        }
        let letter = self.letter(Template::Verify, &user.email);
        let decision = self.with_link(letter, About::User(user.id)).await?;
        self.with_cause_of_link(decision).await
    }

    /// Tells the reader what the page behind the link will tell. Who asks for a mail again is not who signed up, and it is the sign-up that
    /// the reader is to judge.
    async fn with_cause_of_link(&self, decision: Decision) -> Result<Decision, ApiError> {
        let Decision::Send(mut letter) = decision else { return Ok(decision) };
        if let Some(cause) = email_tokens::find_cause(self.client, self.job.id).await? {
            letter.cause = Cause {
                time: cause.created_at,
                device: cause.device_info.as_deref().and_then(known),
                ip_address: cause.ip_address.map(|address| address.to_string()),
            };
        }
        Ok(Decision::Send(letter))
    }

    async fn reset(&self) -> Result<Decision, ApiError> {
        let Some(user) = self.reader().await? else { return Ok(Decision::Drop("no such account")) };
        let letter = self.letter(Template::Reset, &user.email).named(&user);
        self.with_link(letter, About::User(user.id)).await
    }

    async fn sign_up(&self) -> Result<Decision, ApiError> {
        let pending = match self.job.subject_id {
            Some(id) => pending_registrations::find(self.client, id).await?,
            None => None,
        };
        let Some(pending) = pending else { return Ok(Decision::Drop("no such sign-up")) };
        match users::find_by_email_key(self.client, &pending.email_key).await? {
            Some(owner) => {
                let letter = self.letter(Template::AlreadyRegistered, &owner.user.email);
                Ok(Decision::send(letter.named(&owner.user)))
            }
            None => {
                let letter = self.letter(Template::SignUp, &pending.email);
                self.with_link(letter, About::Subject { user: None, subject: pending.id }).await
            }
        }
    }

    /// Somebody whose sign-up waits asks for its mail again.
    async fn sign_up_again(&self) -> Result<Decision, ApiError> {
        let pending = match &self.job.email_key {
            Some(key) => pending_registrations::find_newest(self.client, key, self.app.clock.now()).await?,
            None => None,
        };
        let Some(pending) = pending else { return Ok(Decision::Drop("no such account")) };
        let letter = self.letter(Template::SignUp, &pending.email);
        let sign_up = Preparation { kind: Kind::SignUp, ..*self };
        let decision = sign_up.with_link(letter, About::Subject { user: None, subject: pending.id }).await?;
        self.with_cause_of_link(decision).await
    }

    async fn email_change(&self) -> Result<Decision, ApiError> {
        let Some((user, change)) = self.change().await? else { return Ok(Decision::Drop("no such change")) };
        if change.confirmed_at.is_some() || !user.may_act() {
            return Ok(Decision::Drop("nothing to confirm"));
        }
        let owner = users::find_by_email_key(self.client, &change.new_email_key).await?.map(|found| found.user);
        if let Some(owner) = owner.filter(|owner| owner.id != user.id) {
            return Ok(Decision::send(self.letter(Template::AddressInUse, &owner.email).named(&owner)));
        }
        let letter = self.letter(Template::EmailChange, &change.new_email);
        self.with_link(letter, About::Subject { user: Some(user.id), subject: change.id }).await
    }

    async fn email_change_notice(&self) -> Result<Decision, ApiError> {
        let Some((user, change)) = self.change().await? else { return Ok(Decision::Drop("no such change")) };
        let mut letter = self.letter(Template::EmailChangeNotice, &change.old_email).named(&user);
        letter.addresses = Some((change.old_email, change.new_email));
        self.with_link(letter, About::Subject { user: Some(user.id), subject: change.id }).await
    }

    /// What owners are told even when the account is shut out.
    async fn notice(&self, template: Template) -> Result<Decision, ApiError> {
        let user = match self.job.user_id {
            Some(id) => users::find(self.client, id).await?.map(|found| found.user),
            None => None,
        };
        let Some(user) = user else { return Ok(Decision::Drop("no such account")) };
        let letter = self.letter(template, &user.email).named(&user);
        match (self.kind.link(), self.job.subject_id) {
            (Some(_), Some(subject)) => self.with_link(letter, About::Subject { user: Some(user.id), subject }).await,
            _ => Ok(Decision::send(letter)),
        }
    }

    async fn account_deleted(&self) -> Result<Decision, ApiError> {
        let user = match self.job.user_id {
            Some(id) => users::find_deleted(self.client, id).await?,
            None => None,
        };
        let Some(user) = user else { return Ok(Decision::Drop("no such account")) };
        let mut letter = self.letter(Template::AccountDeleted, &user.email).named(&user);
        let kept = self.app.config.deletion_retention;
        letter.kept_until = user.deleted_at.map(|deleted_at| deleted_at.saturating_add(kept).unwrap_or(Timestamp::MAX));
        Ok(Decision::send(letter))
    }

    /// The change that the job is about and its owner, unless the change was cancelled or the owner is gone.
    async fn change(&self) -> Result<Option<(User, email_changes::EmailChange)>, ApiError> {
        let Some(id) = self.job.subject_id else { return Ok(None) };
        let Some(change) = email_changes::find(self.client, id).await? else { return Ok(None) };
        if change.cancelled_at.is_some() {
            return Ok(None);
        }
        let owner = users::find(self.client, change.user_id).await?;
        Ok(owner.map(|owner| (owner.user, change)))
    }

    /// The account that the job is for, if it may act.
    async fn reader(&self) -> Result<Option<User>, ApiError> {
        let found = match (self.job.user_id, &self.job.email_key) {
            (Some(id), _) => users::find(self.client, id).await?,
            (None, Some(key)) => users::find_by_email_key(self.client, key).await?,
            (None, None) => None,
        };
        Ok(found.map(|found| found.user).filter(User::may_act))
    }

    fn letter(&self, template: Template, to: &str) -> Letter {
        Letter {
            template,
            language: self.job.language.clone(),
            to: to.to_owned(),
            name: None,
            link: None,
            cause: Cause {
                time: self.job.created_at,
                device: known(&self.job.device_info),
                ip_address: self.job.ip_address.map(|address| address.to_string()),
            },
            addresses: None,
            kept_until: None,
        }
    }

    /// Puts the link into a letter, unless a newer mail has one that replaces it.
    async fn with_link(&self, mut letter: Letter, about: About) -> Result<Decision, ApiError> {
        let Some(link) = self.kind.link() else { return Ok(Decision::send(letter)) };
        if let About::User(id) = about {
            mail_jobs::take_turn(self.client, id).await?;
            if mail_jobs::is_superseded(self.client, self.job, id).await? {
                return Ok(Decision::Drop("a newer mail takes its place"));
            }
            // Locked, so that no link that opens an account is issued for an address that the account leaves at this moment.
            let account = users::find_for_update(self.client, id).await?;
            if account.is_none_or(|account| account.user.email != letter.to) {
                return Ok(Decision::Drop("the address has changed"));
            }
        }
        let Some(token) = token::issue(self.app, self.client, link, self.job, about).await? else {
            return Ok(Decision::Drop("its link was used or replaced"));
        };
        letter.link = Some(format!("{}{}?token={}", self.app.mail.base, link.path, token.text()));
        Ok(Decision::send(letter))
    }
}

impl Letter {
    /// Greets the reader by name, if the address was proved to be the reader's.
    fn named(mut self, user: &User) -> Self {
        self.name = user.is_email_verified.then(|| user.first_name.clone());
        self
    }
}

/// A device that has a name.
fn known(device: &str) -> Option<String> {
    (!device.is_empty() && device != describe("")).then(|| device.to_owned())
}

/// What must not outlive a mail that was sent or given up: a sign-up with an address that has an account already.
pub(super) async fn clear(client: &impl GenericClient, job: &ClaimedMailJob, sent: Template) -> Result<(), ApiError> {
    if let (Template::AlreadyRegistered, Some(id)) = (sent, job.subject_id) {
        pending_registrations::delete(client, id).await?;
    }
    Ok(())
}
