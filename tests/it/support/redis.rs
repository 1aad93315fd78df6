//! A redis-server of one test's own, on a socket in a folder of its own, and a way to it that can be slow.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Redis {
    folder: TempDir,
    arguments: Vec<String>,
    process: Child,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With settings such as `["--requirepass", "secret"]`.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        let process = spawn(&folder, &arguments);
        Self { folder, arguments, process }
    }

    /// What goes into `REDIS_URL`.
    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Sends one command and returns the raw reply.
    pub(crate) fn command(&self, line: &str) -> String {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.write_all(format!("{line}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    /// A TCP port that leads to it.
    pub(crate) async fn by_tcp(&self) -> SlowWay {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (delay, watched) = watch::channel(Duration::ZERO);
        let socket = self.socket();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let Ok(server) = tokio::net::UnixStream::connect(&socket).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(carry(from_client, to_server, watched.clone()));
                tokio::spawn(carry(from_server, to_client, watched.clone()));
            }
        });
        SlowWay { address, delay }
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again with nothing remembered.
    pub(crate) fn revive(&mut self) {
        self.process = spawn(&self.folder, &self.arguments);
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

fn spawn(folder: &TempDir, arguments: &[String]) -> Child {
    let socket = folder.path().join("socket");
    drop(std::fs::remove_file(&socket));
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(&socket).args(arguments);
    let process = command.current_dir(folder.path()).stdout(Stdio::null()).spawn();
    let process = process.expect("redis-server is missing: install it with `scripts/install.sh redis`");
    let begun = Instant::now();
    while UnixStream::connect(&socket).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "redis-server does not come up");
        std::thread::yield_now();
    }
    process
}

/// A TCP port in front of a Redis, whose answers and questions can be held up.
#[derive(Debug)]
pub(crate) struct SlowWay {
    address: SocketAddr,
    delay: watch::Sender<Duration>,
}

impl SlowWay {
    /// What goes into `REDIS_URL`.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Holds up whatever is sent from now on for so long.
    pub(crate) fn delay(&self, by: Duration) {
        self.delay.send_replace(by);
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    delay: watch::Receiver<Duration>,
) -> std::io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut bytes).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let by = *delay.borrow();
        tokio::time::sleep(by).await;
        to.write_all(&bytes[..length]).await?;
    }
}
