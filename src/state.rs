//! What a request may touch.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::audit::address::AddressMarks;
use crate::audit::refusals::Refusals;
use crate::audit::seal::SealKey;
use crate::auth::cursor::CursorKey;
use crate::auth::keys::SigningKeys;
use crate::auth::link::LinkKeys;
use crate::auth::password::PasswordPolicy;
use crate::auth::pool::HashPool;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Database;
use crate::db::person::Person;
use crate::db::probe::Probe;
use crate::defence::Defence;
use crate::limits::Limits;
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::pages::Pages;
use crate::random::Random;

/// The parts of a running service. Handlers share one behind an `Arc`.
#[derive(Debug)]
pub struct App {
    /// What the operator decided.
    pub config: Config,
    /// PostgreSQL.
    pub database: Database,
    /// The last look at it, for health.
    pub probe: Probe,
    /// The keys that sign and verify access tokens.
    pub keys: SigningKeys,
    /// What the links in mails are derived from.
    pub links: LinkKeys,
    /// What the security log is sealed with.
    pub seals: SealKey,
    /// What stands for addresses in the security log.
    pub address_marks: AddressMarks,
    /// Rate limits.
    pub limits: Limits,
    /// The defence of log-ins.
    pub defence: Defence,
    /// What paging cursors are authenticated with.
    pub cursors: CursorKey,
    /// Mail: the way out, and the bell that says that some is waiting.
    pub mail: Mailer,
    /// Where passwords are hashed.
    pub hasher: HashPool,
    /// The pages where links in mails land.
    pub pages: Pages,
    /// Which passwords are accepted.
    pub passwords: PasswordPolicy,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Unpredictable bytes.
    pub random: Arc<dyn Random>,
    /// Our own metrics, and the registry that all of them are in.
    pub metrics: Metrics,
    /// Refused requests on their way to the audit log.
    pub refusals: Refusals,
    /// When the process came up, on the monotonic clock.
    pub started: tokio::time::Instant,
}

impl App {
    /// For how long the process has been up.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Every name under which rows of an account are kept, from its id and its folded address.
    #[must_use]
    pub fn person(&self, user_id: Uuid, email_key: &str) -> Person {
        let account = self.defence.keys.account(email_key).to_vec();
        Person { user_id, account, address_mark: self.address_marks.of(email_key) }
    }
}
