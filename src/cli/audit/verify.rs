//! `portcullis audit verify`.

use std::time::Duration;

use indicatif::ProgressBar;

use crate::audit::seal::SealKey;
use crate::audit::verify::{Heads, verify};
use crate::cli::admin::Admin;
use crate::cli::output::{complain, say};
use crate::setup::{self, Failure};

pub(super) async fn run(admin: &Admin, heads: &Heads) -> Result<(), Failure> {
    let key = SealKey::new(&*setup::server_secret(&admin.config)?)?;
    let client = admin.database.get().await?;
    // Draws on a terminal only.
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    let report =
        verify(&client, &key, heads, |so_far| bar.set_message(format!("{} rows checked", so_far.rows))).await?;
    bar.finish_and_clear();
    for fault in &report.faults {
        complain(&fault.to_string());
    }
    let what = format!("{} rows under {} seals", report.rows, report.seals);
    if !report.faults.is_empty() {
        let cause = if report.may_be_another_key() {
            "the security log was tampered with, or sealed with another key: what was sealed before KEY_ENCRYPTION_KEY changed \
             verifies only with the former one, and what comes after it with --after"
        } else {
            "the security log was tampered with"
        };
        return Err(format!("{} faults in {what}: {cause}", report.faults.len()).into());
    }
    say(&format!("{what}: nothing was changed, added or deleted"));
    match report.head {
        Some(head) => say(&format!("head {head}")),
        None => say("nothing has been sealed yet: a running service seals what is older than a few seconds"),
    }
    Ok(())
}
