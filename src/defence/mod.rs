//! The defence of log-ins: every route that looks at a password asks here first.
//!
//! An attempt is counted before its password is looked at, and committed by itself, so that of any number of parallel guesses on any number
//! of instances no more than the budget reach the hasher. A right password takes its count back. Strangers spend the budgets of the account
//! and of their network; a device that logged in before spends its own and what all such devices of the account share, so nobody is locked out
//! by strangers.

mod device;
mod turns;

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;

pub use self::device::{DeviceMark, known_device, remember};
use self::turns::{Turn, Turns};
use crate::audit::Event;
use crate::auth::budget::{self, Budget, CounterKeys, Scope};
use crate::auth::device_mark::DeviceMarks;
use crate::auth::seal::{SealError, Sealer};
use crate::auth::stuffing::{Stuffing, Verdict};
use crate::db::login_attempts::{self, Counter};
use crate::db::{GenericClient, Transaction, query};
use crate::error::{ApiError, TooMany};
use crate::handlers::Call;
use crate::mail::{Kind, Recipient};

/// An owner hears of attacks on the account once in so long.
const TELL_INTERVAL: SignedDuration = SignedDuration::from_hours(24);
/// When to come back for a turn.
const TURN_WAIT: Duration = Duration::from_secs(1);

/// What the defence remembers and derives its keys from.
#[derive(Debug)]
pub struct Defence {
    /// Keys of counters.
    pub keys: CounterKeys,
    /// Marks of devices.
    pub marks: DeviceMarks,
    /// Networks that try many accounts.
    stuffing: Mutex<Stuffing>,
    /// Who waits for whom.
    turns: Turns,
    /// `RATE_LIMIT_ENABLED`.
    is_on: bool,
}

impl Defence {
    /// Derives the keys from the secret that all instances share. `queue` is how many may wait for the hasher.
    ///
    /// # Errors
    /// [`SealError::Crypto`].
    pub fn new(secret: &Sealer, is_on: bool, queue: usize) -> Result<Self, SealError> {
        let (keys, marks) = (CounterKeys::new(secret)?, DeviceMarks::new(secret)?);
        Ok(Self { keys, marks, stuffing: Mutex::default(), turns: Turns::new(queue), is_on })
    }

    /// Forgets in this process which accounts a network tried.
    pub fn forget(&self, network: IpAddr) {
        self.stuffing.lock().unwrap_or_else(PoisonError::into_inner).forget(network);
    }

    fn judge(&self, network: IpAddr, now: Timestamp) -> Verdict {
        self.stuffing.lock().unwrap_or_else(PoisonError::into_inner).judge(network, now)
    }

    fn failed(&self, network: IpAddr, account: &str, guess: &SecretString, now: Timestamp) -> Verdict {
        let mut stuffing = self.stuffing.lock().unwrap_or_else(PoisonError::into_inner);
        stuffing.failed(network, account, guess.expose_secret(), now)
    }
}

/// Whose password is tried. An address without an account is defended like any other, or limits would tell which have one.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The folded address.
    pub email_key: &'a str,
    /// The account, if there is one.
    pub user_id: Option<Uuid>,
}

/// An attempt that was counted, and whose password may be looked at now. Tell how it went: [`won`](Self::won) or [`lost`](Self::lost); one
/// that ends without a word stays counted.
#[derive(Debug)]
#[must_use = "an attempt stays counted until it is told how it went"]
pub struct Attempt {
    email_key: String,
    user_id: Option<Uuid>,
    network: Option<IpAddr>,
    /// The network, if it answers for what it tries: not that of a known device, nor one that the operator lets off.
    judged: Option<IpAddr>,
    counters: Vec<Counter>,
    /// When it was counted.
    at: Timestamp,
    /// The known device that it came from.
    mark: Option<Uuid>,
    /// Whether it spent the last of a budget.
    is_last: bool,
    /// Whether the owner should know.
    is_alarming: bool,
    /// Kept until it is known how the attempt went.
    turn: Option<Turn>,
}

impl Attempt {
    /// Counts an attempt.
    ///
    /// # Errors
    /// 429 `too_many_attempts` when a budget is spent; 503 when it cannot be counted.
    pub async fn charge(call: &Call, subject: Subject<'_>) -> Result<Self, ApiError> {
        let app = &call.app;
        let address = call.origin().ip_address;
        let network = address.map(budget::network);
        let client = app.database.get().await?;
        let mark = match subject.user_id {
            Some(user_id) => known_device(call, &client, user_id).await?,
            None => None,
        };
        let is_let_off = mark.is_some() || address.is_some_and(|address| app.limits.networks.is_allowed(address));
        let mut attempt = Self {
            email_key: subject.email_key.to_owned(),
            user_id: subject.user_id,
            network,
            judged: network.filter(|_| app.defence.is_on && !is_let_off),
            counters: Vec::new(),
            at: call.now(),
            mark,
            is_last: false,
            is_alarming: false,
            turn: None,
        };
        if !app.defence.is_on {
            return Ok(attempt);
        }
        if let Some(network) = attempt.judged {
            attempt.check_network(call, &client, network).await?;
        }
        // No connection is held while others are waited for.
        drop(client);
        attempt.count(call).await?;
        Ok(attempt)
    }

    /// Spends the budgets, once it is this attempt's turn.
    async fn count(&mut self, call: &Call) -> Result<(), ApiError> {
        let app = &call.app;
        let budgets = self.budgets(&app.defence.keys);
        if let Some((counter, budget)) = budgets.first() {
            self.turn = app.defence.turns.take(counter.key).await;
            if self.turn.is_none() {
                return refuse(call, counter.scope, budget, TURN_WAIT);
            }
        }
        self.at = call.now();
        let mut client = app.database.get().await?;
        let transaction = query::begin(&mut client).await?;
        for (counter, budget) in budgets {
            let counted = login_attempts::charge(&transaction, &counter, budget, self.at).await;
            let Some(counted) = counted.map_err(ApiError::unwritten)? else {
                let ends = login_attempts::window_ends(&transaction, &counter.key, self.at).await;
                let wait = ends.map_err(ApiError::unwritten)?.map_or(Duration::ZERO, |ends| until(ends, self.at));
                return refuse(call, counter.scope, budget, wait);
            };
            self.is_last |= counted.failures >= budget.limit;
            self.is_alarming |= counted.failures >= budget.tell_from;
            self.counters.push(counter);
        }
        query::commit(transaction).await?;
        app.metrics.defence.counted.inc();
        Ok(())
    }

    /// The device that the attempt came from, if it logged in before.
    #[must_use]
    pub fn mark(&self) -> Option<Uuid> {
        self.mark
    }

    /// What the attempt is counted under.
    fn budgets(&self, keys: &CounterKeys) -> Vec<(Counter, &'static Budget)> {
        let account = keys.account(&self.email_key);
        let counter = |scope, key, network| Counter { key, scope, account: Some(account), network };
        if let Some(mark) = self.mark {
            let shared = keys.account_devices(&self.email_key);
            return vec![
                (counter(Scope::Device, keys.device(&self.email_key, mark), None), &budget::DEVICE),
                (counter(Scope::AccountDevices, shared, None), &budget::ACCOUNT_DEVICES),
            ];
        }
        let narrow = self.network.map(|network| {
            let key = keys.account_network(&self.email_key, network);
            (counter(Scope::AccountNetwork, key, Some(network)), &budget::ACCOUNT_NETWORK)
        });
        // The narrow one first: who has spent it does not spend the account's as well.
        narrow.into_iter().chain([(counter(Scope::Account, account, None), &budget::ACCOUNT)]).collect()
    }

    async fn check_network(&self, call: &Call, client: &impl GenericClient, network: IpAddr) -> Result<(), ApiError> {
        let defence = &call.app.defence;
        if let Verdict::Wait(wait) = defence.judge(network, self.at) {
            return refuse(call, Scope::Network, &budget::NETWORK, wait);
        }
        let ends = login_attempts::window_ends(client, &defence.keys.network(network), self.at).await;
        match ends.map_err(ApiError::unwritten)? {
            Some(ends) => refuse(call, Scope::Network, &budget::NETWORK, until(ends, self.at)),
            None => Ok(()),
        }
    }

    /// Takes the count back: the password was right.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn won(&mut self, call: &Call) -> Result<(), ApiError> {
        if self.counters.is_empty() {
            return Ok(());
        }
        let client = call.app.database.get().await?;
        for counter in &self.counters {
            let taken_back = match counter.scope {
                // Others may be guessing at the same account: only the own attempt is taken back.
                Scope::Account | Scope::AccountDevices => login_attempts::refund(&client, &counter.key, self.at).await,
                _ => login_attempts::forget(&client, &counter.key).await,
            };
            taken_back.map_err(ApiError::unwritten)?;
        }
        call.app.metrics.defence.refunded.inc();
        self.turn = None;
        Ok(())
    }

    /// Refuses with `error`, once the event and what follows from it are committed.
    ///
    /// # Errors
    /// Always: `error`, or 503 when that cannot be written down.
    pub async fn lost<T>(
        &self,
        call: &Call,
        event: &Event,
        guess: &SecretString,
        error: ApiError,
    ) -> Result<T, ApiError> {
        let app = &call.app;
        let (origin, now) = (call.origin(), call.now());
        let mut client = app.database.get().await?;
        let transaction = query::begin(&mut client).await?;
        self.marked(call, event.clone()).write(app, &transaction, &origin).await?;
        let is_told = self.is_alarming && self.alarm(call, &transaction, now).await?;
        if let Some(network) = self.judged
            && app.defence.failed(network, &self.email_key, guess, now) == Verdict::Block
        {
            let key = app.defence.keys.network(network);
            let counter = Counter { key, scope: Scope::Network, account: None, network: Some(network) };
            let until = login_attempts::block(&transaction, &counter, &budget::NETWORK, now).await;
            let until = until.map_err(ApiError::unwritten)?;
            let event = Event::failure("network.blocked", None).with(json!({ "until": until }));
            event.write(app, &transaction, &origin).await?;
            app.metrics.defence.network_blocked.inc();
        }
        query::commit(transaction).await?;
        if is_told {
            app.mail.ring();
        }
        Err(error)
    }

    /// An event that names no account says by a mark which address it is about.
    fn marked(&self, call: &Call, event: Event) -> Event {
        if self.user_id.is_some() { event } else { event.about(&call.app.address_marks, &self.email_key) }
    }

    /// Writes down that a budget is spent, and has the owner told of the attack if that was not done of late. Tells whether there is a mail.
    async fn alarm(&self, call: &Call, transaction: &Transaction<'_>, now: Timestamp) -> Result<bool, ApiError> {
        let app = &call.app;
        if self.is_last {
            let scopes: Vec<_> = self.counters.iter().map(|counter| counter.scope.name()).collect();
            let event = Event::failure("account.locked", self.user_id).with(json!({ "counted_by": scopes }));
            event.write(app, transaction, &call.origin()).await?;
        }
        let key = app.defence.keys.account(&self.email_key);
        let account = Counter { key, scope: Scope::Account, account: Some(key), network: None };
        let before = now.saturating_sub(TELL_INTERVAL).map_err(ApiError::internal)?;
        if !login_attempts::tell(transaction, &account, now, before).await.map_err(ApiError::unwritten)? {
            return Ok(false);
        }
        // An address without an account gets the same row, and the worker finds nobody to write to.
        let recipient = self.user_id.map_or(Recipient::EmailKey(&self.email_key), Recipient::User);
        call.enqueue(transaction, Kind::AccountLocked, recipient, None).await?;
        Ok(true)
    }
}

fn until(ends: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(ends.duration_since(now)).unwrap_or_default()
}

fn refuse<T>(call: &Call, scope: Scope, budget: &'static Budget, wait: Duration) -> Result<T, ApiError> {
    call.app.metrics.defence.refused(scope);
    Err(ApiError::TooManyAttempts(TooMany { policy: scope.name(), limit: budget.limit, window: budget.window, wait }))
}
