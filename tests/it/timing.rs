//! What a request costs must not tell whether an address has an account. Slow, and only meaningful when nothing else runs: `make timing`.
//!
//! Requests of two kinds are sent in turns, so that whatever else the machine does falls on both alike. The difference of their medians is
//! resampled (percentile bootstrap), and its 95 % interval must lie within what nobody can tell over a network.

use std::time::{Duration, Instant};

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

/// A hash of each accepted format for "gate of horn", all cheaper than the configured one.
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

/// A service that is asked hundreds of times by one client, with hashes dear enough to be missed.
async fn scene(registration: &str) -> TestApp {
    let builder = TestApp::builder().set("PASSWORD_BCRYPT_COST", "9").set("RATE_LIMIT_ENABLED", "false");
    builder.set("REGISTRATION", registration).spawn().await
}

async fn time(client: &Client, path: &str, body: Value, status: u16) -> f64 {
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow, and only meaningful when nothing else runs: make timing"]
async fn a_refused_log_in_takes_as_long_for_an_unknown_address_as_for_any_account() {
    let app = scene("open").await;
    let (client, database) = (app.client(), app.database.connect().await);
    let log_in = async |email: &str| {
        time(&client, "/api/v1/auth/login", json!({ "email": email, "password": "not the password" }), 401).await
    };
    let mut faults = Vec::new();
    for (format, hash) in HASHES.iter().map(|(format, hash)| (*format, Some(*hash))).chain([("today's", None)]) {
        let account = client.sign_up().await;
        if let Some(hash) = hash {
            let sql = "update users set password_hash = $2 where id::text = $1";
            database.execute(sql, &[&account.id, &hash]).await.unwrap();
        }
        let (known, unknown) = (async |_| log_in(&account.email).await, async |_| log_in("nobody@example.com").await);
        faults.extend(compare(&format!("log-in, {format}, and unknown"), known, unknown).await.err());
    }
    assert!(faults.is_empty(), "{faults:#?}");
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
    let hash = "$2b$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm";
    let taken = "insert into users (id, email, email_key, password_hash, first_name, last_name, created_at, updated_at) \
                 values (gen_random_uuid(), 'ada@example.com', 'ada@example.com', $1, 'Ada', 'Lovelace', now(), now())";
    app.database.connect().await.execute(taken, &[&hash]).await.unwrap();
    let sign_up = async |email: String| {
        let body =
            json!({ "email": email, "password": "correct horse battery staple", "first_name": "A", "last_name": "B" });
        time(&client, "/api/v1/auth/register", body, 202).await
    };
    let taken = async |_| sign_up("ada@example.com".to_owned()).await;
    let free = async |round| sign_up(format!("somebody{round}@example.com")).await;
    compare("sign-up to be confirmed", taken, free).await.unwrap();
}

/// Every refusal waits for the dearest accepted hash: what it takes is bounded from below, too.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow, and only meaningful when nothing else runs: make timing"]
async fn no_refused_log_in_is_quicker_than_the_configured_hash() {
    let app = scene("open").await;
    let client = app.client();
    let account = client.sign_up().await;
    let mut right = Vec::new();
    for _ in 0..SAMPLES / 10 {
        let body = json!({ "email": account.email, "password": account.password });
        right.push(time(&client, "/api/v1/auth/login", body, 200).await);
    }
    let body = json!({ "email": "nobody@example.com", "password": "not the password" });
    let floor = Duration::from_secs_f64(median(&right) / 2e3);
    for _ in 0..SAMPLES / 10 {
        let refused = Duration::from_secs_f64(time(&client, "/api/v1/auth/login", body.clone(), 401).await / 1e3);
        assert!(refused > floor, "{refused:?} where half a log-in takes {floor:?}");
    }
}
