//! The pages that change an address, take that back, and end a session.

use serde_json::json;

use super::Desk;
use crate::support::{Account, PASSWORD};

impl Desk {
    /// Asks for another address, and tells the links to confirm that and to take it back.
    async fn move_to(&self, account: &Account, new: &str) -> (String, String) {
        let body = json!({ "email": new, "current_password": PASSWORD });
        self.app.client().update_me(&account.tokens.access, body).await.expect(200);
        let confirm = self.link(new, "/confirm-email-change").await;
        let undo = self.link(&account.email, "/undo-email-change").await;
        (confirm, undo)
    }

    async fn act(&self, link: &str) {
        self.follow(link, "ask").await;
        self.browser.click("#ask button").await;
        self.browser.wait_for_view("done").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn a_new_address_is_confirmed_and_the_old_one_takes_the_change_back() {
    let desk = Desk::spawn().await;
    let account = desk.app.client().sign_up().await;
    let (confirm, undo) = desk.move_to(&account, "new@example.com").await;

    desk.follow(&confirm, "ask").await;
    assert!(desk.browser.text("dl").await.contains("new@example.com"));
    desk.app.client().log_in(&account.email, PASSWORD).await.expect(200);
    desk.act(&confirm).await;
    desk.app.client().log_in("new@example.com", PASSWORD).await.expect(200);

    desk.act(&undo).await;
    desk.app.client().log_in(&account.email, PASSWORD).await.expect(200);
    desk.browser.click("a.next").await;
    desk.browser.wait_for_view("missing").await;
    assert!(desk.browser.url().await.ends_with("/reset-password"));
    desk.follow(&confirm, "invalid").await;
    desk.follow(&undo, "invalid").await;
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn the_session_of_a_new_device_is_ended() {
    let desk = Desk::spawn().await;
    let account = desk.app.client().sign_up().await;
    let phone = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36";
    let stranger = desk.app.client().with_header("user-agent", phone);
    let session = stranger.log_in(&account.email, PASSWORD).await.expect(200).tokens();
    let link = desk.link(&account.email, "/end-session").await;

    desk.follow(&link, "ask").await;
    assert!(desk.browser.text("dl").await.contains("Chrome on Android"));
    stranger.me(&session.access).await.expect(200);
    desk.act(&link).await;
    stranger.me(&session.access).await.expect(401);
    desk.app.client().me(&account.tokens.access).await.expect(200);
    desk.leave().await;
}
