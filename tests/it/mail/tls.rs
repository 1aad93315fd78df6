//! The way to the mail server, as the program itself goes it: TLS, trust and log-in.

use crate::support::smtp::{PASSWORD, USERNAME};
use crate::support::{Program, Security, SmtpServer, wait_for};

/// A program that hands its mails to `server` and trusts its authority.
async fn through(server: &SmtpServer, encryption: &str) -> Program {
    let program = Program::on_fresh_database().await.set("SSL_CERT_FILE", &server.authority());
    let program = program.set("SMTP_HOST", "localhost").set("SMTP_PORT", &server.port()).set("SMTP_TLS", encryption);
    program.set("EMAIL_FROM", "accounts@example.com").set("LOG_LEVEL", "debug")
}

fn with_log_in(program: Program, password: &str) -> Program {
    program.set("SMTP_USERNAME", USERNAME).set("SMTP_PASSWORD", password)
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_leave_over_starttls_and_implicit_tls_with_either_log_in() {
    for (security, encryption, mechanism) in [
        (Security::StartTls, "auto", None),
        (Security::StartTls, "starttls", Some("PLAIN")),
        (Security::Implicit, "implicit", Some("LOGIN")),
        (Security::Implicit, "implicit", None),
        (Security::Plain, "auto", Some("LOGIN")),
    ] {
        let server = SmtpServer::start_with(security, mechanism).await;
        let mut program = through(&server, encryption).await;
        if mechanism.is_some() {
            program = with_log_in(program, PASSWORD);
        }
        let service = program.serve().await;
        let account = service.client().sign_up().await;
        let [delivery] = server.delivered(1).await.try_into().unwrap();
        assert_eq!(delivery.mail().to, account.email);
        assert_eq!(delivery.is_encrypted, security != Security::Plain, "{security:?}");
        assert_eq!(delivery.mechanism, mechanism);
        let ended = service.stop().await;
        assert!(!format!("{ended:?}").contains(PASSWORD), "{ended:?}");
        // Before the connection is encrypted, nothing is said but hello.
        let commands = server.commands();
        let clear = commands.split(|command| command == "STARTTLS").next().unwrap();
        assert!(security != Security::StartTls || clear.iter().all(|command| command.starts_with("EHLO")), "{clear:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_handed_to_a_server_that_cannot_be_trusted_or_does_not_let_us_in() {
    for (security, encryption, log_in, authority, class) in [
        (Security::Plain, "starttls", PASSWORD, true, "starttls: not offered"),
        (Security::StartTls, "auto", PASSWORD, false, "starttls: tls: the certificate is not trusted"),
        (Security::Implicit, "implicit", PASSWORD, false, "connect: tls: the certificate is not trusted"),
        (Security::StartTls, "starttls", "wrong", true, "log-in: reply 535 5.7.8"),
    ] {
        let server = SmtpServer::start_with(security, Some("PLAIN")).await;
        let mut program = with_log_in(through(&server, encryption).await, log_in);
        if !authority {
            // The authority of somebody else.
            let other = SmtpServer::start(Security::Plain).await;
            let path = program.folder().join("ca.pem");
            std::fs::copy(other.authority(), &path).unwrap();
            program = program.set("SSL_CERT_FILE", path.to_str().unwrap());
        }
        let service = program.serve().await;
        service.client().sign_up().await;
        wait_for("the failed attempt", async || service.stderr().contains(class).then_some(())).await;
        let doctor = program.run(&["doctor"]).await;
        assert!(doctor.code == Some(1) && doctor.stdout.contains(class), "{class}: {doctor:?}");
        let ended = service.stop().await;
        assert!(server.deliveries().is_empty() && !format!("{ended:?}").contains(PASSWORD), "{ended:?}");
        assert!(!server.commands().iter().any(|command| command.starts_with("MAIL")), "{:?}", server.commands());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_a_sound_mail_server_sound() {
    let server = SmtpServer::start_with(Security::StartTls, Some("PLAIN")).await;
    let ended = with_log_in(through(&server, "starttls").await, PASSWORD).run(&["doctor"]).await;
    assert!(ended.code == Some(0) && ended.stdout.contains("lets us in"), "{ended:?}");
}
