//! Statements in the policies of repositories: random lives in which CloudFormation, Lambda, ECR and `DynamoDB` misbehave, and
//! every fault at every call.

use std::sync::Arc;

use archipelago_tests::model::{
    Played, Policed, Service, every_fault, late_requests_do_nothing, lives,
    policies::{Ecr, PlayedPolicies},
    policies_are_planned,
};
use serde_json::{Value, json};

use super::*;

/// How many lives are told in each run.
const LIVES: u32 = 60;

impl Played for Repositories {
    const ACTIONS: [&'static str; 2] = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
    const COST_OF_LATE_REQUESTS: &'static [&'static str] =
        &["UpdateItem", "UpdateItem", "GetRepositoryPolicy", "GetItem", "UpdateItem"];
    const TARGETS: [&'static str; 5] = ["app", "base", "new", "nowhere", "shared"];

    fn store(aws: &SdkConfig) -> Self {
        Self::new(aws)
    }

    fn service(policies: Arc<PlayedPolicies>) -> Box<dyn Service> {
        Box::new(Ecr(policies))
    }

    fn properties(target: &str) -> Value {
        json!({ "RepositoryName": target })
    }
}

#[test]
fn statements_live_and_leave_nothing_behind() {
    lives::<Policed<Repositories>>(LIVES);
}

#[test]
fn a_request_that_comes_after_a_later_one_does_nothing() {
    late_requests_do_nothing::<Policed<Repositories>>("plain", "in another policy", true);
}

#[test]
fn whatever_goes_wrong_with_a_call_statements_end_as_the_page_says() {
    every_fault::<Repositories>(&[]);
}

#[test]
fn a_plan_shows_the_policy_that_a_request_leaves_and_changes_nothing() {
    policies_are_planned::<Repositories>();
}
