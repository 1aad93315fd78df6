use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;
use crate::auth::hash::{self, Format};

const BCRYPT_4: Algorithm = Algorithm::Bcrypt { cost: 4 };
const SALT: [u8; SALT_LENGTH] = *b"sixteen byte sal";
const SCRYPT: &str = "$scrypt$ln=4,r=8,p=1$c2l4dGVlbiBieXRlIHNhbA$T2dC/VF5SV2YRtxzDlPpELViXw6KLP1AFk8ocIFJjGc";
const PASSWORD: &str = "gate of horn";

fn secret(password: &str) -> SecretString {
    SecretString::from(password)
}

type Seen = Arc<Mutex<Vec<(Purpose, Format)>>>;

/// A pool with the list of its computations.
fn watched(threads: usize, queue: usize) -> (HashPool, Seen) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&seen);
    let observer = move |done: Computation| list.lock().unwrap().push((done.purpose, done.format));
    (HashPool::observed(BCRYPT_4, NonZeroUsize::new(threads).unwrap(), queue, observer), seen)
}

/// A pool whose every computation reports its end and then keeps its thread until it is released.
fn gated(threads: usize, queue: usize) -> (HashPool, Receiver<()>, Sender<()>) {
    let (ended, ends) = channel();
    let (release, releases) = channel();
    let releases = Mutex::new(releases);
    let observer = move |_: Computation| {
        ended.send(()).unwrap();
        releases.lock().unwrap().recv().unwrap();
    };
    (HashPool::observed(BCRYPT_4, NonZeroUsize::new(threads).unwrap(), queue, observer), ends, release)
}

async fn until(condition: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < patience, "the condition never came true");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_hash_made_here_verifies_here() {
    let (pool, seen) = watched(1, 0);
    let ticket = pool.admit().unwrap();
    let stored = ticket.hash(secret(PASSWORD), SALT).await.unwrap();
    let right = ticket.verify(secret(PASSWORD), Some(stored.clone())).await.unwrap();
    assert_eq!(right, Verification { matches: true, rehash: false, unusable: None });
    let wrong = ticket.verify(secret("gate of ivory"), Some(stored)).await.unwrap();
    assert_eq!(wrong, Verification { matches: false, rehash: false, unusable: None });
    let expected = [Purpose::Hash, Purpose::Verify, Purpose::Verify].map(|purpose| (purpose, Format::Bcrypt));
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn an_unknown_user_costs_exactly_one_configured_hash() {
    let (pool, seen) = watched(1, 0);
    let unknown = pool.admit().unwrap().verify(secret(PASSWORD), None).await.unwrap();
    assert_eq!(unknown, Verification { matches: false, rehash: false, unusable: None });
    assert_eq!(*seen.lock().unwrap(), [(Purpose::Decoy, Format::Bcrypt)]);
}

#[tokio::test]
async fn a_wrong_password_against_another_format_pays_the_configured_hash_as_well() {
    let (pool, seen) = watched(1, 0);
    let ticket = pool.admit().unwrap();
    assert!(!ticket.verify(secret("gate of ivory"), Some(SCRYPT.to_owned())).await.unwrap().matches);
    assert_eq!(*seen.lock().unwrap(), [(Purpose::Verify, Format::Scrypt), (Purpose::Decoy, Format::Bcrypt)]);
}

#[tokio::test]
async fn a_wrong_password_against_another_spelling_of_the_configured_hash_pays_once() {
    let (pool, seen) = watched(1, 0);
    let stored = hash::dummy(BCRYPT_4).replace("$2b$", "$2y$");
    assert!(!pool.admit().unwrap().verify(secret(PASSWORD), Some(stored)).await.unwrap().matches);
    assert_eq!(*seen.lock().unwrap(), [(Purpose::Verify, Format::Bcrypt)]);
}

#[tokio::test]
async fn a_right_password_against_another_format_asks_for_a_new_hash() {
    let (pool, seen) = watched(1, 0);
    let right = pool.admit().unwrap().verify(secret(PASSWORD), Some(SCRYPT.to_owned())).await.unwrap();
    assert_eq!(right, Verification { matches: true, rehash: true, unusable: None });
    assert_eq!(*seen.lock().unwrap(), [(Purpose::Verify, Format::Scrypt)]);
}

#[tokio::test]
async fn a_stored_hash_that_costs_too_much_or_is_unreadable_refuses_at_the_usual_price() {
    let (pool, seen) = watched(1, 0);
    for (stored, fault) in [
        (hash::dummy(Algorithm::Bcrypt { cost: 31 }), HashError::TooCostly(Format::Bcrypt)),
        ("*".to_owned(), HashError::Unsupported),
    ] {
        let refused = pool.admit().unwrap().verify(secret(PASSWORD), Some(stored)).await.unwrap();
        assert_eq!(refused, Verification { matches: false, rehash: false, unusable: Some(fault) });
        assert_eq!(seen.lock().unwrap().drain(..).as_slice(), [(Purpose::Decoy, Format::Bcrypt)]);
    }
}

#[tokio::test]
async fn a_refusal_lasts_as_long_as_the_dearest_one_would() {
    let (pool, _) = watched(1, 0);
    let seen_before = Duration::from_millis(60);
    let price = Stored::parse(SCRYPT).unwrap().price();
    pool.0.engine.floor.observe_other(price, seen_before);
    let started = Instant::now();
    let ticket = pool.admit().unwrap();
    assert!(!ticket.verify(secret(PASSWORD), None).await.unwrap().matches);
    assert!(started.elapsed() >= Duration::from_millis(60), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_hash_that_was_weighed_holds_every_refusal_to_its_price() {
    let prices = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&prices);
    let observer = move |done: Computation| list.lock().unwrap().push((done.purpose, done.format, done.elapsed));
    let pool = HashPool::observed(BCRYPT_4, NonZeroUsize::MIN, 0, observer);
    let dear = Stored::parse(&hash::dummy(Algorithm::Bcrypt { cost: 8 })).unwrap();
    assert_eq!((pool.floor(), pool.knows(&dear)), (Duration::ZERO, false));

    pool.admit().unwrap().weigh(dear.clone()).await.unwrap();
    let [(purpose, format, price)] = prices.lock().unwrap()[..] else { panic!("{prices:?}") };
    assert_eq!((purpose, format, pool.floor()), (Purpose::Decoy, Format::Bcrypt, price));
    assert!(pool.knows(&dear));
    assert!(pool.knows(&Stored::parse(&hash::dummy(BCRYPT_4)).unwrap()), "new hashes teach their price themselves");
    assert!(!pool.knows(&Stored::parse(&hash::dummy(Algorithm::Bcrypt { cost: 9 })).unwrap()));
    let started = Instant::now();
    assert!(!pool.admit().unwrap().verify(secret(PASSWORD), None).await.unwrap().matches);
    assert!(started.elapsed() >= price, "the first refusal is held to it");
}

#[tokio::test]
async fn a_password_of_a_megabyte_computes_nothing() {
    let (pool, seen) = watched(1, 0);
    let ticket = pool.admit().unwrap();
    let password = secret(&"x".repeat(1 << 20));
    let too_long = Err(PoolError::Hash(HashError::PasswordTooLong));
    assert_eq!(ticket.verify(password.clone(), None).await, too_long);
    assert_eq!(ticket.verify(password.clone(), Some(SCRYPT.to_owned())).await, too_long);
    assert_eq!(ticket.hash(password, SALT).await, too_long.map(|_: Verification| String::new()));
    assert!(seen.lock().unwrap().is_empty());
}

#[test]
fn a_full_pool_refuses_at_once_and_counts_it() {
    let (pool, _) = watched(2, 3);
    let tickets: Vec<Ticket> = (0..5).map(|_| pool.admit().unwrap()).collect();
    assert_eq!(pool.admit().unwrap_err(), Overloaded);
    assert_eq!(pool.clone().admit().unwrap_err(), Overloaded);
    assert_eq!(pool.stats(), PoolStats { running: 0, waiting: 5, capacity: 5, refused: 2 });
    drop(tickets);
    assert!(pool.admit().is_ok());
}

#[tokio::test]
async fn never_more_hashes_run_than_there_are_threads() {
    let (pool, ends, release) = gated(2, 4);
    let callers: Vec<_> = (0..6)
        .map(|_| {
            let ticket = pool.admit().unwrap();
            tokio::spawn(async move { ticket.hash(secret(PASSWORD), SALT).await })
        })
        .collect();
    until(|| pool.stats().running == 2).await;
    tokio::task::spawn_blocking(move || {
        for _ in 0..2 {
            ends.recv().unwrap();
        }
        assert!(ends.recv_timeout(Duration::from_millis(50)).is_err(), "a third hash ran beside two");
        (0..6).for_each(|_| release.send(()).unwrap());
        (0..4).for_each(|_| ends.recv().unwrap());
    })
    .await
    .unwrap();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(pool.stats(), PoolStats { running: 0, waiting: 0, capacity: 6, refused: 0 });
}

#[tokio::test]
async fn a_cancelled_caller_gives_its_place_back_only_when_its_work_has_ended() {
    let (pool, ends, release) = gated(1, 0);
    let ticket = pool.admit().unwrap();
    let caller = tokio::spawn(async move { ticket.verify(secret(PASSWORD), None).await });
    until(|| ends.try_recv().is_ok()).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert_eq!(pool.admit().unwrap_err(), Overloaded, "the core is still busy");
    release.send(()).unwrap();
    until(|| pool.stats().running == 0).await;
    until(|| pool.admit().is_ok()).await;
}

#[tokio::test]
async fn a_caller_cancelled_in_the_queue_gives_its_place_back_at_once() {
    let (pool, ends, release) = gated(1, 1);
    let (first, second) = (pool.admit().unwrap(), pool.admit().unwrap());
    let running = tokio::spawn(async move { first.hash(secret(PASSWORD), SALT).await });
    until(|| ends.try_recv().is_ok()).await;
    let queued = tokio::spawn(async move { second.hash(secret(PASSWORD), SALT).await });
    tokio::task::yield_now().await;
    assert_eq!(pool.stats(), PoolStats { running: 1, waiting: 1, capacity: 2, refused: 0 });
    queued.abort();
    assert!(queued.await.unwrap_err().is_cancelled());
    assert!(pool.admit().is_ok());
    release.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert!(ends.try_recv().is_err(), "the cancelled hash was never computed");
}
