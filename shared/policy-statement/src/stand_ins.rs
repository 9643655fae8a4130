//! What stands in a plan's checks for values that nobody knows yet: something that the checks take, so that the rest of a statement is checked
//! and nothing is refused for them.

use custom_resource::KNOWN_AFTER_APPLY;
use serde_json::{Map, Value};

/// The elements of a statement whose values may be unknown. The others say what a statement is.
const MAY_BE_UNKNOWN: [&str; 5] = ["Principal", "NotPrincipal", "Resource", "NotResource", "Condition"];

/// An account's id that nobody has, and the last part of a name as well.
const NOBODY: &str = "000000000000";

const ORGANIZATION: &str = "o-0000000000";

/// What unknown values may be.
pub(crate) struct StandIns<'a> {
    /// The account of the caller whose statements they are in, if it is another one than the function's.
    pub(crate) caller: Option<&'a str>,
    /// The ARN of the target.
    pub(crate) target: &'a str,
}

/// Whether the unknown values with these paths are all in such places of statements.
pub(crate) fn can_stand_in(unknown: &[String]) -> bool {
    let element = |path: &String| {
        let rest = path.strip_prefix("ResourceProperties.Statement")?;
        let rest = if rest.starts_with('[') { rest.split_once(']')?.1 } else { rest };
        rest.strip_prefix('.')?.split(['.', '[']).next().map(ToOwned::to_owned)
    };
    unknown.iter().all(|path| element(path).is_some_and(|element| MAY_BE_UNKNOWN.contains(&element.as_str())))
}

impl StandIns<'_> {
    /// `statement` with something known in the places of what isn't.
    pub(crate) fn known(&self, statement: &Map<String, Value>) -> Map<String, Value> {
        let known = statement.iter().map(|(element, value)| {
            let known = match element.as_str() {
                "Principal" | "NotPrincipal" => self.principal(value),
                "Resource" | "NotResource" => each(value, &|text| self.resource(text)),
                "Condition" => condition(value),
                _ => value.clone(),
            };
            (element.clone(), known)
        });
        known.collect()
    }

    fn account(&self) -> &str {
        self.caller.unwrap_or(NOBODY)
    }

    fn principal(&self, value: &Value) -> Value {
        let Value::Object(kinds) = value else {
            let whole = each(value, &|_| self.account().to_owned());
            return if whole == *value {
                whole
            } else {
                Value::Object([("AWS".to_owned(), whole)].into_iter().collect())
            };
        };
        let known = kinds.iter().map(|(kind, principals)| {
            let stand_in = |text: &str| match kind.as_str() {
                _ if text.starts_with("arn:") => self.in_parts(text),
                "Service" => "unknown.amazonaws.com".to_owned(),
                "Federated" => "cognito-identity.amazonaws.com".to_owned(),
                "CanonicalUser" => "0".repeat(64),
                _ => self.account().to_owned(),
            };
            (kind.clone(), each(principals, &stand_in))
        });
        Value::Object(known.collect())
    }

    /// A caller may name its target alone.
    fn resource(&self, text: &str) -> String {
        match self.caller {
            Some(_) => self.target.to_owned(),
            None if text.starts_with("arn:") => self.in_parts(text),
            None => "*".to_owned(),
        }
    }

    fn in_parts(&self, text: &str) -> String {
        text.replace(KNOWN_AFTER_APPLY, self.account())
    }
}

/// Ids are checked in conditions on what has such ids.
fn condition(operators: &Value) -> Value {
    let Value::Object(operators) = operators else { return operators.clone() };
    let known = operators.iter().map(|(operator, keys)| {
        let Value::Object(keys) = keys else { return (operator.clone(), keys.clone()) };
        let keys = keys.iter().map(|(key, values)| {
            let is_of_organization = key.to_ascii_lowercase().contains("org");
            let stand_in = |text: &str| {
                if is_of_organization { ORGANIZATION.to_owned() } else { text.replace(KNOWN_AFTER_APPLY, NOBODY) }
            };
            (key.clone(), each(values, &stand_in))
        });
        (operator.clone(), Value::Object(keys.collect()))
    });
    Value::Object(known.collect())
}

/// One text or a list of them, with a stand-in for each that has something unknown in it.
fn each(value: &Value, stand_in: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) if text.contains(KNOWN_AFTER_APPLY) => Value::String(stand_in(text)),
        Value::Array(items) => items.iter().map(|item| each(item, stand_in)).collect(),
        known => known.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TARGET: &str = "arn:aws:s3:::artifacts";

    fn known(caller: Option<&str>, statement: &Value) -> Value {
        Value::Object(StandIns { caller, target: TARGET }.known(statement.as_object().unwrap()))
    }

    #[test]
    fn what_is_known_stays_as_it_is() {
        let statement = json!({"Sid": "A", "Effect": "Allow", "Principal": {"AWS": ["222222222222"]}, "Action": "s3:Get*",
            "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}});
        assert_eq!(known(None, &statement), statement);
        assert_eq!(known(None, &json!({"Principal": "*"})), json!({"Principal": "*"}));
    }

    #[test]
    fn what_is_not_known_is_what_the_checks_take_in_its_place() {
        let unknown = KNOWN_AFTER_APPLY;
        let role = format!("arn:aws:iam::222222222222:role/{unknown}");
        let statement = json!({
            "Principal": {"AWS": [unknown, role], "Service": unknown, "Federated": unknown, "CanonicalUser": [unknown]},
            "Resource": [unknown, format!("arn:aws:s3:::{unknown}/*")],
            "Condition": {
                "StringEquals": {"aws:PrincipalOrgID": unknown, "aws:SourceAccount": [unknown], "s3:prefix": format!("a/{unknown}")},
                "StringLike": {"aws:PrincipalOrgPaths": format!("{unknown}/*")},
            },
        });
        let expected = json!({
            "Principal": {
                "AWS": [NOBODY, "arn:aws:iam::222222222222:role/000000000000"],
                "Service": "unknown.amazonaws.com",
                "Federated": "cognito-identity.amazonaws.com",
                "CanonicalUser": ["0".repeat(64)],
            },
            "Resource": ["*", "arn:aws:s3:::000000000000/*"],
            "Condition": {
                "StringEquals": {"aws:PrincipalOrgID": ORGANIZATION, "aws:SourceAccount": [NOBODY], "s3:prefix": "a/000000000000"},
                "StringLike": {"aws:PrincipalOrgPaths": ORGANIZATION},
            },
        });
        assert_eq!(known(None, &statement), expected);
        assert_eq!(known(None, &json!({"Principal": unknown})), json!({"Principal": {"AWS": NOBODY}}));
    }

    #[test]
    fn of_a_caller_it_is_what_that_may_have() {
        let root = format!("arn:aws:iam::{KNOWN_AFTER_APPLY}:root");
        let statement = json!({"Principal": {"AWS": root}, "Resource": format!("arn:aws:s3:::{KNOWN_AFTER_APPLY}/*")});
        let expected = json!({"Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Resource": TARGET});
        assert_eq!(known(Some("222222222222"), &statement), expected);
    }

    #[test]
    fn what_a_statement_is_has_to_be_known() {
        let can = |path: &str| can_stand_in(&[path.to_owned()]);
        for path in [".Principal", ".Principal.AWS[1]", "[3].Resource[0]", "[0].Condition.StringEquals.aws:SourceArn"] {
            assert!(can(&format!("ResourceProperties.Statement{path}")), "{path}");
        }
        for path in [
            "Statement",
            "Statement[0]",
            "Statement.Effect",
            "Statement[0].Action[2]",
            "RepositoryName",
            "Statements.Principal",
        ] {
            assert!(!can(&format!("ResourceProperties.{path}")), "{path}");
        }
        assert!(can_stand_in(&[]));
    }
}
