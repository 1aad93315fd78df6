//! The built program as a process of its own.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{Seek, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use portcullis::config::VARIABLES;
use tempfile::{NamedTempFile, TempDir};
use tokio::time::{Instant, sleep};
use tokio_postgres::config::Host;

use super::app::KEY_ENCRYPTION_KEY;
use super::{Client, Database, fresh_database};

/// How long a process may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// `portcullis` with an environment and a folder to itself.
#[derive(Debug)]
pub(crate) struct Program {
    variables: BTreeMap<String, String>,
    folder: Arc<TempDir>,
}

/// What a process left behind.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A running `portcullis serve`.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    pub(crate) address: SocketAddr,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
    /// Stays for as long as the service runs.
    _folder: Arc<TempDir>,
}

impl Program {
    /// On a database server of its own under its folder, which is all that is configured.
    pub(crate) fn embedded() -> Self {
        // The user who runs the database server must be able to pass through.
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o711)).tempdir().unwrap();
        let program = Self { variables: BTreeMap::new(), folder: Arc::new(folder) };
        let data_dir = program.folder.path().join("data");
        program.set("DATA_DIR", data_dir.to_str().unwrap()).set("PORT", "0").set("PASSWORD_BCRYPT_COST", "4")
    }

    /// On a database of the shared server.
    pub(crate) fn on(database: &Database) -> Self {
        Self::embedded().set("DATABASE_URL", &url(database, "")).set("KEY_ENCRYPTION_KEY", KEY_ENCRYPTION_KEY)
    }

    /// On a migrated database.
    pub(crate) async fn on_fresh_database() -> Self {
        Self::on(&fresh_database().await)
    }

    /// Sets a variable of the environment.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable away.
    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// The working directory, with `DATA_DIR` in it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command to its end, with nothing on its standard input.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with_input(arguments, "").await
    }

    /// Runs a command to its end, with `input` on its standard input.
    pub(crate) async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut stdin = tempfile::tempfile().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        stdin.rewind().unwrap();
        let mut child = Reaped(self.command(arguments).stdin(stdin).spawn().unwrap());
        let (stdout, stderr) = (child.0.stdout.take().unwrap(), child.0.stderr.take().unwrap());
        let (stdout, stderr) = (read_all(stdout), read_all(stderr));
        let code = wait_for(&format!("{arguments:?} to end"), async || child.0.try_wait().unwrap()).await.code();
        Ended { code, stdout: stdout.await.unwrap(), stderr: stderr.await.unwrap() }
    }

    /// Starts the service and waits until it listens.
    pub(crate) async fn serve(&self) -> Service {
        let mut service = self.start();
        let address = wait_for("the service to listen", async || {
            let said = service.stdout();
            if let Some(status) = service.child.try_wait().unwrap() {
                panic!("the service ended with {status}: {said}{}", service.stderr());
            }
            let (_, address) = said.split_once("://")?;
            address.split_once('/')?.0.parse().ok()
        });
        service.address = address.await;
        service
    }

    /// Starts the service without waiting for anything; its address is not known yet.
    pub(crate) fn start(&self) -> Service {
        let (stdout, stderr) = (NamedTempFile::new().unwrap(), NamedTempFile::new().unwrap());
        let writer = |file: &NamedTempFile| File::options().append(true).open(file).unwrap();
        let mut command = self.command(&["serve"]);
        let child = command.stdin(Stdio::null()).stdout(writer(&stdout)).stderr(writer(&stderr)).spawn().unwrap();
        Service { child, address: ([127, 0, 0, 1], 0).into(), stdout, stderr, _folder: self.folder.clone() }
    }

    /// A command that is not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        // A process group of its own, as a shell gives it, and nothing of the developer's own settings.
        command.args(arguments).current_dir(self.folder.path()).process_group(0);
        for variable in VARIABLES {
            command.env_remove(variable.name).env_remove(format!("{}_FILE", variable.name));
        }
        command.env("NO_COLOR", "1").envs(&self.variables).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Service {
    /// A client without any tokens.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// What it has written to standard output so far.
    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap()
    }

    /// What it has written to standard error so far.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    /// Sends a signal such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Sends SIGHUP and waits until the service says, once more than before, what it makes of it.
    pub(crate) async fn hang_up(&self, says: &str) {
        let before = self.stderr().matches(says).count();
        self.signal("HUP");
        wait_for(says, async || (self.stderr().matches(says).count() > before).then_some(())).await;
    }

    /// Whether it runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ended {
        let status = wait_for("the service to end", async || self.child.try_wait().unwrap()).await;
        Ended { code: status.code(), stdout: self.stdout(), stderr: self.stderr() }
    }

    /// Asks it to stop as a service manager does, and waits until it has.
    pub(crate) async fn stop(self) -> Ended {
        self.signal("TERM");
        self.ended().await
    }
}

/// A failed test shows what the service said and leaves nothing running; a service takes its database with it.
impl Drop for Service {
    #[expect(clippy::print_stderr, reason = "the test harness shows it with the failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:?}: {}{}", self.child.try_wait(), self.stdout(), self.stderr());
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            signal(&self.child, "TERM");
            drop(self.child.wait());
        }
    }
}

struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The database as a URL, with a password if it is not empty. The shared server knows us by our user and asks for none.
pub(crate) fn url(database: &Database, password: &str) -> String {
    let server = &database.server;
    let host = match &server.get_hosts()[0] {
        Host::Unix(path) => path.to_str().unwrap().bytes().map(|byte| format!("%{byte:02X}")).collect(),
        Host::Tcp(name) => name.clone(),
    };
    let (user, port) = (server.get_user().unwrap(), server.get_ports()[0]);
    let colon = if password.is_empty() { "" } else { ":" };
    format!("postgres://{user}{colon}{password}@{host}:{port}/{}", database.name)
}

/// Looks again and again.
pub(crate) async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(found) = look().await {
            return found;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("waited {PATIENCE:?} for {what}");
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("/bin/sh").args(["-c", r#"kill -s "$0" "$1""#, name, &child.id().to_string()]).status();
    assert!(sent.unwrap().success(), "kill -s {name} {}", child.id());
}

fn read_all(source: impl std::io::Read + Send + 'static) -> tokio::task::JoinHandle<String> {
    tokio::task::spawn_blocking(|| std::io::read_to_string(source).unwrap())
}
