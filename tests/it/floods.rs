//! Attacks on connections as such. Whatever they cost, honest clients are served meanwhile. `make floods` measures how well.

mod http1;
mod http2;

use crate::support::{Account, TestApp};

impl TestApp {
    /// A sign-up, and what its owner then does, over new connections.
    async fn serves_honest_clients(&self) -> Account {
        let client = self.client();
        let account = client.sign_up().await;
        client.me(&account.tokens.access).await.expect(200);
        client.log_in(&account.email, &account.password).await.expect(200);
        account
    }
}
