//! Who runs the server: PostgreSQL refuses to run as root.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use super::error::EmbeddedError;
use super::program;

const LIMIT: Duration = Duration::from_secs(10);

/// A user of the operating system, other than ours, to run the server as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub uid: u32,
    pub gid: u32,
}

impl Account {
    /// The user `postgres`, created if absent. Only root gets here.
    pub(super) async fn postgres() -> Result<Self, EmbeddedError> {
        if let Ok(account) = Self::look_up().await {
            return Ok(account);
        }
        // shadow-utils first (every large distribution), then busybox.
        for creation in [
            "useradd --system --user-group --no-create-home --shell /usr/sbin/nologin postgres",
            "adduser -S -D -H -s /sbin/nologin postgres",
        ] {
            let created = program::text(program::command("/bin/sh", None).args(["-c", creation]), LIMIT).await;
            if created.is_ok() {
                tracing::info!("created the system user `postgres` to run the database");
                return Self::look_up().await;
            }
        }
        Err(EmbeddedError::NoAccount)
    }

    async fn look_up() -> Result<Self, EmbeddedError> {
        let (uid, gid) = tokio::try_join!(id(&["-u", "postgres"]), id(&["-g", "postgres"]))?;
        match (uid.parse(), gid.parse()) {
            (Ok(uid), Ok(gid)) => Ok(Self { uid, gid }),
            _ => Err(EmbeddedError::NoAccount),
        }
    }

    pub(super) fn owner(metadata: &Metadata) -> Self {
        Self { uid: metadata.uid(), gid: metadata.gid() }
    }

    /// Whether this user may pass through a folder, by its mode alone: access lists can only be stricter.
    pub(super) fn may_enter(self, folder: &Metadata) -> bool {
        let bit = if folder.uid() == self.uid {
            0o100
        } else if folder.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        folder.mode() & bit != 0
    }
}

/// The user this process runs as.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub uid: u32,
    /// The name by which the server's peer authentication will know us.
    pub name: String,
}

impl Caller {
    pub(super) async fn current() -> Result<Self, EmbeddedError> {
        let (uid, name) = tokio::try_join!(id(&["-u"]), id(&["-un"]))?;
        let uid = uid.parse().map_err(|_| EmbeddedError::NoAccount)?;
        Ok(Self { uid, name })
    }

    pub(super) fn is_root(&self) -> bool {
        self.uid == 0
    }
}

/// The standard library knows no user ids without unsafe code; `id` is POSIX.
async fn id(arguments: &[&str]) -> Result<String, EmbeddedError> {
    program::text(program::command("id", None).args(arguments), LIMIT).await
}
