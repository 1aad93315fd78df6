//! `portcullis limits`.

use clap::{Args, Subcommand};
use ipnet::IpNet;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::admin::{Admin, with_admin};
use super::output::say;
use crate::audit::Event;
use crate::auth::budget::CounterKeys;
use crate::auth::email::Email;
use crate::config::Config;
use crate::db::login_attempts::{self, ListedCounter};
use crate::db::{notices, query, users};
use crate::limits::Limits;
use crate::limits::target::{self, KeyStanding, Target};
use crate::metrics::Metrics;
use crate::setup::{self, Failure};

/// Counters that are shown at most.
const MOST_SHOWN: i64 = 1000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show who has tried passwords of late, and with `REDIS_URL` what a network or an account has left of its rate limits.
    Show {
        #[command(flatten)]
        whose: Whose,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Forget what was counted: in the database, in Redis, and in every instance that runs. With both --account and --network only the
    /// log-ins to the account from the network.
    Clear {
        #[command(flatten)]
        whose: Whose,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args, Debug)]
pub(super) struct Whose {
    /// The address that somebody logs in with, whether or not there is an account.
    #[arg(long, value_name = "EMAIL", value_parser = account)]
    account: Option<Email>,
    /// An address, or a network such as 192.0.2.0/24.
    #[arg(long, value_name = "CIDR", value_parser = target::network)]
    network: Option<IpNet>,
}

fn account(text: &str) -> Result<Email, String> {
    Email::parse(text).map_err(|fault| fault.to_string())
}

/// What a command found.
#[derive(Serialize)]
struct Shown {
    log_ins: Vec<ShownCounter>,
    rate_limits: Vec<KeyStanding>,
}

#[derive(Serialize)]
struct ShownCounter {
    scope: String,
    network: Option<std::net::IpAddr>,
    attempts: i32,
    until: Timestamp,
    strikes: i32,
}

impl From<ListedCounter> for ShownCounter {
    fn from(counter: ListedCounter) -> Self {
        let ListedCounter { scope, network, failures, window_ends, strikes } = counter;
        Self { scope, network, attempts: failures, until: window_ends, strikes }
    }
}

pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    if let Command::Clear { whose: Whose { account: None, network: None }, .. } = &command {
        return Err("name whose limits are to be cleared: --account, --network, or both".into());
    }
    with_admin(config, async |admin| match command {
        Command::Show { whose, json } => show(&admin, &whose, json).await,
        Command::Clear { whose, json } => clear(&admin, &whose, json).await,
    })
    .await
}

/// What the flags are called in counters.
struct Named {
    account: Option<[u8; 32]>,
    target: Target,
    limits: Limits,
}

async fn named(admin: &Admin, whose: &Whose) -> Result<Named, Failure> {
    let keys = CounterKeys::new(&*setup::server_secret(&admin.config)?)?;
    let account = whose.account.as_ref().map(|email| keys.account(email.key()));
    let user_id = match &whose.account {
        Some(email) => {
            let client = admin.database.get().await?;
            users::find_by_email_key(&client, email.key()).await?.map(|found| found.user.id)
        }
        None => None,
    };
    let target = Target::new(whose.network, account.as_ref(), user_id);
    let limits = Limits::for_operator(&admin.config, &Metrics::new()?, admin.clock.clone())?;
    Ok(Named { account, target, limits })
}

async fn show(admin: &Admin, whose: &Whose, as_json: bool) -> Result<(), Failure> {
    let Named { account, target, limits } = named(admin, whose).await?;
    let client = admin.database.get().await?;
    let counters =
        login_attempts::list(&client, account.as_ref(), whose.network, admin.clock.now(), MOST_SHOWN).await?;
    let shown = Shown {
        log_ins: counters.into_iter().map(ShownCounter::from).collect(),
        rate_limits: limits
            .shared_standing(&target)
            .await
            .map_err(|_| "Redis does not answer: what it counts is not known")?,
    };
    if as_json {
        say(&serde_json::to_string_pretty(&shown)?);
        return Ok(());
    }
    if shown.log_ins.is_empty() && shown.rate_limits.is_empty() {
        say("nothing is counted");
    }
    for ShownCounter { scope, network, attempts, until, strikes } in shown.log_ins {
        let network = network.map(|network| format!("  {network}")).unwrap_or_default();
        say(&format!("{scope:<16} {attempts:>4} attempts  {strikes} strikes  until {until}{network}"));
    }
    for KeyStanding { class, network, remaining, reset } in shown.rate_limits {
        let network = network.map(|network| format!("  {network}")).unwrap_or_default();
        say(&format!("{class:<16} {remaining:>4} requests left, all of them in {reset} s{network}"));
    }
    Ok(())
}

async fn clear(admin: &Admin, whose: &Whose, as_json: bool) -> Result<(), Failure> {
    let Named { account, target, limits } = named(admin, whose).await?;
    // First of all: an instance that is told looks at Redis again. Should Redis not answer, what the database counts goes all the same.
    let shared = limits.forget_shared(&target).await;
    let mut client = admin.database.get().await?;
    let transaction = query::begin(&mut client).await?;
    let cleared = login_attempts::clear(&transaction, account.as_ref(), whose.network).await?;
    notices::limits_cleared(&transaction, &serde_json::to_string(&target)?).await?;
    let details = json!({ "network": whose.network.map(|network| network.to_string()), "counters": cleared });
    let event = match target.user_id() {
        Some(id) => Event::success("limits.cleared", id),
        None => Event::anonymous("limits.cleared"),
    };
    event.with(details).write_at(admin.clock.now(), &*admin.random, &transaction, &Admin::origin()).await?;
    query::commit(transaction).await?;
    if as_json {
        say(&json!({ "cleared": cleared }).to_string());
    } else {
        say(&format!("{cleared} counter(s) of log-ins are gone; running instances forget theirs now"));
    }
    shared.map_err(|failure| format!("Redis keeps what it counts, clear it again later: {failure}").into())
}
