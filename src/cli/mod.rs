//! The command line. Exit codes: 0 done, 1 failed, 2 wrong usage.

mod admin;
mod audit;
mod doctor;
mod keys;
mod limits;
mod migrate;
mod operator;
mod output;
mod password;
mod probe;
mod sanitize;
mod serve;
mod user;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::{Config, ConfigError, Fault, Source};
use crate::error::chain;
use crate::handlers::docs;
use crate::setup::Failure;
use output::say;

/// An authentication service: accounts, sessions, rotating tokens, audit.
///
/// Settings come from environment variables, in development also from a file named .env; the README lists them. With nothing set the
/// service runs on a PostgreSQL of its own under ./data.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Migrate the database and serve (what happens without a subcommand).
    Serve,
    /// Bring the database schema up to date.
    Migrate {
        /// Change nothing; exit 1 if something is pending.
        #[arg(long)]
        check: bool,
    },
    /// Check configuration, database, clock, schema, keys, audit log, mail, logs, and what is set of Redis, TLS, lists of networks and traces;
    /// one line each.
    Doctor {
        /// Only ask the instance that runs on HOST and PORT.
        #[arg(long)]
        live: bool,
    },
    /// Look after accounts.
    #[command(subcommand)]
    User(user::Command),
    /// Look after signing keys.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Look at what limits have counted, and clear it.
    #[command(subcommand)]
    Limits(limits::Command),
    /// Read the security log, and check that nobody tampered with it.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Show what the sanitiser makes of values from standard input, one result a line.
    Sanitize(sanitize::Arguments),
    /// Print the API description.
    Openapi {
        /// As JSON instead of YAML.
        #[arg(long)]
        json: bool,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command.unwrap_or(Command::Serve)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&format!("portcullis: {}", chain(failure.as_ref())));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Openapi { json } => {
            let text = if json { String::from_utf8_lossy(docs::OPENAPI_JSON) } else { docs::OPENAPI_YAML.into() };
            say(&text);
            return Ok(());
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "portcullis", &mut std::io::stdout());
            return Ok(());
        }
        Command::Sanitize(arguments) => return sanitize::run(&arguments),
        Command::Doctor { live: false } => return block_on(doctor::run(configuration())),
        _ => {}
    }
    let config = configuration()?;
    match command {
        Command::Serve => block_on(async {
            let telemetry = crate::telemetry::init(&config);
            let result = serve::run(config, telemetry.log_level()).await;
            telemetry.finish().await;
            result
        }),
        Command::Migrate { check } => block_on(migrate::run(config, check)),
        Command::Doctor { .. } => block_on(probe::run(config)),
        Command::User(command) => block_on(user::run(config, command)),
        Command::Keys(command) => block_on(keys::run(config, command)),
        Command::Limits(command) => block_on(limits::run(config, command)),
        Command::Audit(command) => block_on(audit::run(config, command)),
        Command::Sanitize(_) | Command::Openapi { .. } | Command::Completions { .. } => Ok(()),
    }
}

fn configuration() -> Result<Config, ConfigError> {
    from_variables(Config::load)
}

/// Reads the environment, preceded in development by a `.env` file: variables that are set already win.
#[expect(clippy::disallowed_methods, reason = "whether .env is read is decided before there is a configuration")]
fn from_variables<T>(read: impl FnOnce(Source<'_>) -> Result<T, ConfigError>) -> Result<T, ConfigError> {
    if std::env::var("ENVIRONMENT").is_ok_and(|value| value.eq_ignore_ascii_case("production")) {
        return read(&|name| std::env::var(name).ok());
    }
    let file = dotenv(Path::new(".env"))?;
    read(&|name| std::env::var(name).ok().or_else(|| file.get(name).cloned()))
}

/// The variables of a file that need not exist. A line that says nothing is a fault: what it was to say may be what keeps strangers out.
fn dotenv(path: &Path) -> Result<HashMap<String, String>, ConfigError> {
    let fault = |problem| ConfigError(vec![Fault { variable: path.display().to_string(), problem }]);
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(fault(format!("the file cannot be read: {}", error.kind()))),
    };
    let understood = |variable: Result<_, dotenvy::Error>| {
        variable.map_err(|error| match error {
            // Its number and not its words, which may be a secret's.
            dotenvy::Error::LineParse(words, _) => {
                let line = text.lines().position(|line| line.contains(words.trim())).map_or(0, |index| index + 1);
                fault(format!(
                    "line {line} is not NAME=value; a value with blanks or quotes in it wants quotes around it"
                ))
            }
            _ => fault("the file is not understood".to_owned()),
        })
    };
    dotenvy::from_read_iter(text.as_bytes()).map(understood).collect()
}

fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
