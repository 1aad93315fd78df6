//! Refresh tokens: rotation, the grace for lost replies, and replay.

mod lifetimes;
mod parallel;
mod refusals;

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::support::{Database, TestApp, Tokens};

/// What the table keeps under the hash of a token: its sealed successor, if there is one.
async fn sealed_successor(database: &Database, refresh: &str) -> Option<Vec<u8>> {
    let hash = digest(&SHA256, &URL_SAFE_NO_PAD.decode(refresh).unwrap());
    let sql = "select sealed_successor from refresh_tokens where token_hash = $1";
    database.connect().await.query_one(sql, &[&hash.as_ref()]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_gives_a_new_pair() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    assert_ne!(next.refresh, account.tokens.refresh);
    assert_ne!(next.access, account.tokens.access);
    client.me(&next.access).await.expect(200);
    client.me(&account.tokens.access).await.expect(200);
    client.refresh(&next.refresh).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_recovered_by_asking_again() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let lost = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    app.advance(Duration::from_secs(3));
    let again = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    assert_eq!(again.refresh, lost.refresh);
    assert_ne!(again.access, lost.access);
    client.me(&again.access).await.expect(200);
    client.refresh(&again.refresh).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_counts_from_the_rotation_and_ends_to_the_microsecond() {
    let app = TestApp::builder().set("REFRESH_GRACE", "4s").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let first = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    app.advance(Duration::from_secs(2));
    assert_eq!(client.refresh(&account.tokens.refresh).await.expect(200).tokens().refresh, first.refresh);
    // The repeat has not moved the end.
    app.advance(Duration::from_micros(1_999_999));
    assert_eq!(client.refresh(&account.tokens.refresh).await.expect(200).tokens().refresh, first.refresh);
    app.advance(Duration::from_micros(1));
    assert_eq!(client.refresh(&account.tokens.refresh).await.refusal(), (401, "refresh_token_reused".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_after_the_window_ends_the_family() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    app.advance(Duration::from_secs(10));
    assert_eq!(client.refresh(&account.tokens.refresh).await.refusal(), (401, "refresh_token_reused".into()));
    // The row is there before the thief has read the answer.
    assert_eq!(app.audited().await.last().unwrap(), "token.reuse_detected");
    assert_eq!(client.refresh(&next.refresh).await.refusal(), (401, "token_revoked".into()));
    assert_eq!(client.me(&next.access).await.refusal(), (401, "token_revoked".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_after_the_successor_was_used_ends_the_family_even_inside_the_window() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let second = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    let third = client.refresh(&second.refresh).await.expect(200).tokens();
    assert_eq!(client.refresh(&account.tokens.refresh).await.refusal(), (401, "refresh_token_reused".into()));
    for Tokens { access, refresh } in [&account.tokens, &second, &third] {
        assert_eq!(client.refresh(refresh).await.refusal(), (401, "token_revoked".into()));
        assert_eq!(client.me(access).await.refusal(), (401, "token_revoked".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_ends_its_own_family_alone() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let other_device = client.log_in(&account.email, &account.password).await.expect(200).tokens();
    client.refresh(&account.tokens.refresh).await.expect(200);
    app.advance(Duration::from_secs(10));
    assert_eq!(client.refresh(&account.tokens.refresh).await.refusal(), (401, "refresh_token_reused".into()));
    client.me(&other_device.access).await.expect(200);
    client.refresh(&other_device.refresh).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_window_the_second_use_is_a_replay_and_nothing_is_sealed() {
    let app = TestApp::builder().set("REFRESH_GRACE", "0s").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    assert_eq!(sealed_successor(&app.database, &account.tokens.refresh).await, None);
    client.refresh(&next.refresh).await.expect(200);
    assert_eq!(client.refresh(&next.refresh).await.refusal(), (401, "refresh_token_reused".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sealed_successor_is_no_text_and_is_erased_when_the_successor_is_used() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    let sealed = sealed_successor(&app.database, &account.tokens.refresh).await.expect("nothing was sealed");
    let plain = URL_SAFE_NO_PAD.decode(&next.refresh).unwrap();
    for known in [&plain[..], next.refresh.as_bytes()] {
        assert!(!sealed.windows(known.len()).any(|window| window == known));
    }
    client.refresh(&next.refresh).await.expect(200);
    assert_eq!(sealed_successor(&app.database, &account.tokens.refresh).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sealed_successor_is_erased_when_the_window_ends() {
    // The sweeper comes by once a second then.
    let app = TestApp::builder().set("REFRESH_GRACE", "1s").spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.refresh(&account.tokens.refresh).await.expect(200);
    assert!(sealed_successor(&app.database, &account.tokens.refresh).await.is_some());
    app.advance(Duration::from_secs(2));
    let erased = async {
        while sealed_successor(&app.database, &account.tokens.refresh).await.is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), erased).await.expect("the sweeper did not come by");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_knows_the_hash_of_a_refresh_token_and_never_the_token() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    let database = app.database.connect().await;
    for table in ["refresh_tokens", "sessions", "users", "audit_logs"] {
        let rows = database.query(&format!("select t::text from {table} t"), &[]).await.unwrap();
        let text: String = rows.iter().map(|row| row.get::<_, &str>(0)).collect();
        assert!(!text.is_empty(), "{table}");
        for token in [&account.tokens.refresh, &next.refresh] {
            let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!text.contains(token.as_str()) && !text.contains(&hex), "{table}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_authorization_header_changes_nothing_on_public_routes() {
    let app = TestApp::spawn().await;
    let account = app.client().sign_up().await;
    app.client().log_out(&account.tokens.access).await.expect(200);
    let ended = format!("Bearer {}", account.tokens.access);
    for value in ["", "Bearer", "Bearer a.b.c", "Basic dXNlcjpwYXNz", &ended] {
        let client = app.client().with_header("authorization", value).with_header("authorization", value);
        let tokens = client.log_in(&account.email, &account.password).await.expect(200).tokens();
        client.refresh(&tokens.refresh).await.expect(200);
        client.sign_up().await;
        client.get("/.well-known/jwks.json").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_survives_neither_log_out_nor_disabling_nor_a_new_password() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for end in ["logout", "logout-all", "disable", "password change elsewhere"] {
        let account = client.sign_up().await;
        let tokens = client.log_in(&account.email, &account.password).await.expect(200).tokens();
        match end {
            "logout" => drop(client.log_out(&tokens.access).await.expect(200)),
            "logout-all" => drop(client.log_out_everywhere(&account.tokens.access).await.expect(200)),
            "disable" => app.set_active(&account, false).await,
            _ => {
                let new = "a new and longer passphrase";
                client.change_password(&account.tokens.access, &account.password, new).await.expect(200);
            }
        }
        assert_eq!(client.refresh(&tokens.refresh).await.refusal(), (401, "token_revoked".into()), "{end}");
        assert_eq!(client.me(&tokens.access).await.refusal(), (401, "token_revoked".into()), "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_does_not_hand_out_a_successor_again() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    let next = client.refresh(&account.tokens.refresh).await.expect(200).tokens();
    client.log_out(&next.access).await.expect(200);
    assert_eq!(client.refresh(&account.tokens.refresh).await.refusal(), (401, "token_revoked".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refresh_is_audited_and_a_repeat_says_that_it_is_one() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let account = client.sign_up().await;
    client.refresh(&account.tokens.refresh).await.expect(200);
    client.refresh(&account.tokens.refresh).await.expect(200);
    let sql = "select details from audit_logs where event_type = 'token.refreshed' order by id";
    let rows = app.database.connect().await.query(sql, &[]).await.unwrap();
    let mut details: Vec<serde_json::Value> = rows.iter().map(|row| row.get(0)).collect();
    details.sort_by_key(|details| details["repeated"].as_bool());
    assert_eq!(details, [json!({ "repeated": false }), json!({ "repeated": true })]);
}
