//! Everything that is written down about accounts, to see that a request left no trace.

use super::Database;

/// Tables whose every row counts, and the security log without the counts of refused requests.
const LEDGERS: [&str; 7] = [
    "users",
    "pending_registrations",
    "email_changes",
    // What becomes of a mail is the worker's.
    "(select id, kind from mail_jobs)",
    "sessions",
    "refresh_tokens",
    "(select * from audit_logs where event_type not in ('token.refused', 'request.refused', 'request.shed'))",
];

impl Database {
    /// Number and digest of the rows of each table that tells of accounts.
    pub(crate) async fn account_data(&self) -> Vec<(i64, Option<String>)> {
        let client = self.connect().await;
        let mut ledgers = Vec::new();
        for table in LEDGERS {
            let sql = format!("select count(*), md5(string_agg(t::text, ',' order by t::text)) from {table} t");
            let row = client.query_one(&sql, &[]).await.unwrap();
            ledgers.push((row.get(0), row.get(1)));
        }
        ledgers
    }
}
