//! The service as its clients see it: a real server on a free port, a real PostgreSQL, a database of its own for each test.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy lets test functions off, but not the functions that they share"
)]

mod access;
mod audit;
mod bad_input;
mod command_line;
mod config;
mod embedded;
mod health;
mod logs;
mod me;
mod migrations;
mod openapi;
mod outage;
mod passwords;
mod queries;
mod refresh;
mod replicas;
mod sanitize;
mod sessions;
mod shutdown;
mod stack;
mod support;
mod tidy;
mod timing;
mod tls;
mod tokens;
mod users;
