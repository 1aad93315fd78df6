//! `portcullis audit`.

mod events;
mod export;
mod follow;
mod verify;

use clap::Subcommand;

use super::admin::with_admin;
use crate::audit::head::Head;
use crate::audit::verify::Heads;
use crate::config::Config;
use crate::setup::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check that the security log is what was sealed; exit 1 if anything was changed, added or deleted.
    Verify {
        /// A head that the log of the service published, as SEQ:HEX: it must be in the chain, or its end was cut off.
        #[arg(long)]
        head: Option<Head>,
        /// Check only what comes after this head, such as that of the last check before the key was another one.
        #[arg(long, value_name = "HEAD")]
        after: Option<Head>,
    },
    /// Show the newest events, oldest of them first.
    Tail {
        /// How many.
        #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(0..=10_000))]
        lines: i64,
        /// Go on with events as they happen, until interrupted.
        #[arg(short, long)]
        follow: bool,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Find events, newest first.
    Search {
        #[command(flatten)]
        filter: events::Filter,
        /// So many at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        limit: i64,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Write all events that match to standard output, newest first.
    Export {
        #[command(flatten)]
        filter: events::Filter,
        /// JSON lines, or CSV for spreadsheets.
        #[arg(long, value_enum, default_value_t = export::Format::Jsonl)]
        format: export::Format,
    },
}

pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    with_admin(config, async |admin| match command {
        Command::Verify { head, after } => verify::run(&admin, &Heads { after, expected: head }).await,
        Command::Tail { lines, follow, json } => follow::run(&admin, lines, follow, json).await,
        Command::Search { filter, limit, json } => {
            let printed = events::each(&admin, &filter, Some(limit), |event| {
                events::print(event, json);
                Ok(())
            });
            printed.await.map(drop)
        }
        Command::Export { filter, format } => export::run(&admin, &filter, format).await,
    })
    .await
}
