//! Why keys cannot be loaded, changed or used.

use crate::auth::seal::SealError;
use crate::db::DbError;

/// Signing keys could not be loaded, changed or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The operator's fault: this instance has another secret than the one that made the key.
    #[error(
        "the signing key {kid} cannot be decrypted: KEY_ENCRYPTION_KEY differs from the one it was encrypted with; \
         every instance on this database needs the same"
    )]
    Undecryptable {
        /// The key.
        kid: String,
        /// What the sealer says.
        #[source]
        source: SealError,
    },
    /// The row decrypts, but it holds no such key.
    #[error("the signing key {kid} in the database is damaged: retire it with `portcullis keys retire {kid}`")]
    Damaged {
        /// The key.
        kid: String,
    },
    /// The database did not answer or refused.
    #[error("the signing keys cannot be read or written")]
    Database(#[from] DbError),
    /// The caller's fault: there is no published key of that id.
    #[error("no published signing key has the id {0}")]
    UnknownKey(String),
    /// The operator's fault: `JWT_SECRET` is too short (RFC 7518 §3.2).
    #[error("JWT_SECRET must have at least 32 bytes")]
    ShortSecret,
    /// No key is published.
    #[error("there is no signing key")]
    NoKey,
    /// The cryptographic library or the JSON encoder failed.
    #[error("signing failed")]
    Crypto,
}
