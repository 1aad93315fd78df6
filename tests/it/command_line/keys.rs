//! `portcullis keys`: list, rotate, retire.

use crate::support::{Client, Program, fresh_database};

/// `(id, state)` of each key.
async fn listed(program: &Program) -> Vec<(String, String)> {
    let listed = program.run(&["keys", "list"]).await.done();
    let word = |line: &str, index| line.split_whitespace().nth(index).unwrap().to_owned();
    listed.lines().map(|line| (word(line, 0), word(line, 2))).collect()
}

async fn published(client: &Client) -> Vec<String> {
    let set = client.get("/.well-known/jwks.json").await.expect(200).json();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_published_before_it_signs_and_the_old_one_still_verifies() {
    let program = Program::on_fresh_database().await;
    let service = program.serve().await;
    let account = service.client().sign_up().await;
    let [(first, state)] = &listed(&program).await[..] else { panic!("one key") };
    assert_eq!(state, "signing");
    assert_eq!(published(&service.client()).await, std::slice::from_ref(first));

    let said = program.run(&["keys", "rotate"]).await.done();
    let second = said.split_whitespace().next().unwrap().to_owned();
    let states = listed(&program).await;
    assert!(states.contains(&(second.clone(), "published".into())), "{states:?}");
    assert!(states.contains(&(first.clone(), "verifying".into())), "{states:?}");
    service.stop().await;

    let service = program.serve().await;
    let mut keys = published(&service.client()).await;
    keys.sort();
    let mut both = [first.clone(), second];
    both.sort();
    assert_eq!(keys, both);
    service.client().me(&account.tokens.access).await.expect(200);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_key_is_refused_and_another_takes_its_place() {
    let program = Program::on_fresh_database().await;
    let service = program.serve().await;
    let account = service.client().sign_up().await;
    let (leaked, _) = listed(&program).await.remove(0);
    service.stop().await;

    assert!(program.run(&["keys", "retire", &leaked]).await.done().contains(&leaked));
    let states = listed(&program).await;
    assert!(states.contains(&(leaked.clone(), "retired".into())), "{states:?}");
    assert_eq!(states.iter().filter(|(_, state)| state == "signing").count(), 1, "{states:?}");

    let service = program.serve().await;
    assert!(!published(&service.client()).await.contains(&leaked));
    assert_eq!(service.client().me(&account.tokens.access).await.refusal(), (401, "invalid_token".into()));
    // The session itself is sound, and goes on with the new key.
    service.client().refresh(&account.tokens.refresh).await.expect(200);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_cannot_be_retired_and_an_old_one_not_twice() {
    let program = Program::on_fresh_database().await;
    assert!(program.run(&["keys", "list"]).await.done().contains("no keys yet"));
    program.run(&["keys", "rotate"]).await.done();
    let (only, _) = listed(&program).await.remove(0);
    program.run(&["keys", "retire", &only]).await.done();
    // Ids are base64url, which has a hyphen.
    for kid in [only.as_str(), "there-is-no-such-key", "-Or-this-one", "--help-me"] {
        assert!(program.run(&["keys", "retire", kid]).await.failed().contains(kid));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_under_a_lost_secret_can_be_retired_but_not_rotated() {
    let database = fresh_database().await;
    Program::on(&database).run(&["keys", "rotate"]).await.done();
    let other = Program::on(&database).set("KEY_ENCRYPTION_KEY", "another-key-encryption-key-of-more-than-32-bytes");
    assert!(other.run(&["keys", "rotate"]).await.failed().contains("KEY_ENCRYPTION_KEY"));
    let (lost, _) = listed(&other).await.remove(0);
    other.run(&["keys", "retire", &lost]).await.done();
    other.serve().await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_shared_secret_there_are_no_keys_to_look_after() {
    let program = Program::on_fresh_database().await.set("JWT_SECRET", "a-shared-secret-of-more-than-thirty-two-bytes");
    for arguments in [&["keys", "list"][..], &["keys", "rotate"], &["keys", "retire", "x"]] {
        assert!(program.run(arguments).await.failed().contains("JWT_SECRET"), "{arguments:?}");
    }
}
