//! The policy of an alias: who may invoke the function by it.

use archipelago::Unit;
use serde_json::{Map, Value, json};

/// The Sid of the one statement.
pub(crate) const SID: &str = "caller";

/// What it allows.
pub(crate) const INVOKE: &str = "lambda:InvokeFunction";

/// The policy that lets accounts of a unit invoke `alias`, an ARN. `AddPermission` knows no condition on the path.
///
/// The organization's id is there beside the path, since the path's own names are only unique in an organization.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgpaths>
pub(crate) fn of_unit(unit: &Unit, alias: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": SID,
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": INVOKE,
            "Resource": alias,
            "Condition": {
                "StringEquals": { "aws:PrincipalOrgID": unit.organization() },
                "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": [unit.paths()] },
            },
        }],
    })
}

/// The statements of a policy. What can't be read has none.
pub(crate) fn statements(policy: &str) -> Vec<Value> {
    match serde_json::from_str::<Map<_, _>>(policy).ok().and_then(|mut policy| policy.remove("Statement")) {
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

/// Whether two policies allow the same.
pub(crate) fn are_equal(one: &str, other: &Value) -> bool {
    let wanted = statements(&other.to_string());
    let there = statements(one);
    there.len() == wanted.len() && there.iter().zip(&wanted).all(|(there, wanted)| plain(there) == plain(wanted))
}

/// Whether it is the statement that `AddPermission` makes for an account.
/// <https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-cross-account.html>
pub(crate) fn is_of_account(
    statement: &Value,
    partition: &str,
    [account, alias]: [&str; 2],
    organization: Option<&str>,
) -> bool {
    let with = |principal: &str| {
        let principal = json!({ "AWS": principal });
        let mut statement =
            json!({ "Sid": SID, "Effect": "Allow", "Principal": principal, "Action": INVOKE, "Resource": alias });
        if let Some(organization) = organization {
            statement["Condition"] = json!({ "StringEquals": { "aws:PrincipalOrgID": organization } });
        }
        statement
    };
    let there = plain(statement);
    there == with(account) || there == with(&format!("arn:{partition}:iam::{account}:root"))
}

/// A statement as it may be written in another way: AWS makes a text of a list of one, and a list of a text.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(list) if list.len() == 1 => plain(&list[0]),
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Object(members) => {
            let everybody = |name: &str, value: &Value| name == "Principal" && value == "*";
            let member = |(name, value): (&String, &Value)| {
                let value = if everybody(name, value) { json!({ "AWS": "*" }) } else { plain(value) };
                (name.clone(), value)
            };
            members.iter().map(member).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIAS: &str =
        "arn:aws:lambda:eu-west-1:111111111111:function:archipelago-ecr-policy-statement:caller-222222222222";

    #[test]
    fn a_unit_s_policy_is_the_same_in_other_words_and_no_other_one() {
        let unit = Unit::read("o-exampleorgid-ou-abcd-12345678").unwrap();
        let wanted = of_unit(&unit, ALIAS);
        let mut other = json!({ "Statement": wanted["Statement"][0], "Id": "default", "Version": "2012-10-17" });
        other["Statement"]["Principal"] = json!("*");
        other["Statement"]["Action"] = json!([INVOKE]);
        other["Statement"]["Condition"]["ForAnyValue:StringLike"]["aws:PrincipalOrgPaths"] =
            json!("o-exampleorgid/r-abcd/*ou-abcd-12345678/*");
        assert!(are_equal(&other.to_string(), &wanted));
        for (pointer, value) in [
            ("/Statement/Condition", json!({})),
            ("/Statement/Condition/StringEquals/aws:PrincipalOrgID", json!("o-otherorgid1")),
            ("/Statement/Principal", json!({ "AWS": "222222222222" })),
            ("/Statement/Effect", json!("Deny")),
            ("/Statement/Resource", json!("*")),
        ] {
            let mut changed = other.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            assert!(!are_equal(&changed.to_string(), &wanted), "{pointer}");
        }
        let more = json!({ "Statement": [wanted["Statement"][0], { "Sid": "theirs" }] });
        for none in [&more.to_string(), "{}", "", "[]"] {
            assert!(!are_equal(none, &wanted), "{none}");
        }
    }

    #[test]
    fn an_account_s_statement_is_told_from_others() {
        let ours = json!({
            "Sid": SID, "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::222222222222:root" },
            "Action": INVOKE, "Resource": ALIAS,
        });
        let is_of = |statement: &Value, organization| {
            is_of_account(statement, "aws", ["222222222222", ALIAS], organization) //
        };
        assert!(is_of(&ours, None) && !is_of(&ours, Some("o-exampleorgid")));
        assert!(!is_of_account(&ours, "aws-cn", ["222222222222", ALIAS], None));
        for (name, value) in [
            ("Principal", json!({ "AWS": "arn:aws:iam::333333333333:root" })),
            ("Principal", json!({ "AWS": "arn:aws:iam::222222222222:role/app" })),
            ("Condition", json!({ "StringEquals": { "aws:PrincipalOrgID": "o-exampleorgid" } })),
            ("Sid", json!("theirs")),
            ("Action", json!("lambda:*")),
        ] {
            let mut other = ours.clone();
            other[name] = value;
            assert!(!is_of(&other, None), "{name}");
            assert_eq!(is_of(&other, Some("o-exampleorgid")), name == "Condition", "{name}");
        }
    }
}
