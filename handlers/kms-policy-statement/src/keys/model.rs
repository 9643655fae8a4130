//! Statements in the policies of keys: random lives in which CloudFormation, Lambda, KMS and `DynamoDB` misbehave, and
//! every fault at every call.

use std::sync::Arc;

use archipelago_tests::model::{
    Played, Policed, Service, every_fault, late_requests_do_nothing, lives,
    policies::{Kms, PlayedPolicies},
    policies_are_planned,
};
use serde_json::{Value, json};

use super::*;

/// How many lives are told in each run.
const LIVES: u32 = 60;

impl Played for Keys {
    const ACTIONS: [&'static str; 2] = ["kms:Decrypt", "kms:DescribeKey"];
    const COST_OF_LATE_REQUESTS: &'static [&'static str] =
        &["DescribeKey", "UpdateItem", "UpdateItem", "GetKeyPolicy", "GetItem", "UpdateItem"];
    const TARGETS: [&'static str; 5] = [
        "11111111-0000-4000-8000-000000000000",
        "22222222-0000-4000-8000-000000000000",
        "33333333-0000-4000-8000-000000000000",
        "44444444-0000-4000-8000-000000000000",
        "55555555-0000-4000-8000-000000000000",
    ];
    const ALIAS: Option<&'static str> = Some("alias/11111111-0000-4000-8000-000000000000");

    fn store(aws: &SdkConfig) -> Self {
        Self::new(aws)
    }

    fn service(policies: Arc<PlayedPolicies>) -> Box<dyn Service> {
        Box::new(Kms(policies))
    }

    fn properties(target: &str) -> Value {
        json!({ "KeyId": target })
    }
}

#[test]
fn statements_live_and_leave_nothing_behind() {
    lives::<Policed<Keys>>(LIVES);
}

#[test]
fn a_request_that_comes_after_a_later_one_does_nothing() {
    late_requests_do_nothing::<Policed<Keys>>("plain", "in another policy", true);
}

#[test]
fn whatever_goes_wrong_with_a_call_statements_end_as_the_page_says() {
    every_fault::<Keys>(&[]);
}

#[test]
fn a_plan_shows_the_policy_that_a_request_leaves_and_changes_nothing() {
    policies_are_planned::<Keys>();
}
