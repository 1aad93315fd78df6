//! The service as its clients see it: a real server on a free port, a real PostgreSQL, a database of its own for each test.

mod openapi;
mod refresh;
mod support;
