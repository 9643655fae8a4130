//! KMS, as far as it keeps the policies of keys.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Codes, PlayedPolicies, text};
use crate::model::http::Service;

const CODES: Codes = Codes {
    no_target: "NotFoundException",
    no_policy: "NotFoundException",
    principal: "MalformedPolicyDocumentException",
    size: "LimitExceededException",
    most: 32_768,
};

/// The policies by the ids of keys. An alias is `alias/` and the id of its key.
#[derive(Debug)]
pub struct Kms(pub Arc<PlayedPolicies>);

impl Service for Kms {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        let name = text(request, "KeyId");
        let key = name.strip_prefix("alias/").unwrap_or(name);
        match operation {
            "DescribeKey" => self.0.get(key, stale, &CODES).map(|_| {
                json!({ "KeyMetadata": {
                    "KeyId": key,
                    "AWSAccountId": "111111111111",
                    "KeyManager": "CUSTOMER",
                    "KeyState": "Enabled",
                } })
            }),
            "GetKeyPolicy" => self.0.get(key, stale, &CODES).map(|policy| json!({ "Policy": policy })),
            "PutKeyPolicy" if !is_well_formed(text(request, "Policy")) => Err(CODES.principal),
            "PutKeyPolicy" => self.0.put(key, text(request, "Policy"), &CODES),
            other => panic!("KMS can't be asked for {other}"),
        }
    }

    /// Nobody has published its words for a statement without an action.
    fn words_for(&self, _: &str, request: &Value) -> String {
        let is_about_principals = is_well_formed(text(request, "Policy"));
        let words = "Policy contains a statement with one or more invalid principals.";
        if is_about_principals { words.to_owned() } else { "The policy is malformed.".to_owned() }
    }
}

/// Whether each statement has an action, and `*` as its resource, without which KMS takes none since August 2025.
/// <https://github.com/ministryofjustice/analytical-platform/issues/7691>
fn is_well_formed(policy: &str) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = policy["Statement"].as_array().map_or(std::slice::from_ref(&policy["Statement"]), Vec::as_slice);
    statements.iter().all(|statement| {
        let has_action = ["Action", "NotAction"].iter().any(|name| statement.get(*name).is_some());
        has_action && [json!("*"), json!(["*"])].contains(&statement["Resource"])
    })
}
