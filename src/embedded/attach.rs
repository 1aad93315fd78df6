//! Finding the server that another process of ours runs on the same `DATA_DIR`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::NoTls;

use super::connection_config;

/// A server that takes longer is not there.
const LIMIT: Duration = Duration::from_secs(5);

/// How to connect to the private server of the process that holds `data_dir`; `None` if none takes connections, or if this user may not
/// look.
///
/// For command-line work beside a running service: two processes cannot both run the cluster, but both may talk to its server. Where the
/// socket is, the server's own pid file tells, in the folder that only its user may enter: a socket that somebody else put in the place
/// where ours would be is never tried.
pub async fn running(data_dir: &Path) -> Option<tokio_postgres::Config> {
    let pid_file = fs::read_to_string(data_dir.join("postgres/cluster/postmaster.pid")).ok()?;
    let config = connection_config(Path::new(pid_file.lines().nth(4)?));
    timeout(LIMIT, config.connect(NoTls)).await.ok()?.ok().map(|_| config)
}
