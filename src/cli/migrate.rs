//! `portcullis migrate`.

use super::admin::with_server;
use super::output::say;
use crate::config::Config;
use crate::db::{migrate, pool};
use crate::setup::{self, Failure};

/// Applies what is pending, or with `check` only tells, failing if there is anything.
pub(super) async fn run(config: Config, check: bool) -> Result<(), Failure> {
    with_server(&config, async |server| {
        if !check {
            let applied = setup::migrate(&config, &server).await?;
            for migration in &applied {
                say(&format!("applied {:04} {}", migration.version, migration.name));
            }
            if applied.is_empty() {
                say("nothing to do: the schema is up to date");
            }
            return Ok(());
        }
        let direct = config.database.direct.as_ref().unwrap_or(&server);
        let client = pool::connect(direct, config.database.ssl_mode).await?;
        let pending = migrate::pending(&client).await?;
        if pending.is_empty() {
            say("the schema is up to date");
            return Ok(());
        }
        for migration in &pending {
            say(&format!("pending {:04} {}", migration.version, migration.name));
        }
        Err(format!("{} migration(s) are pending: run `portcullis migrate`", pending.len()).into())
    })
    .await
}
