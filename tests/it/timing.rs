//! What a request costs must not tell whether an address has an account. Slow, and only meaningful when nothing else runs: `make timing`.
//!
//! Requests of two kinds are sent in turns, so that whatever else the machine does falls on both alike. The difference of their medians is
//! resampled (percentile bootstrap), and its 95 % interval must lie within what nobody can tell over a network.
//!
//! The limits and the defence of log-ins are on, as in production: what they count and commit is part of the time. So that no budget is spent
//! before the end, each request comes from a network of its own, and each guess is at an account of its own.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use portcullis::auth::hash::{Algorithm, dummy};
use portcullis::random::{Random, SystemRandom};
use serde_json::{Value, json};

use crate::support::{Client, TestApp};

/// Requests of each kind that are measured.
const SAMPLES: usize = 200;
/// Requests of each kind that only warm up.
const WARM_UP: usize = 10;
/// Resamples.
const RESAMPLES: usize = 2000;
/// What the 95 % interval of the difference has to lie within, in milliseconds to either side.
const TOLERANCE: f64 = 5.0;

/// A hash of each accepted format, all cheaper than the configured one.
const HASHES: [(&str, &str); 8] = [
    ("bcrypt 2a", "$2a$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm"),
    ("bcrypt 2b", "$2b$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm"),
    ("bcrypt 2y", "$2y$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm"),
    ("bcrypt-sha256", "$bcrypt-sha256$v=2,t=2b,r=4$Kz1Yv9c0Qe7mWn3TbR5s6u$FMVtDbxBUUBMdL..uKMg/1.pGLPnUCe"),
    ("scrypt", "$scrypt$ln=4,r=8,p=1$c2l4dGVlbiBieXRlIHNhbA$T2dC/VF5SV2YRtxzDlPpELViXw6KLP1AFk8ocIFJjGc"),
    ("pbkdf2", "$pbkdf2-sha256$37$//77//77//77//77//77$nGg3cS7I1yhl5JFk066wp3fN1Ts1lr7Ft.OO1QjgFYU"),
    ("argon2id", "$argon2id$v=19$m=64,t=2,p=2$c2l4dGVlbiBieXRlIHNhbA$EXg7vZWfo2TuWN6xdBPglIWuO52QqjqS5aJgWL38P1o"),
    ("an unreadable hash", "none"),
];

/// What new passwords are hashed with: dear enough to be missed.
const CONFIGURED: Algorithm = Algorithm::Bcrypt { cost: 9 };

/// A service that believes its clients where they come from.
async fn scene(registration: &str) -> TestApp {
    let builder = TestApp::builder().set("PASSWORD_BCRYPT_COST", "9").set("TRUSTED_PROXIES", "127.0.0.0/8");
    builder.set("REGISTRATION", registration).spawn().await
}

/// Accounts `{name}0@example.com` and so on, one for each request, all with this hash.
async fn populate(app: &TestApp, name: &str, hash: &str) {
    let sql = "insert into users (id, email, email_key, password_hash, first_name, last_name, created_at, updated_at) \
               select gen_random_uuid(), $1 || n || '@example.com', $1 || n || '@example.com', $2, 'Ada', 'Lovelace', \
               now(), now() from generate_series(0, $3::bigint - 1) n";
    let accounts = i64::try_from(WARM_UP + SAMPLES).unwrap();
    app.database.connect().await.execute(sql, &[&name, &hash, &accounts]).await.unwrap();
}

/// The time of a request from a network that was not seen before, in milliseconds.
async fn time(client: &Client, path: &str, body: Value, status: u16) -> f64 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let network = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 1).to_bits() + NEXT.fetch_add(1, Ordering::Relaxed));
    let client = client.clone().with_header("x-forwarded-for", &network.to_string());
    let started = Instant::now();
    client.post(path, body).await.expect(status);
    started.elapsed().as_secs_f64() * 1e3
}

/// Measures `one` and `other` in turns; complains if the difference of their medians can be told.
async fn compare(what: &str, one: impl AsyncFn(usize) -> f64, other: impl AsyncFn(usize) -> f64) -> Result<(), String> {
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + SAMPLES {
        let (first, second) = (one(round).await, other(round).await);
        if round >= WARM_UP {
            ones.push(first);
            others.push(second);
        }
    }
    let (low, high) = interval(&ones, &others);
    let told =
        format!("{what}: {:.2} ms and {:.2} ms, difference {low:+.2} to {high:+.2} ms", median(&ones), median(&others));
    if low > -TOLERANCE && high < TOLERANCE {
        report(&told);
        Ok(())
    } else {
        Err(told)
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what whoever runs this wants to see")]
fn report(line: &str) {
    println!("{line}");
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The 95 % interval of the difference of the medians.
fn interval(ones: &[f64], others: &[f64]) -> (f64, f64) {
    let mut differences: Vec<f64> =
        (0..RESAMPLES).map(|_| median(&resample(ones)) - median(&resample(others))).collect();
    differences.sort_by(f64::total_cmp);
    (differences[RESAMPLES / 40], differences[RESAMPLES - 1 - RESAMPLES / 40])
}

fn resample(times: &[f64]) -> Vec<f64> {
    let random: &dyn Random = &SystemRandom;
    let picks: [u8; SAMPLES * 2] = random.bytes().unwrap();
    picks.chunks(2).map(|pick| times[usize::from(u16::from_le_bytes([pick[0], pick[1]])) % times.len()]).collect()
}

#[test]
fn the_interval_finds_a_difference_and_does_not_invent_one() {
    let noise = |number: usize| f64::from(u8::try_from(number * 7919 % 100).unwrap()) / 10.0;
    let one: Vec<f64> = (0..SAMPLES).map(noise).collect();
    let same: Vec<f64> = (0..SAMPLES).map(|number| noise(number + 37)).collect();
    let later: Vec<f64> = one.iter().map(|time| time + 10.0).collect();
    let (low, high) = interval(&one, &same);
    assert!(low <= 0.0 && 0.0 <= high, "{low} to {high}");
    let (low, high) = interval(&later, &one);
    assert!(low > 5.0 && high < 15.0, "{low} to {high}");
}

/// Compares guesses at accounts with each of these hashes and at addresses without an account, on an instance that has just started.
async fn compare_log_ins(hashes: impl IntoIterator<Item = (&str, String)>) {
    let first = scene("open").await;
    let hashes: Vec<_> = hashes.into_iter().enumerate().collect();
    for (index, (_, hash)) in &hashes {
        populate(&first, &format!("known{index}n"), hash).await;
    }
    let app = first.replica().await;
    let client = app.client();
    let log_in = async |email: String| {
        time(&client, "/api/v1/auth/login", json!({ "email": email, "password": "not the password" }), 401).await
    };
    let mut faults = Vec::new();
    for (index, (format, _)) in &hashes {
        let known = async |round| log_in(format!("known{index}n{round}@example.com")).await;
        let unknown = async |round| log_in(format!("nobody{index}n{round}@example.com")).await;
        faults.extend(compare(&format!("log-in, {format}, and unknown"), known, unknown).await.err());
    }
    assert!(faults.is_empty(), "{faults:#?}");
    // The comparison was of what production does: every guess was counted, and none was turned away for it.
    let counted = "select count(*) from login_attempts";
    let counted: i64 = app.database.connect().await.query_one(counted, &[]).await.unwrap().get(0);
    assert!(counted >= i64::try_from(hashes.len() * 2 * (WARM_UP + SAMPLES)).unwrap(), "{counted}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow, and only meaningful when nothing else runs: make timing"]
async fn a_refused_log_in_takes_as_long_for_an_unknown_address_as_for_any_account() {
    let cheap = HASHES.iter().map(|(format, hash)| (*format, (*hash).to_owned()));
    compare_log_ins(cheap.chain([("today's", dummy(CONFIGURED))])).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow, and only meaningful when nothing else runs: make timing"]
async fn a_refused_log_in_takes_as_long_beside_hashes_that_are_dearer_than_the_configured_one() {
    let argon2id = Algorithm::Argon2id { memory_kib: 64 * 1024, iterations: 3, parallelism: 1 };
    compare_log_ins([
        ("bcrypt of cost 12", dummy(Algorithm::Bcrypt { cost: 12 })),
        ("argon2id of 64 MiB", dummy(argon2id)),
        ("today's among dearer ones", dummy(CONFIGURED)),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow, and only meaningful when nothing else runs: make timing"]
async fn asking_for_a_mail_takes_as_long_for_an_unknown_address_as_for_a_known_one() {
    let app = scene("open").await;
    let client = app.client();
    let account = client.sign_up().await;
    let mut faults = Vec::new();
    for path in ["/api/v1/auth/password/forgot", "/api/v1/auth/email/resend"] {
        let known = async |_| time(&client, path, json!({ "email": account.email }), 200).await;
        let unknown = async |_| time(&client, path, json!({ "email": "nobody@example.com" }), 200).await;
        faults.extend(compare(path, known, unknown).await.err());
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow, and only meaningful when nothing else runs: make timing"]
async fn a_sign_up_that_waits_for_its_mail_takes_as_long_for_a_taken_address_as_for_a_free_one() {
    let app = scene("confirm").await;
    let client = app.client();
    populate(&app, "taken", &dummy(CONFIGURED)).await;
    let sign_up = async |email: String| {
        let body =
            json!({ "email": email, "password": "correct horse battery staple", "first_name": "A", "last_name": "B" });
        time(&client, "/api/v1/auth/register", body, 202).await
    };
    let taken = async |round| sign_up(format!("taken{round}@example.com")).await;
    let free = async |round| sign_up(format!("free{round}@example.com")).await;
    compare("sign-up to be confirmed", taken, free).await.unwrap();
}

/// The hash pool says what the floor is; the client must have waited at least that long, from the first guess after a start on.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow, and only meaningful when nothing else runs: make timing"]
async fn every_refused_log_in_is_held_to_the_floor_of_the_hash_pool() {
    let first = scene("open").await;
    populate(&first, "dear", &dummy(Algorithm::Bcrypt { cost: 11 })).await;
    let app = first.replica().await;
    let (client, dear) = (app.client(), app.app.hasher.floor());
    assert!(dear > Duration::ZERO, "nothing is known of the dear hashes");
    for round in 0..SAMPLES / 10 {
        let email = format!("nobody{round}@example.com");
        let body = json!({ "email": email, "password": "not the password" });
        let refused = Duration::from_secs_f64(time(&client, "/api/v1/auth/login", body, 401).await / 1e3);
        // Nothing else is computed, so the floor is still the one that this refusal waited for.
        let floor = app.app.hasher.floor();
        assert!(floor > dear, "the floor is the dear hash and the configured one after it");
        assert!(refused >= floor, "{refused:?} where the floor is {floor:?}");
    }
}
