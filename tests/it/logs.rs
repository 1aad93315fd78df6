//! Logs tell what happened, and never a secret.

use serde_json::json;

use crate::support::{PASSWORD, Program, Tokens};

const WRONG: &str = "a wrong guess at a password";
const NEW: &str = "nine lives of the harbour cat";

#[tokio::test(flavor = "multi_thread")]
async fn no_password_no_token_and_no_key_is_in_any_line_of_the_log() {
    for format in ["text", "json"] {
        let program = Program::on_fresh_database().await.set("LOG_LEVEL", "trace").set("LOG_FORMAT", format);
        let service = program.serve().await;
        let client = service.client();
        let account = client.sign_up().await;
        let Tokens { access, refresh } = account.tokens.clone();
        let next = client.refresh(&refresh).await.expect(200).tokens();
        client.log_in(&account.email, WRONG).await.expect(401);
        client.log_in(WRONG, WRONG).await.expect(400);
        client.change_password(&access, WRONG, NEW).await.expect(403);
        client.change_password(&access, PASSWORD, NEW).await.expect(200);
        client.post("/api/v1/auth/login", json!({ "email": account.email, "password": 90_071_992_547_u64 })).await.expect(400);
        client.post("/api/v1/auth/login", json!({ WRONG: WRONG })).await.expect(400);
        client.me(&format!("{access}x")).await.expect(401);
        client.get(&format!("/health?token={refresh}")).await.expect(200);
        client.log_out(&access).await.expect(200);
        let ended = service.stop().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);

        let said = ended.stdout + &ended.stderr;
        assert!(said.contains("login.failed") && said.contains("/api/v1/auth/login"), "the log tells nothing: {said}");
        let tokens = [&access, &refresh, &next.access, &next.refresh];
        let secrets = tokens.into_iter().map(String::as_str).chain([PASSWORD, WRONG, NEW, "90071992547", "$2b$", crate::support::KEY_ENCRYPTION_KEY]);
        for secret in secrets {
            let line = said.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} is in the {format} log");
        }
    }
}
