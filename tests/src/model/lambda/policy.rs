//! The policy of an alias, written whole or by single statements.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_PutResourcePolicy.html>

use serde_json::{Value, json};

pub(super) const NOT_FOUND: &str = "ResourceNotFoundException";
pub(super) const CONFLICT: &str = "ResourceConflictException";

/// Who may invoke a function by an alias.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// The statements.
    pub statements: Vec<Value>,
    /// Another one after each change.
    pub revision: String,
}

/// What becomes of a policy, and the answer.
pub(super) fn ask(
    operation: &str,
    request: &Value,
    policy: Option<Policy>,
    revision: &str,
) -> (Option<Policy>, Result<Value, &'static str>) {
    let is_other = |policy: &Option<Policy>| {
        let known = request["RevisionId"].as_str();
        known.is_some_and(|known| policy.as_ref().is_none_or(|policy| policy.revision != known))
    };
    let revised = |statements: Vec<Value>| {
        let is_left = !statements.is_empty();
        is_left.then(|| Policy { statements, revision: revision.to_owned() })
    };
    match (operation, policy) {
        ("GetPolicy" | "GetResourcePolicy", Some(policy)) => {
            let answer = json!({ "Policy": written(&policy.statements), "RevisionId": policy.revision });
            (Some(policy), Ok(answer))
        }
        ("GetPolicy" | "GetResourcePolicy" | "RemovePermission" | "DeleteResourcePolicy", None) => {
            (None, Err(NOT_FOUND))
        }
        (_, policy) if is_other(&policy) => (policy, Err("PreconditionFailedException")),
        ("AddPermission", policy) => {
            let mut statements = policy.clone().unwrap_or_default().statements;
            if statements.iter().any(|statement| statement["Sid"] == request["StatementId"]) {
                return (policy, Err(CONFLICT));
            }
            statements.push(permission(request));
            (revised(statements), Ok(json!({})))
        }
        ("RemovePermission", Some(policy)) => {
            let count = policy.statements.len();
            let others = |statement: &Value| statement["Sid"] != request["StatementId"];
            let left: Vec<_> = policy.statements.iter().filter(|statement| others(statement)).cloned().collect();
            if left.len() == count { (Some(policy), Err(NOT_FOUND)) } else { (revised(left), Ok(json!({}))) }
        }
        ("DeleteResourcePolicy", Some(_)) => (None, Ok(json!({}))),
        ("PutResourcePolicy", policy) => match read(text(request, "Policy"), text(request, "ResourceArn")) {
            Ok(statements) => (revised(statements), Ok(json!({}))),
            Err(code) => (policy, Err(code)),
        },
        (other, _) => panic!("Lambda can't be asked for {other}"),
    }
}

fn written(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements }).to_string()
}

/// The statement that Lambda makes for an account.
fn permission(request: &Value) -> Value {
    let function = text(request, "FunctionName");
    let arn = format!("arn:aws:lambda:eu-west-1:111111111111:function:{function}:{}", text(request, "Qualifier"));
    let mut statement = json!({
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{}:root", text(request, "Principal")) },
        "Action": request["Action"],
        "Resource": arn,
    });
    if request["PrincipalOrgID"].is_string() {
        statement["Condition"] = json!({ "StringEquals": { "aws:PrincipalOrgID": request["PrincipalOrgID"] } });
    }
    statement
}

/// The statements of a whole policy, which are about `arn` and let the world in no more than its organization.
fn read(policy: &str, arn: &str) -> Result<Vec<Value>, &'static str> {
    let policy: Value = serde_json::from_str(policy).map_err(|_| "InvalidParameterValueException")?;
    let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
    if statements.is_empty() || statements.iter().any(|statement| statement["Resource"] != arn) {
        return Err("InvalidParameterValueException");
    }
    let is_public = |statement: &Value| {
        statement["Principal"]["AWS"] == "*"
            && !statement["Condition"]["StringEquals"]["aws:PrincipalOrgID"].is_string()
    };
    if statements.iter().any(is_public) { Err("PublicPolicyException") } else { Ok(statements) }
}

pub(super) fn text<'a>(request: &'a Value, name: &str) -> &'a str {
    request[name].as_str().unwrap_or_default()
}
