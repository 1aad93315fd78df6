//! A whole service for one test: its own database, its own server on a free port, a client, and the clock in hand.
//!
//! All tests of one process share one PostgreSQL server, which is started on first use, never flushes to disk, and ends with the process.
//! Each test gets a database that is copied from a migrated template.

mod app;
mod client;
mod cluster;
mod ledger;
mod links;
mod mailbox;
mod problem;
mod program;
mod proxy;
mod redis;
mod rows;
pub(crate) mod smtp;
mod wire;

pub(crate) use app::{KEY_ENCRYPTION_KEY, TestApp, TestAppBuilder};
pub(crate) use client::{Account, Answer, Client, PASSWORD, Tokens};
pub(crate) use cluster::{Database, empty_database, fresh_database};
pub(crate) use mailbox::{Mail, mails_in};
pub(crate) use program::{Ended, Program, Service, url, wait_for};
pub(crate) use proxy::{Proxy, Way};
pub(crate) use redis::Redis;
pub(crate) use rows::{address, anonymous_request, bare_request, good_body, good_request, takes_a_link};
pub(crate) use smtp::{Act, Security, SmtpServer};
pub(crate) use wire::Wire;
