//! What is kept of a password: all of it, in today's format, whatever it came in.

use std::time::Duration;

use portcullis::auth::hash::{Algorithm, dummy};
use portcullis::prices;

use crate::support::{Account, PASSWORD, TestApp};

const COMMON_72: &str = "seventy-two bytes that two people share, which is where bcrypt would stop";

async fn stored_hash(app: &TestApp, account: &Account) -> String {
    let sql = "select password_hash from users where id::text = $1";
    app.database.connect().await.query_one(sql, &[&account.id]).await.unwrap().get(0)
}

/// Gives the account a hash that came from elsewhere.
async fn import(app: &TestApp, account: &Account, hash: &str) {
    let sql = "update users set password_hash = $2 where id::text = $1";
    assert_eq!(app.database.connect().await.execute(sql, &[&account.id, &hash]).await.unwrap(), 1);
}

fn long_pairs() -> Vec<(String, String)> {
    let common = &COMMON_72[..72];
    vec![
        (format!("{common}a"), format!("{common}b")),
        (format!("{common}a"), common.to_owned()),
        (common.to_owned(), common[..71].to_owned()),
        ("a harbour cat\0one".to_owned(), "a harbour cat\0two".to_owned()),
        ("a harbour cat\0one".to_owned(), "a harbour cat".to_owned()),
        ("a harbour cat\0".to_owned(), "a harbour cat".to_owned()),
        ("\0a harbour cat".to_owned(), "\0another cat".to_owned()),
        ("🗝".repeat(127) + "🔒", "🗝".repeat(127) + "🔑"),
        ("🗝".repeat(18) + "🔒", "🗝".repeat(18) + "🔑"),
        ("é".repeat(36), "é".repeat(35) + "e"),
        ("spaces at the end ".to_owned(), "spaces at the end".to_owned()),
        ("Ångström unit".to_owned(), "A\u{30a}ngstro\u{308}m unit".to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn two_passwords_are_two_passwords_however_much_they_share() {
    for algorithm in ["bcrypt", "argon2id"] {
        let app = TestApp::builder().set("PASSWORD_ALGORITHM", algorithm).spawn().await;
        let client = app.client();
        for (index, (chosen, tried)) in long_pairs().into_iter().enumerate() {
            let email = format!("long{index}@example.com");
            client.register(&email, &chosen).await.expect(201);
            client.log_in(&email, &chosen).await.expect(200);
            assert_eq!(client.log_in(&email, &tried).await.status, 401, "{algorithm}: {tried:?} opens {chosen:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_hash_is_of_the_configured_algorithm_and_never_truncates() {
    for (algorithm, password, prefix) in [
        ("bcrypt", PASSWORD, "$2b$04$"),
        ("bcrypt", &COMMON_72[..71], "$2b$04$"),
        ("bcrypt", &COMMON_72[..72], "$bcrypt-sha256$v=2,t=2b,r=4$"),
        ("bcrypt", "a harbour cat\0", "$bcrypt-sha256$v=2,t=2b,r=4$"),
        ("argon2id", PASSWORD, "$argon2id$v=19$m=19456,t=2,p=1$"),
    ] {
        let app = TestApp::builder().set("PASSWORD_ALGORITHM", algorithm).spawn().await;
        app.client().register("ada@example.com", password).await.expect(201);
        let hash = app.database.connect().await.query_one("select password_hash from users", &[]).await.unwrap();
        assert!(hash.get::<_, &str>(0).starts_with(prefix), "{algorithm}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_rehashes_when_cost_or_algorithm_have_changed() {
    let app = TestApp::spawn().await;
    let account = app.client().sign_up().await;
    for (settings, prefix) in [
        (&[("PASSWORD_BCRYPT_COST", "5")][..], "$2b$05$"),
        (&[("PASSWORD_ALGORITHM", "argon2id")], "$argon2id$v=19$m=19456,t=2,p=1$"),
        (&[("PASSWORD_BCRYPT_COST", "4")], "$2b$04$"),
    ] {
        let builder = settings.iter().fold(TestApp::builder(), |builder, (name, value)| builder.set(name, value));
        let changed = builder.on(app.database.clone()).spawn().await;
        let client = changed.client();
        let before = stored_hash(&app, &account).await;
        client.log_in(&account.email, "not the password").await.expect(401);
        assert_eq!(stored_hash(&app, &account).await, before, "a wrong password rehashed");
        client.log_in(&account.email, PASSWORD).await.expect(200);
        let rehashed = stored_hash(&app, &account).await;
        assert!(rehashed.starts_with(prefix), "{rehashed}");
        client.log_in(&account.email, PASSWORD).await.expect(200);
        assert_eq!(stored_hash(&app, &account).await, rehashed, "rehashed for nothing");
        client.me(&account.tokens.access).await.expect(200);
    }
}

/// Made by passlib and argon2-cffi for the password "gate of horn", with lowered costs.
const IMPORTED: &[&str] = &[
    "$2a$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm",
    "$2y$04$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm",
    "$scrypt$ln=4,r=8,p=1$c2l4dGVlbiBieXRlIHNhbA$T2dC/VF5SV2YRtxzDlPpELViXw6KLP1AFk8ocIFJjGc",
    "$pbkdf2-sha256$37$//77//77//77//77//77$nGg3cS7I1yhl5JFk066wp3fN1Ts1lr7Ft.OO1QjgFYU",
    "pbkdf2_sha256$37$Zx81plus4$MtQxV3DjBkvvGYr65yXChAWBtWSZtjZvCiCgyZc1+FA=",
    "$argon2id$v=19$m=64,t=2,p=2$c2l4dGVlbiBieXRlIHNhbA$EXg7vZWfo2TuWN6xdBPglIWuO52QqjqS5aJgWL38P1o",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_hash_logs_its_owner_in_and_is_replaced() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for hash in IMPORTED {
        let account = client.sign_up().await;
        import(&app, &account, hash).await;
        for wrong in ["gate of ivory", PASSWORD, "gate of horn "] {
            client.log_in(&account.email, wrong).await.expect_problem(401, "invalid_credentials");
        }
        assert_eq!(stored_hash(&app, &account).await, *hash);
        client.log_in(&account.email, "gate of horn").await.expect(200);
        let rehashed = stored_hash(&app, &account).await;
        assert!(rehashed.starts_with("$2b$04$") && rehashed != *hash, "{hash} became {rehashed}");
        client.log_in(&account.email, "gate of horn").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_hash_that_demands_too_much_work_is_refused_like_a_wrong_password() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for hash in [
        "$2b$31$Kz1Yv9c0Qe7mWn3TbR5s6uFNXakIbHwE2XfpvinCeoPKToXUW37rm",
        "$scrypt$ln=30,r=8,p=1$c2l4dGVlbiBieXRlIHNhbA$T2dC/VF5SV2YRtxzDlPpELViXw6KLP1AFk8ocIFJjGc",
        "$argon2id$v=19$m=4194304,t=99,p=1$c2l4dGVlbiBieXRlIHNhbA$EXg7vZWfo2TuWN6xdBPglIWuO52QqjqS5aJgWL38P1o",
        "pbkdf2_sha256$4000000000$Zx81plus4$MtQxV3DjBkvvGYr65yXChAWBtWSZtjZvCiCgyZc1+FA=",
        "gate of horn",
        "",
    ] {
        let account = client.sign_up().await;
        import(&app, &account, hash).await;
        client.log_in(&account.email, "gate of horn").await.expect_problem(401, "invalid_credentials");
    }
}

/// How often an instance computed hashes of this format, and how long all of them took.
async fn computed(app: &TestApp, format: &str) -> (u32, Duration) {
    let metrics = String::from_utf8(app.client().get("/metrics").await.expect(200).body.to_vec()).unwrap();
    let value = |part: &str| {
        let series = format!("portcullis_hash_duration_seconds_{part}{{algorithm=\"{format}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&series)).map_or("0", |value| value)
    };
    (value("count").parse().unwrap(), Duration::from_secs_f64(value("sum").parse().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_imported_hashes_cost_is_known_before_the_first_guess() {
    let app = TestApp::spawn().await;
    let dear = [dummy(Algorithm::Bcrypt { cost: 8 }), dummy(Algorithm::argon2id())];
    let others =
        [dummy(Algorithm::Bcrypt { cost: 4 }).replace("$2b$", "$2y$"), "*".to_owned(), "$scrypt$ln=4$".to_owned()];
    for hash in dear.iter().chain(&dear).chain(&others) {
        let account = app.client().sign_up().await;
        import(&app, &account, hash).await;
    }

    let fresh = app.replica().await;
    for format in ["bcrypt", "argon2id"] {
        let (count, took) = computed(&fresh, format).await;
        assert_eq!(count, 1, "one computation of each kind that is dearer or cheaper than a new hash: {format}");
        // The sum is a float.
        assert!(fresh.app.hasher.floor() + Duration::from_nanos(10) >= took, "{format}: {took:?}");
    }
    assert_eq!(computed(&fresh, "scrypt").await.0, 0);

    // What an import brings while the service runs counts with the next look.
    let account = app.client().sign_up().await;
    import(&app, &account, "$pbkdf2-sha256$4000$//77//77//77//77//77$nGg3cS7I1yhl5JFk066wp3fN1Ts1lr7Ft.OO1QjgFYU")
        .await;
    for _ in 0..2 {
        prices::learn(fresh.app.clone()).await.unwrap();
    }
    assert_eq!(computed(&fresh, "pbkdf2-sha256").await.0, 1);
    assert_eq!(computed(&fresh, "bcrypt").await.0, 1, "a known price is not computed again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_without_imported_hashes_computes_none_at_its_start() {
    let app = TestApp::spawn().await;
    app.client().sign_up().await;
    let fresh = app.replica().await;
    assert_eq!((fresh.app.hasher.floor(), computed(&fresh, "bcrypt").await.0), (Duration::ZERO, 0));
}
