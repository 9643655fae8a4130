//! The elements without which KMS takes no statement any more.
//!
//! "Beginning August 18, 2025, the KMS `CreateKey`, `ReplicateKey` and `PutKeyPolicy` API requests without a valid Action or
//! `NotAction`, and Resource element in the key policy will be rejected with `MalformedPolicyDocumentException` error. [..] the
//! only accepted Resource element value in a KMS key policy is `*`." Keys that had such statements keep them.
//! <https://github.com/ministryofjustice/analytical-platform/issues/7691>

use policy_statement::Statement;
use serde_json::Value;

/// What is wrong with a statement for KMS, to follow its name.
pub(crate) fn missing_in(statement: &Statement) -> Option<&'static str> {
    let statement: Value = serde_json::from_str(statement.text()).ok()?;
    let is_there = |name: &str| statement.get(name).is_some_and(|value| strings(value).next().is_some());
    if !is_there("Action") && !is_there("NotAction") {
        return Some("has no Action");
    }
    let is_star = is_there("Resource") && strings(&statement["Resource"]).all(|resource| resource == "*");
    (!is_star).then_some("has another Resource than `*`")
}

/// One value or a list of them.
fn strings(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

#[cfg(test)]
mod tests {
    use policy_statement::Document;
    use serde_json::json;

    use super::*;

    fn missing(statement: &Value) -> Option<&'static str> {
        let policy = Document::parse(&json!({"Statement": statement}).to_string()).unwrap();
        policy.statements().find_map(missing_in)
    }

    #[test]
    fn a_statement_needs_an_action_and_every_resource() {
        for taken in
            [json!({"Action": "kms:*", "Resource": "*"}), json!({"NotAction": ["kms:Decrypt"], "Resource": ["*"]})]
        {
            assert_eq!(missing(&taken), None, "{taken}");
        }
        for without in [json!({"Resource": "*"}), json!({"Action": [], "Resource": "*"}), json!({})] {
            assert_eq!(missing(&without), Some("has no Action"), "{without}");
        }
        for other in [
            json!({"Action": "kms:*"}),
            json!({"Action": "kms:*", "NotResource": "*"}),
            json!({"Action": "kms:*", "Resource": []}),
            json!({"Action": "kms:*", "Resource": ["*", "arn:aws:kms:us-east-1:111111111111:key/a"]}),
        ] {
            assert_eq!(missing(&other), Some("has another Resource than `*`"), "{other}");
        }
    }
}
