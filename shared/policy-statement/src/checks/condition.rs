//! `Condition`: an object of operators, each an object of context keys.

use custom_resource::Result;
use serde_json::Value;

use super::{refused, refused_key};

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
const OPERATORS: [&str; 27] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnNotEquals",
    "ArnLike",
    "ArnNotLike",
    "Null",
];

/// Refuses what has another shape, and an operator that doesn't exist (their case counts, that of context keys doesn't).
pub(super) fn check(path: &str, condition: &Value) -> Result<()> {
    let Some(operators) = condition.as_object() else {
        return refused(path, "must be an object of operators, such as `StringEquals`");
    };
    for (operator, keys) in operators {
        let base =
            ["ForAllValues:", "ForAnyValue:"].iter().find_map(|set| operator.strip_prefix(set)).unwrap_or(operator);
        let base = base.strip_suffix("IfExists").unwrap_or(base);
        if !OPERATORS.contains(&base) {
            return refused_key(path, base, "condition operator", &OPERATORS);
        }
        let path = format!("{path}.{operator}");
        let Some(keys) = keys.as_object() else {
            return refused(&path, "must be an object of context keys, such as `aws:PrincipalOrgID`");
        };
        for values in keys.values() {
            let values = values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice);
            if values.is_empty() || values.iter().any(|value| value.is_object() || value.is_array() || value.is_null())
            {
                return refused(&path, "every context key must have a string or a list of strings, and not empty");
            }
        }
    }
    Ok(())
}

/// Whether there is anything that must hold.
pub(super) fn limits(condition: &Value) -> bool {
    let keys = |keys: &Value| keys.as_object().is_some_and(|keys| !keys.is_empty());
    condition.as_object().is_some_and(|operators| operators.values().any(keys))
}
