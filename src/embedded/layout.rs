//! Where the server's files live.
//!
//! `DATA_DIR/postgres` holds the cluster and the server's log, in a folder of mode 0700 that belongs to the user who
//! runs the server. As root that is another user, who may be unable to pass through the folders above `DATA_DIR`
//! (`/root` is 0700): then `DATA_DIR/postgres` is a symbolic link to a folder under `/var/lib/portcullis`.

use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::account::{Account, Caller};
use super::error::{EmbeddedError, IoContext};
use super::fingerprint;

const OUTSIDE: &str = "/var/lib/portcullis";

/// Creates `DATA_DIR` if absent, and resolves it.
///
/// Root's may be passed through, but not listed, so that the user who runs the server gets to the cluster below it.
pub(super) fn create_data_dir(data_dir: &Path, caller: &Caller) -> Result<PathBuf, EmbeddedError> {
    let mode = if caller.is_root() { 0o711 } else { 0o700 };
    fs::DirBuilder::new().recursive(true).mode(mode).create(data_dir).context("create", data_dir)?;
    fs::canonicalize(data_dir).context("resolve", data_dir)
}

/// The folder that holds everything of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    home: PathBuf,
}

impl Layout {
    /// Finds the server's folder, or makes one, and settles who runs the server: `None` is ourselves.
    pub(super) async fn settle(data_dir: &Path, caller: &Caller) -> Result<(Self, Option<Account>), EmbeddedError> {
        let home = data_dir.join("postgres");
        let existing = Self { home: fs::canonicalize(&home).unwrap_or_else(|_| home.clone()) };
        let owner = match fs::metadata(existing.cluster()) {
            Ok(metadata) => Some(Account::owner(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // Without passage into the folder its own metadata still tell whose it is.
            Err(source) => match fs::metadata(&existing.home) {
                Ok(metadata) => Some(Account::owner(&metadata)),
                Err(_) => return Err(source).context("read", &existing.home),
            },
        };
        match owner {
            Some(owner) => existing.reopen(owner, caller),
            None => Self::create(data_dir, home, caller).await,
        }
    }

    fn reopen(self, owner: Account, caller: &Caller) -> Result<(Self, Option<Account>), EmbeddedError> {
        if owner.uid == caller.uid && !caller.is_root() {
            return Ok((self, None));
        }
        if !caller.is_root() || owner.uid == 0 {
            return Err(EmbeddedError::ForeignCluster { path: self.cluster(), owner: owner.uid });
        }
        match closed_to(&self.home, owner) {
            Some(path) => Err(EmbeddedError::OutOfReach { path, uid: owner.uid }),
            None => Ok((self, Some(owner))),
        }
    }

    async fn create(data_dir: &Path, home: PathBuf, caller: &Caller) -> Result<(Self, Option<Account>), EmbeddedError> {
        if !caller.is_root() {
            create_private(&home, None)?;
            return Ok((Self { home }, None));
        }
        let account = Account::postgres().await?;
        let home = match closed_to(data_dir, account) {
            None => home,
            Some(closed) => link_outside(data_dir, &home, &closed)?,
        };
        create_private(&home, Some(account))?;
        Ok((Self { home }, Some(account)))
    }

    /// PostgreSQL's data directory.
    pub(super) fn cluster(&self) -> PathBuf {
        self.home.join("cluster")
    }

    /// Where `initdb` works, so that an interrupted one leaves no half a cluster.
    pub(super) fn unfinished_cluster(&self) -> PathBuf {
        self.home.join("cluster.new")
    }

    /// What the server writes to its standard error.
    pub(super) fn log(&self) -> PathBuf {
        self.home.join("server.log")
    }
}

/// The first folder, from the root down to `folder` itself, that the user may not pass through.
fn closed_to(folder: &Path, account: Account) -> Option<PathBuf> {
    let mut ancestors: Vec<&Path> = folder.ancestors().collect();
    ancestors.reverse();
    ancestors
        .into_iter()
        .find(|ancestor| fs::metadata(ancestor).is_ok_and(|metadata| !account.may_enter(&metadata)))
        .map(Path::to_path_buf)
}

/// Picks an unused folder outside of `DATA_DIR` and leaves a link to it at `home`.
fn link_outside(data_dir: &Path, home: &Path, closed: &Path) -> Result<PathBuf, EmbeddedError> {
    fs::DirBuilder::new().recursive(true).mode(0o711).create(OUTSIDE).context("create", OUTSIDE)?;
    let name = fingerprint(data_dir);
    let outside = (0_u32..)
        .map(|n| if n == 0 { name.clone() } else { format!("{name}-{n}") })
        .map(|name| Path::new(OUTSIDE).join(name))
        .find(|candidate| {
            let used = candidate.join("cluster").exists();
            if used {
                let path = candidate.display();
                tracing::warn!(%path, "an earlier DATA_DIR left its database here: remove it if unwanted");
            }
            !used
        })
        .unwrap_or_else(|| Path::new(OUTSIDE).join(&name));
    match symlink(&outside, home) {
        // A link left by an interrupted start, or an empty folder, which says nothing.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(home).or_else(|_| fs::remove_dir(home)).context("replace", home)?;
            symlink(&outside, home).context("create", home)?;
        }
        linked => linked.context("create", home)?,
    }
    tracing::info!(
        path = %outside.display(),
        closed = %closed.display(),
        "the database lives outside of DATA_DIR: the user `postgres` cannot pass through a folder above it"
    );
    Ok(outside)
}

/// Makes a folder that only its owner may enter, and hands it to `account`.
pub(super) fn create_private(folder: &Path, account: Option<Account>) -> Result<(), EmbeddedError> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error).context("create", folder),
        _ => {}
    }
    hand_over(folder, account)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).context("protect", folder)
}

/// Gives a file or folder of ours to the user that runs the server.
pub(super) fn hand_over(path: &Path, account: Option<Account>) -> Result<(), EmbeddedError> {
    let Some(Account { uid, gid }) = account else { return Ok(()) };
    let owner = fs::metadata(path).context("read", path)?;
    if (owner.uid(), owner.gid()) == (uid, gid) {
        return Ok(());
    }
    chown(path, Some(uid), Some(gid)).context("hand over", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_closed_to_others_is_found_wherever_it_stands() {
        let base = tempfile::tempdir().unwrap();
        let closed = base.path().join("closed");
        let inner = closed.join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let stranger = Account { uid: u32::MAX - 1, gid: u32::MAX - 1 };
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o755)).unwrap();

        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(closed_to(&inner, stranger), Some(closed.clone()));

        fs::set_permissions(&closed, fs::Permissions::from_mode(0o711)).unwrap();
        assert_eq!(closed_to(&inner, stranger), None);
    }

    #[test]
    fn the_mode_that_counts_is_that_of_the_closest_relation() {
        let folder = tempfile::tempdir().unwrap();
        let owner = Account::owner(&fs::metadata(folder.path()).unwrap());
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o611)).unwrap();
        let metadata = fs::metadata(folder.path()).unwrap();

        assert!(!owner.may_enter(&metadata), "the owner's own bit is off");
        assert!(Account { uid: owner.uid + 1, ..owner }.may_enter(&metadata));
        assert!(Account { uid: owner.uid + 1, gid: owner.gid + 1 }.may_enter(&metadata));
    }
}
