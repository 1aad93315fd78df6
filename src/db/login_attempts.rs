//! Table `login_attempts`.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::catalog::queries;
use super::{DbError, GenericClient, Query, query};
use crate::auth::budget::{Budget, Scope};

/// What an attempt is counted under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// HMAC of everything below.
    pub key: [u8; 32],
    /// What kind of key it is.
    pub scope: Scope,
    /// HMAC of the account's folded address.
    pub account: Option<[u8; 32]>,
    /// The network, where it is part of the key.
    pub network: Option<IpAddr>,
}

/// A count after an attempt was added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Attempts in the window that ends now.
    pub failures: i32,
    /// When none of them is seen any more, or the wait is over.
    pub window_ends: Timestamp,
}

/// Counts an attempt, unless the budget is spent. It is held against all those of the window that ends with it, so that no window has more.
/// The one that spends the budget begins the wait, which doubles with every strike.
pub const CHARGE: &str = "insert into login_attempts as a \
    (key, scope, account, network, failures, window_ends, strikes, attempts) \
    values ($1, $2, $3, $4, 1, $5::timestamptz + make_interval(secs => $6), 0, array[$5::timestamptz]) \
    on conflict (key) do update set (attempts, failures, strikes, window_ends) = ( \
        select seen.attempts, cardinality(seen.attempts), \
            seen.strikes + case when cardinality(seen.attempts) >= $7 then 1 else 0 end, \
            $5 + make_interval(secs => case when cardinality(seen.attempts) >= $7 \
                then least($6 * power(2, seen.strikes), $8) else $6 end) \
        from (select array(select t from unnest(a.attempts) as t where t > $5 - make_interval(secs => $6)) || $5 \
                as attempts, \
            case when a.window_ends + make_interval(secs => $9) <= $5 then 0 else a.strikes end as strikes) as seen) \
    where a.window_ends <= $5 or a.failures < $7 \
    returning failures, window_ends";

/// Counts an attempt; `None` when the budget is spent.
///
/// # Errors
/// When the database does not answer; nothing may be tried then.
pub async fn charge(
    client: &impl GenericClient,
    counter: &Counter,
    budget: &Budget,
    now: Timestamp,
) -> Result<Option<Counted>, DbError> {
    let (key, account) = (&counter.key[..], counter.account.as_ref().map(|account| &account[..]));
    let params: [&(dyn ToSql + Sync); 9] = [
        &key,
        &counter.scope.name(),
        &account,
        &counter.network,
        &now,
        &budget.window.as_secs_f64(),
        &budget.limit,
        &budget.longest_wait.as_secs_f64(),
        &budget.forgiven_after.as_secs_f64(),
    ];
    let row = query::optional(client, CHARGE, &params).await?;
    row.map(|row| Ok(Counted { failures: row.try_get("failures")?, window_ends: row.try_get("window_ends")? }))
        .transpose()
}

/// When a key may be tried again.
pub const WINDOW_ENDS: &str = "select window_ends from login_attempts where key = $1 and window_ends > $2";

/// When the wait of a key, or else its window, ends.
///
/// # Errors
/// When the database does not answer.
pub async fn window_ends(
    client: &impl GenericClient,
    key: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Timestamp>, DbError> {
    let row = query::optional(client, WINDOW_ENDS, &[&&key[..], &now]).await?;
    Ok(row.map(|row| row.try_get("window_ends")).transpose()?)
}

/// Starts a key from nothing.
pub const FORGET: &str = "delete from login_attempts where key = $1";

/// Forgets the attempts of a key: its password was right.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(client: &impl GenericClient, key: &[u8; 32]) -> Result<(), DbError> {
    query::execute(client, FORGET, &[&&key[..]]).await.map(drop)
}

/// Takes one attempt back.
pub const REFUND: &str = "update login_attempts set failures = greatest(failures - 1, 0), \
    attempts = attempts[:array_position(attempts, $2) - 1] || attempts[array_position(attempts, $2) + 1:] \
    where key = $1 and $2::timestamptz = any(attempts)";

/// Takes the attempt of a moment back from a key: its password was right.
///
/// # Errors
/// When the database does not answer.
pub async fn refund(client: &impl GenericClient, key: &[u8; 32], at: Timestamp) -> Result<(), DbError> {
    query::execute(client, REFUND, &[&&key[..], &at]).await.map(drop)
}

/// Notes that the owner is being told.
pub const TELL: &str = "insert into login_attempts as a (key, scope, account, failures, window_ends, strikes, told_at) \
    values ($1, 'account', $2, 0, $3, 0, $3) \
    on conflict (key) do update set told_at = $3 where a.told_at is null or a.told_at <= $4 returning key";

/// Whether the owner of an account is to be told now: `true` once, and again when the last time was `before` or earlier.
///
/// # Errors
/// When the database does not answer.
pub async fn tell(
    client: &impl GenericClient,
    counter: &Counter,
    now: Timestamp,
    before: Timestamp,
) -> Result<bool, DbError> {
    let (key, account) = (&counter.key[..], counter.account.as_ref().map(|account| &account[..]));
    Ok(query::optional(client, TELL, &[&key, &account, &now, &before]).await?.is_some())
}

/// Blocks a network.
pub const BLOCK: &str = "insert into login_attempts as a (key, scope, network, failures, window_ends, strikes) \
    values ($1, 'network', $2, 0, $3::timestamptz + make_interval(secs => $4), 1) \
    on conflict (key) do update set \
    strikes = case when a.window_ends + make_interval(secs => $6) <= $3 then 1 else a.strikes + 1 end, \
    window_ends = greatest(a.window_ends, $3 + make_interval(secs => \
        case when a.window_ends + make_interval(secs => $6) <= $3 then $4 else least($4 * power(2, a.strikes), $5) end)) \
    returning window_ends";

/// Blocks a network for the budget's window, and twice as long each time; tells until when.
///
/// # Errors
/// When the database does not answer.
pub async fn block(
    client: &impl GenericClient,
    counter: &Counter,
    budget: &Budget,
    now: Timestamp,
) -> Result<Timestamp, DbError> {
    let key = &counter.key[..];
    let params: [&(dyn ToSql + Sync); 6] = [
        &key,
        &counter.network,
        &now,
        &budget.window.as_secs_f64(),
        &budget.longest_wait.as_secs_f64(),
        &budget.forgiven_after.as_secs_f64(),
    ];
    Ok(query::one(client, BLOCK, &params).await?.try_get("window_ends")?)
}

/// A row as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCounter {
    /// What kind of key it is.
    pub scope: String,
    /// The network, where it is part of the key.
    pub network: Option<IpAddr>,
    /// Attempts when the last one was counted.
    pub failures: i32,
    /// When none of them is seen any more, or the wait is over.
    pub window_ends: Timestamp,
    /// How often the limit was reached of late.
    pub strikes: i32,
}

/// Counters of an account, of a network, or of both.
pub const LIST: &str = "select scope, network, failures, window_ends, strikes from login_attempts \
    where ($1::bytea is null or account = $1) and ($2::text is null or network <<= $2::text::inet) and window_ends > $3 \
    order by window_ends desc limit $4";

/// The running counters of an account, of a network, of both, or of all.
///
/// # Errors
/// When the database does not answer.
pub async fn list(
    client: &impl GenericClient,
    account: Option<&[u8; 32]>,
    network: Option<IpNet>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<ListedCounter>, DbError> {
    let account = account.map(|account| &account[..]);
    let network = network.map(|network| network.to_string());
    let rows = query::all(client, LIST, &[&account, &network, &now, &limit]).await?;
    rows.iter().map(|row| Ok(from_row(row)?)).collect()
}

fn from_row(row: &Row) -> Result<ListedCounter, tokio_postgres::Error> {
    Ok(ListedCounter {
        scope: row.try_get("scope")?,
        network: row.try_get("network")?,
        failures: row.try_get("failures")?,
        window_ends: row.try_get("window_ends")?,
        strikes: row.try_get("strikes")?,
    })
}

/// Starts an account, a network or both from nothing.
pub const CLEAR: &str = "delete from login_attempts \
    where (account = $1 or $1::bytea is null) and (network <<= $2::text::inet or $2::text is null) \
    and ($1 is not null or $2::text is not null)";

/// Forgets the counters of an account, of a network, or of the account from the network; tells how many.
///
/// # Errors
/// When the database does not answer.
pub async fn clear(
    client: &impl GenericClient,
    account: Option<&[u8; 32]>,
    network: Option<IpNet>,
) -> Result<u64, DbError> {
    let account = account.map(|account| &account[..]);
    let network = network.map(|network| network.to_string());
    query::execute(client, CLEAR, &[&account, &network]).await
}

/// Counters that count nothing any more, some at a time.
pub const SWEEP: &str = "delete from login_attempts where key in \
    (select key from login_attempts where window_ends < $1 order by window_ends limit $2 for update skip locked)";

/// Every query of this file.
pub const QUERIES: &[Query] = queries![CHARGE, WINDOW_ENDS, FORGET, REFUND, TELL, BLOCK, LIST, CLEAR, SWEEP];
