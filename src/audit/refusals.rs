//! Counts of refused requests: cheap to note under a flood, written as one row per kind, network and minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use http::{Response, StatusCode};
use jiff::Timestamp;
use portcullis_layers::sanitize::{FindingKind, SanitizeReport};
use portcullis_layers::{ClientIp, Refusal};
use serde_json::json;

use crate::audit::{Event, Origin};
use crate::auth::budget::network;
use crate::error::ApiError;
use crate::state::App;

/// Distinct kinds and networks that are kept at once. A flood from more than this many networks loses detail, never memory.
const CAPACITY: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    event_type: &'static str,
    code: &'static str,
    network: Option<IpAddr>,
    minute: i64,
}

/// The counts since the last write: of the minute that runs and, for a moment, of the one before.
#[derive(Debug, Default)]
pub struct Refusals {
    counts: Mutex<HashMap<Key, u64>>,
}

impl Refusals {
    /// Notes a refusal; tells whether there was room for it.
    pub fn note(&self, event_type: &'static str, code: &'static str, client: Option<IpAddr>, now: Timestamp) -> bool {
        let key = Key { event_type, code, network: client.map(network), minute: minute(now) };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= CAPACITY && !counts.contains_key(&key) {
            return false;
        }
        *counts.entry(key).or_insert(0) += 1;
        true
    }

    /// Looks at an answer, and notes it if it turned a token down, told that an address is taken, found an attack, or shed load.
    pub fn witness<B>(app: &App, response: &Response<B>) {
        let client = response.extensions().get::<ClientIp>().map(|ip| ip.0);
        let note = |event_type, code| {
            if !app.refusals.note(event_type, code, client, app.clock.now()) {
                app.metrics.audit_lost.inc();
            }
        };
        if let Some(report) = response.extensions().get::<SanitizeReport>() {
            for found in report.findings() {
                let kind = found.finding().kind;
                app.metrics.sanitizer_findings.with_label_values(&[kind.as_str()]).inc();
                note(event_type(kind), "malicious_input");
            }
            return;
        }
        let Some(refusal) = response.extensions().get::<Refusal>() else { return };
        match (refusal.status(), refusal.code()) {
            (StatusCode::UNAUTHORIZED, code @ ("invalid_token" | "token_expired" | "token_revoked"))
            | (StatusCode::BAD_REQUEST, code @ "invalid_token") => note("token.refused", code),
            (StatusCode::CONFLICT, code @ "email_taken") => note("registration.refused", code),
            (StatusCode::BAD_REQUEST, code @ "invalid_request") => note("request.refused", code),
            (StatusCode::TOO_MANY_REQUESTS, code @ ("rate_limited" | "too_many_attempts")) => {
                note("rate_limit.exceeded", code);
            }
            (StatusCode::SERVICE_UNAVAILABLE, code @ "overloaded") => note("request.shed", code),
            _ => {}
        }
    }

    /// Writes the counts of the minutes that are over: the one that runs gets one row as well. What cannot be written is kept for the next
    /// time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn flush(&self, app: &App) -> Result<(), ApiError> {
        let counted = self.take_before(minute(app.clock.now()));
        let result = self.write(app, &counted).await;
        if result.is_err() {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, count) in counted {
                if counts.len() < CAPACITY || counts.contains_key(&key) {
                    *counts.entry(key).or_insert(0) += count;
                } else {
                    app.metrics.audit_lost.inc_by(count);
                }
            }
        }
        result
    }

    /// Writes all counts, that of this minute included. There is no next time: what cannot be written is lost, and counted as that.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn finish(&self, app: &App) -> Result<(), ApiError> {
        let counted = self.take_before(i64::MAX);
        let result = self.write(app, &counted).await;
        if result.is_err() {
            app.metrics.audit_lost.inc_by(counted.iter().map(|(_, count)| count).sum());
        }
        result
    }

    fn take_before(&self, minute: i64) -> Vec<(Key, u64)> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.extract_if(|key, _| key.minute < minute).collect()
    }

    async fn write(&self, app: &App, counted: &[(Key, u64)]) -> Result<(), ApiError> {
        if counted.is_empty() {
            return Ok(());
        }
        let mut client = app.database.get().await?;
        let transaction = crate::db::query::begin(&mut client).await?;
        for (key, count) in counted {
            let origin = Origin { ip_address: key.network, ..Origin::default() };
            let details = json!({ "code": key.code, "count": count, "minute": key.minute * 60 });
            Event::failure(key.event_type, None).with(details).write(app, &transaction, &origin).await?;
        }
        Ok(crate::db::query::commit(transaction).await?)
    }
}

fn minute(time: Timestamp) -> i64 {
    time.as_second().div_euclid(60)
}

/// What the sanitiser looks for in the fields of the route table.
pub const ATTACKS: [FindingKind; 5] = [
    FindingKind::SqlInjection,
    FindingKind::Xss,
    FindingKind::PathTraversal,
    FindingKind::NullByte,
    FindingKind::ControlCharacter,
];

/// The type of event that tells of a finding.
#[must_use]
pub fn event_type(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::SqlInjection => "security.sql_injection",
        FindingKind::Xss => "security.xss",
        FindingKind::PathTraversal => "security.path_traversal",
        FindingKind::NullByte => "security.null_byte",
        _ => "security.malformed_text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_loss_is_told() {
        let refusals = Refusals::default();
        for index in 0..10_000_u32 {
            let kept = refusals.note(
                "token.refused",
                "invalid_token",
                Some(IpAddr::from(index.to_be_bytes())),
                Timestamp::UNIX_EPOCH,
            );
            assert_eq!(kept, (index as usize) < CAPACITY);
        }
        assert!(refusals.note(
            "token.refused",
            "invalid_token",
            Some(IpAddr::from([0, 0, 0, 1])),
            Timestamp::UNIX_EPOCH
        ));
        assert_eq!(refusals.counts.lock().unwrap().len(), CAPACITY);
    }
}
