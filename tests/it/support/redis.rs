//! A redis-server of one test's own, on a socket in a folder of its own.

use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Redis {
    folder: TempDir,
    process: Child,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = spawn(&folder);
        Self { folder, process }
    }

    /// What goes into `REDIS_URL`.
    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.folder.path().join("socket").display())
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again with nothing remembered.
    pub(crate) fn revive(&mut self) {
        self.process = spawn(&self.folder);
    }

    /// Stalls it: connections stay, answers do not come.
    pub(crate) fn stall(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn spawn(folder: &TempDir) -> Child {
    let socket = folder.path().join("socket");
    drop(std::fs::remove_file(&socket));
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(&socket);
    let process = command.current_dir(folder.path()).stdout(Stdio::null()).spawn();
    let process = process.expect("redis-server is missing: install it with `scripts/install.sh redis`");
    let begun = Instant::now();
    while UnixStream::connect(&socket).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "redis-server does not come up");
        std::thread::yield_now();
    }
    process
}
