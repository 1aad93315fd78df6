//! What holds for every page: keyboard, small screens, languages, no scripts, no answer.

use portcullis::pages::PAGES;
use serde_json::json;

use super::driver::{Browser, CONTROL, ENTER, SPACE, TAB};
use super::{Desk, NEW_PASSWORD};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn a_password_can_be_set_with_the_keyboard_alone_and_be_pasted() {
    let desk = Desk::spawn().await;
    let account = desk.app.client().sign_up().await;
    let body = json!({ "email": account.email });
    desk.app.client().post("/api/v1/auth/password/forgot", body).await.expect(200);
    let link = desk.link(&account.email, "/reset-password").await;
    desk.follow(&link, "ask").await;

    let focused = async || desk.browser.run("return document.activeElement.id || document.activeElement.tagName").await;
    let tab = TAB.to_string();
    desk.browser.press(&[], &tab).await;
    assert_eq!(focused().await, "new_password");
    desk.browser.press(&[], NEW_PASSWORD).await;
    desk.browser.press(&[], &format!("{TAB}{TAB}{SPACE}")).await;
    let types = "return ['new_password', 'new_password_confirm'].map((id) => document.getElementById(id).type)";
    assert_eq!(desk.browser.run(types).await, json!(["text", "text"]));

    // Copy the first one, which can be seen now, and paste it into the second.
    desk.browser.run("document.getElementById('new_password').select()").await;
    desk.browser.press(&[], &tab).await;
    desk.browser.run("document.getElementById('new_password').focus()").await;
    desk.browser.press(&[CONTROL], "a").await;
    desk.browser.press(&[CONTROL], "c").await;
    desk.browser.press(&[], &tab).await;
    assert_eq!(focused().await, "new_password_confirm");
    desk.browser.press(&[CONTROL], "v").await;
    assert_eq!(desk.browser.run("return document.getElementById('new_password_confirm').value").await, NEW_PASSWORD);

    desk.browser.press(&[], &ENTER.to_string()).await;
    desk.browser.wait_for_view("done").await;
    assert_eq!(focused().await, "H1", "screen readers would not learn of the end");
    desk.app.client().log_in(&account.email, NEW_PASSWORD).await.expect(200);
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn every_page_fits_a_small_screen_and_everything_on_it_has_a_name() {
    let desk = Desk::spawn().await;
    let (_, link) = desk.sign_up().await;
    desk.browser.resize(320, 640).await;
    let unnamed = "return [...document.querySelectorAll('input:not([hidden]), button')] \
                   .filter((it) => !(it.labels?.length || it.textContent.trim())).map((it) => it.outerHTML)";
    let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    for page in PAGES {
        let token = link.split_once('?').unwrap().1;
        desk.visit(&format!("{}?{token}", page.path)).await;
        desk.browser.wait_for_view("ask").await;
        assert_eq!(desk.browser.run(overflow).await, 0, "{}", page.path);
        assert_eq!(desk.browser.run(unnamed).await, json!([]), "{}", page.path);
        assert_eq!(desk.browser.run("return document.documentElement.lang").await, "en");
    }
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn pages_speak_the_language_of_the_browser() {
    let app = TestApp::spawn().await;
    for (language, heading) in
        [("de-AT", "Neues Passwort wählen"), ("ja", "新しいパスワードの設定"), ("nl", "Choose a new password")]
    {
        let browser = Browser::open(&[&format!("--accept-lang={language}")]).await;
        browser.visit(&format!("http://{}/reset-password", app.address)).await;
        browser.wait_for_view("missing").await;
        assert_eq!(browser.text("[data-view=missing] h1").await, heading);
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn without_scripts_a_page_says_what_is_wrong_and_nothing_happens() {
    let desk = Desk::spawn().await;
    let (account, link) = desk.sign_up().await;
    let no_scripts = json!({ "profile.managed_default_content_settings.javascript": 2 });
    let browser = Browser::with_preferences(&[], no_scripts).await;
    browser.visit(&format!("http://{}{link}", desk.app.address)).await;
    let text = browser.text("main").await;
    assert!(text.contains("needs JavaScript") && !text.contains("Looking at your link"), "{text}");
    assert!(!desk.is_verified(&account).await);
    browser.close().await;
    desk.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn a_service_that_does_not_answer_is_told_apart_from_a_bad_link() {
    let desk = Desk::spawn().await;
    let (_, link) = desk.sign_up().await;
    desk.follow(&link, "ask").await;
    let Desk { app, browser, .. } = desk;
    app.stop().await;
    browser.click("#ask button").await;
    browser.wait_for_text("#ask [role=alert]", "There was no answer. Check your connection and try again.").await;
    browser.close().await;
}
