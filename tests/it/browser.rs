//! The pages in a real browser: a headless Chromium, driven through chromedriver as a person would use it. `make browser` runs these.

mod changes;
mod documentation;
mod driver;
mod every_page;
mod reset;
mod verify;

use serde_json::Value;

use crate::support::{Account, Mail, TestApp};
use driver::Browser;

/// A password that was not used before.
const NEW_PASSWORD: &str = "nine lives of the harbour cat";

/// A service, and a browser in front of it.
struct Desk {
    app: TestApp,
    browser: Browser,
}

impl Desk {
    async fn spawn() -> Self {
        Self::at(TestApp::spawn().await).await
    }

    async fn at(app: TestApp) -> Self {
        Self { browser: Browser::open(&[]).await, app }
    }

    /// Opens a path of the service.
    async fn visit(&self, path: &str) {
        self.browser.visit(&format!("http://{}{path}", self.app.address)).await;
    }

    /// The newest link to this page in a mail to this address, as a path: in a test the service does not know its own port.
    async fn link(&self, address: &str, page: &str) -> String {
        let mails = self.app.mails().await;
        let mut links = mails.iter().rev().filter(|mail| mail.to == address && mail.has_link()).map(Mail::link);
        let link = links.find_map(|link| link.find(&format!("{page}?token=")).map(|start| link[start..].to_owned()));
        link.unwrap_or_else(|| panic!("no link to {page} for {address} in {mails:#?}"))
    }

    /// Opens a link, and waits for the view that it leads to.
    async fn follow(&self, link: &str, view: &str) {
        self.visit(link).await;
        self.browser.wait_for_view(view).await;
    }

    /// Somebody who signed up with Firefox on Linux, and the link of the mail that followed.
    async fn sign_up(&self) -> (Account, String) {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let account = self.app.client().with_header("user-agent", firefox).sign_up().await;
        let link = self.link(&account.email, "/verify-email").await;
        (account, link)
    }

    /// What the address proved, as its owner sees it.
    async fn is_verified(&self, account: &Account) -> bool {
        self.app.client().me(&account.tokens.access).await.expect(200).json()["is_email_verified"] == Value::Bool(true)
    }

    /// How often this was written to the audit log.
    async fn audited(&self, event_type: &str) -> usize {
        self.app.audited().await.iter().filter(|event| *event == event_type).count()
    }

    /// Ends the visit, which must have gone without a violated policy and without a failed script.
    async fn leave(self) {
        assert_eq!(self.browser.complaints().await, [""; 0]);
        self.browser.close().await;
        self.app.stop().await;
    }
}
