//! What `portcullis limits clear` clears reaches every instance.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::target::{Target, addresses};
use crate::db::notices::Notices;
use crate::error::chain;
use crate::state::App;

/// The pause before another attempt to listen.
const PAUSE: Duration = Duration::from_secs(5);

/// Listens for as long as the service runs. What is cleared while the connection is lost stays in the memory of this process until its
/// time is over: nobody gets more than the limits for that.
pub async fn heed(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    tokio::select! {
        () = forever(&app) => {}
        _ = shutdown.wait_for(|stop| *stop) => {}
    }
}

async fn forever(app: &App) {
    let mut is_lost = false;
    loop {
        let lost = match Notices::listen(&app.database).await {
            Ok(notices) => {
                if std::mem::take(&mut is_lost) {
                    tracing::info!("heard again of limits that are cleared");
                }
                listen(app, notices).await;
                "the connection was lost".to_owned()
            }
            Err(error) => chain(&error),
        };
        if !std::mem::replace(&mut is_lost, true) {
            tracing::warn!(error = lost, "not told of limits that are cleared; trying again");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen(app: &App, mut notices: Notices) {
    while let Some(notice) = notices.next().await {
        match serde_json::from_str::<Target>(&notice) {
            Ok(target) => clear(app, &target),
            Err(error) => tracing::warn!(%error, "a notice about limits was not understood"),
        }
    }
}

fn clear(app: &App, target: &Target) {
    app.limits.forget(target);
    for address in target.whole_network().into_iter().flat_map(addresses) {
        app.defence.forget(address);
    }
    tracing::info!("limits were cleared by an operator");
}
