//! What mails say.

use portcullis::mail::{Kind, Recipient};

use super::enqueue;
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_mail_carries_a_link_whose_hash_alone_is_stored() {
    let app = TestApp::builder().set("PUBLIC_URL", "https://accounts.example.com").spawn().await;
    let account = app.client().sign_up().await;
    enqueue(&app, Kind::Reset, Recipient::EmailKey(&account.email), None).await;
    let mail = app.mail_to(&account.email).await;
    println!("{mail:#?}\n{}\n{}", mail.text, mail.html);
    assert!(mail.link().starts_with("https://accounts.example.com/reset-password?token="), "{mail:?}");
}
