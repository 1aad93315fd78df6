//! A redis-server of one test's own, on a socket in a folder of its own.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub(super) struct Server {
    folder: PathBuf,
    arguments: Vec<String>,
    process: Child,
}

impl Server {
    pub(super) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(super) fn start_with(arguments: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("portcullis-redis-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        let process = spawn(&folder, &arguments);
        Self { folder, arguments, process }
    }

    pub(super) fn address(&self) -> String {
        format!("redis+unix://{}", self.folder.join("socket").display())
    }

    pub(super) fn address_with_password(&self, password: &str) -> String {
        format!("{}?pass={password}", self.address())
    }

    /// Ends it as a crash would.
    pub(super) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again after [`kill`](Self::kill), with nothing remembered.
    pub(super) fn revive(&mut self) {
        self.process = spawn(&self.folder, &self.arguments);
    }

    /// Stalls it: connections stay, answers do not come.
    pub(super) fn stall(&self) {
        self.signal("-STOP");
    }

    pub(super) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap().success());
    }

    /// Sends one inline command and returns the raw reply.
    pub(super) fn command(&self, line: &str) -> String {
        let mut stream = UnixStream::connect(self.folder.join("socket")).unwrap();
        stream.write_all(format!("{line}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply.trim_end_matches("+OK\r\n").to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

fn spawn(folder: &Path, arguments: &[String]) -> Child {
    let socket = folder.join("socket");
    let _none = std::fs::remove_file(&socket);
    let process = Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(&socket)
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn();
    assert!(process.is_ok(), "redis-server is missing: install it with `apt-get install redis-server`");
    let start = Instant::now();
    while UnixStream::connect(&socket).is_err() {
        assert!(start.elapsed() < Duration::from_secs(10), "redis-server does not come up");
        std::thread::yield_now();
    }
    process.unwrap()
}
