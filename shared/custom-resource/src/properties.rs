//! Reads properties as CloudFormation sends them: every scalar as a string, and whatever the template's author typed.

mod buffered;
mod node;
mod problem;

use serde::de::DeserializeOwned;
use serde_json::Value;

use node::Node;
use problem::Path;

/// What CloudFormation itself reads among the properties.
const CLOUDFORMATION_S_OWN: [&str; 2] = ["ServiceToken", "ServiceTimeout"];

/// Reads `properties` as a `T`, whose structs name every property there is.
///
/// # Errors
/// A sentence that starts with the path of the property, and never says its value.
pub(crate) fn read<T: DeserializeOwned>(properties: &Value) -> Result<T, String> {
    let own = match properties {
        Value::Object(map) => {
            Value::Object(map.iter().filter(|(k, _)| !CLOUDFORMATION_S_OWN.contains(&k.as_str())).map(owned).collect())
        }
        other => other.clone(),
    };
    T::deserialize(Node { value: &own, path: &Path::Root }).map_err(|problem| problem.to_string())
}

fn owned((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

#[cfg(test)]
mod tests;
