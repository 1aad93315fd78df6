//! The server process: started, watched until it is ready, stopped.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::account::Account;
use super::binaries::Binaries;
use super::error::{EmbeddedError, IoContext};
use super::layout::Layout;
use super::process::{self, Holder, Shutdown};
use super::program;
use super::sockets::{PORT, SocketFolder};

/// Includes the recovery after a crash.
const READY_LIMIT: Duration = Duration::from_secs(120);
const FAST_LIMIT: Duration = Duration::from_secs(20);
const IMMEDIATE_LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);
/// At this size the server's log starts anew; the last one is kept beside it.
const LOG_BYTES: u64 = 8 * 1024 * 1024;

/// Everything that a start of the server needs to know.
#[derive(Debug)]
pub(super) struct Server {
    pub binaries: Binaries,
    pub account: Option<Account>,
    pub layout: Layout,
    pub sockets: SocketFolder,
    pub durable: bool,
}

impl Server {
    fn settings(&self) -> Vec<String> {
        let mut settings = vec![
            "listen_addresses=".to_owned(),
            format!("unix_socket_directories={}", self.sockets.path().display()),
            "unix_socket_permissions=0700".to_owned(),
            format!("port={PORT}"),
            "timezone=UTC".to_owned(),
            "log_timezone=UTC".to_owned(),
            // What a refused row held is somebody's personal data, and the service reports its errors itself.
            "log_error_verbosity=terse".to_owned(),
            "log_min_messages=log".to_owned(),
            // Small when idle: few buffers, no compiler, no launcher of a replication that nobody uses.
            "jit=off".to_owned(),
            "max_logical_replication_workers=0".to_owned(),
            "max_wal_size=256MB".to_owned(),
        ];
        let by_purpose: &[&str] = if self.durable {
            &["shared_buffers=32MB", "max_connections=50"]
        } else {
            &[
                "shared_buffers=128MB",
                "max_connections=300",
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
            ]
        };
        settings.extend(by_purpose.iter().copied().map(str::to_owned));
        settings
    }

    pub(super) fn pid_file(&self) -> PathBuf {
        self.layout.cluster().join("postmaster.pid")
    }

    /// Stops a server that outlived the process which started it, and removes what would keep a new one from starting.
    ///
    /// Stopping rather than adopting it: the new server runs with this version's settings and is our own child. Only
    /// called with the lock on `DATA_DIR` in hand.
    pub(super) async fn take_over(&self) -> Result<(), EmbeddedError> {
        let cluster = self.layout.cluster();
        for path in [self.pid_file(), self.sockets.lock_file()] {
            let Some(pid) = first_line(&path) else { continue };
            match process::holder(pid, &cluster).await {
                Holder::Server => {
                    tracing::info!(pid, "stopping a database server that an earlier run left behind");
                    stop_stranger(pid, &cluster).await?;
                }
                // The server clears the files of a process that is gone, but takes any process of that id for a
                // server, even one that waits to be collected. It still finds sessions of the old server by their
                // shared memory.
                Holder::Unrelated => fs::remove_file(&path).context("remove", &path)?,
                Holder::Nobody | Holder::Unclear => {}
            }
        }
        Ok(())
    }
}

async fn stop_stranger(pid: u32, cluster: &Path) -> Result<(), EmbeddedError> {
    for (shutdown, limit) in
        [(Shutdown::Fast, FAST_LIMIT), (Shutdown::Immediate, IMMEDIATE_LIMIT), (Shutdown::Kill, IMMEDIATE_LIMIT)]
    {
        process::signal(pid, shutdown).await?;
        let gone = async {
            while process::holder(pid, cluster).await == Holder::Server {
                sleep(POLL).await;
            }
        };
        if timeout(limit, gone).await.is_ok() {
            return Ok(());
        }
    }
    Err(EmbeddedError::InUse { path: cluster.to_path_buf(), holder: Some(pid) })
}

fn first_line(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.lines().next()?.trim().trim_start_matches('-').parse().ok()
}

/// A server process of ours.
///
/// Dropped while it runs (a start that was given up, a runtime that ended), it is told to shut down, and nobody waits.
#[derive(Debug)]
pub(super) struct Postmaster {
    child: Child,
    log: PathBuf,
    /// Where in the log this process began.
    log_start: u64,
}

impl Postmaster {
    /// Starts the server and waits until it takes connections.
    pub(super) async fn start(server: &Server) -> Result<Self, EmbeddedError> {
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            let mut postmaster = Self::spawn(server)?;
            let outcome = tokio::time::timeout_at(deadline, postmaster.ready(&server.pid_file())).await;
            if matches!(outcome, Ok(Ok(()))) {
                return Ok(postmaster);
            }
            let tail = postmaster.log_tail();
            // Sessions of a server that was killed may live on for a moment, and hold its shared memory.
            if outcome.is_err() || !tail.contains("shared memory block") || Instant::now() >= deadline {
                return Err(EmbeddedError::NotReady { log: postmaster.log.clone(), log_tail: tail });
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Starts the server in a process group of its own: ctrl-c is for us, and the server stops after us.
    pub(super) fn spawn(server: &Server) -> Result<Self, EmbeddedError> {
        let log = server.layout.log();
        if fs::metadata(&log).is_ok_and(|metadata| metadata.len() > LOG_BYTES) {
            fs::rename(&log, log.with_extension("log.1")).context("move", &log)?;
        }
        let file = File::options().create(true).append(true).mode(0o600).open(&log).context("open", &log)?;
        let log_start = file.metadata().context("read", &log)?.len();
        let errors = file.try_clone().context("open", &log)?;

        let program = server.binaries.postgres();
        let mut command: Command = program::command(&program, server.account);
        command.arg("-D").arg(server.layout.cluster());
        for setting in server.settings() {
            command.arg("-c").arg(setting);
        }
        let child = command
            .process_group(0)
            .stdout(Stdio::from(file))
            .stderr(Stdio::from(errors))
            .spawn()
            .map_err(|source| EmbeddedError::Spawn { program, source })?;
        Ok(Self { child, log, log_start })
    }

    /// Returns when the server says in its pid file that it is ready, or with its exit status if it gives up.
    async fn ready(&mut self, pid_file: &Path) -> Result<(), ExitStatus> {
        let pid = self.child.id();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(status);
            }
            let text = fs::read_to_string(pid_file).unwrap_or_default();
            let is_ours = text.lines().next().and_then(|line| line.trim().parse().ok()) == pid;
            if is_ours && text.lines().nth(7).is_some_and(|status| status.trim() == "ready") {
                return Ok(());
            }
            sleep(POLL).await;
        }
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until the server ends. May be dropped and called again.
    pub(super) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Stops the server, with more force each time its deadline passes.
    pub(super) async fn stop(mut self) -> Result<(), EmbeddedError> {
        for (shutdown, limit) in [(Shutdown::Fast, FAST_LIMIT), (Shutdown::Immediate, IMMEDIATE_LIMIT)] {
            let Some(pid) = self.child.id() else { return Ok(()) };
            process::signal(pid, shutdown).await?;
            if timeout(limit, self.child.wait()).await.is_ok() {
                return Ok(());
            }
            tracing::warn!(pid, ?shutdown, "the database does not stop");
        }
        self.child.kill().await.context("stop", &self.log)?;
        Err(EmbeddedError::Killed)
    }

    fn log_tail(&self) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.log).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.log_start))?;
            file.take(4096).read_to_end(&mut text)
        });
        match read {
            Ok(_) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => format!("(its log cannot be read: {error})"),
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        if let Some(pid) = self.child.id() {
            process::signal_blocking(pid, Shutdown::Fast);
        }
    }
}
