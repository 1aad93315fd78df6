//! The page that proves an address, and "this wasn't me".

use std::time::Duration;

use serde_json::json;

use super::Desk;
use crate::support::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn a_link_shows_where_the_sign_up_came_from_and_its_button_proves_the_address() {
    let desk = Desk::spawn().await;
    let (account, link) = desk.sign_up().await;
    desk.follow(&link, "ask").await;
    let details = desk.browser.text("dl").await;
    for detail in [account.email.as_str(), "June 15, 2026", "Firefox on Linux", "127.0.0.1"] {
        assert!(details.contains(detail), "{detail} is not in {details}");
    }
    assert_eq!(desk.browser.url().await, format!("http://{}/verify-email", desk.app.address));
    assert!(!desk.is_verified(&account).await, "opening the link proved the address");

    desk.browser.click("#ask button").await;
    desk.browser.wait_for_view("done").await;
    assert!(desk.is_verified(&account).await);
    assert_eq!(desk.browser.title().await, "E-mail address confirmed · Portcullis");
    // Somebody else may have signed up, and knows the password.
    assert!(desk.browser.text("#doubt").await.contains("Did somebody else choose the password of this account?"));
    desk.browser.click("#doubt a").await;
    desk.browser.wait_for_view("missing").await;
    assert!(desk.browser.url().await.ends_with("/reset-password"));
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn who_did_not_sign_up_deletes_the_account_with_one_button() {
    let desk = Desk::spawn().await;
    let (account, link) = desk.sign_up().await;
    desk.follow(&link, "ask").await;
    desk.app.client().me(&account.tokens.access).await.expect(200);

    desk.browser.click("#rejection button").await;
    desk.browser.wait_for_view("rejected").await;
    assert_eq!(desk.app.client().log_in(&account.email, PASSWORD).await.refusal().0, 401);
    desk.browser.reload().await;
    desk.browser.wait_for_view("rejected").await;
    desk.follow(&link, "invalid").await;
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn a_sign_up_that_waits_becomes_an_account_by_its_password() {
    let app = TestApp::builder().set("REGISTRATION", "confirm").spawn().await;
    let desk = Desk::at(app).await;
    desk.app.client().register("ada@example.com", PASSWORD).await.expect(202);
    let link = desk.link("ada@example.com", "/verify-email").await;
    desk.follow(&link, "ask").await;

    desk.browser.click("#ask button").await;
    desk.browser.wait_for_text("#password-fault", "This is needed.").await;
    desk.browser.fill("#password", "not the password").await;
    desk.browser.click("#ask button").await;
    desk.browser.wait_for_text("#password-fault", "This is not the password that was chosen at sign-up.").await;
    assert_eq!(desk.app.client().log_in("ada@example.com", PASSWORD).await.refusal().0, 401);

    desk.browser.fill("#password", PASSWORD).await;
    desk.browser.click("#ask button").await;
    desk.browser.wait_for_view("done").await;
    assert_eq!(desk.browser.run("return document.getElementById('doubt').hidden").await, true);
    let user = desk.app.client().log_in("ada@example.com", PASSWORD).await.expect(200).json()["user"].take();
    assert_eq!(user["is_email_verified"], true);
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn a_sign_up_that_waits_is_deleted_by_whoever_did_not_ask_for_it() {
    let app = TestApp::builder().set("REGISTRATION", "confirm").spawn().await;
    let desk = Desk::at(app).await;
    desk.app.client().register("ada@example.com", PASSWORD).await.expect(202);
    let link = desk.link("ada@example.com", "/verify-email").await;
    desk.follow(&link, "ask").await;
    desk.browser.click("#rejection button").await;
    desk.browser.wait_for_view("rejected").await;
    let token = link.split_once("token=").unwrap().1;
    let late = json!({ "token": token, "password": PASSWORD });
    let answer = desk.app.client().post("/api/v1/auth/email/verify", late).await;
    assert_eq!(answer.refusal(), (400, "invalid_token".into()));
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn an_expired_link_says_so_and_the_page_sends_another_one() {
    let desk = Desk::spawn().await;
    let (account, link) = desk.sign_up().await;
    desk.app.advance(Duration::from_secs(25 * 3600));
    desk.follow(&link, "invalid").await;
    assert!(desk.browser.text("[data-view=invalid]").await.contains("older than 24 hours"));

    desk.browser.fill("#email", "nobody").await;
    desk.browser.click("#renewal button").await;
    desk.browser.wait_for_text("#email-fault", "This is not a complete e-mail address, such as ada@example.com.").await;
    desk.browser.fill("#email", &account.email).await;
    desk.browser.click("#renewal button").await;
    desk.browser.wait_for_view("sent").await;

    let newer = desk.link(&account.email, "/verify-email").await;
    desk.follow(&newer, "ask").await;
    desk.browser.click("#ask button").await;
    desk.browser.wait_for_view("done").await;
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn a_used_link_says_what_is_left_to_do() {
    let desk = Desk::spawn().await;
    let (_, link) = desk.sign_up().await;
    desk.follow("/verify-email", "missing").await;
    desk.follow(&link, "ask").await;
    desk.browser.click("#ask button").await;
    desk.browser.wait_for_view("done").await;
    desk.follow(&link, "invalid").await;
    assert!(desk.browser.text("[data-view=invalid]").await.contains("confirmed already"));
    desk.leave().await;
}
