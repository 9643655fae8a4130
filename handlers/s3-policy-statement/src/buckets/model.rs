//! Statements in the policies of buckets: random lives in which CloudFormation, Lambda, S3 and `DynamoDB` misbehave, and
//! every fault at every call.

use std::sync::Arc;

use archipelago_tests::model::{
    Played, Policed, Service, every_fault, late_requests_do_nothing, lives,
    policies::{PlayedPolicies, S3},
    policies_are_planned,
};
use serde_json::{Value, json};

use super::*;

/// How many lives are told in each run.
const LIVES: u32 = 60;

impl Played for Buckets {
    const ACTIONS: [&'static str; 2] = ["s3:GetObject", "s3:PutObject"];
    const COST_OF_LATE_REQUESTS: &'static [&'static str] =
        &["UpdateItem", "UpdateItem", "GetBucketPolicy", "GetItem", "UpdateItem"];
    const TARGETS: [&'static str; 5] = ["artifacts", "backups", "new", "nowhere", "shared"];

    fn store(aws: &SdkConfig) -> Self {
        Self::new(aws)
    }

    fn service(policies: Arc<PlayedPolicies>) -> Box<dyn Service> {
        Box::new(S3(policies))
    }

    fn properties(target: &str) -> Value {
        json!({ "BucketName": target })
    }
}

#[test]
fn statements_live_and_leave_nothing_behind() {
    lives::<Policed<Buckets>>(LIVES);
}

#[test]
fn a_request_that_comes_after_a_later_one_does_nothing() {
    late_requests_do_nothing::<Policed<Buckets>>("plain", "in another policy", true);
}

#[test]
fn whatever_goes_wrong_with_a_call_statements_end_as_the_page_says() {
    every_fault::<Buckets>(&[]);
}

#[test]
fn a_plan_shows_the_policy_that_a_request_leaves_and_changes_nothing() {
    policies_are_planned::<Buckets>();
}
