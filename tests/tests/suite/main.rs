//! One binary for all suites, so that it is linked once and shares one local AWS.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails a test")]

mod bad_input;
mod callers;
mod concurrency;
mod crash_net;
mod faults;
mod instruments;
mod lifecycle;
mod model;
mod network;
mod protocol;
mod repository;
mod runbook;
mod ways;
