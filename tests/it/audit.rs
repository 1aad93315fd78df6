//! The security log: who, what, with what result, from where, with what, in which request.

mod crash;
mod events;
mod promises;
mod reading;
mod seals;
mod table;
