//! `portcullis audit tail`.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::events::{print, tomorrow};
use crate::cli::admin::Admin;
use crate::db::audit_logs::{self, AuditLog, Search};
use crate::setup::Failure;

/// How often new events are looked for.
const POLL: Duration = Duration::from_secs(1);
/// How much later than its time an event may become visible: as long as a transaction can last.
const LATENESS: SignedDuration = SignedDuration::from_secs(30);
/// Events that one look shows at most.
const PAGE: i64 = 10_000;

pub(super) async fn run(admin: &Admin, lines: i64, follow: bool, json: bool) -> Result<(), Failure> {
    let started = admin.clock.now();
    let mut shown: BTreeSet<(Timestamp, Uuid)> = BTreeSet::new();
    for event in newest(admin, Timestamp::UNIX_EPOCH, lines).await? {
        print(&event, json);
        shown.insert((event.created_at, event.id));
    }
    // What happened before, and was not asked for, is not shown later either.
    let begin = shown.first().map_or(started, |(time, _)| *time);
    if !follow {
        return Ok(());
    }
    loop {
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            interrupted = tokio::signal::ctrl_c() => return Ok(interrupted?),
        }
        let since = admin.clock.now().checked_sub(LATENESS)?.max(begin);
        shown = shown.split_off(&(since, Uuid::nil()));
        for event in newest(admin, since, PAGE).await? {
            if shown.insert((event.created_at, event.id)) {
                print(&event, json);
            }
        }
    }
}

/// The newest events from `from` on, oldest first.
async fn newest(admin: &Admin, from: Timestamp, limit: i64) -> Result<Vec<AuditLog>, Failure> {
    let client = admin.database.get().await?;
    let to = tomorrow(admin.clock.now());
    let search = Search { user_id: None, event_type: None, ip_address: None, from, to, after: None, limit };
    let mut events = audit_logs::search(&client, &search).await?;
    events.reverse();
    Ok(events)
}
