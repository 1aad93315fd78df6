//! What happened to the account of whoever asks.

use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::net::IpAddr;
use uuid::Uuid;

use super::Call;
use crate::audit::OPERATOR;
use crate::auth::cursor::Position;
use crate::db::audit_logs::{self, AuditLog, Search};
use crate::error::{ApiError, FieldFault};
use crate::reply;

/// Events of one page, unless `limit` says otherwise.
const DEFAULT_LIMIT: i64 = 50;
/// The most that one page holds.
const MAX_LIMIT: i64 = 200;
/// The parameters that this path has.
const PARAMETERS: [&str; 5] = ["limit", "cursor", "event_type", "from", "to"];

/// An event as its owner sees it.
#[derive(Clone, Debug, Serialize)]
pub struct EventView {
    id: Uuid,
    event_type: String,
    success: bool,
    details: Value,
    ip_address: Option<IpAddr>,
    user_agent: Option<String>,
    session_id: Option<Uuid>,
    request_id: Option<String>,
    created_at: Timestamp,
}

impl From<AuditLog> for EventView {
    fn from(mut event: AuditLog) -> Self {
        if let Value::Object(members) = &mut event.details {
            members.remove(OPERATOR);
        }
        Self {
            id: event.id,
            event_type: event.event_type,
            success: event.success,
            details: event.details,
            ip_address: event.ip_address,
            user_agent: event.user_agent,
            session_id: event.session_id,
            request_id: event.request_id,
            created_at: event.created_at,
        }
    }
}

#[derive(Serialize)]
struct Page {
    data: Vec<EventView>,
    next_cursor: Option<String>,
}

/// `GET /api/v1/auth/audit`: one's own security events, newest first, a page at a time.
///
/// # Errors
/// 400 naming every parameter that cannot be accepted; a cursor is accepted with the filters of the page it came from only.
pub async fn list(call: Call) -> reply::Result {
    let app = &call.app;
    let who = call.authenticated()?.user.id;
    let filter = Filter::read(call.parts.uri.query().unwrap_or_default())?;
    let scope = filter.scope(who);
    let after = match &filter.cursor {
        Some(text) => Some(app.cursors.read(text, &scope).ok_or_else(|| {
            ApiError::Validation(vec![fault("cursor", "invalid", "is not the cursor of a page with these filters")])
        })?),
        None => None,
    };
    let search = Search {
        user_id: Some(who),
        event_type: filter.event_type.as_deref(),
        ip_address: None,
        from: filter.from.unwrap_or(Timestamp::UNIX_EPOCH),
        // No event is newer than this moment by more than the clocks of instances differ.
        to: filter.to.unwrap_or_else(|| after_now(call.now())),
        after: after.map(|position| (position.created_at, position.id)),
        // One more tells whether there is another page.
        limit: filter.limit + 1,
    };
    let client = app.database.get().await?;
    let mut events = audit_logs::search(&client, &search).await?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let has_more = events.len() > limit;
    events.truncate(limit);
    let last = events.last().filter(|_| has_more);
    let next_cursor =
        last.map(|event| app.cursors.write(Position { created_at: event.created_at, id: event.id }, &scope));
    reply::json(StatusCode::OK, &Page { data: events.into_iter().map(EventView::from).collect(), next_cursor })
}

fn after_now(now: Timestamp) -> Timestamp {
    now.saturating_add(jiff::SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX)
}

#[derive(Debug, Default, PartialEq)]
struct Filter {
    limit: i64,
    cursor: Option<String>,
    event_type: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Filter {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut filter = Self { limit: DEFAULT_LIMIT, ..Self::default() };
        let (mut unknown, mut faults) = (Vec::new(), Vec::new());
        let mut seen = [false; PARAMETERS.len()];
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(place) = PARAMETERS.iter().position(|known| *known == name) else {
                let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                unknown.push(fault(name, "unknown_field", "is not a parameter of this path"));
                continue;
            };
            let name = PARAMETERS[place];
            if std::mem::replace(&mut seen[place], true) {
                faults.push(fault(name, "repeated", "may be given once"));
                continue;
            }
            filter.set(name, &value, &mut faults);
        }
        if !unknown.is_empty() {
            return Err(ApiError::UnknownField(unknown));
        }
        if !faults.is_empty() {
            return Err(ApiError::Validation(faults));
        }
        Ok(filter)
    }

    fn set(&mut self, name: &'static str, value: &str, faults: &mut Vec<FieldFault>) {
        match name {
            "limit" => match value.parse() {
                Ok(limit @ 1..=MAX_LIMIT) => self.limit = limit,
                _ => faults.push(fault(name, "out_of_range", "must be a number from 1 to 200")),
            },
            "cursor" => self.cursor = Some(value.to_owned()),
            "event_type" if is_event_type(value) => self.event_type = Some(value.to_owned()),
            "event_type" => faults.push(fault(name, "invalid", "must be a dotted name such as login.failed")),
            _ => match value.parse() {
                Ok(time) if name == "from" => self.from = Some(time),
                Ok(time) => self.to = Some(time),
                Err(_) => faults.push(fault(name, "invalid", "must be a time such as 2026-06-15T12:00:00Z")),
            },
        }
    }

    /// What a cursor of this list is bound to.
    fn scope(&self, user: Uuid) -> Vec<u8> {
        let event_type = self.event_type.as_deref().unwrap_or_default();
        let time = |time: Option<Timestamp>| time.map_or(i64::MIN, Timestamp::as_microsecond).to_be_bytes();
        [b"audit", &user.as_bytes()[..], &time(self.from), &time(self.to), event_type.as_bytes()].concat()
    }
}

fn is_event_type(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_'))
}

fn fault(field: impl Into<std::borrow::Cow<'static, str>>, code: &'static str, message: &'static str) -> FieldFault {
    FieldFault { field: field.into(), code, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_parameters_are_a_first_page_of_everything() {
        assert_eq!(Filter::read("").unwrap(), Filter { limit: DEFAULT_LIMIT, ..Filter::default() });
    }

    #[test]
    fn every_bad_parameter_is_named() {
        let Err(ApiError::Validation(faults)) = Filter::read("limit=0&from=yesterday&event_type=A%20b&to=1&limit=5")
        else {
            panic!("accepted")
        };
        let named: Vec<_> = faults.iter().map(|fault| &*fault.field).collect();
        assert_eq!(named, ["limit", "from", "event_type", "to", "limit"]);
        assert!(matches!(Filter::read("user_id=7"), Err(ApiError::UnknownField(_))));
    }
}
