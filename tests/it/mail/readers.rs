//! Who is written to, and what about.

use portcullis::clock::Clock;
use portcullis::db::users;
use portcullis::mail::{Kind, NewJob, Recipient};
use uuid::Uuid;

use super::{add_user, cause, end_of, enqueue_one, text};
use crate::support::{Mail, TestApp};

const ADA: &str = "ada@example.com";

/// A job about a row.
fn about(kind: Kind, recipient: Recipient<'_>, subject: Uuid) -> NewJob<'_> {
    NewJob { subject_id: Some(subject), ..cause(kind, recipient) }
}

async fn set_verified(app: &TestApp, user: Uuid) {
    users::set_verified(&app.app.database.get().await.unwrap(), user, app.clock.now()).await.unwrap();
}

/// A sign-up that waits for its mailed page.
async fn add_pending(app: &TestApp, email: &str, key: &str) -> Uuid {
    let insert = "insert into pending_registrations (id, email, email_key, password_hash, first_name, last_name, \
                  device_info, created_at, expires_at) \
                  values ($1, $2, $3, 'none', 'Eve', 'Mallory', '', $4, $4::timestamptz + interval '1 day')";
    let id = Uuid::from_u128(77);
    app.database.connect().await.execute(insert, &[&id, &email, &key, &app.clock.now()]).await.unwrap();
    id
}

/// A change of address that waits for its confirmation.
async fn add_change(app: &TestApp, user: Uuid, new_email: &str, new_key: &str) -> Uuid {
    let insert = "insert into email_changes (id, user_id, old_email, old_email_key, old_email_verified, new_email, \
                  new_email_key, created_at, expires_at, undo_until) \
                  select $1, id, email, email_key, true, $3, $4, $5, $5::timestamptz + interval '1 day', \
                  $5::timestamptz + interval '3 days' \
                  from users where id = $2";
    let id = Uuid::from_u128(78);
    let client = app.database.connect().await;
    client.execute(insert, &[&id, &user, &new_email, &new_key, &app.clock.now()]).await.unwrap();
    id
}

async fn exists(app: &TestApp, table: &str, id: Uuid) -> bool {
    let sql = format!("select 1 from {table} where id = $1");
    app.database.connect().await.query_opt(&sql, &[&id]).await.unwrap().is_some()
}

#[track_caller]
fn only(mails: Vec<Mail>) -> Mail {
    let [mail] = <[Mail; 1]>::try_from(mails).unwrap_or_else(|mails| panic!("not one mail: {mails:#?}"));
    mail
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_written_to_about_an_account_that_is_unknown_disabled_deleted_or_verified_already() {
    let app = TestApp::spawn().await;
    for (email, change) in [
        ("disabled@example.com", "is_active = false"),
        ("deleted@example.com", "deleted_at = created_at"),
        ("verified@example.com", "is_email_verified = true"),
    ] {
        add_user(&app, email, "Ada").await;
        let sql = format!("update users set {change} where email = '{email}'");
        app.database.connect().await.batch_execute(&sql).await.unwrap();
    }
    for (kind, key) in [
        (Kind::Reset, "nobody@example.com"),
        (Kind::Reset, "disabled@example.com"),
        (Kind::Reset, "deleted@example.com"),
        (Kind::Verify, "nobody@example.com"),
        (Kind::Verify, "disabled@example.com"),
        (Kind::Verify, "deleted@example.com"),
        (Kind::Verify, "verified@example.com"),
    ] {
        let job = enqueue_one(&app, cause(kind, Recipient::EmailKey(key))).await;
        assert_eq!(end_of(&app, job).await.1, text("dropped"), "{kind:?} {key}");
    }
    assert!(app.mails().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_to_the_address_that_is_stored_and_never_to_the_one_that_was_typed() {
    let app = TestApp::spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    let sql = "update users set email = 'Ada.Stored@example.com' where id = $1";
    app.database.connect().await.execute(sql, &[&user]).await.unwrap();
    enqueue_one(&app, cause(Kind::Reset, Recipient::EmailKey(ADA))).await;
    assert_eq!(only(app.mails().await).to, "Ada.Stored@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_with_a_free_address_gets_its_link_and_one_with_a_taken_address_tells_the_owner() {
    let app = TestApp::spawn().await;
    let pending = add_pending(&app, "New@example.com", "new@example.com").await;
    enqueue_one(&app, about(Kind::SignUp, Recipient::EmailKey("new@example.com"), pending)).await;
    let mail = app.mail_to("New@example.com").await;
    assert!(mail.link().contains("/verify-email?token=") && !mail.text.contains("Eve"), "{}", mail.text);
    assert!(exists(&app, "pending_registrations", pending).await);

    let app = TestApp::spawn().await;
    let owner = add_user(&app, ADA, "Ada").await;
    set_verified(&app, owner).await;
    let pending = add_pending(&app, "ADA@example.com", ADA).await;
    let job = enqueue_one(&app, about(Kind::SignUp, Recipient::EmailKey(ADA), pending)).await;
    let mail = only(app.mails().await);
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), (ADA, "You already have an account with Portcullis"));
    assert!(!mail.has_link() && mail.text.starts_with("Hello Ada,"), "{}", mail.text);
    assert_eq!(end_of(&app, job).await.1, text("sent"));
    assert!(!exists(&app, "pending_registrations", pending).await);
    assert!(!exists(&app, "email_tokens", job).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_address_asks_the_new_one_and_tells_the_old_one() {
    let app = TestApp::spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    set_verified(&app, user).await;
    let change = add_change(&app, user, "new@example.com", "new@example.com").await;
    enqueue_one(&app, about(Kind::EmailChange, Recipient::User(user), change)).await;
    enqueue_one(&app, about(Kind::EmailChangeNotice, Recipient::User(user), change)).await;
    let confirm = app.mail_of(Kind::EmailChange, "new@example.com").await;
    assert!(confirm.link().contains("/confirm-email-change?token="), "{}", confirm.text);
    let notice = app.mail_of(Kind::EmailChangeNotice, ADA).await;
    assert!(notice.link().contains("/undo-email-change?token="), "{}", notice.text);
    assert!(notice.text.contains("from ada@example.com to new@example.com:"), "{}", notice.text);
    let tokens = "select purpose, user_id, subject_id, extract(epoch from expires_at - created_at)::float8 / 3600 \
                  from email_tokens order by purpose";
    let tokens = app.database.connect().await.query(tokens, &[]).await.unwrap();
    let tokens: Vec<(String, Uuid, Uuid, f64)> =
        tokens.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    let token = |purpose: &str, hours| (purpose.to_owned(), user, change, hours);
    assert_eq!(tokens, [token("confirm_change", 24.0), token("undo_change", 72.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_to_an_address_of_somebody_else_tells_that_owner_and_gives_nobody_a_link() {
    let app = TestApp::spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    add_user(&app, "owner@example.com", "Grace").await;
    let change = add_change(&app, user, "OWNER@example.com", "owner@example.com").await;
    enqueue_one(&app, about(Kind::EmailChange, Recipient::User(user), change)).await;
    let mail = only(app.mails().await);
    assert_eq!(mail.to, "owner@example.com");
    assert!(!mail.has_link() && !mail.text.contains(ADA), "{}", mail.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_cancelled_is_not_written_about() {
    let app = TestApp::spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    let change = add_change(&app, user, "new@example.com", "new@example.com").await;
    let cancel = "update email_changes set cancelled_at = created_at";
    app.database.connect().await.batch_execute(cancel).await.unwrap();
    for kind in [Kind::EmailChange, Kind::EmailChangeNotice] {
        let job = enqueue_one(&app, about(kind, Recipient::User(user), change)).await;
        assert_eq!(end_of(&app, job).await.1, text("dropped"));
    }
    assert!(app.mails().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_new_device_gets_a_mail_of_its_own_with_a_link_to_its_session() {
    let app = TestApp::spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    let sessions = [Uuid::from_u128(1), Uuid::from_u128(2)];
    for session in sessions {
        enqueue_one(&app, about(Kind::NewDevice, Recipient::User(user), session)).await;
    }
    let mails = app.mails().await;
    assert!(mails.len() == 2 && mails.iter().all(|mail| mail.link().contains("/end-session?token=")), "{mails:#?}");
    let live = "select subject_id from email_tokens where used_at is null order by subject_id";
    let live = app.database.connect().await.query(live, &[]).await.unwrap();
    assert_eq!(live.iter().map(|row| row.get(0)).collect::<Vec<Uuid>>(), sessions);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verify_mail_tells_of_the_sign_up_whoever_asked_for_it_again() {
    let app = TestApp::spawn().await;
    let user = add_user(&app, ADA, "<i>WIN</i> http://evil.example").await;
    let sign_up = NewJob { device_info: "Safari on iPhone", ..cause(Kind::Verify, Recipient::User(user)) };
    enqueue_one(&app, sign_up).await;
    assert_eq!(app.mails().await.len(), 1);
    app.advance(std::time::Duration::from_secs(3600));
    enqueue_one(&app, cause(Kind::Verify, Recipient::EmailKey(ADA))).await;
    for mail in app.mails().await {
        assert!(mail.text.contains("2026-06-15 12:00 UTC\n  Device: Safari on iPhone\n"), "{}", mail.text);
        // Whoever signs a stranger up must not get words of his own into the stranger's mailbox.
        assert!(mail.text.starts_with("Hello,") && !mail.text.contains("evil"), "{}", mail.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verify_mail_tells_what_its_page_tells_also_when_the_first_mail_is_long_forgotten() {
    let app = TestApp::spawn().await;
    let windows = app.client().with_header("user-agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/140.0");
    let account = windows.sign_up().await;
    assert_eq!(app.mails().await.len(), 1);
    app.advance(std::time::Duration::from_secs(8 * 86_400));
    app.sweep().await;
    let linux = app.client().with_header("user-agent", "curl/8.14");
    linux.resend(&account.email).await.expect(200);
    let mail = app.mail_to(&account.email).await;
    let page = linux.inspect(mail.token()).await;
    assert_eq!(page["device_info"], "Firefox on Windows");
    assert_eq!(page["created_at"], "2026-06-15T12:00:00Z");
    assert!(mail.text.contains("2026-06-15 12:00 UTC\n  Device: Firefox on Windows\n"), "{}", mail.text);
}
