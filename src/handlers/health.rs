//! Health, for load balancers and people.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;

use super::Call;
use crate::reply;
use crate::state::App;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize)]
struct Check {
    status: &'static str,
    response_time_ms: f64,
    last_checked: Timestamp,
}

#[derive(Serialize)]
struct SummaryChecks {
    database: Check,
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<Check>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<Check>,
}

#[derive(Serialize)]
struct Summary {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    timestamp: Timestamp,
    checks: SummaryChecks,
}

#[derive(Serialize)]
struct ReadyChecks {
    database: Check,
    migrations: Check,
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<Check>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<Check>,
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    timestamp: Timestamp,
    version: &'static str,
    checks: ReadyChecks,
}

#[derive(Serialize)]
struct Live {
    status: &'static str,
    uptime: f64,
    timestamp: Timestamp,
    version: &'static str,
}

/// `GET /health`: every dependency, in words.
///
/// # Errors
/// None: what is wrong is told in the body, with 503.
pub async fn summary(call: Call) -> reply::Result {
    let app = &call.app;
    let (database, _) = database(app).await;
    let (redis, mail) = (redis(app).await, mail(app));
    let healthy = database.status == "healthy";
    let is_whole = [&redis, &mail].into_iter().flatten().all(|check| check.status == "healthy");
    let body = Summary {
        status: match is_whole {
            _ if !healthy => "unhealthy",
            true => "healthy",
            false => "degraded",
        },
        service: "portcullis",
        version: VERSION,
        timestamp: app.clock.now(),
        checks: SummaryChecks { database, redis, mail },
    };
    reply::json(status(healthy), &body)
}

/// `GET /health/ready`: may traffic come? Only the database and its schema decide.
///
/// # Errors
/// None: what is wrong is told in the body, with 503.
pub async fn ready(call: Call) -> reply::Result {
    let app = &call.app;
    let (database, migrations) = database(app).await;
    let ready = database.status == "healthy" && migrations.status == "healthy";
    let body = Ready {
        status: if ready { "ready" } else { "not_ready" },
        timestamp: app.clock.now(),
        version: VERSION,
        checks: ReadyChecks { database, migrations, redis: redis(app).await, mail: mail(app) },
    };
    reply::json(status(ready), &body)
}

/// `GET /health/live`: the process runs. Touches nothing outside it.
///
/// # Errors
/// None.
pub async fn live(call: Call) -> reply::Result {
    // Never zero, even in the first moment: a probe may take zero for "not up".
    let uptime = call.app.uptime().as_secs_f64().max(0.001);
    reply::json(StatusCode::OK, &Live { status: "alive", uptime, timestamp: call.now(), version: VERSION })
}

fn status(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// What the worker last saw of the mail server, if there is one. Without it mails wait, and everything else works.
fn mail(app: &App) -> Option<Check> {
    let health = app.mail.health()?;
    Some(Check {
        status: if health.is_reachable { "healthy" } else { "degraded" },
        response_time_ms: milliseconds(health.response_time),
        last_checked: health.last_checked,
    })
}

/// Whether instances share their limits, if they are to, as it was a second ago at most. Without Redis each counts for itself, and everything else works.
async fn redis(app: &App) -> Option<Check> {
    let sight = app.limits.look(&*app.clock).await?;
    Some(Check {
        status: if sight.is_shared { "healthy" } else { "degraded" },
        response_time_ms: milliseconds(sight.response_time),
        last_checked: sight.seen_at,
    })
}

/// With three decimals.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// The database and its schema, as they were a second ago at most.
async fn database(app: &App) -> (Check, Check) {
    let sight = app.probe.look(&app.database, &*app.clock).await;
    let check = |good| Check {
        status: if good { "healthy" } else { "unhealthy" },
        response_time_ms: milliseconds(sight.response_time),
        last_checked: sight.seen_at,
    };
    (check(sight.is_reachable), check(sight.is_migrated))
}
