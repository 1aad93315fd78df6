use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis::clock::{Clock, TestClock};
use portcullis::config::Config;
use portcullis::db::users;
use portcullis::random::SystemRandom;
use portcullis::server::{self, Endpoint, Timeouts};
use portcullis::setup::Failure;
use portcullis::state::App;
use portcullis::{background, setup, stack};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Account, Client, Database, fresh_database};

/// The secret that all instances of one test share.
pub(crate) const KEY_ENCRYPTION_KEY: &str = "test-key-encryption-key-of-more-than-32-bytes";

/// A running service with a database of its own.
pub(crate) struct TestApp {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) database: Database,
    pub(crate) address: SocketAddr,
    /// The listener of `METRICS_ADDR`, if the test asked for one.
    pub(crate) operations: Option<SocketAddr>,
    variables: HashMap<String, String>,
    timeouts: Timeouts,
    /// `DATA_DIR`, which replicas share.
    pub(crate) data_dir: Arc<TempDir>,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

/// Sets up a [`TestApp`].
pub(crate) struct TestAppBuilder {
    variables: HashMap<String, String>,
    database: Option<Database>,
    clock: Option<Arc<TestClock>>,
    data_dir: Option<Arc<TempDir>>,
    timeouts: Timeouts,
}

impl TestApp {
    /// A service with cheap password hashes and otherwise the defaults.
    pub(crate) async fn spawn() -> Self {
        Self::builder().spawn().await
    }

    pub(crate) fn builder() -> TestAppBuilder {
        // The lowest cost that exists: the tests are about rules, not about slowness.
        let defaults = [
            ("PASSWORD_BCRYPT_COST", "4"),
            ("HASH_QUEUE", "256"),
            ("KEY_ENCRYPTION_KEY", KEY_ENCRYPTION_KEY),
            // All clients of a test share one address, and its clock stands still: nothing that is spent comes back.
            ("MAX_CONNECTIONS_PER_NETWORK", "10000"),
            ("RATE_LIMIT_REQUESTS", "1000000"),
            ("LIMIT_REGISTER", "1000000/1h"),
            ("LIMIT_LOGIN", "1000000/1h"),
            ("LIMIT_REFRESH", "1000000/1h"),
            ("LIMIT_MAIL", "1000000/1h"),
            ("LIMIT_MAIL_ADDRESS", "1000000/1h"),
            ("LIMIT_SECRET", "1000000/1h"),
            ("LIMIT_USER", "1000000/1h"),
        ];
        let variables = defaults.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        TestAppBuilder { variables, database: None, clock: None, data_dir: None, timeouts: Timeouts::default() }
    }

    /// A second instance with the same settings on the same database, with the same clock.
    pub(crate) async fn replica(&self) -> Self {
        let builder = TestAppBuilder {
            variables: self.variables.clone(),
            database: Some(self.database.clone()),
            clock: Some(self.clock.clone()),
            data_dir: Some(self.data_dir.clone()),
            timeouts: self.timeouts,
        };
        builder.spawn().await
    }

    /// A client without any tokens.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Moves the clock of all instances that share it.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The time of the service, in seconds since the epoch.
    pub(crate) fn clock_seconds(&self) -> i64 {
        self.clock.now().as_second()
    }

    /// The event types in the audit log, oldest first.
    pub(crate) async fn audited(&self) -> Vec<String> {
        let client = self.database.connect().await;
        let rows = client.query("select event_type from audit_logs order by created_at, id", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Shuts an account out or lets it in again, as the operator's command does, but leaves its sessions as they are.
    pub(crate) async fn set_active(&self, account: &Account, active: bool) {
        let client = self.app.database.get().await.unwrap();
        let id = account.id.parse().unwrap();
        assert!(users::set_active(&client, id, active, self.clock.now()).await.unwrap());
    }

    /// Asks the service to stop as a signal does, and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.send(true).unwrap();
        self.running.await.unwrap();
    }
}

impl TestAppBuilder {
    /// Sets a variable of the environment.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Uses a given database instead of a fresh one.
    pub(crate) fn on(mut self, database: Database) -> Self {
        self.database = Some(database);
        self
    }

    /// Sets the clock, which otherwise stands at noon (UTC) of 2026-06-15.
    pub(crate) fn at(mut self, time: &str) -> Self {
        self.clock = Some(Arc::new(TestClock::at(time.parse().unwrap())));
        self
    }

    /// Sets the time limits of connections to the main listener.
    pub(crate) fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Shares the clock of another service.
    pub(crate) fn with_clock(mut self, clock: Arc<TestClock>) -> Self {
        self.clock = Some(clock);
        self
    }

    pub(crate) async fn spawn(self) -> TestApp {
        self.try_spawn().await.unwrap()
    }

    /// A service, or what it says when it refuses to start.
    pub(crate) async fn try_spawn(self) -> Result<TestApp, Failure> {
        let data_dir = self.data_dir.unwrap_or_else(|| Arc::new(tempfile::tempdir().unwrap()));
        let mut variables = self.variables.clone();
        variables.insert("DATA_DIR".to_owned(), data_dir.path().to_str().unwrap().to_owned());
        let config = Config::load(&|name| variables.get(name).cloned()).unwrap();
        let database = match self.database {
            Some(database) => database,
            None => fresh_database().await,
        };
        let clock = self.clock.unwrap_or_else(|| Arc::new(TestClock::at("2026-06-15T12:00:00Z".parse().unwrap())));
        let started = tokio::time::Instant::now();
        let app = setup::app(config, &database.server, clock.clone(), Arc::new(SystemRandom), started).await?;

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let operations = match app.config.metrics_addr {
            Some(wanted) => Some(TcpListener::bind(wanted).await.unwrap()),
            None => None,
        };
        let operations_address = operations.as_ref().map(|listener| listener.local_addr().unwrap());
        let (stop, stopped) = watch::channel(false);
        let endpoint = Endpoint::main(&app, None).with_timeouts(self.timeouts);
        let running = tokio::spawn(serve(app.clone(), listener, endpoint, operations, stopped));
        Ok(TestApp {
            app,
            clock,
            database,
            address,
            operations: operations_address,
            variables: self.variables,
            timeouts: self.timeouts,
            data_dir,
            stop,
            running,
        })
    }
}

async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    endpoint: Endpoint,
    operations: Option<TcpListener>,
    stopped: watch::Receiver<bool>,
) {
    let tasks = background::start(&app, &stopped);
    let main = server::run(listener, endpoint, stack::build(&app).unwrap(), stopped.clone());
    match operations {
        Some(operations) => {
            let stack = stack::operations(&app).unwrap();
            tokio::join!(main, server::run(operations, Endpoint::operations(&app), stack, stopped));
        }
        None => main.await,
    }
    background::finish(&app, tasks).await;
    app.database.close();
}
