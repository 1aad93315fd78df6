//! Rules without HTTP and without SQL: what a valid e-mail address, password or token is, and how it is hashed, signed or sealed.

pub mod budget;
pub mod cursor;
pub mod device;
pub mod device_mark;
pub mod email;
pub mod hash;
pub mod jwt;
pub mod keys;
pub mod link;
pub mod name;
pub mod password;
pub mod pool;
pub mod refresh;
pub mod seal;
pub mod stuffing;
pub mod token;
