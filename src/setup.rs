//! From a configuration to a service: schema, pool, keys, and the [`App`] that holds them.

use std::io::Write;
use std::num::NonZeroUsize;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Config as Server;

use crate::audit::address::AddressMarks;
use crate::audit::partitions;
use crate::audit::refusals::Refusals;
use crate::audit::seal::SealKey;
use crate::auth::cursor::CursorKey;
use crate::auth::keys::{KeyStore, SigningKeys};
use crate::auth::link::LinkKeys;
use crate::auth::password::PasswordPolicy;
use crate::auth::pool::HashPool;
use crate::auth::seal::Sealer;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::migrate::{self, MigrateError, Migration};
use crate::db::probe::Probe;
use crate::db::{Database, DbError, pool};
use crate::defence::Defence;
use crate::limits::Limits;
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::pages::Pages;
use crate::prices;
use crate::random::{Random, SystemRandom};
use crate::state::App;

/// Why a service could not be put together: any error, told with its causes.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long a start waits for a database that is not there yet, as when everything starts at once.
const DATABASE_PATIENCE: Duration = Duration::from_secs(30);
/// The pause between two attempts.
const DATABASE_PAUSE: Duration = Duration::from_millis(500);

/// Brings the schema up to date over a connection of its own.
///
/// # Errors
/// When a migration fails, or the database does not appear in time.
pub async fn migrate(config: &Config, server: &Server) -> Result<Vec<&'static Migration>, Failure> {
    let direct = config.database.direct.as_ref().unwrap_or(server);
    let give_up = tokio::time::Instant::now() + DATABASE_PATIENCE;
    loop {
        let failure: Failure = match pool::connect(direct, config.database.ssl_mode).await {
            Ok(mut client) => match migrate::migrate(&mut client).await {
                Ok(applied) => return Ok(applied),
                Err(MigrateError::Database(error)) if error.as_db_error().is_none() => error.into(),
                Err(error) => return Err(error.into()),
            },
            Err(error) if is_refused(&error) => return Err(error.into()),
            Err(error) => error.into(),
        };
        if tokio::time::Instant::now() >= give_up {
            return Err(failure);
        }
        tracing::warn!(error = crate::error::chain(failure.as_ref()), "the database is not there yet");
        tokio::time::sleep(DATABASE_PAUSE).await;
    }
}

/// Whether the server answered and will not answer otherwise: a wrong password, a missing database. Waiting would not help then.
fn is_refused(error: &pool::DatabaseSetupError) -> bool {
    let pool::DatabaseSetupError::Connect(error) = error else { return true };
    error.code().is_some_and(|code| code.code().starts_with("28") || code.code().starts_with("3D"))
}

/// Puts together what requests may touch, over a migrated database.
///
/// # Errors
/// When the pool, the keys or the metrics cannot be set up.
pub async fn app(
    config: Config,
    server: &Server,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    started: tokio::time::Instant,
) -> Result<Arc<App>, Failure> {
    let metrics = Metrics::new()?;
    let database = Database::new(server, &config.database, metrics.database.clone())?;
    let keys = signing_keys(&config, &database, &*clock).await?;
    let secret = server_secret(&config)?;
    let threads = NonZeroUsize::new(config.hashing.threads).unwrap_or(NonZeroUsize::MIN);
    let app = Arc::new(App {
        hasher: HashPool::observed(config.hashing.algorithm, threads, config.hashing.queue, metrics.hashing.clone()),
        pages: Pages::new(config.hashing.min_length)?,
        passwords: PasswordPolicy { min_length: config.hashing.min_length },
        links: LinkKeys::new(&secret)?,
        seals: SealKey::new(&secret)?,
        address_marks: AddressMarks::new(&secret)?,
        limits: Limits::new(&config, &metrics, clock.clone())?,
        defence: Defence::new(&secret, config.limits.enabled, config.hashing.queue)?,
        cursors: CursorKey::new(&secret)?,
        mail: Mailer::new(&config, clock.now())?,
        metrics,
        refusals: Refusals::default(),
        probe: Probe::default(),
        clock,
        random,
        database,
        keys,
        config,
        started,
    });
    prices::learn_at_start(&app).await;
    // Before the first event: one outside all months would keep its month from ever getting a partition.
    if let Err(error) = prepare_months(&app).await {
        tracing::warn!(error = crate::error::chain(&error), "the months of the security log could not be prepared yet");
    }
    Ok(app)
}

async fn prepare_months(app: &App) -> Result<(), DbError> {
    partitions::prepare(&app.database.get().await?, app.clock.now()).await
}

/// The keys that sign access tokens.
///
/// # Errors
/// When the keys in the database cannot be read or decrypted.
pub async fn signing_keys(config: &Config, database: &Database, clock: &dyn Clock) -> Result<SigningKeys, Failure> {
    if let Some(secret) = &config.tokens.jwt_secret {
        return Ok(SigningKeys::from_secret(secret.expose_secret().as_bytes())?);
    }
    let store = key_store(config)?;
    let mut client = database.get().await?;
    Ok(SigningKeys::load_or_create(&mut client, store, config.tokens.algorithm, clock.now()).await?)
}

/// Access to the keys in the database.
///
/// # Errors
/// When there is no usable `KEY_ENCRYPTION_KEY`.
pub fn key_store(config: &Config) -> Result<KeyStore, Failure> {
    let secret = match &config.key_encryption_key {
        Some(secret) => secret.clone(),
        None => generated_key(&config.data_dir)?,
    };
    let sealer = Sealer::new(secret.expose_secret().as_bytes())?;
    Ok(KeyStore::new(Arc::new(sealer), config.tokens.access))
}

/// What every instance knows and the database does not: the keys of links in mails and the like are derived from it.
///
/// # Errors
/// When development's generated key cannot be read or written.
pub fn server_secret(config: &Config) -> Result<Arc<Sealer>, Failure> {
    let secret = match (&config.key_encryption_key, &config.tokens.jwt_secret) {
        (Some(secret), _) | (None, Some(secret)) => secret.clone(),
        (None, None) => generated_key(&config.data_dir)?,
    };
    Ok(Arc::new(Sealer::new(secret.expose_secret().as_bytes())?))
}

/// Development's stand-in for `KEY_ENCRYPTION_KEY`: made once, readable by its owner only.
fn generated_key(data_dir: &Path) -> Result<SecretString, Failure> {
    let path = data_dir.join("key-encryption.key");
    let unusable = |error: std::io::Error| {
        format!("{} cannot be used ({error}): mend it, or set KEY_ENCRYPTION_KEY", path.display())
    };
    std::fs::create_dir_all(data_dir).map_err(unusable)?;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            let random: &dyn Random = &SystemRandom;
            let text = STANDARD.encode(random.bytes::<32>()?);
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(unusable)?;
            tracing::info!(path = %path.display(), "generated a key that protects the signing keys");
            Ok(text.into())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Ok(std::fs::read_to_string(&path).map_err(unusable)?.trim().to_owned().into())
        }
        Err(error) => Err(unusable(error).into()),
    }
}
