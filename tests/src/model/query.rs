//! The query protocol of AWS's older services: forms there, XML back.
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

use serde_json::{Map, Value};
use url::form_urlencoded;

/// The version of the one API that speaks EC2's dialect.
const EC2: &str = "2016-11-15";

/// The operation that a form asks for, and its parameters by their names.
pub(super) fn read(form: &[u8]) -> Option<(String, Value)> {
    let parameters = parameters(form);
    let operation = parameters.get("Action")?.as_str()?.to_owned();
    Some((operation, Value::Object(parameters)))
}

/// The parameters of a form, or of an address, by their names.
pub(super) fn parameters(form: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(form).map(|(name, value)| (name.into_owned(), Value::from(value))).collect()
}

/// The body of an operation's answer to `parameters`.
pub(super) fn written(operation: &str, parameters: &Value, answer: &Value) -> String {
    let mut result = content(answer, if is_ec2(parameters) { "item" } else { "member" });
    if !is_ec2(parameters) {
        result = element(&format!("{operation}Result"), &result);
    }
    element(&format!("{operation}Response"), &result)
}

/// The body of a refusal of `parameters`.
pub(super) fn refused(parameters: &Value, code: &str, message: &str) -> String {
    let error = error(code, message);
    if is_ec2(parameters) {
        return element("Response", &element("Errors", &error));
    }
    element("ErrorResponse", &error)
}

pub(super) fn error(code: &str, message: &str) -> String {
    element("Error", &(element("Code", code) + &element("Message", message)))
}

/// EC2 puts nothing around a result, and has refusals of its own form.
/// <https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html>
pub(super) fn is_ec2(parameters: &Value) -> bool {
    parameters["Version"] == EC2
}

/// What stands in an element; `each` is the name of a list's items.
fn content(value: &Value, each: &str) -> String {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| element(name, &content(value, each))).collect(),
        Value::Array(items) => items.iter().map(|item| element(each, &content(item, each))).collect(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}
