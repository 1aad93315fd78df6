//! What clients do with accounts, and how it ends.

use http::Method;
use prometheus::{IntCounterVec, Opts, Registry};

use crate::reply;
use crate::routes::Route;

/// How a handler ended that did what it was asked for.
const OK: &str = "ok";

/// A row of the route table that counts as an operation.
struct Row {
    method: Method,
    path: &'static str,
    operation: &'static str,
    /// Refusals that people look for: their counters stand at zero from the start, so that the first one is seen to be an increase.
    refusals: &'static [&'static str],
}

const fn row(method: Method, path: &'static str, operation: &'static str, refusals: &'static [&'static str]) -> Row {
    Row { method, path, operation, refusals }
}

const LOGIN: &[&str] =
    &["invalid_credentials", "account_disabled", "email_not_verified", "too_many_attempts", "overloaded"];
const REFRESH: &[&str] = &["invalid_token", "token_expired", "token_revoked", "refresh_token_reused"];
const PASSWORD: &[&str] = &["invalid_credentials", "too_many_attempts", "overloaded"];
const LINK: &[&str] = &["invalid_token"];

/// Every row below `/api/v1/auth` that changes something, with the older names of some, and the reading of everything about an account.
const OPERATIONS: &[Row] = &[
    row(Method::POST, "/api/v1/auth/register", "register", &["email_taken", "validation_error", "overloaded"]),
    row(Method::POST, "/api/v1/auth/login", "login", LOGIN),
    row(Method::POST, "/api/v1/auth/refresh", "refresh", REFRESH),
    row(Method::POST, "/api/v1/auth/logout", "logout", &[]),
    row(Method::POST, "/api/v1/auth/logout-all", "logout_all", &[]),
    row(Method::PUT, "/api/v1/auth/me", "profile_change", PASSWORD),
    row(Method::DELETE, "/api/v1/auth/me", "account_delete", PASSWORD),
    row(Method::GET, "/api/v1/auth/me/export", "account_export", &[]),
    row(Method::DELETE, "/api/v1/auth/sessions", "sessions_revoke", &[]),
    row(Method::DELETE, "/api/v1/auth/sessions/{id}", "session_revoke", &[]),
    row(Method::POST, "/api/v1/auth/sessions/end", "session_end", LINK),
    row(Method::PUT, "/api/v1/auth/password/change", "password_change", PASSWORD),
    row(Method::PUT, "/api/v1/auth/change-password", "password_change", PASSWORD),
    row(Method::POST, "/api/v1/auth/password/forgot", "password_forgot", &[]),
    row(Method::POST, "/api/v1/password/forgot", "password_forgot", &[]),
    row(Method::POST, "/api/v1/auth/password/reset", "password_reset", LINK),
    row(Method::POST, "/api/v1/password/reset", "password_reset", LINK),
    row(Method::POST, "/api/v1/auth/email/verify", "email_verify", LINK),
    row(Method::POST, "/api/v1/auth/email/resend", "email_resend", &[]),
    row(Method::POST, "/api/v1/auth/email/confirm-change", "email_confirm", LINK),
    row(Method::POST, "/api/v1/auth/email/undo", "email_undo", LINK),
    row(Method::POST, "/api/v1/auth/email/inspect", "email_inspect", LINK),
    row(Method::POST, "/api/v1/auth/email/reject", "email_reject", LINK),
];

/// What a row of the route table counts as; `None` for those that only read, and for all that has nothing to do with accounts.
#[must_use]
pub fn operation(route: &Route) -> Option<&'static str> {
    OPERATIONS.iter().find(|row| row.path == route.path && row.method == route.method).map(|row| row.operation)
}

/// Operations on accounts.
#[derive(Clone, Debug)]
pub struct OperationMetrics {
    /// `portcullis_auth_operations_total`: by what was asked for and by how its handler ended: `ok`, or the code of the refusal.
    operations: IntCounterVec,
}

impl OperationMetrics {
    /// Registers it.
    ///
    /// # Errors
    /// When two metrics have one name.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let opts = Opts::new("portcullis_auth_operations_total", "Operations on accounts, by how they ended.");
        let operations = IntCounterVec::new(opts, &["operation", "outcome"])?;
        registry.register(Box::new(operations.clone()))?;
        for row in OPERATIONS {
            for outcome in [OK].iter().chain(row.refusals) {
                operations.get_metric_with_label_values(&[row.operation, *outcome])?;
            }
        }
        Ok(Self { operations })
    }

    /// Notes how the handler of a row ended.
    pub fn ended(&self, route: &Route, result: &reply::Result) {
        let Some(operation) = operation(route) else { return };
        let outcome = result.as_ref().map_or_else(|error| error.row().1, |_| OK);
        self.operations.with_label_values(&[operation, outcome]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::ROUTES;

    #[test]
    fn every_row_that_changes_an_account_counts_as_an_operation() {
        for route in ROUTES.iter().filter(|route| route.method != Method::GET) {
            assert!(operation(route).is_some(), "{route:?}");
        }
    }

    #[test]
    fn every_operation_is_a_row_of_the_route_table() {
        for row in OPERATIONS {
            let found = ROUTES.iter().any(|route| route.path == row.path && route.method == row.method);
            assert!(found, "{} {}", row.method, row.path);
        }
    }

    #[test]
    fn two_rows_with_one_handler_count_as_one_operation() {
        for route in ROUTES.iter().filter(|route| operation(route).is_some()) {
            let alias = route.path.replace("/api/v1/auth/password/", "/api/v1/password/");
            for other in ROUTES.iter().filter(|other| other.path == alias && other.method == route.method) {
                assert_eq!(operation(route), operation(other), "{route:?} and {other:?}");
            }
        }
        let change = ROUTES.iter().filter(|route| operation(route) == Some("password_change"));
        assert_eq!(change.count(), 2);
    }
}
