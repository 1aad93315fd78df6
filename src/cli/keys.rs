//! `portcullis keys`.

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::json;

use super::admin::{Admin, with_admin};
use super::output::say;
use crate::audit::Event;
use crate::config::Config;
use crate::db::query;
use crate::db::signing_keys::{self, ListedKey};
use crate::setup::{self, Failure};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the signing keys: id, algorithm, state and times.
    List,
    /// Make a new key. It is published at once and signs when every cache of the key set has seen it; the old ones verify until the last
    /// of their tokens has expired.
    Rotate,
    /// Take a key away at once: its tokens are refused. For a key that leaked.
    Retire {
        /// Id of the key.
        // One in 64 ids begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    if config.tokens.jwt_secret.is_some() {
        return Err(
            "JWT_SECRET is set, so tokens are signed with it (HS256) and there are no keys to look after".into()
        );
    }
    with_admin(config, async |admin| match command {
        Command::List => list(&admin).await,
        Command::Rotate => rotate(&admin).await,
        Command::Retire { kid } => retire(&admin, &kid).await,
    })
    .await
}

async fn list(admin: &Admin) -> Result<(), Failure> {
    let now = admin.clock.now();
    let client = admin.database.get().await?;
    let keys = signing_keys::list(&client).await?;
    if keys.is_empty() {
        say("no keys yet: the first start of the service makes one");
    }
    for key in keys {
        say(&format!(
            "{}  {:<6} {:<10} created {}  signs from {}{}",
            key.kid,
            key.algorithm,
            state(&key, now),
            key.created_at,
            key.activates_at,
            key.retires_at.map(|at| format!("  verifies until {at}")).unwrap_or_default(),
        ));
    }
    Ok(())
}

fn state(key: &ListedKey, now: Timestamp) -> &'static str {
    if key.retired_at.is_some() || key.retires_at.is_some_and(|at| at <= now) {
        "retired"
    } else if key.activates_at > now {
        "published"
    } else if key.retires_at.is_some() {
        "verifying"
    } else {
        "signing"
    }
}

async fn rotate(admin: &Admin) -> Result<(), Failure> {
    let store = setup::key_store(&admin.config)?;
    let mut client = admin.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let kid = store.rotate(&transaction, admin.config.tokens.algorithm, admin.clock.now()).await?;
    admin.record(&transaction, &Event::anonymous("key.rotated").with(json!({ "kid": kid }))).await?;
    query::commit(transaction).await?;
    let ahead = crate::auth::keys::PUBLISH_AHEAD.as_secs();
    say(&format!("{kid} is published and signs in {ahead} s; `portcullis keys list` shows the others"));
    Ok(())
}

async fn retire(admin: &Admin, kid: &str) -> Result<(), Failure> {
    let store = setup::key_store(&admin.config)?;
    let mut client = admin.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    store.retire(&transaction, kid, admin.config.tokens.algorithm, admin.clock.now()).await?;
    admin.record(&transaction, &Event::anonymous("key.retired").with(json!({ "kid": kid }))).await?;
    query::commit(transaction).await?;
    say(&format!(
        "{kid} is retired: running instances refuse its tokens within {} s",
        crate::auth::keys::POLL_INTERVAL.as_secs()
    ));
    Ok(())
}
