//! Running the small programs around the server, each under a deadline and without our environment.

use std::ffi::{OsStr, OsString};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use super::account::Account;
use super::error::EmbeddedError;

/// A command that inherits nothing of ours.
///
/// Our environment holds secrets, and a process of another user shows its environment to that user. `LC_ALL=C` keeps
/// messages in English, since some are matched.
pub(super) fn command(program: impl AsRef<OsStr>, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("PATH", search_path()).current_dir("/").stdin(Stdio::null());
    if let Some(Account { uid, gid }) = account {
        command.uid(uid).gid(gid);
    }
    command
}

/// Where programs are looked up.
#[expect(clippy::disallowed_methods, reason = "PATH says where programs are; it configures nothing of ours")]
pub(super) fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin:/usr/sbin:/sbin".into())
}

/// Runs a command to its end and returns what it wrote, whatever its exit status.
pub(super) async fn output(command: &mut Command, limit: Duration) -> Result<Output, EmbeddedError> {
    let program = command.as_std().get_program().to_owned();
    command.kill_on_drop(true);
    match tokio::time::timeout(limit, command.output()).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(source)) => Err(EmbeddedError::Spawn { program: program.into(), source }),
        Err(_) => Err(EmbeddedError::TooSlow { program: program.into(), limit }),
    }
}

/// Runs a command that must succeed and returns its standard output, trimmed.
pub(super) async fn text(command: &mut Command, limit: Duration) -> Result<String, EmbeddedError> {
    let output = output(command, limit).await?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(EmbeddedError::Failed {
        program: command.as_std().get_program().into(),
        status: output.status,
        output: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
