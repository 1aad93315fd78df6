//! No table: what the server says about itself.

use super::catalog::queries;
use super::{DbError, Query};

/// What a server is, and when it thinks it is.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its version as people write it, such as `17.6 (Debian 17.6-1)`.
    pub version: String,
    /// Its version as a number: ten thousand for each major version.
    pub version_number: i32,
    /// The time of its clock, in seconds since 1970.
    pub seconds: f64,
}

/// Version and clock of the server.
pub const DESCRIBE: &str = "select current_setting('server_version') as version, \
     current_setting('server_version_num')::int as version_number, \
     extract(epoch from clock_timestamp())::float8 as seconds";

/// What the server says about itself. Any connection will do: it needs neither our schema nor the pool.
///
/// # Errors
/// When the database does not answer.
pub async fn describe(client: &tokio_postgres::Client) -> Result<Server, DbError> {
    let row = client.query_one(DESCRIBE, &[]).await?;
    Ok(Server {
        version: row.try_get("version")?,
        version_number: row.try_get("version_number")?,
        seconds: row.try_get("seconds")?,
    })
}

/// The queries of this file.
pub const QUERIES: &[Query] = queries![DESCRIBE];
