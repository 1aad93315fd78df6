use std::time::Instant;

use http::Method;
use jiff::Timestamp;

use super::report;
use crate::support::{Account, Client, TestApp};

/// Events in the log.
const ROWS: i64 = 1_000_000;
/// Requests behind each figure.
const SAMPLES: usize = 101;

/// Time of a page in milliseconds, and the cursor of the next one.
async fn page(client: &Client, account: &Account, cursor: Option<&str>) -> (f64, Option<String>) {
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    let path = format!("/api/v1/auth/audit?limit=50{cursor}");
    let begun = Instant::now();
    let answer = client.call(Method::GET, &path, Some(&account.tokens.access), None).await.expect(200);
    let took = begun.elapsed().as_secs_f64() * 1e3;
    (took, answer.json()["next_cursor"].as_str().map(str::to_owned))
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow, and prints figures: make audit-scale"]
async fn a_page_of_ones_own_events_among_a_million() {
    let app = TestApp::builder().set("RATE_LIMIT_ENABLED", "false").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let database = app.database.connect().await;
    for month in 1..=6 {
        database.batch_execute(&format!("select audit_logs_ensure_partition('2026-0{month}-01')")).await.unwrap();
    }
    // A thousand accounts, one of which is ours, over half a year.
    let fill = "insert into audit_logs (id, user_id, event_type, details, ip_address, user_agent, success, created_at) \
                select gen_random_uuid(), case when n % 1000 = 0 then $2::text::uuid else md5((n % 1000)::text)::uuid end, \
                'login.succeeded', '{\"remember_me\": false}', '192.0.2.7', 'Mozilla/5.0', true, \
                timestamptz '2026-01-01T00:00:00Z' + n * interval '14 seconds' from generate_series(1, $1::bigint) n";
    let begun = Instant::now();
    database.execute(fill, &[&ROWS, &account.id]).await.unwrap();
    #[expect(clippy::cast_precision_loss, reason = "a million fits")]
    report("rows inserted by one writer", ROWS as f64 / begun.elapsed().as_secs_f64(), "rows/s");
    database.batch_execute("analyze audit_logs").await.unwrap();

    let mut first = Vec::new();
    for _ in 0..SAMPLES {
        first.push(page(&client, &account, None).await.0);
    }
    report("first page of 50, whole request", median(&mut first), "ms");
    // To the end of a thousand events, twenty pages deep.
    let (mut cursor, mut last) = (None, None);
    loop {
        let next = page(&client, &account, cursor.as_deref()).await.1;
        if next.is_none() {
            break;
        }
        last = cursor;
        cursor = next;
    }
    let mut deep = Vec::new();
    for _ in 0..SAMPLES {
        deep.push(page(&client, &account, last.as_deref()).await.0);
    }
    report("twentieth page, whole request", median(&mut deep), "ms");
    let (begun, mut sealed) = (Instant::now(), 0);
    while let Some(progress) =
        portcullis::audit::sealer::pass(&app.app.database, &app.app.seals, Timestamp::UNIX_EPOCH).await.unwrap()
    {
        if progress.rows == 0 {
            break;
        }
        sealed += progress.rows;
    }
    #[expect(clippy::cast_precision_loss, reason = "a million fits")]
    report("rows sealed", sealed as f64 / begun.elapsed().as_secs_f64(), "rows/s");
}
