//! Policy variables, which one version of the policy language alone knows.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use serde_json::Value;

use crate::StatementProperty;

/// The elements that take them.
const ELEMENTS: [&str; 3] = ["Resource", "NotResource", "Condition"];

/// Signs that would mean something else by themselves.
const SIGNS: [&str; 3] = ["*}", "?}", "$}"];

/// The path of the first element of `property` with a variable in it, which stands for something in the request.
pub(crate) fn with_variable(property: &StatementProperty) -> Option<String> {
    property.by_path().find_map(|(path, statement)| {
        let has = |name: &&str| statement.get(*name).is_some_and(has_variable);
        ELEMENTS.into_iter().find(has).map(|name| format!("{path}.{name}"))
    })
}

fn has_variable(value: &Value) -> bool {
    match value {
        Value::String(text) => is_variable(text),
        Value::Array(items) => items.iter().any(has_variable),
        Value::Object(members) => members.iter().any(|(name, value)| is_variable(name) || has_variable(value)),
        _ => false,
    }
}

fn is_variable(text: &str) -> bool {
    text.split("${").skip(1).any(|rest| !SIGNS.iter().any(|sign| rest.starts_with(sign)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_variable_is_found_wherever_it_has_a_meaning() {
        let path = |statement: Value| with_variable(&StatementProperty::try_from(statement).unwrap());
        let at = |element: &str| Some(format!("ResourceProperties.Statement{element}"));
        assert_eq!(path(json!({"Resource": "arn:aws:s3:::a/${aws:username}/*"})), at(".Resource"));
        assert_eq!(
            path(json!([{}, {"NotResource": ["a", "b/${*}/${aws:PrincipalTag/t, 'x'}"]}])),
            at("[1].NotResource")
        );
        assert_eq!(path(json!({"Condition": {"StringLike": {"s3:prefix": ["a", "${aws:userid}"]}}})), at(".Condition"));
        assert_eq!(path(json!({"Condition": {"Bool": {"aws:RequestTag/${aws:userid}": true}}})), at(".Condition"));
        for none in ["a${*}b${?}c${$}", "$", "{a}", "$$", "a$"] {
            assert_eq!(path(json!({"Resource": none, "Sid": "${aws:userid}"})), None, "{none}");
        }
    }
}
