//! One file per resource; functions are named by what they do. A handler turns a parsed request into rules, queries and a reply.

pub mod docs;
pub mod health;
pub mod me;
pub mod metrics;
pub mod passwords;
pub mod sessions;
pub mod tokens;
pub mod users;
