//! Keeps the server running until it is told to stop.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, ChildStdin};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::error::EmbeddedError;
use super::lock::DataDirLock;
use super::postmaster::{Postmaster, Server};
use super::program;
use crate::error::chain;

/// Owns the server and everything that must live as long as it.
#[derive(Debug)]
pub(super) struct Supervisor {
    pub server: Server,
    pub postmaster: Postmaster,
    pub watchdog: Option<Watchdog>,
    pub lock: DataDirLock,
}

impl Supervisor {
    /// Starts the server again whenever it ends by itself. Returns once it was stopped on request, or because the
    /// sender was dropped.
    ///
    /// One task both restarts and stops, so the two cannot cross.
    pub(super) async fn run(self, mut stop: oneshot::Receiver<()>) -> Result<(), EmbeddedError> {
        let Self { server, mut postmaster, watchdog, lock } = self;
        let mut delay = Backoff::default();
        loop {
            let status = tokio::select! {
                biased;
                _ = &mut stop => break,
                status = postmaster.wait() => status,
            };
            tracing::error!(?status, log = %server.layout.log().display(), "the database ended by itself");
            postmaster = tokio::select! {
                biased;
                _ = &mut stop => break,
                postmaster = restart(&server, &mut delay) => postmaster,
            };
            tracing::info!(pid = postmaster.id(), "the database was started again");
        }
        let stopped = postmaster.stop().await;
        drop((server, watchdog, lock));
        stopped
    }
}

async fn restart(server: &Server, delay: &mut Backoff) -> Postmaster {
    loop {
        sleep(delay.next(Instant::now())).await;
        let started = match server.take_over().await {
            Ok(()) => Postmaster::spawn(server),
            Err(error) => Err(error),
        };
        match started {
            Ok(postmaster) => return postmaster,
            Err(error) => {
                tracing::error!(error = chain(&error), "the database cannot be started again");
            }
        }
    }
}

/// Doubling delays between restarts, short again after a quiet time.
#[derive(Debug, Default)]
struct Backoff {
    delay: Duration,
    last: Option<Instant>,
}

impl Backoff {
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(5);
    const QUIET: Duration = Duration::from_secs(30);

    fn next(&mut self, now: Instant) -> Duration {
        let quiet = self.last.is_none_or(|last| now - last > Self::QUIET);
        self.last = Some(now);
        self.delay = if quiet { Self::SHORTEST } else { (self.delay * 2).min(Self::LONGEST) };
        self.delay
    }
}

/// A shell that stops the server when this process ends without having done so.
///
/// For tests, whose process ends without running destructors: its end closes the pipe that the shell reads from.
#[derive(Debug)]
pub(super) struct Watchdog {
    _shell: Child,
    _pipe: Option<ChildStdin>,
}

impl Watchdog {
    pub(super) fn spawn(server: &Server) -> Result<Self, EmbeddedError> {
        const SCRIPT: &str = r#"read -r _; read -r pid < "$0" && kill -s INT "$pid""#;
        let mut shell = program::command("/bin/sh", server.account)
            .args(["-c", SCRIPT])
            .arg(server.pid_file())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| EmbeddedError::Spawn { program: "/bin/sh".into(), source })?;
        let pipe = shell.stdin.take();
        Ok(Self { _shell: shell, _pipe: pipe })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_bound_and_shrink_after_a_quiet_time() {
        let start = Instant::now();
        let mut backoff = Backoff::default();
        let delays: Vec<u128> = (0..9).map(|_| backoff.next(start).as_millis()).collect();
        assert_eq!(delays, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);

        assert_eq!(backoff.next(start + Backoff::QUIET + Duration::from_secs(1)), Backoff::SHORTEST);
    }
}
