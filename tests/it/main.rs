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
mod browser;
mod command_line;
mod config;
mod connections;
mod defence;
mod deletion;
mod emails;
mod embedded;
mod export;
mod floods;
mod health;
mod import;
mod limits;
mod logs;
mod mail;
mod me;
mod metrics;
mod migrations;
mod network_lists;
mod openapi;
mod outage;
mod pages;
mod passwords;
mod proxy_protocol;
mod queries;
mod readme;
mod refresh;
mod replicas;
mod sanitize;
mod scale;
mod sessions;
mod shutdown;
mod stack;
mod support;
mod sweepers;
mod tidy;
mod timing;
mod tls;
mod tokens;
mod traces;
mod users;
