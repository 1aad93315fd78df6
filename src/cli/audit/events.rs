//! Finding events, and showing them.

use std::net::IpAddr;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::email::Email;
use crate::cli::admin::Admin;
use crate::cli::output::say;
use crate::config::parse_duration;
use crate::db::audit_logs::{self, AuditLog, Search};
use crate::db::users;
use crate::setup::Failure;

/// Events that are read at once.
const PAGE: i64 = 1_000;

#[derive(Debug, Args)]
pub(in crate::cli) struct Filter {
    /// Of one account: its e-mail address or id. The id also finds events of an account that is gone.
    #[arg(long)]
    user: Option<String>,
    /// Of one kind, such as login.failed.
    #[arg(long)]
    event_type: Option<String>,
    /// From one address; without --user, say how far back.
    #[arg(long)]
    ip: Option<IpAddr>,
    /// Not older than this, such as 24h or 7d.
    #[arg(long, conflicts_with = "from", value_parser = parse_age)]
    since: Option<std::time::Duration>,
    /// At this time or later, such as 2026-06-15T12:00:00Z.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Before this time.
    #[arg(long)]
    to: Option<Timestamp>,
}

impl Filter {
    /// An address has no index, which every log-in would pay for: all events of the time are read for it.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.ip.is_some() && self.user.is_none() && self.since.is_none() && self.from.is_none() {
            return Err("--ip reads all events of the time: say with --since or --from how far back".into());
        }
        Ok(())
    }

    /// For the security log: what was asked for, but not about whom.
    pub(super) fn described(&self, now: Timestamp) -> Result<Value, Failure> {
        Ok(json!({
            "one_account": self.user.is_some(),
            "one_address": self.ip.is_some(),
            "event_type": self.event_type,
            "from": self.begin(now)?,
            "to": self.to,
        }))
    }

    fn begin(&self, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
        let since = self.since.map(|age| SignedDuration::try_from(age).and_then(|age| now.checked_sub(age)));
        Ok(since.transpose()?.or(self.from))
    }
}

fn parse_age(text: &str) -> Result<std::time::Duration, String> {
    parse_duration(text).ok_or_else(|| "must be a duration such as 15m, 24h or 7d".to_owned())
}

/// Hands every event that matches to `take`, newest first, `limit` at most. Tells how many.
pub(super) async fn each(
    admin: &Admin,
    filter: &Filter,
    limit: Option<i64>,
    mut take: impl FnMut(&AuditLog) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    filter.check()?;
    let now = admin.clock.now();
    let user_id = match &filter.user {
        Some(user) => Some(user_id(admin, user).await?),
        None => None,
    };
    let from = filter.begin(now)?.unwrap_or(Timestamp::UNIX_EPOCH);
    let client = admin.database.get().await?;
    let mut after = None;
    let mut taken = 0;
    let mut left = limit.unwrap_or(i64::MAX);
    while left > 0 {
        let search = Search {
            user_id,
            event_type: filter.event_type.as_deref(),
            ip_address: filter.ip,
            from,
            to: filter.to.unwrap_or_else(|| tomorrow(now)),
            after,
            limit: left.min(PAGE),
        };
        let events = audit_logs::search(&client, &search).await?;
        for event in &events {
            take(event)?;
            taken += 1;
        }
        let count = i64::try_from(events.len())?;
        if count < search.limit {
            break;
        }
        left -= count;
        after = events.last().map(|event| (event.created_at, event.id));
    }
    Ok(taken)
}

/// An end that no event lies behind, however far the clocks of instances differ.
pub(super) fn tomorrow(now: Timestamp) -> Timestamp {
    now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX)
}

async fn user_id(admin: &Admin, text: &str) -> Result<Uuid, Failure> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let email = Email::parse(text).map_err(|fault| format!("{text}: the address {fault}"))?;
    let client = admin.database.get().await?;
    let found = users::find_by_email_key(&client, email.key()).await?;
    Ok(found
        .ok_or_else(|| format!("no account has the address {text}; events of one that is gone go by its id"))?
        .user
        .id)
}

/// Prints an event: for people, or as JSON.
pub(super) fn print(event: &AuditLog, json: bool) {
    if json {
        return say(&as_json(event).to_string());
    }
    let optional = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    say(&format!(
        "{:.0}  {:<4} {:<28} user {}  from {}  {}",
        event.created_at,
        if event.success { "ok" } else { "FAIL" },
        event.event_type,
        optional(event.user_id.map(|id| id.to_string())),
        optional(event.ip_address.map(|ip| ip.to_string())),
        event.details,
    ));
}

/// An event with all its fields.
pub(super) fn as_json(event: &AuditLog) -> Value {
    json!({
        "id": event.id,
        "created_at": event.created_at,
        "event_type": event.event_type,
        "success": event.success,
        "user_id": event.user_id,
        "ip_address": event.ip_address,
        "user_agent": event.user_agent,
        "session_id": event.session_id,
        "request_id": event.request_id,
        "details": event.details,
    })
}
