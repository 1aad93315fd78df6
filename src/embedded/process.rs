//! Processes by their id: what they are, and signals to them.
//!
//! `sh` and `/proc` or `ps`, because the standard library cannot signal without unsafe code.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::error::EmbeddedError;
use super::program;

const LIMIT: Duration = Duration::from_secs(10);

/// What a process id in one of the server's files stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// No process has that id.
    Nobody,
    /// A server of this cluster.
    Server,
    /// Something that is no PostgreSQL server: the id was given out again, or the server has ended and its parent has
    /// not collected it.
    Unrelated,
    /// A PostgreSQL server, but not plainly one of this cluster.
    Unclear,
}

/// Finds out who has the id.
pub(super) async fn holder(pid: u32, cluster: &Path) -> Holder {
    command_line(pid).await.map_or(Holder::Nobody, |line| classify(&line, cluster))
}

fn classify(command_line: &str, cluster: &Path) -> Holder {
    let program = command_line.split_whitespace().next().unwrap_or_default();
    if !program.ends_with("postgres") && !program.ends_with("postmaster") {
        Holder::Unrelated
    } else if command_line.contains(&*cluster.to_string_lossy()) {
        Holder::Server
    } else {
        Holder::Unclear
    }
}

/// What the process was started with: empty for one that has ended and was not collected.
async fn command_line(pid: u32) -> Option<String> {
    if Path::new("/proc/self/cmdline").exists() {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&line).replace('\0', " "));
    }
    program::text(program::command("ps", None).args(["-o", "args=", "-p", &pid.to_string()]), LIMIT).await.ok()
}

/// How a server is told to stop.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shutdown {
    /// Ends the sessions, writes a checkpoint.
    Fast,
    /// Ends at once; the next start recovers.
    Immediate,
    /// When it listens to nothing else.
    Kill,
}

impl Shutdown {
    const fn signal(self) -> &'static str {
        match self {
            Self::Fast => "INT",
            Self::Immediate => "QUIT",
            Self::Kill => "KILL",
        }
    }
}

/// Signals a process. One that is gone already is fine.
pub(super) async fn signal(pid: u32, shutdown: Shutdown) -> Result<(), EmbeddedError> {
    program::output(&mut signal_command(pid, shutdown), LIMIT).await.map(drop)
}

/// Signals a process where nothing can be awaited.
pub(super) fn signal_blocking(pid: u32, shutdown: Shutdown) {
    // There is nobody to tell: the caller is being dropped.
    drop(signal_command(pid, shutdown).as_std_mut().status());
}

fn signal_command(pid: u32, shutdown: Shutdown) -> tokio::process::Command {
    let mut command = program::command("/bin/sh", None);
    command.args(["-c", r#"kill -s "$0" "$1" 2>/dev/null"#, shutdown.signal(), &pid.to_string()]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_of_this_cluster_counts_as_ours() {
        let cluster = Path::new("/data/postgres/cluster");
        for (line, expected) in [
            ("/usr/lib/postgresql/15/bin/postgres -D /data/postgres/cluster -c port=5432 ", Holder::Server),
            ("/usr/lib/postgresql/15/bin/postgres -D /elsewhere ", Holder::Unclear),
            ("postgres: walwriter ", Holder::Unrelated),
            ("", Holder::Unrelated),
            ("[postgres] <defunct>", Holder::Unrelated),
            ("vim /data/postgres/cluster/postgresql.conf ", Holder::Unrelated),
        ] {
            assert_eq!(classify(line, cluster), expected, "{line}");
        }
    }

    #[tokio::test]
    async fn a_process_that_ended_is_nobody() {
        let mut child = program::command("/bin/sh", None).args(["-c", "exit"]).spawn().unwrap();
        let pid = child.id().unwrap();
        child.wait().await.unwrap();
        assert_eq!(holder(pid, Path::new("/c")).await, Holder::Nobody);
    }

    #[tokio::test]
    async fn a_process_that_ended_uncollected_is_no_server() {
        let mut child = std::process::Command::new("/bin/sh").args(["-c", "exec sleep 0.05"]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(holder(child.id(), Path::new("/c")).await, Holder::Unrelated);
        child.wait().unwrap();
    }
}
