//! Finding the server that another process of ours runs on the same `DATA_DIR`.

use std::path::Path;

use super::{account::Caller, connection_config, fingerprint, sockets};

/// How to connect to the private server of the process that holds `data_dir`; `None` if none takes connections.
///
/// For command-line work beside a running service: two processes cannot both run the cluster, but both may talk to its server.
pub async fn running(data_dir: &Path) -> Option<tokio_postgres::Config> {
    let data_dir = std::fs::canonicalize(data_dir).ok()?;
    let caller = Caller::current().await.ok()?;
    let name = format!("portcullis-{}", fingerprint(&data_dir));
    for parent in sockets::parents(&caller) {
        let config = connection_config(&parent.join(&name));
        if let Ok((_, connection)) = config.connect(tokio_postgres::NoTls).await {
            drop(connection);
            return Some(config);
        }
    }
    None
}
