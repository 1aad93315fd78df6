//! The program dies, and the mail still comes, once.

use std::time::Duration;

use crate::support::{Act, Program, Security, SmtpServer, fresh_database, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_sender_was_killed_between_commit_and_send_arrives_once() {
    let server = SmtpServer::start(Security::Plain).await;
    let database = fresh_database().await;
    let program = Program::on(&database).set("SMTP_HOST", "127.0.0.1").set("SMTP_PORT", &server.port());
    let program = program.set("EMAIL_FROM", "accounts@example.com");
    server.next(&[Act::FallSilent]);
    let service = program.serve().await;
    let account = service.client().sign_up().await;
    // The sign-up is committed, and its mail is on its way but not there.
    server.acts_left(0).await;
    service.signal("KILL");
    assert_eq!(service.ended().await.code, None);
    assert!(server.deliveries().is_empty());

    let client = database.connect().await;
    let lease = "select locked_until > now() from mail_jobs where finished_at is null";
    assert!(client.query_one(lease, &[]).await.unwrap().get::<_, bool>(0), "the dead instance held no lease");
    // What the next minutes would bring.
    client.batch_execute("update mail_jobs set locked_until = now() - interval '1 second'").await.unwrap();
    let service = program.serve().await;
    let [delivery] = server.delivered(1).await.try_into().unwrap();
    assert_eq!(delivery.mail().to, account.email);
    wait_for("the end of the job", async || {
        let row = client.query_one("select outcome, attempts from mail_jobs", &[]).await.unwrap();
        row.get::<_, Option<String>>(0).map(|outcome| assert_eq!((outcome.as_str(), row.get(1)), ("sent", 2)))
    })
    .await;
    service.stop().await;
    assert_eq!(server.deliveries().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_the_mail_in_hand() {
    let server = SmtpServer::start(Security::Plain).await;
    let program = Program::on_fresh_database().await.set("SMTP_HOST", "127.0.0.1").set("SMTP_PORT", &server.port());
    let service = program.set("EMAIL_FROM", "accounts@example.com").serve().await;
    server.answer_after(Duration::from_millis(500));
    service.client().sign_up().await;
    wait_for("the message to begin", async || server.commands().contains(&"DATA".to_owned()).then_some(())).await;
    assert_eq!(service.stop().await.code, Some(0));
    assert_eq!(server.deliveries().len(), 1);
}
