//! The service and its private database as processes: killed, stopped, started twice.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// A folder that the user who runs the database can reach, also when that is not us.
fn folder() -> TempDir {
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o711)).tempdir().unwrap()
}

/// A running `portcullis serve` with nothing configured but its folder.
struct Service {
    child: Child,
    address: String,
    folder: PathBuf,
}

impl Service {
    fn start(folder: &TempDir) -> Self {
        let folder = folder.path().to_path_buf();
        let child = spawn(&folder);
        let mut service = Self { child, address: String::new(), folder };
        service.address = wait_for("the service to print its address", || {
            let said = service.said();
            let address = said.split("http://").nth(1)?;
            Some(address.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect())
        });
        wait_for("the service to be ready", || service.is_ready().then_some(()));
        service
    }

    /// Everything it wrote to its standard output and error.
    fn said(&self) -> String {
        fs::read_to_string(self.folder.join("said")).unwrap_or_default()
    }

    /// The server's process id; `None` while there is no server.
    fn database(&self) -> Option<u32> {
        let text = fs::read_to_string(cluster(&self.folder).join("postmaster.pid")).ok()?;
        text.lines().next()?.parse().ok()
    }

    /// Status and JSON body of an answer; status 0 if there was none.
    fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut answer = String::new();
        let asked = TcpStream::connect(&self.address).and_then(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(request.as_bytes())?;
            stream.read_to_string(&mut answer)
        });
        if asked.is_err() {
            return (0, Value::Null);
        }
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    fn is_ready(&self) -> bool {
        self.ask("GET", "/health/ready", &Value::Null).0 == 200
    }

    fn register(&self) {
        let account = json!({
            "email": "ada@example.org", "password": "a plainly good passphrase", "first_name": "Ada", "last_name": "King"
        });
        let (status, answer) = self.ask("POST", "/api/v1/auth/register", &account);
        assert_eq!(status, 201, "{answer}");
    }

    fn log_in_status(&self) -> u16 {
        let credentials = json!({ "email": "ada@example.org", "password": "a plainly good passphrase" });
        self.ask("POST", "/api/v1/auth/login", &credentials).0
    }

    /// Signals the service and waits for its end.
    fn end(mut self, signal: &str) -> ExitStatus {
        kill(signal, &self.child.id().to_string());
        self.child.wait().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // A failing test leaves nothing running: the service takes its database with it.
        if matches!(self.child.try_wait(), Ok(None)) {
            kill("TERM", &self.child.id().to_string());
            drop(self.child.wait());
        }
    }
}

fn spawn(folder: &Path) -> Child {
    let said = fs::File::create(folder.join("said")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        // Away from any .env file, and in a process group of its own like a program started from a shell.
        .current_dir(folder)
        .process_group(0)
        .env_remove("DATABASE_URL")
        .env_remove("DB_HOST")
        .envs([("HOST", "127.0.0.1"), ("PORT", "0"), ("ENVIRONMENT", "development"), ("NO_COLOR", "1")])
        .env("DATA_DIR", folder.join("data"))
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said)
        .spawn()
        .unwrap()
}

/// Starts a service that must refuse to run, and returns what it said.
fn refusal(folder: &TempDir) -> String {
    let mut child = spawn(folder.path());
    let status = wait_for("the service to refuse", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(1));
    fs::read_to_string(folder.path().join("said")).unwrap()
}

fn cluster(folder: &Path) -> PathBuf {
    folder.join("data/postgres/cluster")
}

fn kill(signal: &str, target: &str) {
    let done = Command::new("/bin/sh").args(["-c", r#"kill -s "$0" -- "$1""#, signal, target]).status().unwrap();
    assert!(done.success(), "kill -s {signal} {target}");
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(found) = look() {
            return found;
        }
        #[expect(clippy::disallowed_methods, reason = "these tests watch processes from a thread of their own")]
        sleep(Duration::from_millis(20));
    }
    panic!("waited {PATIENCE:?} for {what}");
}

#[test]
fn a_killed_database_comes_back_with_every_acknowledged_account() {
    let folder = folder();
    let service = Service::start(&folder);
    service.register();

    let killed = service.database().unwrap();
    kill("KILL", &killed.to_string());
    assert_eq!(service.ask("GET", "/health/live", &Value::Null).0, 200);

    wait_for("another database server", || service.database().filter(|pid| *pid != killed));
    wait_for("the service to recover", || (service.log_in_status() == 200).then_some(()));
    assert!(service.is_ready());
    assert!(service.end("TERM").success());
}

#[test]
fn a_killed_service_finds_its_accounts_again() {
    let folder = folder();
    let service = Service::start(&folder);
    service.register();
    let orphan = service.database().unwrap();
    assert!(!service.end("KILL").success());

    let service = Service::start(&folder);
    assert_ne!(service.database(), Some(orphan));
    assert_eq!(service.log_in_status(), 200);
    assert!(service.end("TERM").success());
}

#[test]
fn a_service_and_database_killed_together_start_again() {
    let folder = folder();
    let service = Service::start(&folder);
    service.register();
    kill("STOP", &service.child.id().to_string());
    kill("KILL", &service.database().unwrap().to_string());
    assert!(!service.end("KILL").success());

    let service = Service::start(&folder);
    assert_eq!(service.log_in_status(), 200);
    assert!(service.end("TERM").success());
}

#[test]
fn a_second_service_on_one_folder_names_the_first() {
    let data = folder();
    let service = Service::start(&data);

    // The same DATA_DIR from another working directory.
    let elsewhere = folder();
    std::os::unix::fs::symlink(data.path().join("data"), elsewhere.path().join("data")).unwrap();
    let said = refusal(&elsewhere);
    assert!(said.contains(&format!("in use by process {}", service.child.id())), "{said}");

    assert!(service.is_ready(), "the first is not disturbed");
    assert!(service.end("TERM").success());
}

#[test]
fn ctrl_c_stops_the_service_first_and_then_its_database_cleanly() {
    let folder = folder();
    let mut service = Service::start(&folder);
    // What a terminal does: the signal goes to the whole process group.
    kill("INT", &format!("-{}", service.child.id()));
    assert!(service.child.wait().unwrap().success());

    assert!(!cluster(folder.path()).join("postmaster.pid").exists());
    let log = fs::read_to_string(folder.path().join("data/postgres/server.log")).unwrap();
    assert!(log.trim_end().ends_with("database system is shut down"), "{log}");
}

#[test]
fn a_cluster_of_another_major_version_is_refused_with_the_way_to_upgrade() {
    let folder = folder();
    assert!(Service::start(&folder).end("TERM").success());
    fs::write(cluster(folder.path()).join("PG_VERSION"), "99\n").unwrap();

    let said = refusal(&folder);
    assert!(said.contains("was made by PostgreSQL 99"), "{said}");
    assert!(said.contains("pg_upgrade"), "{said}");
}
