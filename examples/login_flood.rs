//! What a flood of log-ins costs everybody else: `login_flood ADDRESS`, against a service that counts no log-ins.
//!
//! `make login-flood` runs it. The rate of the flood is ten times what the service can hash. Each round asks `/auth/me` at a steady rate,
//! first alone, then during the flood.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Pooled;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

type Failure = Box<dyn Error + Send + Sync>;
/// Status and time of each answer.
type Answers = Vec<(StatusCode, Duration)>;

const USAGE: &str = "usage: login_flood ADDRESS, such as 127.0.0.1:8080";
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(10);
/// Questions to `/auth/me` per second.
const STEADY: f64 = 200.0;
/// The flood, in what the service can hash.
const TIMES_CAPACITY: f64 = 10.0;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
async fn main() -> Result<(), Failure> {
    let address = std::env::args().nth(1).ok_or(USAGE)?;
    let client = Client {
        pool: Pooled::builder(TokioExecutor::new()).build_http(),
        base: format!("http://{address}/api/v1/auth"),
    };
    let token = client.sign_up().await?;
    let capacity = client.capacity().await?;
    println!(
        "the service hashes {capacity:.1} passwords a second; the flood is {:.0} log-ins a second",
        TIMES_CAPACITY * capacity
    );
    for round in 1..=ROUNDS {
        let alone = client.steadily(STEADY, |client, _| client.me(token.clone())).await?;
        let (during, flood) = tokio::try_join!(
            client.steadily(STEADY, |client, _| client.me(token.clone())),
            client.steadily(TIMES_CAPACITY * capacity, |client, number| client
                .log_in(format!("nobody{number}@example.com"))),
        )?;
        if alone.iter().chain(&during).any(|(status, _)| *status != StatusCode::OK) {
            return Err("not every answer of /auth/me was a 200".into());
        }
        let (alone, during) = (quantiles(&alone), quantiles(&during));
        println!(
            "round {round}: /auth/me alone {alone}; during the flood {during}, p99 × {:.2}",
            during.p99 / alone.p99
        );
        let mut by_status: BTreeMap<_, Answers> = BTreeMap::new();
        for answer in flood {
            by_status.entry(answer.0).or_default().push(answer);
        }
        for (status, answers) in by_status {
            println!("  log-ins answered {status}: {}, {}", answers.len(), quantiles(&answers));
        }
    }
    Ok(())
}

#[derive(Clone)]
struct Client {
    pool: Pooled<HttpConnector, Full<Bytes>>,
    base: String,
}

impl Client {
    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes, Duration), Failure> {
        let begun = Instant::now();
        let answer = self.pool.request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((status, body, begun.elapsed()))
    }

    fn post(&self, path: &str, body: &serde_json::Value) -> Result<Request<Full<Bytes>>, Failure> {
        let request = Request::builder().method(Method::POST).uri(format!("{}{path}", self.base));
        Ok(request.header(header::CONTENT_TYPE, "application/json").body(Full::from(body.to_string()))?)
    }

    /// The access token of a new account.
    async fn sign_up(&self) -> Result<String, Failure> {
        let body = serde_json::json!({
            "email": format!("flood-{}@example.com", std::process::id()),
            "password": "a passphrase that nobody guesses",
            "first_name": "Ada",
            "last_name": "Lovelace",
        });
        let (status, body, _) = self.ask(self.post("/register", &body)?).await?;
        let tokens: serde_json::Value = serde_json::from_slice(&body)?;
        let token = tokens["access_token"].as_str().map(str::to_owned);
        token.ok_or_else(|| format!("the sign-up was answered {status}: {tokens}").into())
    }

    async fn me(self, token: String) -> Result<(StatusCode, Duration), Failure> {
        let request =
            Request::get(format!("{}/me", self.base)).header(header::AUTHORIZATION, format!("Bearer {token}"));
        let (status, _, took) = self.ask(request.body(Full::default())?).await?;
        Ok((status, took))
    }

    async fn log_in(self, email: String) -> Result<(StatusCode, Duration), Failure> {
        let body = serde_json::json!({ "email": email, "password": "not the password" });
        let (status, _, took) = self.ask(self.post("/login", &body)?).await?;
        Ok((status, took))
    }

    /// Refused log-ins per second, as many at once as there are cores.
    async fn capacity(&self) -> Result<f64, Failure> {
        let cores = std::thread::available_parallelism()?.get();
        let begun = Instant::now();
        for _ in 0..4 {
            let mut wave = JoinSet::new();
            for number in 0..cores {
                wave.spawn(self.clone().log_in(format!("nobody{number}@example.com")));
            }
            for answer in wave.join_all().await {
                answer?;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a handful of cores")]
        Ok(4.0 * cores as f64 / begun.elapsed().as_secs_f64())
    }

    /// Asks at a steady rate, however long answers take.
    async fn steadily<F>(&self, rate: f64, ask: impl Fn(Self, usize) -> F) -> Result<Answers, Failure>
    where
        F: Future<Output = Result<(StatusCode, Duration), Failure>> + Send + 'static,
    {
        let mut ticks = interval(Duration::from_secs_f64(1.0 / rate));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (begun, mut asked) = (Instant::now(), JoinSet::new());
        while begun.elapsed() < ROUND {
            ticks.tick().await;
            let number = asked.len();
            asked.spawn(ask(self.clone(), number));
        }
        asked.join_all().await.into_iter().collect()
    }
}

/// Milliseconds.
struct Quantiles {
    p50: f64,
    p99: f64,
}

impl std::fmt::Display for Quantiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p50 {:.1} ms, p99 {:.1} ms", self.p50, self.p99)
    }
}

fn quantiles(answers: &Answers) -> Quantiles {
    let mut times: Vec<_> = answers.iter().map(|(_, took)| took.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let at =
        |percent: usize| times.get((times.len() * percent / 100).min(times.len() - 1)).copied().unwrap_or_default();
    Quantiles { p50: at(50), p99: at(99) }
}
