//! Every query of the service is one that PostgreSQL takes, with the schema as the migrations leave it.

use portcullis::db::{
    audit_logs, audit_seals, devices, email_changes, email_tokens, export, login_attempts, mail_jobs, password_reset_tokens, pending_registrations, refresh_tokens, retention,
    sessions, signing_keys, user_imports, users,
};

use crate::support::fresh_database;

const TABLES: &[(&str, &[&str])] = &[
    ("audit_logs", audit_logs::QUERIES),
    ("audit_seals", audit_seals::QUERIES),
    ("devices", devices::QUERIES),
    ("email_changes", email_changes::QUERIES),
    ("email_tokens", email_tokens::QUERIES),
    ("export", export::QUERIES),
    ("login_attempts", login_attempts::QUERIES),
    ("mail_jobs", mail_jobs::QUERIES),
    ("password_reset_tokens", password_reset_tokens::QUERIES),
    ("pending_registrations", pending_registrations::QUERIES),
    ("refresh_tokens", refresh_tokens::QUERIES),
    ("retention", retention::QUERIES),
    ("sessions", sessions::QUERIES),
    ("signing_keys", signing_keys::QUERIES),
    ("user_imports", user_imports::QUERIES),
    ("users", users::QUERIES),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_query_can_be_prepared_on_a_freshly_migrated_database() {
    let client = fresh_database().await.connect().await;
    for (table, queries) in TABLES {
        assert!(!queries.is_empty(), "{table}");
        for sql in *queries {
            let statement = client.prepare(sql).await.unwrap_or_else(|error| panic!("{table}: {error:?}\n{sql}"));
            for column in statement.columns() {
                assert_ne!(column.name(), "?column?", "a column without a name in {table}:\n{sql}");
            }
        }
    }
}

#[test]
fn every_file_with_queries_is_in_the_list_above() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/db")).unwrap();
    let mut files: Vec<_> = folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| std::fs::read_to_string(path).unwrap().contains("pub const QUERIES"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    assert_eq!(files, TABLES.iter().map(|(table, _)| *table).collect::<Vec<_>>());
}
