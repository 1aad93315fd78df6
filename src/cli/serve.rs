//! `portcullis serve`.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tracing::Level;

use super::from_variables;
use super::output::say;
use crate::clock::SystemClock;
use crate::config::{Config, ConfigError};
use crate::embedded::{self, Embedded};
use crate::random::SystemRandom;
use crate::reload::Reloaded;
use crate::server::tls::Certificates;
use crate::server::{self, Endpoint};
use crate::setup::{self, Failure};
use crate::state::App;
use crate::telemetry::LogLevel;
use crate::{background, reload, stack};

/// Serves until a signal says stop; then drains, writes down what is buffered, and stops the embedded database last. A second signal cuts
/// the drain short.
pub(super) async fn run(config: Config, log_level: LogLevel) -> Result<(), Failure> {
    let started = tokio::time::Instant::now();
    let Signals { stop, hurry, hangup } = signals()?;
    // Before anything is started, so that a port in use costs nothing but a message.
    let listeners = Listeners {
        main: listen(SocketAddr::new(config.host, config.port), "PORT").await?,
        operations: match config.metrics_addr {
            Some(address) => Some(listen(address, "METRICS_ADDR").await?),
            None => None,
        },
    };
    let embedded = embedded_database(&config, stop.clone()).await?;
    if embedded.is_none() && config.database.server.is_none() {
        // Told to stop before there was anything to serve from.
        return Ok(());
    }
    let result = tokio::select! {
        result = serve(config, listeners, embedded.as_ref(), started, stop, (hangup, log_level)) => result,
        Ok(()) = hurry => Err("a second signal came before all requests had finished: they were cut off".into()),
    };
    if let Some(embedded) = embedded {
        embedded.stop().await?;
    }
    result
}

/// What the service listens on.
struct Listeners {
    main: TcpListener,
    operations: Option<TcpListener>,
}

/// Starts the private database, unless another is configured or a signal comes first. Dropping a start stops what it has started so far.
async fn embedded_database(config: &Config, mut stop: watch::Receiver<bool>) -> Result<Option<Embedded>, Failure> {
    if config.database.server.is_some() {
        return Ok(None);
    }
    let options = embedded::Options { data_dir: config.data_dir.clone(), durable: true };
    tokio::select! {
        started = embedded::start(options) => Ok(Some(started?)),
        _ = stop.wait_for(|stop| *stop) => Ok(None),
    }
}

async fn serve(
    config: Config,
    listeners: Listeners,
    embedded: Option<&Embedded>,
    started: tokio::time::Instant,
    mut stop: watch::Receiver<bool>,
    (hangup, log_level): (Signal, LogLevel),
) -> Result<(), Failure> {
    let certificates = config.tls.as_ref().map(Certificates::load).transpose()?.map(Arc::new);
    let tls = certificates.as_ref().map(Certificates::acceptor).transpose()?;
    let app = tokio::select! {
        app = app(config, embedded, started) => app?,
        // The database may be far from there yet. What was begun in it is rolled back.
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
    };
    warn_about_settings(&app.config);
    let stack = stack::build(&app)?;
    announce(&app, &listeners.main)?;

    let mut tasks = background::start(&app, &stop);
    let reloaded = Reloaded { app: app.clone(), certificates, log_level, read_level };
    tasks.spawn(reload::on_hangup(hangup, reloaded, stop.clone()));
    let main = server::run(listeners.main, Endpoint::main(&app, tls), stack, stop.clone());
    match listeners.operations {
        Some(operations) => {
            let operations = server::run(operations, Endpoint::operations(&app), stack::operations(&app)?, stop);
            tokio::join!(main, operations);
        }
        None => main.await,
    }
    background::finish(&app, tasks).await;
    app.database.close();
    tracing::info!("stopped");
    Ok(())
}

fn read_level() -> Result<Level, ConfigError> {
    from_variables(Config::log_level)
}

/// Migrates, and builds what requests may touch.
async fn app(config: Config, embedded: Option<&Embedded>, started: tokio::time::Instant) -> Result<Arc<App>, Failure> {
    let server = match (embedded, &config.database.server) {
        (Some(embedded), _) => embedded.config(),
        (None, Some(server)) => server.clone(),
        (None, None) => return Err("no database is configured".into()),
    };
    for migration in setup::migrate(&config, &server).await? {
        tracing::info!(version = migration.version, name = migration.name, "applied a migration");
    }
    setup::app(config, &server, Arc::new(SystemClock), Arc::new(SystemRandom), started).await
}

async fn listen(address: SocketAddr, variable: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        format!("cannot listen on {address} ({error}): stop what uses it, or set {variable} to another").into()
    })
}

/// What SIGTERM and ctrl-c say.
struct Signals {
    /// `true` from the first one on: finish what is begun, and stop.
    stop: watch::Receiver<bool>,
    /// The second one: do not wait for anything.
    hurry: oneshot::Receiver<()>,
    /// SIGHUP: read files anew. One that comes before there is anything to read them for waits.
    hangup: Signal,
}

fn signals() -> Result<Signals, Failure> {
    let (stopping, stop) = watch::channel(false);
    let (hurrying, hurry) = oneshot::channel();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        tracing::info!("stopping: requests in flight may finish; a second signal cuts them off");
        // An error says that every receiver is gone: nothing is left to stop.
        let _ = stopping.send(true);
        next().await;
        let _ = hurrying.send(());
    });
    Ok(Signals { stop, hurry, hangup })
}

fn warn_about_settings(config: &Config) {
    if !config.limits.enabled {
        tracing::warn!("RATE_LIMIT_ENABLED=false: nothing limits guesses of passwords");
    }
    if config.cors_allowed_origins.iter().any(|origin| origin == "*") {
        tracing::warn!("CORS_ALLOWED_ORIGINS=*: scripts of every site may call the API");
    }
}

fn announce(app: &App, listener: &TcpListener) -> Result<(), Failure> {
    let scheme = if app.config.tls.is_some() { "https" } else { "http" };
    let base = format!("{scheme}://{}", listener.local_addr()?);
    if app.config.is_production() {
        tracing::info!(address = base, version = env!("CARGO_PKG_VERSION"), "listening");
        return Ok(());
    }
    say(&format!("Portcullis {} is up.", env!("CARGO_PKG_VERSION")));
    say(&format!("  API    {base}/api/v1"));
    say(&format!("  Docs   {base}/docs"));
    if app.config.mail.smtp.is_none() {
        let folder = app.config.data_dir.join("mail");
        say(&format!("  Mails  {} (no SMTP_HOST is set)", folder.display()));
    }
    tracing::info!(address = base, "listening");
    Ok(())
}
