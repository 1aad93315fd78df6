//! The old address takes a change back, for 72 hours, whatever became of it.

use std::time::Duration;

use serde_json::json;

use crate::support::{Account, PASSWORD, TestApp, Tokens};

const THIEF: &str = "thief@example.net";
const LAIR: &str = "lair@example.net";
const HOUR: Duration = Duration::from_secs(3600);

/// An account whose password somebody else knows, and the sessions of both.
struct Theft {
    app: TestApp,
    account: Account,
    thief: Tokens,
}

impl Theft {
    async fn new() -> Self {
        let app = TestApp::spawn().await;
        let client = app.client();
        let account = client.sign_up().await;
        client.follow("verify", &app.link("verify-email", &account.email).await).await.expect(200);
        let thief = client.log_in(&account.email, PASSWORD).await.expect(200).tokens();
        Self { app, account, thief }
    }

    /// The thief moves the account, and tells the owner's link.
    async fn moves_to(&self, email: &str, from: &str, confirmed: bool) -> String {
        self.app.advance(Duration::from_secs(1));
        self.app.client().change_email(&self.thief.access, email, PASSWORD).await.expect(200);
        if confirmed {
            let token = self.app.link("confirm-email-change", email).await;
            self.app.client().follow("confirm-change", &token).await.expect(200);
        }
        self.app.link("undo-email-change", from).await
    }

    /// The account is where it was, and nobody is logged in.
    async fn is_over(&self) {
        let client = self.app.client();
        for tokens in [&self.account.tokens, &self.thief] {
            client.me(&tokens.access).await.expect_problem(401, "token_revoked");
            client.refresh(&tokens.refresh).await.expect_problem(401, "token_revoked");
        }
        for elsewhere in [THIEF, LAIR] {
            client.log_in(elsewhere, PASSWORD).await.expect_problem(401, "invalid_credentials");
        }
        let user = client.log_in(&self.account.email, PASSWORD).await.expect(200).json()["user"].clone();
        assert_eq!(
            (&user["id"], &user["email"], &user["is_email_verified"]),
            (&json!(self.account.id), &json!(self.account.email), &json!(true))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_address_takes_a_change_back_before_and_after_it_was_confirmed() {
    for confirmed in [false, true] {
        let theft = Theft::new().await;
        let client = theft.app.client();
        let undo = theft.moves_to(THIEF, &theft.account.email, confirmed).await;
        theft.app.advance(Duration::from_secs(60));
        client.follow("undo", &undo).await.expect(200);
        theft.is_over().await;
        client.follow("undo", &undo).await.expect_problem(400, "invalid_token");
        let confirm = theft.app.link("confirm-email-change", THIEF).await;
        client.follow("confirm-change", &confirm).await.expect_problem(400, "invalid_token");
        assert!(theft.app.audited().await.contains(&"email.change_undone".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_the_thief_was_mailed_meanwhile_are_dead() {
    let theft = Theft::new().await;
    let client = theft.app.client();
    let undo = theft.moves_to(THIEF, &theft.account.email, true).await;
    let reset = theft.app.reset_link(THIEF).await;
    client.follow("undo", &undo).await.expect(200);
    client.reset_password(&reset, "known to the thief only").await.expect_problem(400, "invalid_token");
    theft.is_over().await;
}

/// Moving the account a second time, or resetting its password by the mail that now reaches the thief, must not bar the owner's way back.
#[tokio::test(flavor = "multi_thread")]
async fn no_later_step_of_the_thief_bars_the_way_back() {
    let theft = Theft::new().await;
    let client = theft.app.client();
    let owners = theft.moves_to(THIEF, &theft.account.email, true).await;
    let thiefs = theft.moves_to(LAIR, THIEF, true).await;
    let reset = theft.app.reset_link(LAIR).await;
    client.reset_password(&reset, PASSWORD).await.expect(200);
    client.follow("undo", &owners).await.expect(200);
    theft.is_over().await;
    // The thief's own link would have brought the account back to the thief.
    client.follow("undo", &thiefs).await.expect_problem(400, "invalid_token");
    theft.is_over().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_to_a_change_that_a_newer_one_replaced_takes_the_newer_one_back() {
    for confirmed in [false, true] {
        let theft = Theft::new().await;
        let client = theft.app.client();
        let first = theft.moves_to(THIEF, &theft.account.email, false).await;
        theft.moves_to(LAIR, &theft.account.email, confirmed).await;
        client.follow("undo", &first).await.expect(200);
        theft.is_over().await;
        let confirm = theft.app.link("confirm-email-change", LAIR).await;
        client.follow("confirm-change", &confirm).await.expect_problem(400, "invalid_token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_address_stays_its_owners_for_72_hours() {
    let theft = Theft::new().await;
    let client = theft.app.client();
    let old = theft.account.email.clone();
    let undo = theft.moves_to(THIEF, &old, true).await;
    let other = client.sign_up().await;
    for spelling in [old.clone(), old.to_uppercase()] {
        client.register(&spelling, PASSWORD).await.expect_problem(409, "email_taken");
        client.change_email(&other.tokens.access, &spelling, PASSWORD).await.expect_problem(409, "email_taken");
    }
    theft.app.advance(HOUR * 72);
    client.follow("undo", &undo).await.expect_problem(400, "invalid_token");
    client.register(&old, PASSWORD).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_left_an_address_may_have_it_again() {
    let theft = Theft::new().await;
    let client = theft.app.client();
    theft.moves_to(THIEF, &theft.account.email, true).await;
    theft.moves_to(&theft.account.email, THIEF, true).await;
    let me = client.me(&theft.account.tokens.access).await.expect(200).json();
    assert_eq!(me["email"], theft.account.email);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_left_while_somebody_signs_up_with_it_is_never_given_away() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for number in 0..10 {
        let account = client.sign_up().await;
        let new = format!("mover{number}@example.com");
        client.change_email(&account.tokens.access, &new, PASSWORD).await.expect(200);
        let token = app.link("confirm-email-change", &new).await;
        let signing_up = {
            let (client, email) = (client.clone(), account.email.clone());
            tokio::spawn(async move { client.register(&email, PASSWORD).await })
        };
        client.follow("confirm-change", &token).await.expect(200);
        signing_up.await.unwrap().expect_problem(409, "email_taken");
    }
}

/// The click of somebody who never signed up brings an account back to their address, but must not prove that address for whoever knows the
/// account's password.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_was_not_proved_before_is_not_proved_by_taking_a_change_back() {
    let app = TestApp::spawn().await;
    let client = app.client();
    let attacker = client.register("victim@example.com", PASSWORD).await.expect(201).tokens();
    client.change_email(&attacker.access, THIEF, PASSWORD).await.expect(200);
    client.follow("confirm-change", &app.link("confirm-email-change", THIEF).await).await.expect(200);
    client.follow("undo", &app.link("undo-email-change", "victim@example.com").await).await.expect(200);
    let user = client.log_in("victim@example.com", PASSWORD).await.expect(200).json()["user"].clone();
    assert_eq!(user["is_email_verified"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_confirmation_and_an_undo_at_once_the_undo_has_the_last_word() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for number in 0..10 {
        let account = client.sign_up().await;
        let new = format!("elsewhere{number}@example.net");
        client.change_email(&account.tokens.access, &new, PASSWORD).await.expect(200);
        let confirm = app.link("confirm-email-change", &new).await;
        let undo = app.link("undo-email-change", &account.email).await;
        let (confirmed, undone, refreshed) = tokio::join!(
            client.follow("confirm-change", &confirm),
            client.follow("undo", &undo),
            client.refresh(&account.tokens.refresh)
        );
        undone.expect(200);
        assert!([200, 400].contains(&confirmed.status.as_u16()), "{confirmed:?}");
        assert!([200, 401].contains(&refreshed.status.as_u16()), "{refreshed:?}");
        client.log_in(&new, PASSWORD).await.expect_problem(401, "invalid_credentials");
        client.log_in(&account.email, PASSWORD).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_reset_by_the_old_address_and_a_confirmation_by_the_new_one_one_wins() {
    let app = TestApp::spawn().await;
    let client = app.client();
    for number in 0..10 {
        let account = client.sign_up().await;
        let new = format!("further{number}@example.net");
        client.change_email(&account.tokens.access, &new, PASSWORD).await.expect(200);
        let confirm = app.link("confirm-email-change", &new).await;
        let reset = app.reset_link(&account.email).await;
        let (confirmed, reset) = tokio::join!(
            client.follow("confirm-change", &confirm),
            client.reset_password(&reset, "nine lives of the harbour cat")
        );
        let mut statuses = [confirmed.status.as_u16(), reset.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{confirmed:?} {reset:?}");
    }
}
