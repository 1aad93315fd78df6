//! Bearer tokens: what is accepted, what is refused, and in which words.

mod answers;
mod cache;
mod forge;
mod jwks;
mod keys;
mod remote;
mod revocation;
mod tokens;
