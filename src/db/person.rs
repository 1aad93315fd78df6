//! No table: the names under which rows are kept about one person.

use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// Everything by which the rows of an account are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub user_id: Uuid,
    /// What stands for its folded address in `login_attempts`.
    pub account: Vec<u8>,
    /// What stands for its folded address in events that name no account.
    pub address_mark: String,
}

/// By which of its names a query finds rows of a [`Person`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// [`Person::user_id`].
    UserId,
    /// [`Person::account`].
    Account,
    /// [`Person::address_mark`].
    AddressMark,
}

impl Person {
    /// The name, as the parameter of a query.
    pub(super) fn name(&self, by: By) -> &(dyn ToSql + Sync) {
        match by {
            By::UserId => &self.user_id,
            By::Account => &self.account,
            By::AddressMark => &self.address_mark,
        }
    }
}
