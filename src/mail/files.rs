//! Mails as files, for development: any mail program opens them.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use uuid::Uuid;

use super::Kind;
use super::transport::Failure;

/// A folder of `.eml` files.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder at this path, made if it is not there.
    pub(super) fn new(path: PathBuf) -> io::Result<Self> {
        make(&path)?;
        Ok(Self(path))
    }

    /// Writes a message, whole or not at all. The same job has the same file, so that a repetition replaces it.
    pub(super) async fn write(
        &self,
        kind: Kind,
        job: Uuid,
        created_at: Timestamp,
        message: Vec<u8>,
    ) -> Result<(), Failure> {
        let folder = self.0.clone();
        let name = format!("{}-{}-{job}.eml", created_at.strftime("%Y%m%dT%H%M%SZ"), kind.name());
        let path = folder.join(&name);
        let written = tokio::task::spawn_blocking(move || write(&folder, &name, &message)).await;
        match written.map_err(io::Error::other).and_then(|result| result) {
            Ok(()) => {
                // The path, and not the link: logs are read by more people than mails.
                tracing::info!(path = %path.display(), kind = kind.name(), "wrote a mail");
                Ok(())
            }
            Err(error) => Err(Failure::Unreachable(format!("file: {}", error.kind()))),
        }
    }
}

/// Makes the folder and keeps everybody else out: the links in mails open accounts.
fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if fs::metadata(folder)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, message: &[u8]) -> io::Result<()> {
    make(folder)?;
    let unfinished = folder.join(format!(".{name}.unfinished"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(message)?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(name))?;
    File::open(folder)?.sync_all()
}
