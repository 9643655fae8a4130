//! The instruments' own tests: each must be able to fail.

mod function;
mod proxy;
mod response_server;
mod simulator;
