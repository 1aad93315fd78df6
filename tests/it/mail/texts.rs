//! What mails say, and in which language.

use portcullis::db::users;
use portcullis::mail::{Kind, NewJob, Recipient};

use super::{add_user, cause, enqueue_one, through};
use crate::support::{PASSWORD, Security, SmtpServer, TestApp};

const ADA: &str = "ada@example.com";

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_in_the_language_that_its_reader_prefers() {
    for (header, tag, said) in [
        ("de-AT, en;q=0.5", "de", "Guten Tag"),
        ("nl, es-MX;q=0.9, en;q=0.8", "es", "Hola"),
        ("fr", "fr", "Bonjour"),
        ("cs, sk;q=0.9", "cs", "Dobrý den"),
        ("ja-JP", "ja", "お客様"),
        ("tlh, *", "en", "Hello"),
        ("de;q=oops", "en", "Hello"),
    ] {
        let app = TestApp::spawn().await;
        let user = add_user(&app, ADA, "Ada").await;
        let job = NewJob { accept_language: Some(header), ..cause(Kind::Reset, Recipient::User(user)) };
        enqueue_one(&app, job).await;
        let mail = app.mail_to(ADA).await;
        assert_eq!(mail.header("content-language"), tag);
        assert!(mail.text.starts_with(said) && mail.html.contains(said), "{header}: {}", mail.text);
        assert!(mail.html.contains(mail.link()), "{}", mail.html);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_is_welcomed_in_the_language_of_its_request() {
    let app = TestApp::builder().set("PUBLIC_URL", "https://accounts.example.com").spawn().await;
    let client = app.client().with_header("accept-language", "de-CH").with_header("host", "evil.example");
    client.register(ADA, PASSWORD).await.expect(201);
    let mail = app.mail_to(ADA).await;
    assert_eq!(mail.subject, "Bestätigen Sie Ihre E-Mail-Adresse für Portcullis");
    // Links are made of PUBLIC_URL, whatever the request called us.
    assert!(mail.link().starts_with("https://accounts.example.com/verify-email?token="), "{}", mail.link());
    assert!(!mail.text.contains("evil.example") && !mail.html.contains("evil.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_with_html_or_line_ends_adds_neither_markup_nor_headers_nor_recipients() {
    let server = SmtpServer::start(Security::Plain).await;
    let app = through(&server).spawn().await;
    // What no validation would let through, put into the table directly.
    let name = "Ada</p><img src=x onerror=alert(1)>\r\nBcc: all@example.com\r\n\r\n.\r\nMAIL FROM:<a@b.c>\r\n";
    let user = add_user(&app, ADA, name).await;
    let now = portcullis::clock::Clock::now(&*app.clock);
    users::set_verified(&app.app.database.get().await.unwrap(), user, now).await.unwrap();
    enqueue_one(&app, cause(Kind::Reset, Recipient::EmailKey(ADA))).await;
    let [delivery] = server.delivered(1).await.try_into().unwrap();
    assert_eq!(delivery.to, [ADA]);
    let mail = delivery.mail();
    assert!(mail.headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("bcc")), "{:?}", mail.headers);
    let mails = server.commands().iter().filter(|command| command.starts_with("MAIL")).count();
    assert_eq!(mails, 1);
    assert!(!mail.html.contains("<img") && mail.html.contains("&lt;img"), "{}", mail.html);
    let greeting = "Hello Ada</p><img src=x onerror=alert(1)>Bcc: all@example.com.MAIL FROM:<a@b.c>,\n";
    assert!(mail.text.starts_with(greeting), "{}", mail.text);
}
