//! The list of all queries, each under the name that metrics know it by.

/// A query: one of the constants of a file of this folder.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// Path of the module that holds it.
    module: &'static str,
    /// The constant.
    constant: &'static str,
    /// The statement.
    pub sql: &'static str,
}

impl Query {
    /// Made by `queries!` alone, so that name and statement belong together.
    pub(super) const fn new(module: &'static str, constant: &'static str, sql: &'static str) -> Self {
        Self { module, constant, sql }
    }

    /// The file that it stands in, which is the table.
    #[must_use]
    pub fn table(&self) -> &'static str {
        self.module.rsplit("::").next().unwrap_or(self.module)
    }

    /// What metrics call it: `users.find`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.table(), self.constant.to_ascii_lowercase())
    }
}

/// A list of [`Query`]: the constants of a file, by their names.
macro_rules! queries {
    ($($constant:ident),* $(,)?) => {
        &[$($crate::db::Query::new(module_path!(), stringify!($constant), $constant)),*]
    };
}
pub(super) use queries;

/// The queries of every file.
pub const TABLES: &[&[Query]] = &[
    super::audit_logs::QUERIES,
    super::audit_seals::QUERIES,
    super::devices::QUERIES,
    super::email_changes::QUERIES,
    super::email_tokens::QUERIES,
    super::export::QUERIES,
    super::login_attempts::QUERIES,
    super::mail_jobs::QUERIES,
    super::notices::QUERIES,
    super::password_reset_tokens::QUERIES,
    super::pending_registrations::QUERIES,
    super::refresh_tokens::QUERIES,
    super::retention::QUERIES,
    super::server::QUERIES,
    super::sessions::QUERIES,
    super::signing_keys::QUERIES,
    super::user_imports::QUERIES,
    super::users::QUERIES,
];
