//! Migrations: numbered files, compiled in, applied forward in one transaction under one lock.

use aws_lc_rs::digest;
use tokio_postgres::{Client, GenericClient};

/// One numbered file of `migrations/`.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number.
    pub version: i32,
    /// Its file name without number and ending.
    pub name: &'static str,
    /// Its text.
    pub sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal $file:literal),* $(,)?) => {
        &[$(Migration { version: $version, name: $name, sql: include_str!(concat!("../../migrations/", $file)) }),*]
    };
}

/// All migrations, in order.
pub const MIGRATIONS: &[Migration] = migrations![
    1 "users" "0001_users.sql",
    2 "sessions" "0002_sessions.sql",
    3 "signing_keys" "0003_signing_keys.sql",
    4 "audit_logs" "0004_audit_logs.sql",
    5 "mail_jobs" "0005_mail_jobs.sql",
    6 "one_time_tokens" "0006_one_time_tokens.sql",
    7 "audit_seals" "0007_audit_seals.sql",
    8 "retention" "0008_retention.sql",
    9 "login_defence" "0009_login_defence.sql",
    10 "audit_partitions" "0010_audit_partitions.sql",
    11 "address_marks" "0011_address_marks.sql",
    12 "sliding_counts" "0012_sliding_counts.sql",
    13 "audit_epochs" "0013_audit_epochs.sql",
    14 "password_kinds" "0014_password_kinds.sql",
];

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The database refused or went away; nothing was applied.
    #[error("the database refused a migration; nothing was applied: {}", describe(.0))]
    Database(#[from] tokio_postgres::Error),
    /// An applied file was edited afterwards.
    #[error(
        "migration {version} ({name}) was applied with another text: restore its file, and put the change into a new migration"
    )]
    Changed {
        /// Number of the file.
        version: i32,
        /// Name of the file.
        name: &'static str,
    },
}

/// tokio-postgres says only "db error" and leaves what happened to the source.
fn describe(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string)
}

/// Any two replicas that start at once take turns on this key; it is "portcul" in ASCII.
const LOCK: i64 = 0x70_6f_72_74_63_75_6c;

const CREATE_TABLE: &str = "create table if not exists schema_migrations \
    (version integer primary key, name text not null, checksum bytea not null, applied_at timestamptz not null default now())";

/// Applies what is pending, all or nothing, and tells which.
///
/// # Errors
/// [`MigrateError`]; the schema is then as it was before.
pub async fn migrate(client: &mut Client) -> Result<Vec<&'static Migration>, MigrateError> {
    let transaction = client.transaction().await?;
    // A replica that waits longer than this behind another one had better say so than wedge.
    transaction.batch_execute("set local lock_timeout = '60s'; set local statement_timeout = '15min'").await?;
    transaction.execute("select pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    transaction.batch_execute(CREATE_TABLE).await?;
    let pending = pending_in(&transaction).await?;
    for migration in &pending {
        transaction.batch_execute(migration.sql).await?;
        let row: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&migration.version, &migration.name, &checksum(migration)];
        transaction
            .execute("insert into schema_migrations (version, name, checksum) values ($1, $2, $3)", &row)
            .await?;
    }
    transaction.commit().await?;
    Ok(pending)
}

/// Tells what is not applied yet, and changes nothing.
///
/// # Errors
/// [`MigrateError`] when the database does not answer or an applied file was edited.
pub async fn pending(client: &impl GenericClient) -> Result<Vec<&'static Migration>, MigrateError> {
    let known: bool = client.query_one("select to_regclass('schema_migrations') is not null", &[]).await?.try_get(0)?;
    if known { pending_in(client).await } else { Ok(MIGRATIONS.iter().collect()) }
}

async fn pending_in(client: &impl GenericClient) -> Result<Vec<&'static Migration>, MigrateError> {
    let rows = client.query("select version, checksum from schema_migrations", &[]).await?;
    let mut pending = Vec::new();
    for migration in MIGRATIONS {
        match rows.iter().find(|row| row.get::<_, i32>(0) == migration.version) {
            None => pending.push(migration),
            Some(row) if row.get::<_, &[u8]>(1) == checksum(migration) => {}
            Some(_) => return Err(MigrateError::Changed { version: migration.version, name: migration.name }),
        }
    }
    Ok(pending)
}

fn checksum(migration: &Migration) -> Vec<u8> {
    digest::digest(&digest::SHA256, migration.sql.as_bytes()).as_ref().to_vec()
}
