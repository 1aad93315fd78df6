//! What can go wrong with the private server, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use super::binaries::OLDEST_MAJOR;

/// Why the private PostgreSQL server could not be started, kept or stopped.
///
/// Every message ends in what to do next; the cause, where there is one, is the error's `source`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}; give this user access to it or set another DATA_DIR", path.display())]
    Io {
        /// What was tried, as a verb: "create", "read".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// Another process holds the lock on `DATA_DIR`.
    #[error(
        "{} is in use by {}; stop that process, or give this one a DATA_DIR of its own",
        path.display(),
        holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
    )]
    InUse {
        /// The folder both want.
        path: PathBuf,
        /// The process that has it, if it wrote its id down.
        holder: Option<u32>,
    },

    /// No PostgreSQL server programs were found, or only too old ones.
    #[error("{}; {INSTALL_HINT}", describe_found(found))]
    NotInstalled {
        /// The major versions that were found, all too old.
        found: Vec<u32>,
    },

    /// The cluster was made by a major version of PostgreSQL that is not installed here.
    #[error(
        "{} was made by PostgreSQL {wanted}, and only {} is installed; install the server of version {wanted} beside \
         it, or upgrade the folder with `pg_upgrade`, or dump the database with version {wanted} and restore it into \
         a fresh DATA_DIR",
        path.display(),
        list(found)
    )]
    OtherMajor {
        /// The cluster's folder.
        path: PathBuf,
        /// The major version that made it.
        wanted: u32,
        /// The major versions installed here.
        found: Vec<u32>,
    },

    /// The cluster belongs to a user that this process can neither be nor become.
    #[error(
        "{} belongs to user id {owner}; run as that user or as root, or set another DATA_DIR",
        path.display()
    )]
    ForeignCluster {
        /// The cluster's folder.
        path: PathBuf,
        /// The user id that owns it.
        owner: u32,
    },

    /// The cluster exists, but the user that runs the server cannot pass through a folder above it.
    #[error(
        "user id {uid}, which runs the database, cannot pass through {}; allow it with `chmod o+x {}`, or move \
         DATA_DIR",
        path.display(),
        path.display()
    )]
    OutOfReach {
        /// The folder that is closed to that user.
        path: PathBuf,
        /// The user id.
        uid: u32,
    },

    /// No folder is fit to hold the server's socket.
    #[error(
        "no folder for the database socket: {}; set XDG_RUNTIME_DIR to a folder of your own with a short path",
        refused.join(", ")
    )]
    NoSocketFolder {
        /// Each folder that was considered, with why it was refused.
        refused: Vec<String>,
    },

    /// PostgreSQL refuses to run as root, and there is no ordinary user to run it as.
    #[error(
        "cannot create the user `postgres`, which runs the database; create it with `useradd --system postgres`, or \
         run as an ordinary user"
    )]
    NoAccount,

    /// A program could not be started.
    #[error("cannot run {}; check that it is installed and executable", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// A program took longer than it may.
    #[error("{} did not finish within {} s; check the disk and the machine's load", program.display(), limit.as_secs())]
    TooSlow {
        /// The program.
        program: PathBuf,
        /// How long it was given.
        limit: Duration,
    },

    /// A program reported a failure.
    #[error("{} failed ({status}): {}; mend what it names and start again", program.display(), output.trim())]
    Failed {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        output: String,
    },

    /// The server did not come up.
    #[error("the database did not come up: {}; the whole log is {}", log_tail.trim(), log.display())]
    NotReady {
        /// The server's log.
        log: PathBuf,
        /// What this start wrote there.
        log_tail: String,
    },

    /// The server did not stop and had to be killed. Its next start recovers from its write-ahead log.
    #[error("the database did not stop in time and was killed; its next start recovers what was committed")]
    Killed,

    /// The server refused to create our role or database.
    #[error("cannot prepare the database `portcullis` in the private server; its log says why")]
    Database(#[from] tokio_postgres::Error),
}

const INSTALL_HINT: &str = "install the server of version 15 or newer, or set DATABASE_URL:
  Debian, Ubuntu: mkdir -p /etc/postgresql-common/createcluster.d && \
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/portcullis.conf && \
apt-get install postgresql
  Fedora: dnf install postgresql-server
  macOS: brew install postgresql@17
or let `make run` do it";

fn describe_found(found: &[u32]) -> String {
    if found.is_empty() {
        "no PostgreSQL server programs (postgres, initdb) were found".to_owned()
    } else {
        format!("PostgreSQL {} is too old: version {OLDEST_MAJOR} is the oldest that will do", list(found))
    }
}

fn list(majors: &[u32]) -> String {
    if majors.is_empty() {
        return "none".to_owned();
    }
    majors.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

/// Adds to an I/O error what was being done to which file.
pub(super) trait IoContext<T> {
    fn context(self, action: &'static str, path: impl Into<PathBuf>) -> Result<T, EmbeddedError>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(self, action: &'static str, path: impl Into<PathBuf>) -> Result<T, EmbeddedError> {
        self.map_err(|source| EmbeddedError::Io { action, path: path.into(), source })
    }
}
