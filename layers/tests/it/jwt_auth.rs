//! Bearer tokens: what is accepted, what is refused, and in which words.

mod answers;
mod forge;
mod jwks;
mod keys;
mod revocation;
mod tokens;
