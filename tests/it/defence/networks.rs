//! Networks that try many accounts.

use std::time::Duration;

use super::{assert_too_many, behind_a_proxy, from, wrong};
use crate::support::PASSWORD;

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
