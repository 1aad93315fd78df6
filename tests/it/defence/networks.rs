//! Networks that try many accounts.

use std::time::Duration;

use portcullis::db::notices;
use portcullis::limits::target::{Target, network};

use super::{assert_too_many, behind_a_proxy, from, guess, wrong};
use crate::support::{PASSWORD, TestApp, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_tries_one_password_on_many_accounts_is_slowed_and_then_blocked_on_every_instance() {
    let app = behind_a_proxy().await;
    let replica = app.replica().await;
    let registered = app.client().register("ada@example.com", PASSWORD).await.expect(201);
    let (attacker, mut reached, mut slowed) = (from(&app, "192.0.2.66"), 0, false);
    let blocked = loop {
        let answer = attacker.log_in(&format!("user{reached}@example.com"), "Winter2026!").await;
        if answer.status == 401 {
            reached += 1;
            continue;
        }
        let wait = assert_too_many(&answer, "network");
        if wait > 60 {
            break wait;
        }
        slowed = true;
        app.advance(Duration::from_secs(wait));
        assert!(reached < 200, "never blocked");
    };
    assert!(slowed && (30..=120).contains(&reached), "{reached}");
    assert!((800..=900).contains(&blocked), "{blocked}");
    assert_too_many(&from(&replica, "192.0.2.66").log_in("ada@example.com", PASSWORD).await, "network");
    from(&app, "192.0.2.67").log_in("ada@example.com", PASSWORD).await.expect(200);
    let known = from(&app, "192.0.2.66").with_header("portcullis-device", registered.header("portcullis-device"));
    known.log_in("ada@example.com", PASSWORD).await.expect(200);
    assert!(app.audited().await.contains(&"network.blocked".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_through_a_subscribers_addresses_changes_nothing() {
    let app = behind_a_proxy().await;
    let account = app.client().sign_up().await;
    for number in 0..5 {
        let client = from(&app, &format!("2001:db8:1:2::{number:x}"));
        client.log_in(&account.email, &wrong(number)).await.expect(401);
    }
    let answer = from(&app, "2001:db8:1:2:ffff:ffff:ffff:ffff").log_in(&account.email, &wrong(5)).await;
    assert_too_many(&answer, "account_network");
    from(&app, "2001:db8:1:3::1").log_in(&account.email, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_garbage_forwarding_header_neither_skips_nor_changes_the_key() {
    let app = behind_a_proxy().await;
    let account = app.client().sign_up().await;
    for (number, header) in
        ["garbage", "192.0.2.1, garbage", "unknown", "999.1.1.1", "192.0.2.9, _hidden"].iter().enumerate()
    {
        from(&app, header).log_in(&account.email, &wrong(number)).await.expect(401);
    }
    assert_too_many(&from(&app, "more garbage").log_in(&account.email, PASSWORD).await, "account_network");
    let seen = "select distinct ip_address::text from audit_logs where event_type = 'login.failed'";
    let seen = app.database.connect().await.query(seen, &[]).await.unwrap();
    assert_eq!(seen.len(), 1, "one address in the log, too");
}

/// Tries accounts from an address until it is slowed.
async fn slow_down(app: &TestApp, address: &str) {
    for number in 0..100 {
        let answer = from(app, address).log_in(&format!("user{number}@example.com"), "Winter2026!").await;
        if answer.status != 401 {
            assert_too_many(&answer, "network");
            return;
        }
    }
    panic!("never slowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_network_may_try_many_accounts_and_each_account_as_little_as_ever() {
    let mut list = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut list, b"192.0.2.0/24\n").unwrap();
    let app = TestApp::builder()
        .set("TRUSTED_PROXIES", "127.0.0.0/8")
        .set("LIMIT_ALLOW_FILE", list.path().to_str().unwrap())
        .spawn()
        .await;
    let office = from(&app, "192.0.2.66");
    for number in 0..150 {
        office.log_in(&format!("user{number}@example.com"), "Winter2026!").await.expect(401);
    }
    let (reached, answer) = guess(&office, "ada@example.com", 9).await;
    assert_eq!(reached, 5);
    assert_too_many(&answer, "account_network");
    slow_down(&app, "198.51.100.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clearing_a_network_clears_what_it_tried_and_clearing_one_account_from_there_does_not() {
    let app = behind_a_proxy().await;
    let (kept, cleared) = ("192.0.2.1", "198.51.100.1");
    slow_down(&app, kept).await;
    slow_down(&app, cleared).await;
    let watcher = app.app.database.get().await.unwrap();
    let account = app.app.defence.keys.account("user1@example.com");
    for target in
        [Target::new(network(kept).ok(), Some(&account), None), Target::new(network(cleared).ok(), None, None)]
    {
        notices::limits_cleared(&watcher, &serde_json::to_string(&target).unwrap()).await.unwrap();
    }
    // Notices come in order.
    wait_for("the network to be forgotten", async || {
        let answer = from(&app, cleared).log_in("other@example.com", PASSWORD).await;
        (answer.status == 401).then_some(())
    })
    .await;
    assert_too_many(&from(&app, kept).log_in("other@example.com", PASSWORD).await, "network");
}
