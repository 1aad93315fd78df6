//! What SIGHUP reads anew: the lists of networks, the certificate of the listener, and the level of the log.
//!
//! Each is read by itself. What cannot be used is logged, and what was there before stays in force.

use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tracing::Level;

use crate::config::ConfigError;
use crate::error::chain;
use crate::server::tls::Certificates;
use crate::state::App;
use crate::telemetry::LogLevel;

/// What is read anew.
#[derive(Debug)]
pub struct Reloaded {
    /// Has the lists of networks.
    pub app: Arc<App>,
    /// The certificate of the listener, if it speaks TLS.
    pub certificates: Option<Arc<Certificates>>,
    /// How much is logged.
    pub log_level: LogLevel,
    /// Where the level is read.
    pub read_level: fn() -> Result<Level, ConfigError>,
}

/// Reads everything anew at each signal, until the service stops.
pub async fn on_hangup(mut hangup: Signal, reloaded: Reloaded, mut shutdown: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            signal = hangup.recv() => if signal.is_none() { return },
            _ = shutdown.wait_for(|stop| *stop) => return,
        }
        // First, so that it already holds for what is said about the rest.
        level(&reloaded);
        lists(&reloaded.app);
        if let Some(certificates) = &reloaded.certificates {
            match certificates.reload() {
                Ok(()) => tracing::info!("read TLS_CERT and TLS_KEY anew"),
                Err(error) => tracing::error!(error = chain(&error), "the old certificate stays in force"),
            }
        }
    }
}

fn level(reloaded: &Reloaded) {
    match (reloaded.read_level)() {
        Ok(level) => {
            reloaded.log_level.set(level);
            // Not `level`: lines of JSON have one already.
            tracing::info!(log_level = %level, "read LOG_LEVEL anew");
        }
        Err(error) => tracing::error!(error = chain(&error), "the old level of the log stays in force"),
    }
}

fn lists(app: &App) {
    match app.limits.networks.reload() {
        Ok(()) => {
            let (allowed, denied) = app.limits.networks.sizes();
            tracing::info!(allowed, denied, "read the lists of networks anew");
        }
        Err(error) => tracing::error!(error = chain(&error), "the old lists of networks stay in force"),
    }
}
