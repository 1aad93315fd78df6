//! The command line: the built program, its subcommands, what they print and how they exit.

mod accounts;
mod doctor;
mod keys;
mod limits;
mod start;

use serde_json::{Value, json};

use crate::support::{Ended, Program};

/// Every subcommand.
const COMMANDS: &[&str] = &[
    "serve",
    "migrate",
    "doctor",
    "sanitize",
    "openapi",
    "completions",
    "user",
    "user create",
    "user show",
    "user list",
    "user disable",
    "user enable",
    "user verify",
    "user set-password",
    "user revoke-sessions",
    "user delete",
    "user import",
    "user export",
    "keys",
    "keys list",
    "keys rotate",
    "keys retire",
    "limits",
    "limits show",
    "limits clear",
    "audit",
    "audit verify",
    "audit tail",
    "audit search",
    "audit export",
];

impl Ended {
    /// What was printed, if the command did what it was asked to do.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// The complaint, if the command failed.
    #[track_caller]
    fn failed(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.stderr.starts_with("portcullis: "), "{self:?}");
        self.stderr
    }

    /// The complaint, if the command was used in a wrong way.
    #[track_caller]
    fn misused(self) -> String {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert!(self.stdout.is_empty(), "{self:?}");
        self.stderr
    }
}

/// A program whose command fails as soon as it reads its configuration: what works with it needs none.
fn unconfigured() -> Program {
    Program::embedded().set("PORT", "not a port")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_subcommand_explains_itself() {
    let program = unconfigured();
    for command in COMMANDS {
        let mut arguments: Vec<_> = command.split(' ').collect();
        arguments.push("--help");
        let help = program.run(&arguments).await.done();
        let summary = help.lines().next().unwrap();
        assert!(summary.len() > 15 && !summary.starts_with("Usage"), "{command}: {help}");
        assert!(help.contains(&format!("Usage: portcullis {command}")), "{command}: {help}");
        // An argument without a word about it would stand alone on its line.
        let bare = help
            .lines()
            .find(|line| line.starts_with("      --") && !line.trim().contains("  ") && !line.contains(' '));
        assert_eq!(bare, None, "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_subcommands_is_complete() {
    let program = unconfigured();
    let groups =
        [(&[][..], ""), (&["user"], "user "), (&["keys"], "keys "), (&["limits"], "limits "), (&["audit"], "audit ")];
    for (parent, prefix) in groups {
        let mut arguments = parent.to_vec();
        arguments.push("--help");
        let help = program.run(&arguments).await.done();
        let listed = help.split("Commands:\n").nth(1).unwrap().lines().take_while(|line| !line.is_empty());
        let names = listed.filter(|line| !line.starts_with("    ")).map(|line| line.split_whitespace().next().unwrap());
        for name in names.filter(|name| *name != "help") {
            assert!(COMMANDS.contains(&format!("{prefix}{name}").as_str()), "{prefix}{name} is not tested");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_exits_with_2_and_says_what_is_wrong() {
    let program = unconfigured();
    for arguments in [
        &["sing"][..],
        &["serve", "--port", "80"],
        &["user"],
        &["user", "show"],
        &["user", "show", "a@example.com", "b@example.com"],
        &["user", "create", "--email", "a@example.com"],
        &["keys", "retire"],
        &["migrate", "--verify"],
        &["completions", "notashell"],
    ] {
        let complaint = program.run(arguments).await.misused();
        assert!(
            complaint.contains("--help") || complaint.contains("Usage: portcullis user"),
            "{arguments:?}: {complaint}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_not_accepted_as_an_argument() {
    let program = Program::on_fresh_database().await;
    let create = ["user", "create", "--email", "a@example.com", "--first-name", "Ada", "--last-name", "King"];
    for password in [&["--password", "hunter2hunter2"][..], &["--password=hunter2hunter2"], &["hunter2hunter2"]] {
        program.run(&[&create[..], password].concat()).await.misused();
        program.run(&[&["user", "set-password", "a@example.com"][..], password].concat()).await.misused();
    }
    assert_eq!(program.run(&["user", "list"]).await.done(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_of_the_api_comes_in_both_formats_and_is_the_one_that_is_served() {
    let program = unconfigured();
    let yaml = program.run(&["openapi"]).await.done();
    assert_eq!(yaml, include_str!("../../openapi.yaml"));
    let json: Value = serde_json::from_str(&program.run(&["openapi", "--json"]).await.done()).unwrap();
    assert_eq!(json, serde_yaml_ng::from_str::<Value>(&yaml).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn sanitize_judges_line_by_line_without_any_configuration() {
    let lines = "{\"value\": \"O'Brien\"}\n{\"b64\": \"QQBC\"}\n<script>alert(1)</script>\n";
    let ended = unconfigured().run_with_input(&["sanitize", "--kind", "text"], lines).await;
    let results: Vec<Value> = ended.done().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<_> = results
        .iter()
        .map(|result| (result["accepted"].clone(), result["rejected_patterns"][0]["kind"].clone()))
        .collect();
    assert_eq!(
        verdicts,
        [(json!(true), Value::Null), (json!(false), json!("null_byte")), (json!(false), json!("xss"))]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_know_the_subcommands() {
    let program = unconfigured();
    for shell in ["bash", "zsh", "fish"] {
        let script = program.run(&["completions", shell]).await.done();
        assert!(script.contains("revoke-sessions") && script.contains("portcullis"), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_is_that_of_the_package() {
    let version = unconfigured().run(&["--version"]).await.done();
    assert_eq!(version, format!("portcullis {}\n", env!("CARGO_PKG_VERSION")));
}
