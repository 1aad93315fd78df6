//! A whole service for one test: its own database, its own server on a free port, a client, and the clock in hand.
//!
//! All tests of one process share one PostgreSQL server, which is started on first use, never flushes to disk, and ends with the process.
//! Each test gets a database that is copied from a migrated template.

mod app;
mod client;
mod cluster;

pub(crate) use app::{TestApp, TestAppBuilder};
pub(crate) use client::{Account, Answer, Client, PASSWORD, Tokens};
pub(crate) use cluster::{Database, fresh_database, empty_database};
