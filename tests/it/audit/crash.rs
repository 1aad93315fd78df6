//! Many writers, and an end that nobody was warned of.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis::audit::verify::{Heads, verify};
use tokio::task::JoinSet;

use crate::support::{Client, Program, TestApp, fresh_database, wait_for};

/// How many clients write at once, as many as twenty instances would serve.
const WRITERS: usize = 20;

/// Fails to log in, again and again, until the service is gone; tells the ids of the requests that were answered.
async fn write(client: Client, writer: usize, answered: Arc<AtomicUsize>) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0.. {
        let email = format!("writer{writer}.{number}@example.com");
        let body = serde_json::json!({ "email": email, "password": "not the password" }).to_string();
        let request = http::Request::post("/api/v1/auth/login").header("content-type", "application/json");
        match client.try_send(request.body(body.into_bytes().into()).unwrap()).await {
            Ok(answer) if answer.status == 401 => {
                ids.push(answer.header("x-request-id").to_owned());
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_event_is_lost_when_the_process_is_killed_and_the_seals_still_fit() {
    let database = fresh_database().await;
    let program = Program::on(&database).set("RATE_LIMIT_ENABLED", "false").set("HASH_QUEUE", "1000");
    let services = [program.serve().await, program.serve().await];
    let answered = Arc::new(AtomicUsize::new(0));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(services[writer % services.len()].client(), writer, answered.clone()));
    }
    wait_for("writers to be well under way", async || (answered.load(Ordering::Relaxed) >= 200).then_some(())).await;
    for service in &services {
        service.signal("KILL");
    }
    let acknowledged: BTreeSet<String> = writers.join_all().await.into_iter().flatten().collect();
    assert!(acknowledged.len() >= 200);

    let client = database.connect().await;
    let rows = client.query("select request_id from audit_logs where event_type = 'login.failed'", &[]).await.unwrap();
    let written: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let lost: Vec<_> = acknowledged.difference(&written).collect();
    assert!(lost.is_empty(), "{lost:?}");

    // Another instance goes on where the sealers of the others were cut off.
    let app = TestApp::builder().on(database).spawn().await;
    super::seals::seal(&app).await;
    let client = app.app.database.get().await.unwrap();
    let report = verify(&client, &app.app.seals, &Heads::default(), |_| ()).await.unwrap();
    assert_eq!(report.faults, []);
    assert!(usize::try_from(report.rows).unwrap() >= written.len());
}
