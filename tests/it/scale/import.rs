use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::report;
use crate::support::Program;

/// Accounts in the file.
const ACCOUNTS: u32 = 100_000;
/// A hash as other services write it.
const HASH: &str = "$2y$10$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm";
/// How the program that runs was compiled.
const BUILD: &str = if cfg!(debug_assertions) { "debug build" } else { "release build" };

/// Imports the file, and tells the seconds that the process took, the start of its database included.
async fn import(program: &Program, path: &Path, summary: &str) -> f64 {
    let mut command = program.command(&["user", "import", path.to_str().unwrap()]);
    let begun = Instant::now();
    let ended = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let took = begun.elapsed().as_secs_f64();
    assert_eq!(String::from_utf8_lossy(&ended.stdout).trim_end(), summary, "{ended:?}");
    took
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow, and prints figures: make import-scale"]
async fn a_hundred_thousand_accounts_are_imported_and_passed_over() {
    let program = Program::embedded();
    let path = program.folder().join("users.jsonl");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    for number in 0..ACCOUNTS {
        let email = format!("user{number}@example.com");
        let line = json!({ "email": email, "first_name": "Ada", "last_name": "Lovelace", "password_hash": HASH });
        writeln!(file, "{line}").unwrap();
    }
    file.flush().unwrap();
    for (what, summary) in [
        ("new accounts", format!("{ACCOUNTS} imported, 0 already there, 0 refused")),
        ("accounts that are there already", format!("0 imported, {ACCOUNTS} already there, 0 refused")),
    ] {
        let took = import(&program, &path, &summary).await;
        report(&format!("{ACCOUNTS} {what}, {BUILD}"), took, "s");
        report("that is", f64::from(ACCOUNTS) / took, "accounts/s");
    }
}
