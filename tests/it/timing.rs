//! What a refused log-in costs must not tell whether the account exists. Slow, and only meaningful when nothing else runs: `make timing`.

use std::time::{Duration, Instant};

use crate::support::{Client, TestApp};

/// Log-ins of each kind.
const ROUNDS: usize = 25;
/// How far the medians of two kinds may lie apart, as a share of the larger one. A hash that is left out would be nearly all of it.
const TOLERANCE: f64 = 0.05;

async fn refused(client: &Client, email: &str) -> Duration {
    let started = Instant::now();
    client.log_in(email, "not the password").await.expect(401);
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow, and only meaningful when nothing else runs: make timing"]
async fn a_refusal_takes_as_long_for_an_unknown_address_as_for_any_account() {
    let app = TestApp::builder().set("PASSWORD_BCRYPT_COST", "10").spawn().await;
    let client = app.client();
    let database = app.database.connect().await;
    let mut kinds = vec![("an unknown address", "nobody@example.com".to_owned())];
    for (kind, hash) in [
        ("a known one", None),
        ("one with a cheaper hash", Some("$2b$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm")),
        (
            "one with scrypt",
            Some("$scrypt$ln=4,r=8,p=1$c2l4dGVlbiBieXRlIHNhbA$T2dC/VF5SV2YRtxzDlPpELViXw6KLP1AFk8ocIFJjGc"),
        ),
        ("one with an unreadable hash", Some("none")),
    ] {
        let account = client.sign_up().await;
        if let Some(hash) = hash {
            let sql = "update users set password_hash = $2 where id::text = $1";
            database.execute(sql, &[&account.id, &hash]).await.unwrap();
        }
        kinds.push((kind, account.email));
    }
    // Taken in turns, so that whatever else the machine does falls on all alike. The first turns only warm up.
    let mut times = vec![Vec::new(); kinds.len()];
    for round in 0..ROUNDS + 5 {
        for ((_, email), times) in kinds.iter().zip(&mut times) {
            let time = refused(&client, email).await;
            if round >= 5 {
                times.push(time);
            }
        }
    }
    let medians: Vec<_> = times.into_iter().map(median).collect();
    let (least, most) = (medians.iter().copied().fold(f64::MAX, f64::min), medians.iter().copied().fold(0.0, f64::max));
    let table: Vec<_> =
        kinds.iter().zip(&medians).map(|((kind, _), median)| format!("{kind}: {:.1} ms", median * 1e3)).collect();
    assert!((most - least) / most < TOLERANCE, "{}", table.join(", "));
}
