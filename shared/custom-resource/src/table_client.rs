//! The client of `DynamoDB` for the tables that work begins with.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    config::{Builder, timeout::TimeoutConfig},
};

/// One try of a call, which takes milliseconds where nothing is wrong.
const CALL: Duration = Duration::from_secs(5);

/// A client of `DynamoDB` that gives up a try of a call after five seconds: a call that hangs must not take the time of the work.
#[must_use]
pub fn table_client(aws: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(CALL).build();
    Client::from_conf(Builder::from(aws).timeout_config(timeouts).build())
}
