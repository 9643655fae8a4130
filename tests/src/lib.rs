//! Instruments for black-box tests: CloudFormation's side, Lambda's side, S3's side, and a whole AWS on this machine.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "an instrument that fails must fail its test at once, with a sentence"
)]

pub mod aws_stub;
pub mod binary;
pub mod call;
pub mod cloudformation;
pub mod fault;
pub mod folder;
pub mod function;
pub mod http;
pub mod local_aws;
pub mod metrics;
pub mod model;
mod patience;
mod process;
pub mod proxy;
mod record;
pub mod response_server;
pub mod runtime_api;
