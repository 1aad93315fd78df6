//! Swagger UI.

use portcullis::routes::ROUTES;

use super::Desk;
use super::driver::Browser;
use crate::support::wait_for;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn the_documentation_shows_every_operation() {
    let desk = Desk::spawn().await;
    desk.visit("/docs").await;
    let shown = "return document.querySelectorAll('.opblock').length";
    wait_for("the operations", async || (desk.browser.run(shown).await == ROUTES.len()).then_some(())).await;
    desk.leave().await;
}

/// That no complaint is heard means something only if complaints are heard.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make browser"]
async fn a_violated_policy_would_be_noticed() {
    let browser = Browser::open(&[]).await;
    let page = "<meta http-equiv='content-security-policy' content='script-src none'><script>1</script>";
    browser.visit(&format!("data:text/html,{page}")).await;
    assert_eq!(browser.complaints().await.len(), 1);
    browser.visit("data:text/html,<script>nothing()</script>").await;
    assert_eq!(browser.complaints().await.len(), 1);
    browser.close().await;
}
