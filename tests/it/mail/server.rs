//! What mail servers say and do, and what comes of it.

use portcullis::mail::{Kind, Recipient};

use super::{FIRST_PAUSE, add_user, cause, end_of, enqueue_one, postponed, text, through};
use crate::support::{Act, Security, SmtpServer, wait_for};

const ADA: &str = "ada@example.com";

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_reaches_a_plain_server_on_this_machine_as_rfc_5322_wants_it() {
    let server = SmtpServer::start(Security::Plain).await;
    let app = through(&server).spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    let job = enqueue_one(&app, cause(Kind::PasswordChanged, Recipient::User(user))).await;
    let [delivery] = server.delivered(1).await.try_into().unwrap();
    assert_eq!((delivery.from.as_str(), delivery.to.as_slice()), ("accounts@example.com", &[ADA.to_owned()][..]));
    let mail = delivery.mail();
    assert_eq!((mail.header("from"), mail.to.as_str()), ("Example <accounts@example.com>", ADA));
    assert_eq!(mail.header("message-id"), format!("<{job}@example.com>"));
    assert_eq!(mail.header("date"), "Mon, 15 Jun 2026 12:00:00 +0000");
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    assert_eq!(mail.subject, "Your password for Example was changed");
    assert!(mail.text.contains("2026-06-15 12:00 UTC\n  Device: Firefox on Linux\n  IP address: 203.0.113.9\n"));
    // RFC 5321 §4.5.3.1.6 allows 998 characters a line, RFC 5322 §2.1.1 wishes for 78.
    let wire = String::from_utf8(delivery.wire).unwrap();
    assert!(wire.split("\r\n").all(|line| line.len() <= 78 || line.starts_with("Content-Type")), "{wire}");
    assert_eq!(end_of(&app, job).await, (1, text("sent"), None));
    // Named as the world knows us, not as the machine calls itself.
    assert!(server.commands().contains(&"EHLO accounts.example.com".to_owned()), "{:?}", server.commands());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_now_is_sent_later() {
    let server = SmtpServer::start(Security::Plain).await;
    let app = through(&server).spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    let mut attempts = 0;
    for (act, class) in [
        (Act::AnswerRecipient("451 4.7.1 greylisted, https://example.com/why"), "reply 451 4.7.1"),
        (Act::AnswerMessage("452 no space"), "reply 452"),
        (Act::HangUp, "connection"),
    ] {
        server.next(&[act]);
        let job = enqueue_one(&app, cause(Kind::PasswordChanged, Recipient::User(user))).await;
        let found = postponed(&app, job, 1).await;
        assert!(found == class || found.starts_with(class), "{found}");
        assert_eq!(server.deliveries().len(), attempts);
        app.advance(FIRST_PAUSE);
        app.app.mail.ring();
        attempts += 1;
        server.delivered(attempts).await;
        assert!(matches!(end_of(&app, job).await, (2, Some(outcome), _) if outcome == "sent"));
    }
    // The server was reached, or is reached again.
    assert!(app.app.mail.health().unwrap().is_reachable);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_is_given_up_at_once_and_visibly() {
    let server = SmtpServer::start(Security::Plain).await;
    let app = through(&server).spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    server.next(&[Act::AnswerRecipient("550 5.1.1 no such user here"), Act::AnswerMessage("554 5.7.1 spam")]);
    for class in ["reply 550 5.1.1", "reply 554 5.7.1"] {
        let job = enqueue_one(&app, cause(Kind::AccountLocked, Recipient::User(user))).await;
        assert_eq!(end_of(&app, job).await, (1, text("failed"), text(class)));
    }
    let metrics = String::from_utf8(app.client().get("/metrics").await.expect(200).body.to_vec()).unwrap();
    let line = "portcullis_mail_jobs_total{kind=\"account_locked\",outcome=\"failed\"} 2";
    assert!(metrics.contains(line), "{metrics}");
    assert!(server.deliveries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_acceptance_got_lost_comes_again_under_the_same_id() {
    let server = SmtpServer::start(Security::Plain).await;
    let app = through(&server).spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    server.next(&[Act::AcceptAndHangUp]);
    let job = enqueue_one(&app, cause(Kind::Reset, Recipient::User(user))).await;
    postponed(&app, job, 1).await;
    app.advance(FIRST_PAUSE);
    app.app.mail.ring();
    let [first, second] = server.delivered(2).await.try_into().unwrap();
    let (first, second) = (first.mail(), second.mail());
    assert_eq!(first.header("message-id"), second.header("message-id"));
    assert_eq!(first.link(), second.link());
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_wait_for_a_dead_server_and_health_tells() {
    let server = SmtpServer::start(Security::Plain).await;
    server.go_down().await;
    let app = through(&server).spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    let job = enqueue_one(&app, cause(Kind::PasswordChanged, Recipient::User(user))).await;
    assert!(postponed(&app, job, 1).await.starts_with("connect: "));
    let health = app.client().get("/health").await.expect(200).json();
    assert_eq!((&health["status"], &health["checks"]["mail"]["status"]), (&"degraded".into(), &"degraded".into()));
    let ready = app.client().get("/health/ready").await.expect(200).json();
    assert_eq!((&ready["status"], &ready["checks"]["mail"]["status"]), (&"ready".into(), &"degraded".into()));

    app.advance(FIRST_PAUSE);
    app.app.mail.ring();
    postponed(&app, job, 2).await;
    server.come_back().await;
    // The second pause is half a minute, give or take a fifth.
    app.advance(FIRST_PAUSE * 4);
    app.app.mail.ring();
    server.delivered(1).await;
    end_of(&app, job).await;
    let health = app.client().get("/health").await.expect(200).json();
    assert_eq!((&health["status"], &health["checks"]["mail"]["status"]), (&"healthy".into(), &"healthy".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_health_says_nothing_of_mail() {
    let app = crate::support::TestApp::spawn().await;
    let health = app.client().get("/health").await.expect(200).json();
    assert!(health["status"] == "healthy" && health["checks"]["mail"].is_null(), "{health}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_used_again_and_closed_with_the_service() {
    let server = SmtpServer::start(Security::Plain).await;
    let app = through(&server).spawn().await;
    let user = add_user(&app, ADA, "Ada").await;
    for count in 1..=5 {
        let job = enqueue_one(&app, cause(Kind::PasswordChanged, Recipient::User(user))).await;
        server.delivered(count).await;
        end_of(&app, job).await;
    }
    let said = |verb: &str| server.commands().iter().filter(|command| command.starts_with(verb)).count();
    // One of them may belong to the look at the server that opens every run.
    assert!((1..=2).contains(&said("EHLO")), "{:?}", server.commands());
    app.stop().await;
    wait_for("the goodbyes", async || (said("QUIT") == said("EHLO")).then_some(())).await;
}
