//! The service as its clients see it: a real server on a free port, a real PostgreSQL, a database of its own for each test.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy lets test functions off, but not the functions that they share"
)]

mod audit;
mod embedded;
mod health;
mod migrations;
mod openapi;
mod outage;
mod refresh;
mod support;
mod tokens;
