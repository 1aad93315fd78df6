//! One process per `DATA_DIR`.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::error::{EmbeddedError, IoContext};

/// An exclusive lock on `DATA_DIR`, held by an open file whose text is our process id.
///
/// The operating system drops it with the process, however that ends: there is no stale lock to clean up.
#[derive(Debug)]
pub(super) struct DataDirLock {
    _file: File,
}

impl DataDirLock {
    /// Takes the lock, or tells who has it.
    pub(super) fn take(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let path = data_dir.join("portcullis.lock");
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).context("open", &path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Unreadable text only costs the name of the holder.
                let holder = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(EmbeddedError::InUse { path: data_dir.to_path_buf(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(source).context("lock", &path),
        }
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()))
            .context("write", &path)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_holds_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let held = DataDirLock::take(folder.path()).unwrap();

        let refusal = DataDirLock::take(folder.path()).unwrap_err().to_string();
        assert!(refusal.contains(&format!("in use by process {}", std::process::id())), "{refusal}");

        drop(held);
        // A child that another test is forking right now has a copy of the open file until its exec.
        let taken_again = (0..500).find_map(|_| {
            let taken = DataDirLock::take(folder.path()).ok();
            if taken.is_none() {
                std::thread::park_timeout(std::time::Duration::from_millis(10));
            }
            taken
        });
        assert!(taken_again.is_some(), "the lock outlived its holder");
    }
}
