//! Statements in the policies of roles: random lives in which CloudFormation, Lambda, IAM and `DynamoDB` misbehave, and
//! every fault at every call.

use std::sync::Arc;

use archipelago_tests::model::{
    Played, Policed, Service, every_fault, late_requests_do_nothing, lives,
    policies::{InlinePolicies as Roles, PlayedPolicies},
    policies_are_planned,
};
use serde_json::{Value, json};

use super::*;

/// How many lives are told in each run.
const LIVES: u32 = 60;

impl Played for InlinePolicies {
    const ACTIONS: [&'static str; 2] = ["s3:GetObject", "s3:ListBucket"];
    const COST_OF_LATE_REQUESTS: &'static [&'static str] =
        &["UpdateItem", "UpdateItem", "GetRolePolicy", "GetItem", "UpdateItem"];
    const TARGETS: [&'static str; 5] =
        ["deploy/grants", "deploy/more", "new/grants", "nowhere/grants", "shared/grants"];

    fn store(aws: &SdkConfig) -> Self {
        Self::new(aws)
    }

    fn service(policies: Arc<PlayedPolicies>) -> Box<dyn Service> {
        Box::new(Roles(policies))
    }

    fn properties(target: &str) -> Value {
        let (role, policy) = target.split_once('/').unwrap();
        json!({ "RoleName": role, "PolicyName": policy })
    }
}

#[test]
fn statements_live_and_leave_nothing_behind() {
    lives::<Policed<InlinePolicies>>(LIVES);
}

#[test]
fn a_request_that_comes_after_a_later_one_does_nothing() {
    late_requests_do_nothing::<Policed<InlinePolicies>>("plain", "in another policy", true);
}

#[test]
fn whatever_goes_wrong_with_a_call_statements_end_as_the_page_says() {
    every_fault::<InlinePolicies>(&[]);
}

#[test]
fn a_plan_shows_the_policy_that_a_request_leaves_and_changes_nothing() {
    policies_are_planned::<InlinePolicies>();
}
