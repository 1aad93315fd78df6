//! Links as their readers follow them.

use serde_json::{Value, json};

use super::{Answer, Client, TestApp};

impl TestApp {
    /// The token of the newest link to a page that was mailed to an address, if there is one.
    pub(crate) async fn find_link(&self, page: &str, email: &str) -> Option<String> {
        let mails = self.mails().await;
        let mut leading = mails
            .iter()
            .rev()
            .filter(|mail| mail.to == email && mail.has_link() && mail.link().contains(&format!("/{page}?")));
        leading.next().map(|mail| mail.token().to_owned())
    }

    /// As [`TestApp::find_link`], for a link that must be there.
    pub(crate) async fn link(&self, page: &str, email: &str) -> String {
        self.find_link(page, email).await.unwrap_or_else(|| panic!("no link to {page} was mailed to {email}"))
    }

    /// Asks for a new password, and takes the token out of the mail.
    pub(crate) async fn reset_link(&self, email: &str) -> String {
        self.client().forgot_password(email).await.expect(200);
        self.link("reset-password", email).await
    }
}

impl Client {
    pub(crate) async fn forgot_password(&self, email: &str) -> Answer {
        self.post("/api/v1/auth/password/forgot", json!({ "email": email })).await
    }

    pub(crate) async fn reset_password(&self, token: &str, new: &str) -> Answer {
        self.post("/api/v1/auth/password/reset", json!({ "token": token, "new_password": new })).await
    }

    pub(crate) async fn resend(&self, email: &str) -> Answer {
        self.post("/api/v1/auth/email/resend", json!({ "email": email })).await
    }

    /// Sends a token to an operation below `/api/v1/auth/email/`.
    pub(crate) async fn follow(&self, operation: &str, token: &str) -> Answer {
        self.post(&format!("/api/v1/auth/email/{operation}"), json!({ "token": token })).await
    }

    /// Follows the link in a mail about a log-in from a new device.
    pub(crate) async fn end_session(&self, token: &str) -> Answer {
        self.post("/api/v1/auth/sessions/end", json!({ "token": token })).await
    }

    /// Completes a sign-up that waits for its password.
    pub(crate) async fn complete(&self, token: &str, password: &str) -> Answer {
        self.post("/api/v1/auth/email/verify", json!({ "token": token, "password": password })).await
    }

    /// What a link is about.
    pub(crate) async fn inspect(&self, token: &str) -> Value {
        self.follow("inspect", token).await.expect(200).json()
    }

    pub(crate) async fn change_email(&self, access: &str, email: &str, password: &str) -> Answer {
        self.update_me(access, json!({ "email": email, "current_password": password })).await
    }
}
