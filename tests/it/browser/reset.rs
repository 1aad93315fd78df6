//! The page that sets a new password.

use std::time::Duration;

use serde_json::json;

use super::{Desk, NEW_PASSWORD};
use crate::support::{Account, PASSWORD};

impl Desk {
    /// Somebody who has forgotten the password, and the link that helps.
    async fn forget(&self) -> (Account, String) {
        let account = self.app.client().sign_up().await;
        let link = self.ask_for_link(&account).await;
        (account, link)
    }

    async fn ask_for_link(&self, account: &Account) -> String {
        let body = json!({ "email": account.email });
        self.app.client().post("/api/v1/auth/password/forgot", body).await.expect(200);
        self.link(&account.email, "/reset-password").await
    }

    async fn choose(&self, password: &str, repeated: &str) {
        self.browser.fill("#new_password", password).await;
        self.browser.fill("#new_password_confirm", repeated).await;
        self.browser.click("#ask button").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn weak_and_mismatched_passwords_are_refused_in_words_and_a_good_one_is_set() {
    let desk = Desk::spawn().await;
    let (account, link) = desk.forget().await;
    desk.follow(&link, "ask").await;
    assert_eq!(desk.browser.url().await, format!("http://{}/reset-password", desk.app.address));

    let (first, second) = ("#new_password-fault", "#new_password_confirm-fault");
    desk.browser.click("#ask button").await;
    desk.browser.wait_for_text(first, "At least 8 characters are needed.").await;
    desk.choose("short", "other").await;
    desk.browser.wait_for_text(second, "The two passwords differ.").await;
    assert_eq!(desk.browser.text(first).await, "At least 8 characters are needed.");
    desk.choose("password123", "password123").await;
    let common = "This is among the most common passwords, which are tried first. Choose another.";
    desk.browser.wait_for_text(first, common).await;
    assert_eq!(desk.browser.text(second).await, "");
    assert_eq!(desk.browser.run("return document.activeElement.id").await, "new_password");
    assert_eq!(desk.browser.run("return document.activeElement.ariaInvalid").await, "true");
    desk.choose(NEW_PASSWORD, PASSWORD).await;
    desk.browser.wait_for_text(second, "The two passwords differ.").await;
    desk.app.client().log_in(&account.email, PASSWORD).await.expect(200);

    desk.choose(NEW_PASSWORD, NEW_PASSWORD).await;
    desk.browser.wait_for_view("done").await;
    desk.app.client().log_in(&account.email, NEW_PASSWORD).await.expect(200);
    assert_eq!(desk.app.client().log_in(&account.email, PASSWORD).await.refusal().0, 401);
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn going_back_forward_or_reloading_sets_no_password_again() {
    let desk = Desk::spawn().await;
    let (_, link) = desk.forget().await;
    desk.visit("/docs").await;
    desk.follow(&link, "ask").await;
    // The token is out of sight, and still there.
    desk.browser.reload().await;
    desk.browser.wait_for_view("ask").await;
    desk.choose(NEW_PASSWORD, NEW_PASSWORD).await;
    desk.browser.wait_for_view("done").await;
    assert_eq!(desk.audited("password.reset").await, 1);

    desk.browser.reload().await;
    desk.browser.wait_for_view("done").await;
    desk.browser.back().await;
    assert!(desk.browser.url().await.ends_with("/docs"));
    desk.browser.forward().await;
    desk.browser.wait_for_view("done").await;
    assert!(desk.browser.run("return history.state?.token ?? null").await.is_null());
    let fields =
        "return [...document.querySelectorAll('#ask input[type=password]')].map((input) => input.value).join('')";
    assert_eq!(desk.browser.run(fields).await, "");
    assert_eq!(desk.audited("password.reset").await, 1);
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn used_expired_and_replaced_links_say_so_and_the_page_sends_another_one() {
    let desk = Desk::spawn().await;
    let (account, replaced) = desk.forget().await;
    desk.app.advance(Duration::from_secs(60));
    let used = desk.ask_for_link(&account).await;
    desk.follow(&used, "ask").await;
    desk.choose(NEW_PASSWORD, NEW_PASSWORD).await;
    desk.browser.wait_for_view("done").await;
    desk.app.advance(Duration::from_secs(60));
    let expired = desk.ask_for_link(&account).await;
    desk.app.advance(Duration::from_secs(3601));

    // At once, and not after somebody has thought of a password.
    for link in [replaced, used, expired] {
        desk.follow(&link, "invalid").await;
        assert!(desk.browser.text("[data-view=invalid]").await.contains("older than an hour"));
    }
    desk.browser.fill("#email", &account.email).await;
    desk.browser.click("#renewal button").await;
    desk.browser.wait_for_view("sent").await;
    let newest = desk.link(&account.email, "/reset-password").await;
    desk.follow(&newest, "ask").await;
    desk.choose(PASSWORD, PASSWORD).await;
    desk.browser.wait_for_view("done").await;
    desk.app.client().log_in(&account.email, PASSWORD).await.expect(200);
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn a_link_shows_when_and_from_which_device_the_password_was_asked_for() {
    let desk = Desk::spawn().await;
    let account = desk.app.client().sign_up().await;
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let client = desk.app.client().with_header("user-agent", firefox);
    client.forgot_password(&account.email).await.expect(200);
    let link = desk.link(&account.email, "/reset-password").await;
    desk.follow(&link, "ask").await;
    let details = desk.browser.text("dl").await;
    for detail in ["June 15, 2026", "Firefox on Linux", "127.0.0.1"] {
        assert!(details.contains(detail), "{detail} is not in {details}");
    }
    assert!(!details.contains(&account.email), "{details}");
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn a_link_that_was_used_up_while_its_page_was_open_says_so_at_the_button() {
    let desk = Desk::spawn().await;
    let (_, link) = desk.forget().await;
    desk.follow(&link, "ask").await;
    let token = link.split_once("token=").unwrap().1;
    desk.app.client().reset_password(token, PASSWORD).await.expect(200);
    desk.choose(NEW_PASSWORD, NEW_PASSWORD).await;
    desk.browser.wait_for_view("invalid").await;
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn without_a_token_the_page_sends_a_link_to_whoever_asks() {
    let desk = Desk::spawn().await;
    let account = desk.app.client().sign_up().await;
    desk.visit("/reset-password").await;
    desk.browser.wait_for_view("missing").await;
    desk.browser.fill("#email", &account.email).await;
    desk.browser.click("#renewal button").await;
    desk.browser.wait_for_view("sent").await;
    desk.link(&account.email, "/reset-password").await;
    // A reload asks anew, for the address may have been mistyped.
    desk.browser.reload().await;
    desk.browser.wait_for_view("missing").await;
    desk.leave().await;
}
