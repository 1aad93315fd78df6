//! `portcullis user export`.

use std::io::{BufWriter, ErrorKind, Write};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::PAGE;
use crate::audit::Event;
use crate::cli::admin::Admin;
use crate::db::user_imports;
use crate::db::users::User;
use crate::setup::Failure;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Include the password hashes, so that people keep their passwords. Treat the output like the database itself.
    #[arg(long)]
    with_hashes: bool,
}

/// A line.
#[derive(Debug, Serialize)]
struct Line {
    id: Uuid,
    email: String,
    first_name: String,
    last_name: String,
    is_email_verified: bool,
    is_active: bool,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<String>,
}

impl Line {
    fn new(user: User, password_hash: Option<String>) -> Self {
        let User { id, email, first_name, last_name, is_email_verified, is_active, created_at, .. } = user;
        Self { id, email, first_name, last_name, is_email_verified, is_active, created_at, password_hash }
    }
}

/// Prints one JSON object a line, oldest account first.
pub(super) async fn run(admin: &Admin, arguments: &Arguments) -> Result<(), Failure> {
    {
        let client = admin.database.get().await?;
        let event = Event::anonymous("users.exported").with(json!({ "with_hashes": arguments.with_hashes }));
        admin.record(&client, &event).await?;
    }
    let mut after = (Timestamp::UNIX_EPOCH, Uuid::nil());
    loop {
        let page = {
            let client = admin.database.get().await?;
            user_imports::export(&client, after, PAGE).await?
        };
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = (last.created_at, last.id);
        let lines = page.into_iter().map(|(user, hash)| {
            // An account without a password is imported as one.
            Line::new(user, (arguments.with_hashes && !hash.is_empty()).then_some(hash))
        });
        match print(lines) {
            // A reader that went away has seen what it wanted to see.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            printed => printed?,
        }
    }
}

fn print(lines: impl Iterator<Item = Line>) -> std::io::Result<()> {
    let mut output = BufWriter::new(std::io::stdout().lock());
    for line in lines {
        serde_json::to_writer(&mut output, &line)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}
