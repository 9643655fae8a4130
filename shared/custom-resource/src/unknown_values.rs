//! Values of properties that nobody knows before a change set is executed.

use serde_json::Value;

/// What CloudFormation shows in a change set in the place of such a value, or in a part of it: the id of what isn't made yet, say.
/// <https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2113> shows one of AWS's answers.
pub const KNOWN_AFTER_APPLY: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// The paths of such values among properties: `ResourceProperties.Statement[0].Principal.AWS`.
pub(crate) fn unknown_values(properties: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look("ResourceProperties", properties, &mut found);
    found
}

fn look(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains(KNOWN_AFTER_APPLY) => found.push(path.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| look(&format!("{path}[{index}]"), item, found));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| look(&format!("{path}.{name}"), member, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_values_are_found_wherever_they_are_and_in_parts_of_texts() {
        let arn = format!("arn:aws:iam::{KNOWN_AFTER_APPLY}:root");
        let properties =
            json!({"Name": KNOWN_AFTER_APPLY, "Known": "KNOWN_AFTER_APPLY", "List": [{"A": "b"}, {"C": [arn]}]});
        assert_eq!(unknown_values(&properties), ["ResourceProperties.Name", "ResourceProperties.List[1].C[0]"]);
        assert_eq!(unknown_values(&json!({"Name": "app", "Count": 3, "None": null})), Vec::<String>::new());
    }
}
