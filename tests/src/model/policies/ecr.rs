//! ECR, as far as it keeps the policies of repositories.
//! <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html>

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Codes, PlayedPolicies, text};
use crate::model::http::Service;

const CODES: Codes = Codes {
    no_target: "RepositoryNotFoundException",
    no_policy: "RepositoryPolicyNotFoundException",
    principal: "InvalidParameterException",
    size: "InvalidParameterException",
    most: 10_240,
};

/// The policies by the names of repositories.
#[derive(Debug)]
pub struct Ecr(pub Arc<PlayedPolicies>);

impl Service for Ecr {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        let repository = text(request, "repositoryName");
        match operation {
            "GetRepositoryPolicy" => {
                self.0.get(repository, stale, &CODES).map(|policy| json!({ "policyText": policy }))
            }
            "SetRepositoryPolicy" => self.0.put(repository, text(request, "policyText"), &CODES),
            "DeleteRepositoryPolicy" => self.0.delete(repository, &CODES),
            "DescribeRepositories" => {
                let name = request["repositoryNames"][0].as_str().unwrap_or_default();
                if !self.0.has(name, stale) {
                    return Err(CODES.no_target);
                }
                Ok(json!({ "repositories": [{ "repositoryName": name, "createdAt": 1_767_225_600 }] }))
            }
            other => panic!("ECR can't be asked for {other}"),
        }
    }

    fn words_for(&self, _: &str, request: &Value) -> String {
        let constraint = if CODES.is_too_large(text(request, "policyText")) {
            "Member must have length less than or equal to 10240"
        } else {
            "Invalid repository policy provided"
        };
        format!("Invalid parameter at 'PolicyText' failed to satisfy constraint: '{constraint}'")
    }
}
