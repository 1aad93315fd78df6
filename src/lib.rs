//! Portcullis, a standalone authentication service.
//!
//! | module | what it holds |
//! |---|---|
//! | [`cli`] | arguments and subcommands |
//! | [`config`] | environment → one typed [`config::Config`], every fault reported at once |
//! | [`setup`] | from a configuration to a service |
//! | [`state`] | [`state::App`]: what a request may touch |
//! | [`server`], [`lingering`] | accept, serve, drain; and bodies that stall or go unread |
//! | [`stack`] | the one order of layers, with the reason for each place |
//! | [`routes`], [`router`] | the one table of routes, and matching over it |
//! | [`access`], [`validate`] | our own small layers: may this caller pass, and is the body well-formed |
//! | [`error`], [`reply`], [`body`] | refusals, answers, and reading JSON |
//! | [`auth`] | rules without HTTP and without SQL |
//! | [`db`] | all SQL: one file per table |
//! | [`handlers`] | one file per resource |
//! | [`audit`] | security events on their way to the audit log |
//! | [`pages`], [`asset`] | the pages where links in mails land, and files that are part of the program |
//! | [`limits`] | rate limits, in this process or shared through Redis |
//! | [`defence`] | budgets of attempts at passwords, and the devices that are known |
//! | [`mail`] | the outbox: mails are rows first, and letters later |
//! | [`background`] | work beside requests: sweeping, key reload, pool upkeep |
//! | [`reload`] | what SIGHUP reads anew |
//! | [`prices`] | what verifying the stored hashes costs, learned before the first request |
//! | [`sweep`] | expired data is deleted |
//! | [`embedded`] | a private PostgreSQL when `DATABASE_URL` is not set |
//! | [`telemetry`], [`metrics`] | logs and traces, and our own metrics |
//! | [`clock`], [`random`] | time and randomness, injected so that tests own them |

pub mod access;
pub mod asset;
pub mod audit;
pub mod auth;
pub mod background;
pub mod body;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod defence;
pub mod embedded;
pub mod error;
pub mod handlers;
pub mod limits;
pub mod lingering;
pub mod mail;
pub mod metrics;
pub mod pages;
pub mod prices;
pub mod random;
pub mod reload;
pub mod reply;
pub mod router;
pub mod routes;
pub mod server;
pub mod setup;
pub mod stack;
pub mod state;
pub mod sweep;
pub mod telemetry;
pub mod validate;
