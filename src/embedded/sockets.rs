//! The folder of the server's socket: private, and with a path short enough for one.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::account::{Account, Caller};
use super::error::EmbeddedError;
use super::{fingerprint, layout};

/// The port only names the socket: nothing listens on TCP.
pub(super) const PORT: u16 = 5432;

/// A socket's path may have 107 bytes on Linux, 103 on macOS; the server's lock file beside it adds a few.
const LONGEST: usize = 95;

/// The folder, removed on drop if the server has left it clean.
#[derive(Debug)]
pub(super) struct SocketFolder {
    path: PathBuf,
}

impl SocketFolder {
    /// Makes the folder in the first fit place: the runtime directory, else the temporary one.
    ///
    /// Not in `DATA_DIR`: its path may be too long, and not every file system can hold sockets.
    pub(super) fn create(data_dir: &Path, caller: &Caller, account: Option<Account>) -> Result<Self, EmbeddedError> {
        let name = format!("portcullis-{}", fingerprint(data_dir));
        let mut refused = Vec::new();
        for parent in parents(caller) {
            let path = parent.join(&name);
            match try_folder(&path, caller, account) {
                Ok(()) => return Ok(Self { path }),
                Err(why) => refused.push(format!("{} {why}", path.display())),
            }
        }
        Err(EmbeddedError::NoSocketFolder { refused })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file with the id of the server that holds the socket.
    pub(super) fn lock_file(&self) -> PathBuf {
        socket(&self.path).with_extension(format!("{PORT}.lock"))
    }
}

impl Drop for SocketFolder {
    fn drop(&mut self) {
        drop(fs::remove_dir(&self.path));
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

#[expect(clippy::disallowed_methods, reason = "the runtime directory belongs to the log-in session")]
fn parents(caller: &Caller) -> Vec<PathBuf> {
    let runtime = if caller.is_root() {
        // A runtime directory that came through sudo belongs to somebody else.
        Some(PathBuf::from("/run"))
    } else {
        env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute())
    };
    runtime.into_iter().chain([env::temp_dir(), PathBuf::from("/tmp")]).collect()
}

/// The temporary directory is everybody's: a folder that already stands there must be ours, and not a link.
fn try_folder(folder: &Path, caller: &Caller, account: Option<Account>) -> Result<(), String> {
    if socket(folder).as_os_str().as_bytes().len() > LONGEST {
        return Err("is too long a path".to_owned());
    }
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = fs::symlink_metadata(folder).map_err(|error| format!("cannot be read ({error})"))?;
            let expected = account.map_or(caller.uid, |account| account.uid);
            if !found.is_dir() || (found.uid() != expected && found.uid() != caller.uid) {
                return Err("exists and is not ours".to_owned());
            }
        }
        Err(error) => return Err(format!("cannot be created ({error})")),
    }
    layout::create_private(folder, account).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ourselves() -> Caller {
        let uid = fs::metadata(tempfile::tempdir().unwrap()).unwrap().uid();
        Caller { uid, name: "us".to_owned() }
    }

    #[test]
    fn the_folder_is_private_and_may_be_made_twice() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("s");
        for _ in 0..2 {
            try_folder(&folder, &ourselves(), None).unwrap();
            assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn a_link_in_its_place_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("s");
        std::os::unix::fs::symlink(parent.path(), &folder).unwrap();
        assert_eq!(try_folder(&folder, &ourselves(), None).unwrap_err(), "exists and is not ours");
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_refused() {
        let folder = env::temp_dir().join("x".repeat(100));
        assert_eq!(try_folder(&folder, &ourselves(), None).unwrap_err(), "is too long a path");
        assert!(!folder.exists());
    }
}
