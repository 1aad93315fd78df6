//! `portcullis audit export`.

use std::io::{BufWriter, Write};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::ProgressBar;

use super::events::{self, Filter};
use crate::audit::Event;
use crate::cli::admin::Admin;
use crate::db::audit_logs::AuditLog;
use crate::setup::Failure;

/// The columns of the table.
const COLUMNS: [&str; 10] = [
    "id",
    "created_at",
    "event_type",
    "success",
    "user_id",
    "ip_address",
    "user_agent",
    "session_id",
    "request_id",
    "details",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values with a header line (RFC 4180).
    Csv,
}

pub(super) async fn run(admin: &Admin, filter: &Filter, format: Format) -> Result<(), Failure> {
    filter.check()?;
    {
        let client = admin.database.get().await?;
        admin.record(&client, &Event::anonymous("audit.exported").with(filter.described(admin.clock.now())?)).await?;
    }
    // Draws on a terminal only.
    let bar = ProgressBar::new_spinner().with_message("events exported");
    bar.enable_steady_tick(Duration::from_millis(200));
    let output = BufWriter::new(std::io::stdout().lock());
    let exported = match format {
        Format::Jsonl => write_lines(admin, filter, output, &bar).await,
        Format::Csv => write_table(admin, filter, output, &bar).await,
    };
    bar.finish_and_clear();
    exported
}

async fn write_lines(admin: &Admin, filter: &Filter, mut output: impl Write, bar: &ProgressBar) -> Result<(), Failure> {
    events::each(admin, filter, None, |event| {
        bar.inc(1);
        Ok(writeln!(output, "{}", events::as_json(event))?)
    })
    .await?;
    Ok(output.flush()?)
}

async fn write_table(admin: &Admin, filter: &Filter, output: impl Write, bar: &ProgressBar) -> Result<(), Failure> {
    let mut table = csv::Writer::from_writer(output);
    table.write_record(COLUMNS)?;
    events::each(admin, filter, None, |event| {
        bar.inc(1);
        Ok(table.write_record(record(event))?)
    })
    .await?;
    Ok(table.flush()?)
}

fn record(event: &AuditLog) -> [String; COLUMNS.len()] {
    fn text(value: Option<impl ToString>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    [
        event.id.to_string(),
        event.created_at.to_string(),
        event.event_type.clone(),
        event.success.to_string(),
        text(event.user_id),
        text(event.ip_address),
        inert(text(event.user_agent.as_deref())),
        text(event.session_id),
        inert(text(event.request_id.as_deref())),
        inert(event.details.to_string()),
    ]
}

/// Strangers choose these texts, and a spreadsheet takes some beginnings for a formula (OWASP: CSV injection).
fn inert(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::inert;

    #[test]
    fn a_text_that_a_spreadsheet_would_run_is_made_inert() {
        assert_eq!(inert("=cmd|' /C calc'!A0".into()), "'=cmd|' /C calc'!A0");
        assert_eq!(inert("Mozilla/5.0".into()), "Mozilla/5.0");
    }
}
