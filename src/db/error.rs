//! What can go wrong between us and PostgreSQL, sorted by what the caller should do.

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

/// A query that did not give its answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// The database cannot be reached or is too busy: the same request may work later.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database answered, and the answer is an error: ours, unless it is a constraint that the caller expects.
    #[error("the database refused a query")]
    Query(#[source] tokio_postgres::Error),
}

impl DbError {
    /// Whether this is a violation of the constraint `name`.
    #[must_use]
    pub fn violates(&self, name: &str) -> bool {
        match self {
            Self::Query(error) => error.as_db_error().and_then(|error| error.constraint()) == Some(name),
            Self::Unavailable(_) => false,
        }
    }

    /// No answer within the time that a request can wait.
    pub(super) fn timed_out() -> Self {
        Self::Unavailable("no answer in time".into())
    }
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            None => Self::Unavailable(Box::new(error)),
            Some(code) if is_transient(code) => Self::Unavailable(Box::new(error)),
            Some(_) => Self::Query(error),
        }
    }
}

impl From<PoolError> for DbError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Unavailable(Box::new(error)),
            other => Self::Unavailable(Box::new(other)),
        }
    }
}

/// Connection trouble (08), lack of resources (53), shutdown and cancellation (57), deadlock and serialisation (40), a read-only standby
/// after a failover (25006).
fn is_transient(code: &SqlState) -> bool {
    ["08", "53", "57", "40"].iter().any(|class| code.code().starts_with(class))
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
}
