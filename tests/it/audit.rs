//! The security log: who, what, with what result, from where, with what, in which request.

mod crash;
mod epochs;
mod events;
mod months;
mod operators;
mod promises;
mod reading;
mod seals;
mod table;
