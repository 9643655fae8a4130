//! What `!GetAtt` reads, in the types that every place of a template takes.

use serde_json::{Map, Value};

/// `data` with each scalar in it as a string. CloudFormation refuses a number or a boolean of `!GetAtt` in `Outputs` ("Every
/// Value member must be a string"), in `Fn::Sub` and in `Fn::Join`: <https://github.com/aws-cloudformation/cfn-lint/issues/3725>.
///
/// A list stays one, since `!GetAtt` and `Fn::Join` take it: <https://github.com/aws-cloudformation/cfn-lint/issues/1127>.
/// Nulls are left out: CloudFormation can't read them.
pub(crate) fn as_strings(data: Map<String, Value>) -> Map<String, Value> {
    data.into_iter().filter_map(|(name, value)| Some((name, as_string(value)?))).collect()
}

fn as_string(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(members) => Some(Value::Object(as_strings(members))),
        Value::Array(items) => Some(items.into_iter().filter_map(as_string).collect()),
        text @ Value::String(_) => Some(text),
        scalar @ (Value::Bool(_) | Value::Number(_)) => Some(Value::String(scalar.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_scalar_is_a_string_at_any_depth_and_nothing_is_null() {
        let data = json!({
            "Arn": "arn",
            "Size": 10_412,
            "Half": 0.5,
            "Open": false,
            "Owner": null,
            "Ports": [80, "443", null, [true]],
            "Nested": {"Deep": {"Count": -1, "Nothing": null}},
        });
        let Value::Object(data) = data else { panic!("no object") };
        assert_eq!(
            Value::Object(as_strings(data)),
            json!({
                "Arn": "arn",
                "Size": "10412",
                "Half": "0.5",
                "Open": "false",
                "Ports": ["80", "443", ["true"]],
                "Nested": {"Deep": {"Count": "-1"}},
            })
        );
    }
}
