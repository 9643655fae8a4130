//! IAM, as far as it keeps the trust policies and the inline policies of roles.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html>

use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Codes, PlayedPolicies, size, text, unknown_in};
use crate::model::http::Service;

/// Of trust policies, of which an account has asked for longer ones than the default of 2,048 characters.
const CODES: Codes = Codes {
    no_target: "NoSuchEntity",
    no_policy: "NoSuchEntity",
    principal: "MalformedPolicyDocument",
    size: "LimitExceeded",
    most: 4_096,
};
/// Of all inline policies of a role together.
const INLINE: Codes = Codes { most: 10_240, ..CODES };

/// A document as IAM's answers have it.
fn encoded(document: &str) -> String {
    utf8_percent_encode(document, NON_ALPHANUMERIC).to_string()
}

/// A role with that trust policy, as IAM's answer has it.
fn described(role: &str, policy: &str) -> Value {
    json!({ "Role": {
        "Path": "/",
        "RoleName": role,
        "RoleId": "AROAEXAMPLE",
        "Arn": format!("arn:aws:iam::111111111111:role/{role}"),
        "CreateDate": "2026-01-01T00:00:00Z",
        "AssumeRolePolicyDocument": encoded(policy),
    } })
}

/// The trust policies by the names of roles.
#[derive(Debug)]
pub struct TrustPolicies(pub Arc<PlayedPolicies>);

impl Service for TrustPolicies {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        let role = text(request, "RoleName");
        match operation {
            "GetRole" => self.0.get(role, stale, &CODES).map(|policy| described(role, &policy)),
            "UpdateAssumeRolePolicy" => self.0.put(role, text(request, "PolicyDocument"), &CODES),
            "GetAccountSummary" => {
                Ok(json!({ "SummaryMap": { "entry": { "key": "AssumeRolePolicySizeQuota", "value": CODES.most } } }))
            }
            other => panic!("IAM can't be asked for {other}"),
        }
    }

    fn words_for(&self, code: &str, request: &Value) -> String {
        if code == CODES.size {
            return format!("Cannot exceed quota for ACLSizePerRole: {}", CODES.most);
        }
        format!(r#"Invalid principal in policy: "AWS":"{}""#, unknown_in(text(request, "PolicyDocument")))
    }
}

/// The inline policies by `<role>/<policy>`. A role is there if it has one, or might.
#[derive(Debug)]
pub struct InlinePolicies(pub Arc<PlayedPolicies>);

impl Service for InlinePolicies {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        let (role, policy) = (text(request, "RoleName"), text(request, "PolicyName"));
        let id = format!("{role}/{policy}");
        match operation {
            "GetRolePolicy" => self.0.get(&id, stale, &CODES).map(
                |document| json!({ "RoleName": role, "PolicyName": policy, "PolicyDocument": encoded(&document) }),
            ),
            "PutRolePolicy" => {
                let is_other = |(other, _): &(&String, _)| **other != id && other.starts_with(&format!("{role}/"));
                let documents = self.0.documents();
                let elsewhere =
                    documents.iter().filter(is_other).filter_map(|(_, document)| document.as_deref()).map(size);
                let most = INLINE.most.saturating_sub(elsewhere.sum());
                self.0.put(&id, text(request, "PolicyDocument"), &Codes { most, ..INLINE })
            }
            "DeleteRolePolicy" => self.0.delete(&id, &CODES),
            "GetRole" => {
                let of_role = format!("{role}/");
                let is_there = self.0.read(stale, |documents| documents.keys().any(|id| id.starts_with(&of_role)));
                if is_there { Ok(described(role, "{}")) } else { Err(CODES.no_target) }
            }
            "ListRolePolicies" => {
                let of_role = |(id, document): (&String, &Option<String>)| {
                    let (of, policy) = id.split_once('/')?;
                    (of == role).then_some(document.as_ref().map(|_| policy.to_owned()))
                };
                let of_role: Vec<_> = self.0.read(stale, |documents| documents.iter().filter_map(of_role).collect());
                if of_role.is_empty() {
                    return Err(CODES.no_target);
                }
                let policies: Vec<_> = of_role.into_iter().flatten().collect();
                Ok(json!({ "IsTruncated": false, "PolicyNames": policies }))
            }
            other => panic!("IAM can't be asked for {other}"),
        }
    }

    fn words_for(&self, code: &str, request: &Value) -> String {
        if code == CODES.size {
            return format!(
                "Maximum policy size of {} bytes exceeded for role {}",
                INLINE.most,
                text(request, "RoleName")
            );
        }
        String::new()
    }
}
