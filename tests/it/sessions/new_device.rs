//! The mail about a log-in from a device not seen before, and the link in it.

use std::time::Duration;

use http::Method;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Account, Answer, Client, TestApp};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const FIREFOX_LATER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0";
const CHROME: &str = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36";
const HOUR: Duration = Duration::from_secs(3600);

fn from(app: &TestApp, agent: &str, address: &str) -> Client {
    app.client().with_header("user-agent", agent).with_header("x-forwarded-for", address)
}

async fn behind_a_proxy() -> TestApp {
    TestApp::builder().set("TRUSTED_PROXIES", "127.0.0.0/8").spawn().await
}

/// `(job, session, device)` of each mail about a new device, oldest first.
async fn told(app: &TestApp) -> Vec<(Uuid, Uuid, String)> {
    let sql = "select id, subject_id, device_info from mail_jobs where kind = 'new_device' order by created_at, id";
    let rows = app.database.connect().await.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_is_told_when_its_device_or_its_network_is_new_and_not_otherwise() {
    let app = behind_a_proxy().await;
    let account = from(&app, FIREFOX, "203.0.113.9").sign_up().await;
    assert_eq!(told(&app).await, [], "a sign-up is no log-in");
    let mut expected = 0;
    for (agent, address, is_new) in [
        (FIREFOX, "203.0.113.9", false),
        // The same household with another address, and a browser that was updated.
        (FIREFOX_LATER, "203.0.113.250", false),
        (CHROME, "203.0.113.9", true),
        (CHROME, "203.0.113.9", false),
        (FIREFOX, "203.0.112.9", true),
        (FIREFOX, "2001:db8:1:2::3", true),
        (FIREFOX, "2001:db8:1:2:ffff::3", false),
        (FIREFOX, "2001:db8:1:3::3", true),
        // An IPv4 address in IPv6 clothes is the IPv4 address.
        (FIREFOX, "::ffff:203.0.113.77", false),
        ("", "203.0.113.9", true),
        ("something else", "203.0.113.9", false),
    ] {
        app.advance(Duration::from_secs(1));
        from(&app, agent, address).log_in(&account.email, &account.password).await.expect(200);
        expected += usize::from(is_new);
        assert_eq!(told(&app).await.len(), expected, "{agent} from {address}");
    }
    assert_eq!(told(&app).await[0].2, "Chrome on Android");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_stays_known_when_its_session_has_ended_and_a_refused_log_in_tells_nobody() {
    let app = behind_a_proxy().await;
    let home = from(&app, FIREFOX, "203.0.113.9");
    let account = home.sign_up().await;
    home.log_out(&account.tokens.access).await.expect(200);
    home.log_in(&account.email, &account.password).await.expect(200);
    from(&app, CHROME, "198.51.100.1").log_in(&account.email, "not the password").await.expect(401);
    // Somebody else's devices are nobody's here.
    let stranger = from(&app, CHROME, "198.51.100.1").sign_up().await;
    assert_eq!(told(&app).await, []);
    home.log_in(&stranger.email, &stranger.password).await.expect(200);
    assert_eq!(told(&app).await.len(), 1);
}

/// Somebody with a session that a mail told of, and the token of the mail's link.
async fn told_of_a_stranger(app: &TestApp) -> (Account, Answer, String) {
    let account = from(app, FIREFOX, "203.0.113.9").sign_up().await;
    let stranger = from(app, CHROME, "198.51.100.1");
    let stolen = stranger.log_in(&account.email, &account.password).await.expect(200);
    // Beside it there is the welcome, which may be written later.
    let mails = app.mails().await;
    let mail = mails.iter().find(|mail| mail.has_link() && mail.link().contains("/end-session?token=")).unwrap();
    assert!(mail.text.contains("Chrome on Android") && mail.text.contains("198.51.100.1"), "{}", mail.text);
    assert_eq!(mail.to, account.email);
    (account, stolen, mail.token().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_in_the_mail_ends_the_session_that_it_tells_of_and_works_once() {
    let app = behind_a_proxy().await;
    let (account, stolen, token) = told_of_a_stranger(&app).await;
    let client = app.client();
    client.end_session(&token).await.expect(200);
    let tokens = stolen.tokens();
    assert_eq!(client.me(&tokens.access).await.refusal(), (401, "token_revoked".into()));
    assert_eq!(client.refresh(&tokens.refresh).await.refusal(), (401, "token_revoked".into()));
    client.me(&account.tokens.access).await.expect(200);
    assert_eq!(client.end_session(&token).await.refusal(), (400, "invalid_token".into()));
    assert_eq!(app.audited().await.iter().filter(|event| *event == "session.revoked").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_works_when_the_session_has_ended_already() {
    let app = behind_a_proxy().await;
    let (_, stolen, token) = told_of_a_stranger(&app).await;
    app.client().log_out(&stolen.tokens().access).await.expect(200);
    app.client().end_session(&token).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_good_for_three_days_and_no_other_token_will_do() {
    let app = behind_a_proxy().await;
    let (account, stolen, token) = told_of_a_stranger(&app).await;
    let client = app.client();
    let job = told(&app).await[0].0;
    let verify = app.app.links.token("verify", job).text();
    for wrong in ["", "x", verify.as_str(), &account.tokens.refresh, &stolen.tokens().refresh, &token[1..]] {
        assert_eq!(client.end_session(wrong).await.refusal(), (400, "invalid_token".into()), "{wrong}");
    }
    assert_eq!(client.post("/api/v1/auth/sessions/end", json!({})).await.refusal(), (400, "validation_error".into()));
    client.refresh(&stolen.tokens().refresh).await.expect(200);
    app.advance(72 * HOUR);
    assert_eq!(client.end_session(&token).await.refusal(), (400, "invalid_token".into()));
    // Following the link, as mail scanners do, uses nothing up and ends nothing.
    client.call(Method::GET, "/api/v1/auth/sessions/end", None, None).await.expect(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_parallel_uses_of_one_link_end_the_session_once() {
    let app = behind_a_proxy().await;
    let (_, _, token) = told_of_a_stranger(&app).await;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (client, token) = (app.client(), token.clone());
            tokio::spawn(async move { client.end_session(&token).await.status.as_u16() })
        })
        .collect();
    let mut won = 0;
    for call in calls {
        won += usize::from(call.await.unwrap() == 200);
    }
    assert_eq!(won, 1);
}
