//! Whether a key is still in its account's hands: without the root in its policy, no IAM policy counts any more.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>

use policy_statement::Document;
use serde_json::Value;

/// Whether a statement allows the root of `account` everything, without a Condition.
pub(crate) fn is_allowed_everything(policy: &Document, account: &str) -> bool {
    policy.statements().filter_map(|statement| serde_json::from_str(statement.text()).ok()).any(|statement: Value| {
        let no_condition = statement.get("Condition").and_then(Value::as_object).is_none_or(serde_json::Map::is_empty);
        statement["Effect"] == "Allow"
            && no_condition
            && strings(&statement["Action"]).any(|action| action == "*" || action.eq_ignore_ascii_case("kms:*"))
            && strings(&statement["Principal"]["AWS"]).any(|principal| is_root(principal, account))
    })
}

fn is_root(principal: &str, account: &str) -> bool {
    let of_arn = |arn: &str| matches!(arn.split(':').collect::<Vec<_>>()[..], ["arn", _, "iam", "", id, "root"] if id == account);
    principal == account || of_arn(principal)
}

/// One string or a list of them.
fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_allowed(statement: &Value) -> bool {
        let policy = json!({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "kms:*"}, statement]});
        is_allowed_everything(&Document::parse(&policy.to_string()).unwrap(), "111111111111")
    }

    fn with(element: &str, value: Value) -> Value {
        let mut statement = json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
            "Action": "kms:*", "Resource": "*"});
        statement[element] = value;
        statement
    }

    #[test]
    fn the_root_is_allowed_everything_in_every_spelling() {
        for statement in [
            with("Sid", json!("Enable IAM policies")),
            with("Principal", json!({"AWS": "111111111111"})),
            with("Principal", json!({"AWS": ["222222222222", "arn:aws-cn:iam::111111111111:root"]})),
            with("Action", json!("*")),
            with("Action", json!(["kms:Decrypt", "KMS:*"])),
            with("Condition", json!({})),
        ] {
            assert!(is_allowed(&statement), "{statement}");
        }
    }

    #[test]
    fn less_than_everything_and_others_than_the_root_do_not_count() {
        for statement in [
            with("Effect", json!("Deny")),
            with("Principal", json!({"AWS": "222222222222"})),
            with("Principal", json!({"AWS": "arn:aws:iam::111111111111:role/root"})),
            with("Principal", json!({"Service": "111111111111"})),
            with("Principal", json!("*")),
            with("Action", json!(["kms:Put*", "kms:Describe*"])),
            with("Condition", json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}})),
        ] {
            assert!(!is_allowed(&statement), "{statement}");
        }
    }
}
