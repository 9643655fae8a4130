//! `Condition`: an object of operators, each an object of context keys.

use archipelago::is_organization_id;
use custom_resource::{Result, is_account_id, mangled, mangled_account_id};
use serde_json::{Map, Value};

use super::refusal::{refused, refused_key};

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
        let base = base(operator);
        if !OPERATORS.contains(&base) {
            return refused_key(path, base, "condition operator", &OPERATORS);
        }
        let path = format!("{path}.{operator}");
        let Some(keys) = keys.as_object() else {
            return refused(&path, "must be an object of context keys, such as `aws:PrincipalOrgID`");
        };
        for values in keys.values() {
            let values = listed(values);
            if values.is_empty() || values.iter().any(|value| value.is_object() || value.is_array() || value.is_null())
            {
                return refused(&path, "every context key must have a string or a list of strings, and not empty");
            }
        }
        check_ids(&path, operator, keys)?;
    }
    Ok(())
}

/// Whether there is a test that not everybody passes, as far as that can be said.
///
/// A request of somebody whom nobody knows has no key that says who it is, so it passes whatever holds without the key.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html>
pub(super) fn limits(condition: &Value) -> bool {
    let operators = condition.as_object().into_iter().flatten();
    let mut tests = operators.flat_map(|(operator, keys)| {
        keys.as_object().into_iter().flatten().map(move |(key, values)| (operator.as_str(), key.as_str(), values))
    });
    tests.any(|(operator, key, values)| !is_passed_by_everyone(operator, key, values))
}

fn is_passed_by_everyone(operator: &str, key: &str, values: &Value) -> bool {
    if operator.starts_with("ForAllValues:") || operator.ends_with("IfExists") {
        return true;
    }
    let base = base(operator);
    let is_key = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(key));
    let mut values = listed(values).iter().filter_map(scalar);
    match base {
        // Whether a key is there, or that somebody isn't one of these.
        "Null" => true,
        _ if base.contains("Not") => true,
        _ if base.starts_with("Date") => is_key(&["aws:CurrentTime", "aws:EpochTime"]),
        "Bool" => {
            let values: Vec<_> = values.collect();
            let is_there = |value: &str| values.iter().any(|known| known.eq_ignore_ascii_case(value));
            is_key(&["aws:SecureTransport"]) || (is_there("true") && is_there("false"))
        }
        "IpAddress" => values.any(|value| value.ends_with("/0")),
        "StringLike" | "ArnLike" | "ArnEquals" => values.any(|value| is_everything(&value)),
        _ => false,
    }
}

/// Whether a pattern has nothing beside its wildcards but what all ARNs of principals, or ids of organizations, begin with.
fn is_everything(pattern: &str) -> bool {
    const COMMON: [&str; 12] =
        ["", "arn", "aws", "aws-cn", "aws-us-gov", "iam", "sts", "o-", "r-", "ou-", "role", "user"];
    pattern.contains(['*', '?'])
        && pattern.split([':', '/']).all(|part| COMMON.contains(&part.trim_matches(['*', '?'])))
}

/// Refuses ids that can't be anybody's: a condition that never matches is no Allow, and a Deny for everyone or nobody.
fn check_ids(path: &str, operator: &str, keys: &Map<String, Value>) -> Result<()> {
    let base = base(operator);
    if !base.starts_with("String") && !base.starts_with("Arn") {
        return Ok(());
    }
    for (key, values) in keys {
        for value in listed(values).iter().filter_map(scalar) {
            let is_pattern = (base.ends_with("Like") || base.starts_with("Arn")) && value.contains(['*', '?']);
            // A policy variable stands for what nobody knows yet.
            if value.contains("${") || is_pattern {
                continue;
            }
            let known = |names: &[&'static str]| names.iter().find(|name| name.eq_ignore_ascii_case(key)).copied();
            let wrong = if let Some(name) = known(&ACCOUNTS) {
                (!is_account_id(&value)).then(|| (name, mangled_account_id(&value).unwrap_or(NO_ACCOUNT)))
            } else if let Some(name) = known(&ORGANIZATIONS) {
                (!is_organization_id(&value)).then(|| (name, mangled(&value).unwrap_or(NO_ORGANIZATION)))
            } else if let Some(name) = known(&PATHS) {
                let organization = value.split('/').next().unwrap_or_default();
                (!is_organization_id(organization)).then(|| (name, mangled(&value).unwrap_or(NO_PATH)))
            } else {
                let why = known(&ARNS).and_then(|name| Some((name, mangled(&value)?)));
                why.filter(|_| value.starts_with("arn:"))
            };
            if let Some((name, why)) = wrong {
                return refused(&format!("{path}.{name}"), why);
            }
        }
    }
    Ok(())
}

/// Keys whose values are accounts, organizations, their paths and ARNs with an account.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
const ACCOUNTS: [&str; 7] = [
    "aws:SourceAccount",
    "aws:SourceOwner",
    "aws:PrincipalAccount",
    "aws:ResourceAccount",
    "kms:CallerAccount",
    "s3:ResourceAccount",
    "s3:DataAccessPointAccount",
];
const ORGANIZATIONS: [&str; 3] = ["aws:PrincipalOrgID", "aws:SourceOrgID", "aws:ResourceOrgID"];
const PATHS: [&str; 3] = ["aws:PrincipalOrgPaths", "aws:SourceOrgPaths", "aws:ResourceOrgPaths"];
const ARNS: [&str; 3] = ["aws:SourceArn", "aws:PrincipalArn", "s3:DataAccessPointArn"];

const NO_ACCOUNT: &str = "must be account ids of 12 digits; wildcards need an operator such as `StringLike`";
const NO_ORGANIZATION: &str = "must be ids of organizations (o-...); wildcards need an operator such as `StringLike`";
const NO_PATH: &str = "must begin with the id of an organization, as in `o-.../r-.../ou-.../*`";

/// The operator without what is said of sets and of keys that aren't there.
fn base(operator: &str) -> &str {
    let base = ["ForAllValues:", "ForAnyValue:"].iter().find_map(|set| operator.strip_prefix(set)).unwrap_or(operator);
    base.strip_suffix("IfExists").unwrap_or(base)
}

fn listed(values: &Value) -> &[Value] {
    values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
