//! `portcullis doctor`: one line for each thing that a service needs.

use std::sync::Arc;

use prometheus::Registry;
use tokio_postgres::Config as Server;

use super::admin::with_server;
use super::output::say;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError, LogConfig, TlsFiles};
use crate::db::{Database, audit_logs, migrate, pool, server};
use crate::error::chain;
use crate::limits::{Limits, NetworkLists};
use crate::mail::Mailer;
use crate::metrics::{DatabaseMetrics, Metrics};
use crate::server::tls::Certificates;
use crate::setup::{self, Failure};
use crate::telemetry;

/// The difference between our clock and the database's that tokens survive, in seconds: the leeway of verification.
const CLOCK_TOLERANCE: f64 = 5.0;
/// PostgreSQL 15, as the server writes its version in a number.
const OLDEST_SERVER: i32 = 150_000;
/// Events outside all months that are counted.
const DEFAULT_ROWS: i64 = 1_000_000;

/// Checks everything it can reach, and fails if anything is wrong.
pub(super) async fn run(config: Result<Config, ConfigError>) -> Result<(), Failure> {
    let mut report = Report::default();
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            report.line("config", Err(error.to_string()));
            return report.verdict();
        }
    };
    report.line("config", Ok(format!("{:?}", config.environment).to_lowercase()));
    let checked = with_server(&config, async |server| {
        check_database(&mut report, &config, &server).await;
        Ok(())
    });
    if let Err(failure) = checked.await {
        report.line("database", Err(chain(failure.as_ref())));
    }
    if config.redis_url.is_some() {
        report.line("redis", redis(&config).await);
    }
    report.line("mail", mail(&config).await);
    if let Some(files) = &config.tls {
        report.line("tls", tls(files));
    }
    if config.limits.allow_file.is_some() || config.limits.deny_file.is_some() {
        report.line("networks", networks(&config));
    }
    report.line("logs", Ok(logs(&config)));
    if let Some(endpoint) = &config.traces.endpoint {
        report.line("traces", traces(endpoint));
    }
    report.verdict()
}

#[derive(Default)]
struct Report {
    failures: usize,
}

impl Report {
    fn line(&mut self, what: &str, result: Result<String, String>) {
        match result {
            Ok(text) => say(&format!("ok    {what:<10} {text}")),
            Err(text) => {
                self.failures += 1;
                say(&format!("FAIL  {what:<10} {text}"));
            }
        }
    }

    fn verdict(&self) -> Result<(), Failure> {
        if self.failures == 0 { Ok(()) } else { Err(format!("{} check(s) failed", self.failures).into()) }
    }
}

async fn check_database(report: &mut Report, config: &Config, address: &Server) {
    let client = match pool::connect(address, config.database.ssl_mode).await {
        Ok(client) => client,
        Err(error) => return report.line("database", Err(chain(&error))),
    };
    let found = match server::describe(&client).await {
        Ok(found) => found,
        Err(error) => return report.line("database", Err(chain(&error))),
    };
    let version = format!("PostgreSQL {}", found.version);
    let is_fit = found.version_number >= OLDEST_SERVER;
    report
        .line("database", if is_fit { Ok(version) } else { Err(format!("{version}; 15 is the oldest that will do")) });
    report.line("clock", clock(found.seconds));
    let schema = match migrate::pending(&client).await {
        Ok(pending) if pending.is_empty() => Ok("up to date".to_owned()),
        Ok(pending) => Err(format!("{} migration(s) are pending: run `portcullis migrate`", pending.len())),
        Err(error) => Err(chain(&error)),
    };
    let migrated = schema.is_ok();
    report.line("schema", schema);
    if migrated {
        report.line("keys", keys(config, address).await);
        report.line("audit", audit(config, address).await);
    }
}

fn clock(database: f64) -> Result<String, String> {
    let ours = SystemClock.now().as_duration().as_secs_f64();
    let apart = (ours - database).abs();
    let text = format!("{apart:.3} s apart from the database's");
    if apart <= CLOCK_TOLERANCE { Ok(text) } else { Err(format!("{text}: synchronise both machines (NTP)")) }
}

async fn keys(config: &Config, server: &Server) -> Result<String, String> {
    if config.tokens.jwt_secret.is_some() {
        return Ok("HS256 with JWT_SECRET".to_owned());
    }
    let check = async {
        let database = Database::new(server, &config.database, DatabaseMetrics::register(&Registry::new())?)?;
        let client = database.get().await?;
        Ok::<_, Failure>(setup::key_store(config)?.check(&client, SystemClock.now()).await?)
    };
    match check.await {
        Ok(0) => Ok("none yet: the first start of the service makes one".to_owned()),
        Ok(published) => Ok(format!("{published} published, and all of them decrypt")),
        Err(failure) => Err(chain(failure.as_ref())),
    }
}

/// Whether every event of the security log has a month with which it will leave.
async fn audit(config: &Config, server: &Server) -> Result<String, String> {
    let count = async {
        let database = Database::new(server, &config.database, DatabaseMetrics::register(&Registry::new())?)?;
        Ok::<_, Failure>(audit_logs::count_default(&database.get().await?, DEFAULT_ROWS).await?)
    };
    match count.await {
        Ok(0) => Ok("every event has a month with which it leaves".to_owned()),
        Ok(rows) => {
            Err(format!("{rows} events lie outside all months and never leave: docs/runbooks/audit-default-rows.md"))
        }
        Err(failure) => Err(chain(failure.as_ref())),
    }
}

/// Whether Redis answers, runs scripts and takes writes.
async fn redis(config: &Config) -> Result<String, String> {
    let limits = async {
        let limits = Limits::for_operator(config, &Metrics::new()?, Arc::new(SystemClock))?;
        Ok::<_, Failure>(limits.check_store().await)
    };
    match limits.await {
        Ok(Ok(())) => Ok("answers".to_owned()),
        Ok(Err(failure)) => Err(failure.to_string()),
        Err(failure) => Err(chain(failure.as_ref())),
    }
}

fn tls(files: &TlsFiles) -> Result<String, String> {
    let certificates = Certificates::load(files).map_err(|error| chain(&error))?;
    let path = files.certificate.display();
    match certificates.expires() {
        Some(ends) if ends <= SystemClock.now() => Err(format!("{path} ended at {ends}: renew it")),
        Some(ends) => Ok(format!("{path} and its key, until {ends}")),
        None => Ok(format!("{path} and its key")),
    }
}

fn logs(config: &Config) -> String {
    let LogConfig { level, format, access, security } = config.log;
    let off = |is_on, what| if is_on { "" } else { what };
    let level = level.as_str().to_lowercase();
    let format = format!("{format:?}").to_lowercase();
    format!("{level}, {format}{}{}", off(access, ", no access log"), off(security, ", no security log"))
}

fn traces(endpoint: &str) -> Result<String, String> {
    if telemetry::EXPORTS_TRACES {
        Ok(format!("to {endpoint}"))
    } else {
        Err("this build exports none: build it with `cargo build --release --features otel`".to_owned())
    }
}

fn networks(config: &Config) -> Result<String, String> {
    let lists = NetworkLists::load(&config.limits).map_err(|error| chain(&error))?;
    let (allowed, denied) = lists.sizes();
    Ok(format!("{allowed} allowed, {denied} denied"))
}

/// Whether mails would leave: the server is reached, trusted, and lets us in.
async fn mail(config: &Config) -> Result<String, String> {
    let Some(smtp) = &config.mail.smtp else {
        return Ok(format!("files under {}", config.data_dir.join("mail").display()));
    };
    let address = format!("{}:{}", smtp.host, smtp.port);
    let mailer = Mailer::new(config, SystemClock.now()).map_err(|error| chain(&error))?;
    match mailer.check().await {
        Some(Err(class)) => Err(format!("{address}: {class}")),
        Some(Ok(())) | None => Ok(format!("{address} lets us in")),
    }
}
