//! SIGTERM and ctrl-c: what was begun is finished, what was counted is written down, and then the process is gone.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

use crate::support::{Answer, PASSWORD, Program, Service, Wire, fresh_database, wait_for};

/// A request on a connection of its own.
fn post(path: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let head = "host: localhost\r\ncontent-type: application/json\r\nconnection: close";
    format!("POST /api/v1/auth/{path} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn registration(email: &str) -> Vec<u8> {
    post("register", &json!({ "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "King" }))
}

/// How many password hashes run or wait.
async fn hashes(service: &Service) -> u32 {
    let metrics = service.client().get("/metrics").await.expect(200);
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("portcullis_hash_pool_"));
    lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u32>().unwrap()).sum()
}

/// Whether a listener refuses, rather than lets wait.
async fn refuses(service: &Service) -> bool {
    matches!(TcpStream::connect(service.address).await, Err(error) if error.kind() == ErrorKind::ConnectionRefused)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_finish_while_new_connections_are_refused() {
    for signal in ["TERM", "INT"] {
        // One thread and slow hashes: eight sign-ups take seconds.
        let program = Program::on_fresh_database().await.set("PASSWORD_BCRYPT_COST", "12").set("HASH_THREADS", "1");
        let mut service = program.serve().await;
        let mut pending = Vec::new();
        for number in 0..8 {
            let mut wire = Wire::connect(service.address).await;
            wire.write(registration(&format!("user{number}@example.com"))).await;
            pending.push(wire);
        }
        wait_for("all to hash", async || (hashes(&service).await == 8).then_some(())).await;

        service.signal(signal);
        wait_for("new connections to be refused", async || refuses(&service).await.then_some(())).await;
        assert!(service.is_running(), "{signal}: it left before its requests");
        for mut wire in pending {
            let answer = wire.answer().await.expect(201);
            assert!(!answer.tokens().access.is_empty());
            assert!(wire.rest().await.is_empty());
        }
        let ended = service.ended().await;
        assert_eq!(ended.code, Some(0), "{signal}: {ended:?}");
    }
}

/// What became of a request under load.
enum Outcome {
    Answered(String, Answer),
    /// No byte of an answer came: the request was never begun.
    Refused,
}

/// Sends a request on a new connection. Half an answer is a failure.
async fn attempt(service: std::net::SocketAddr, email: String) -> Outcome {
    let Ok(mut stream) = TcpStream::connect(service).await else { return Outcome::Refused };
    let mut received = Vec::new();
    let sent = stream.write_all(&registration(&email)).await;
    if sent.is_err() || stream.read_to_end(&mut received).await.is_err() || received.is_empty() {
        assert!(received.is_empty(), "cut off: {}", String::from_utf8_lossy(&received));
        return Outcome::Refused;
    }
    Outcome::Answered(email, whole(&received))
}

/// The answer in `received`, if it is all there.
fn whole(received: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(received);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("cut off: {text}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), length.parse::<usize>().unwrap(), "cut off: {text}");
    Answer { status, headers: http::HeaderMap::new(), body: body.to_owned().into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_every_answer_is_whole_and_every_acknowledged_account_exists() {
    let database = fresh_database().await;
    let service = Program::on(&database).serve().await;
    let address = service.address;
    let answered = Arc::new(AtomicUsize::new(0));
    let workers = (0..16).map(|worker| {
        let answered = answered.clone();
        tokio::spawn(async move {
            let mut created = Vec::new();
            for number in 0.. {
                match attempt(address, format!("worker{worker}-{number}@example.com")).await {
                    Outcome::Answered(email, answer) => {
                        answer.expect(201);
                        created.push(email);
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    Outcome::Refused => break,
                }
            }
            created
        })
    });
    let workers: Vec<_> = workers.collect();
    wait_for("the load to be on", async || (answered.load(Ordering::Relaxed) > 50).then_some(())).await;
    let ended = service.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let mut created = Vec::new();
    for worker in workers {
        created.extend(worker.await.unwrap());
    }
    let kept = "select count(*) from users where email = any($1)";
    let kept: i64 = database.connect().await.query_one(kept, &[&created]).await.unwrap().get(0);
    assert_eq!(usize::try_from(kept).unwrap(), created.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_since_the_last_flush_is_written_before_the_end() {
    let database = fresh_database().await;
    let service = Program::on(&database).serve().await;
    for _ in 0..30 {
        service.client().me("not.a.token").await.expect(401);
    }
    assert_eq!(service.stop().await.code, Some(0));
    let total = "select sum((details->>'count')::int)::int from audit_logs where event_type = 'token.refused'";
    assert_eq!(database.connect().await.query_one(total, &[]).await.unwrap().get::<_, i32>(0), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_ask_for_nothing_do_not_hold_up_the_end() {
    let service = Program::on_fresh_database().await.serve().await;
    let mut kept_alive = Wire::connect(service.address).await;
    kept_alive.write("GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    kept_alive.answer().await.expect(200);
    let mut silent = Wire::connect(service.address).await;
    // Its bytes are in, so that the service has surely taken the silent one, which came before.
    let mut later = Wire::connect(service.address).await;
    later.write("GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    later.answer().await.expect(200);

    let begun = Instant::now();
    assert_eq!(service.stop().await.code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    for wire in [&mut kept_alive, &mut silent, &mut later] {
        assert!(wire.rest().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_does_not_wait() {
    for signal in ["TERM", "INT"] {
        let mut service = Program::on_fresh_database().await.serve().await;
        // A request that will not be complete for as long as its sender is allowed to dawdle.
        let request = registration("ada@example.com");
        let mut dawdler = Wire::connect(service.address).await;
        dawdler.write(&request[..request.len() - 10]).await;
        service.client().get("/health/live").await.expect(200);

        service.signal(signal);
        wait_for("new connections to be refused", async || refuses(&service).await.then_some(())).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(service.is_running(), "{signal}: it did not wait for the request");
        service.signal(signal);
        let ended = timeout(Duration::from_secs(2), service.ended()).await.expect("the second signal to end it");
        assert_eq!(ended.code, Some(1), "{signal}: a request was cut off: {ended:?}");
        assert!(dawdler.rest().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_is_free_again() {
    let program = Program::on_fresh_database().await;
    let first = program.serve().await;
    let address = first.address;
    first.client().get("/health/live").await.expect(200);
    assert_eq!(first.stop().await.code, Some(0));
    drop(TcpListener::bind(address).await.unwrap());

    let second = program.set("PORT", &address.port().to_string()).serve().await;
    assert_eq!(second.address, address);
    second.client().get("/health/live").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_start_that_waits_for_its_database() {
    // A port that nothing listens on.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let program = Program::on_fresh_database().await;
    let service = program.set("DATABASE_URL", &format!("postgres://portcullis@127.0.0.1:{free}/portcullis")).start();
    wait_for("it to notice", async || service.stderr().contains("the database is not there yet").then_some(())).await;
    service.signal("TERM");
    let ended = timeout(Duration::from_secs(2), service.ended()).await.expect("the signal to end it");
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
