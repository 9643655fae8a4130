//! The promises of this crate, kept for every policy that can be thought of.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on may panic")]

mod checks;
mod foreign;
mod meaning;
