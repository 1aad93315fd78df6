//! Hashes that other software wrote: all of one password, and what becomes of them.

use serde_json::json;

use super::{PASSWORD, import, line};
use crate::support::{Program, TestApp};

/// Made by passlib 1.7, argon2-cffi and Django's hashers, with lowered costs.
const FORMATS: &[(&str, &str)] = &[
    ("2a", "$2a$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm"),
    ("django-bcrypt", "bcrypt$$2b$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm"),
    ("2y", "$2y$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm"),
    ("bcrypt-sha256", "$bcrypt-sha256$v=2,t=2b,r=4$Kz1Yv9c0Qe7mWn3TbR5s6u$FMVtDbxBUUBMdL..uKMg/1.pGLPnUCe"),
    ("argon2id", "$argon2id$v=19$m=64,t=2,p=2$c2l4dGVlbiBieXRlIHNhbA$EXg7vZWfo2TuWN6xdBPglIWuO52QqjqS5aJgWL38P1o"),
    (
        "django-argon2",
        "argon2$argon2id$v=19$m=64,t=2,p=2$c2l4dGVlbiBieXRlIHNhbA$EXg7vZWfo2TuWN6xdBPglIWuO52QqjqS5aJgWL38P1o",
    ),
    ("scrypt", "$scrypt$ln=4,r=8,p=1$c2l4dGVlbiBieXRlIHNhbA$T2dC/VF5SV2YRtxzDlPpELViXw6KLP1AFk8ocIFJjGc"),
    ("pbkdf2", "$pbkdf2-sha256$37$//77//77//77//77//77$nGg3cS7I1yhl5JFk066wp3fN1Ts1lr7Ft.OO1QjgFYU"),
    ("pbkdf2-phc", "$pbkdf2-sha256$i=37,l=32$//77//77//77//77//77$nGg3cS7I1yhl5JFk066wp3fN1Ts1lr7Ft+OO1QjgFYU"),
    ("django-pbkdf2", "pbkdf2_sha256$37$Zx81plus4$MtQxV3DjBkvvGYr65yXChAWBtWSZtjZvCiCgyZc1+FA="),
];

async fn stored(app: &TestApp, email: &str) -> String {
    let sql = "select password_hash from users where email = $1";
    app.database.connect().await.query_one(sql, &[&email]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_password_opens_every_format_and_is_hashed_anew_at_the_first_log_in() {
    for (algorithm, current) in [("bcrypt", "$2b$04$"), ("argon2id", "$argon2id$v=19$m=19456,t=2,p=1$")] {
        let app = TestApp::builder().set("PASSWORD_ALGORITHM", algorithm).spawn().await;
        let program = Program::on(&app.database);
        let lines: Vec<_> = FORMATS
            .iter()
            .map(|(name, hash)| line(&format!("{name}@example.com"), json!({ "password_hash": hash })))
            .collect();
        assert_eq!(import(&program, &lines).await.code, Some(0));
        for (name, hash) in FORMATS {
            let email = format!("{name}@example.com");
            let wrong = app.client().log_in(&email, "gate of ivory").await;
            assert_eq!(wrong.refusal(), (401, "invalid_credentials".into()), "{name}");
            assert_eq!(stored(&app, &email).await, *hash);
            app.client().log_in(&email, PASSWORD).await.expect(200);
            let now = stored(&app, &email).await;
            // These have today's cost already.
            let is_kept = ["bcrypt-sha256", "django-bcrypt"].contains(name) && algorithm == "bcrypt" && now == *hash;
            assert!(now.starts_with(current) || is_kept, "{name} became {now}");
            app.client().log_in(&email, PASSWORD).await.expect(200);
            assert_eq!(stored(&app, &email).await, now, "a current hash is left alone");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_with_a_huge_cost_is_refused_by_its_line_and_never_computed() {
    // As many wrong passwords as there are hashes would be too many otherwise.
    let app = TestApp::builder().set("RATE_LIMIT_ENABLED", "false").spawn().await;
    let program = Program::on(&app.database);
    let (salt, digest) = ("c2l4dGVlbiBieXRlIHNhbA", "EXg7vZWfo2TuWN6xdBPglIWuO52QqjqS5aJgWL38P1o");
    let huge = [
        "$2b$31$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm".to_owned(),
        "bcrypt$$2b$31$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm".to_owned(),
        format!("$bcrypt-sha256$v=2,t=2b,r=31$Kz1Yv9c0Qe7mWn3TbR5s6u${}", "F".repeat(31)),
        format!("$argon2id$v=19$m=4294967295,t=1,p=1${salt}${digest}"),
        format!("argon2$argon2id$v=19$m=64,t=4294967295,p=1${salt}${digest}"),
        format!("$scrypt$ln=40,r=8,p=1${salt}${digest}"),
        format!("$pbkdf2-sha256$4000000000${salt}${digest}"),
        format!("$pbkdf2-sha256$i=4000000000,l=32${salt}${digest}"),
        format!("pbkdf2_sha256$4000000000$salt${digest}="),
    ];
    let lines: Vec<_> = huge
        .iter()
        .enumerate()
        .map(|(number, hash)| line(&format!("user{number}@example.com"), json!({ "password_hash": hash })))
        .collect();
    let ended = import(&program, &lines).await;
    assert_eq!(ended.stdout.trim_end(), format!("0 imported, 0 already there, {} refused", huge.len()));
    for number in 1..=huge.len() {
        let complaint = format!("line {number}: password_hash is not accepted: ");
        let said = ended.stderr.lines().find(|line| line.starts_with(&complaint));
        assert!(said.is_some_and(|line| line.contains("costs more than is accepted")), "{complaint}: {}", ended.stderr);
    }

    // One that came into the table by another way is not computed either: its owner is refused like anybody with a wrong password.
    let account = app.client().sign_up().await;
    let database = app.database.connect().await;
    for hash in &huge {
        let sql = "update users set password_hash = $2 where id::text = $1";
        database.execute(sql, &[&account.id, hash]).await.unwrap();
        // The test would not end otherwise: the least of them takes hours.
        let refused = app.client().log_in(&account.email, PASSWORD).await;
        assert_eq!(refused.refusal(), (401, "invalid_credentials".into()), "{hash}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn formats_that_nobody_should_rely_on_any_more_are_refused() {
    let program = Program::on_fresh_database().await;
    let hashes = [
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$abcdefgh$irWbblnpmw.5z7wgBnprh0",
        "$2x$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm",
        "$argon2i$v=19$m=64,t=2,p=2$c2l4dGVlbiBieXRlIHNhbA$EXg7vZWfo2TuWN6xdBPglIWuO52QqjqS5aJgWL38P1o",
        "",
    ];
    let lines: Vec<_> = hashes
        .iter()
        .enumerate()
        .map(|(number, hash)| line(&format!("user{number}@example.com"), json!({ "password_hash": hash })))
        .collect();
    let ended = import(&program, &lines).await;
    assert_eq!(ended.stdout.trim_end(), "0 imported, 0 already there, 5 refused", "{ended:?}");
    assert_eq!(program.run(&["user", "list"]).await.stdout, "");
}
