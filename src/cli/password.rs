//! How a command gets a password: from a prompt or from standard input, never from an argument, where every process list shows it.

use std::io::{BufRead, IsTerminal};

use crate::setup::Failure;
use secrecy::{ExposeSecret, SecretString};

/// Reads one line of standard input, or asks twice at the terminal.
pub(super) fn read(from_stdin: bool) -> Result<SecretString, Failure> {
    if from_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        let password = line.strip_suffix('\n').unwrap_or(&line);
        return Ok(password.strip_suffix('\r').unwrap_or(password).to_owned().into());
    }
    if !std::io::stdin().is_terminal() {
        return Err("there is no terminal to ask for the password: add --password-stdin and pipe it in".into());
    }
    let password: SecretString = rpassword::prompt_password("New password: ")?.into();
    let repeated: SecretString = rpassword::prompt_password("Once more: ")?.into();
    if password.expose_secret() != repeated.expose_secret() {
        return Err("the two passwords differ".into());
    }
    Ok(password)
}
