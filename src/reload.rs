//! What SIGHUP reads anew: the lists of networks, the certificate of the listener, and the level of the log.
//!
//! Each is read by itself. What cannot be used is logged, and what was there before stays in force.

use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio::sync::watch;

use crate::error::chain;
use crate::server::tls::Certificates;
use crate::state::App;

/// Reads everything anew at each signal, until the service stops.
pub async fn on_hangup(
    mut hangup: Signal,
    app: Arc<App>,
    certificates: Option<Arc<Certificates>>,
    mut shutdown: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            signal = hangup.recv() => if signal.is_none() { return },
            _ = shutdown.wait_for(|stop| *stop) => return,
        }
        lists(&app);
        if let Some(certificates) = &certificates {
            match certificates.reload() {
                Ok(()) => tracing::info!("read TLS_CERT and TLS_KEY anew"),
                Err(error) => tracing::error!(error = chain(&error), "the old certificate stays in force"),
            }
        }
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
