//! The few calls to EC2 that the functions make: the SDK's crate takes minutes and 11 GB of memory to compile.
//!
//! A request is signed, sent, retried and timed by the runtime that all SDKs of AWS share, so that only EC2's own part is
//! written here: forms there, XML back. A further call is a function of [`Client`] and, if it answers anything, a type in
//! `types.rs`.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html>

mod answer;
mod client;
mod configuration;
mod endpoint;
mod form;
mod query;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod types;
mod xml;

pub use client::Client;
pub use types::{Subnet, Tag, Vpc};
