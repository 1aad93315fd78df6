//! Mails as files, for development: any mail program opens them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use uuid::Uuid;

use super::Kind;
use super::transport::Failure;

/// A folder of `.eml` files.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
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

fn write(folder: &Path, name: &str, message: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = folder.join(format!(".{name}.unfinished"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(message)?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(name))?;
    File::open(folder)?.sync_all()
}
