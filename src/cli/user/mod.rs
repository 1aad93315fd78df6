//! `portcullis user`.

mod export;
mod import;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;

use crate::audit::Event;
use crate::auth::email::Email;
use crate::auth::hash;
use crate::auth::name::parse_name;
use crate::auth::password::{Context, PasswordPolicy};
use crate::cli::admin::{Admin, with_admin};
use crate::cli::output::say;
use crate::cli::password;
use crate::config::Config;
use crate::db::users::{self, NewUser, User};
use crate::db::{GenericClient, email_changes, query, sessions};
use crate::handlers::accounts;
use crate::handlers::passwords::{Spared, evict};
use crate::mail::{Kind, NewJob, Recipient};
use crate::reply::UserView;
use crate::setup::Failure;

/// Accounts read at once by `list`.
const PAGE: i64 = 500;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create an account.
    Create(Create),
    /// Show an account as JSON.
    Show(Who),
    /// List accounts, oldest first.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Shut an account out and end its sessions.
    Disable(Who),
    /// Let an account in again.
    Enable(Who),
    /// Take the address of an account for verified.
    Verify(Who),
    /// Set a new password, end every session and every link that could set another, and tell the owner by mail.
    SetPassword {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        source: PasswordSource,
    },
    /// End every session of an account.
    RevokeSessions(Who),
    /// Delete an account: it ends at once, its address and personal data go when its retention is over.
    Delete(Who),
    /// Take over accounts from elsewhere, with their password hashes.
    #[command(after_help = import::FORMAT)]
    Import(import::Arguments),
    /// Print all accounts as JSON lines, the form that `user import` reads.
    ///
    /// Deleted accounts are left out. Sessions stay behind: people log in again wherever the lines are imported.
    Export(export::Arguments),
}

#[derive(Debug, Args)]
pub(super) struct Who {
    /// E-mail address or id.
    user: String,
}

#[derive(Debug, Args)]
pub(super) struct PasswordSource {
    /// Read the password from the first line of standard input instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// E-mail address.
    #[arg(long)]
    email: String,
    /// Given name.
    #[arg(long)]
    first_name: String,
    /// Family name.
    #[arg(long)]
    last_name: String,
    /// Take the address for verified.
    #[arg(long)]
    verified: bool,
    #[command(flatten)]
    source: PasswordSource,
}

pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    with_admin(config, async |admin| match command {
        Command::Create(new) => create(&admin, &new).await,
        Command::Show(who) => show(&admin, &who).await,
        Command::List { json } => list(&admin, json).await,
        Command::Disable(who) => set_active(&admin, &who, false).await,
        Command::Enable(who) => set_active(&admin, &who, true).await,
        Command::Verify(who) => verify(&admin, &who).await,
        Command::SetPassword { who, source } => set_password(&admin, &who, &source).await,
        Command::RevokeSessions(who) => revoke_sessions(&admin, &who).await,
        Command::Delete(who) => delete(&admin, &who).await,
        Command::Import(arguments) => import::run(&admin, &arguments).await,
        Command::Export(arguments) => export::run(&admin, &arguments).await,
    })
    .await
}

async fn create(admin: &Admin, new: &Create) -> Result<(), Failure> {
    let email = Email::parse(&new.email).map_err(|fault| format!("--email: {fault}"))?;
    let first_name = parse_name(&new.first_name).map_err(|fault| format!("--first-name: {fault}"))?;
    let last_name = parse_name(&new.last_name).map_err(|fault| format!("--last-name: {fault}"))?;
    let password = password::read(new.source.password_stdin)?;
    let context = Context { email_local_part: email.local_part(), first_name: &first_name, last_name: &last_name };
    let hash = hashed(admin, &password, &context)?;
    let now = admin.clock.now();
    let row = NewUser {
        id: admin.random.uuid(now)?,
        email: email.given(),
        email_key: email.key(),
        password_hash: &hash,
        first_name: &first_name,
        last_name: &last_name,
        now,
    };
    let mut client = admin.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let user = users::insert(&transaction, &row).await.map_err(|error| -> Failure {
        match error.violates(users::EMAIL_TAKEN) {
            true => "an account with this e-mail address exists".into(),
            false => error.into(),
        }
    })?;
    if email_changes::is_reserved(&transaction, row.email_key, user.id, now).await? {
        let reason = "the owner of another account has just left this e-mail address and can still take it back: try again in three days";
        return Err(reason.into());
    }
    if new.verified {
        users::set_verified(&transaction, user.id, now).await?;
    }
    record(admin, &transaction, now, &Event::success("user.registered", user.id)).await?;
    query::commit(transaction).await?;
    say(&user.id.to_string());
    Ok(())
}

async fn show(admin: &Admin, who: &Who) -> Result<(), Failure> {
    let user = find(admin, who).await?;
    say(&serde_json::to_string_pretty(&UserView::from(user))?);
    Ok(())
}

async fn list(admin: &Admin, json: bool) -> Result<(), Failure> {
    let client = admin.database.get().await?;
    let mut after = (Timestamp::UNIX_EPOCH, Uuid::nil());
    loop {
        let page = users::list(&client, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = (last.created_at, last.id);
        for user in page {
            if json {
                say(&serde_json::to_string(&UserView::from(user))?);
            } else {
                let state = if user.is_active { "active" } else { "disabled" };
                say(&format!("{}  {state:<8}  {}  {} {}", user.id, user.email, user.first_name, user.last_name));
            }
        }
    }
}

async fn set_active(admin: &Admin, who: &Who, active: bool) -> Result<(), Failure> {
    let user = find(admin, who).await?;
    let now = admin.clock.now();
    let mut client = admin.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    if !users::set_active(&transaction, user.id, active, now).await? {
        say(if active { "nothing to do: the account is active" } else { "nothing to do: the account is disabled" });
        return Ok(());
    }
    let ended = match active {
        true => 0,
        // An account that is enabled again starts without the sessions and the links of its past.
        false => evict(&transaction, user.id, now, "account_disabled", Spared::default()).await?,
    };
    let event_type = if active { "account.enabled" } else { "account.disabled" };
    record(admin, &transaction, now, &Event::success(event_type, user.id).with(json!({ "sessions_ended": ended })))
        .await?;
    query::commit(transaction).await?;
    say(&if active { "enabled".to_owned() } else { format!("disabled; {ended} session(s) ended") });
    Ok(())
}

async fn verify(admin: &Admin, who: &Who) -> Result<(), Failure> {
    let user = find(admin, who).await?;
    let now = admin.clock.now();
    let mut client = admin.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    if !users::set_verified(&transaction, user.id, now).await? {
        say("nothing to do: the address is verified");
        return Ok(());
    }
    record(admin, &transaction, now, &Event::success("email.verified", user.id)).await?;
    query::commit(transaction).await?;
    say("verified");
    Ok(())
}

async fn set_password(admin: &Admin, who: &Who, source: &PasswordSource) -> Result<(), Failure> {
    let user = find(admin, who).await?;
    let password = password::read(source.password_stdin)?;
    let local_part = user.email.rsplit_once('@').map_or("", |(local, _)| local);
    let context = Context { email_local_part: local_part, first_name: &user.first_name, last_name: &user.last_name };
    let hash = hashed(admin, &password, &context)?;
    let now = admin.clock.now();
    let mut client = admin.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    if !users::set_password(&transaction, user.id, &hash, now).await? {
        return Err("the account was deleted meanwhile".into());
    }
    let ended = evict(&transaction, user.id, now, "password_changed", Spared::default()).await?;
    tell(admin, &transaction, Kind::PasswordChanged, user.id).await?;
    record(
        admin,
        &transaction,
        now,
        &Event::success("password.changed", user.id).with(json!({ "sessions_ended": ended })),
    )
    .await?;
    query::commit(transaction).await?;
    say(&format!("the password is set; {ended} session(s) ended"));
    Ok(())
}

async fn revoke_sessions(admin: &Admin, who: &Who) -> Result<(), Failure> {
    let user = find(admin, who).await?;
    let now = admin.clock.now();
    let mut client = admin.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let ended = sessions::revoke_all(&transaction, user.id, now, "operator", None).await?;
    record(
        admin,
        &transaction,
        now,
        &Event::success("session.revoked", user.id).with(json!({ "sessions_ended": ended })),
    )
    .await?;
    query::commit(transaction).await?;
    say(&format!("{ended} session(s) ended"));
    Ok(())
}

async fn delete(admin: &Admin, who: &Who) -> Result<(), Failure> {
    let user = find(admin, who).await?;
    let now = admin.clock.now();
    let mut client = admin.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    if !users::soft_delete(&transaction, user.id, None, now).await? {
        return Err("the account was deleted meanwhile".into());
    }
    let deleted = accounts::shut_down(&transaction, user.id, now).await?;
    record(admin, &transaction, now, &deleted.event).await?;
    tell(admin, &transaction, Kind::AccountDeleted, user.id).await?;
    query::commit(transaction).await?;
    let erased_at = SignedDuration::try_from(admin.config.deletion_retention).ok();
    let erased_at = erased_at.and_then(|retention| now.checked_add(retention).ok()).unwrap_or(Timestamp::MAX);
    say(&format!(
        "deleted; {} session(s) ended; a running service erases its personal data after {erased_at:.0}",
        deleted.sessions
    ));
    Ok(())
}

/// Has the owner told by mail.
async fn tell(admin: &Admin, client: &impl GenericClient, kind: Kind, user_id: Uuid) -> Result<(), Failure> {
    let mail = NewJob {
        kind,
        recipient: Recipient::User(user_id),
        subject_id: None,
        accept_language: None,
        ip_address: None,
        device_info: "",
    };
    mail.enqueue_at(admin.clock.now(), &*admin.random, client).await?;
    Ok(())
}

async fn find(admin: &Admin, who: &Who) -> Result<User, Failure> {
    let client = admin.database.get().await?;
    let found = match who.user.parse::<Uuid>() {
        Ok(id) => users::find(&client, id).await?,
        Err(_) => {
            let email = Email::parse(&who.user)
                .map_err(|fault| format!("{}: neither an id nor an address: {fault}", who.user))?;
            users::find_by_email_key(&client, email.key()).await?
        }
    };
    found.map(|found| found.user).ok_or_else(|| "there is no such account: `portcullis user list` shows all".into())
}

fn hashed(admin: &Admin, password: &SecretString, context: &Context<'_>) -> Result<String, Failure> {
    let policy = PasswordPolicy { min_length: admin.config.hashing.min_length };
    policy.check(password.expose_secret(), context).map_err(|faults| {
        let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
        format!("this password is not accepted: {}", texts.join(" "))
    })?;
    Ok(hash::hash(password.expose_secret(), admin.config.hashing.algorithm, admin.random.bytes()?)?)
}

async fn record(admin: &Admin, client: &impl GenericClient, now: Timestamp, event: &Event) -> Result<(), Failure> {
    Ok(event.write_at(now, &*admin.random, client, &Admin::origin()).await?)
}
