//! The query protocol of AWS's older services: forms there, XML back.
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

use serde_json::{Map, Value};
use url::form_urlencoded;

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

/// The body of an operation's answer.
pub(super) fn written(operation: &str, answer: &Value) -> String {
    element(&format!("{operation}Response"), &element(&format!("{operation}Result"), &content(answer)))
}

/// The body of a refusal.
pub(super) fn refused(code: &str, message: &str) -> String {
    let error = element("Code", code) + &element("Message", message);
    element("ErrorResponse", &element("Error", &error))
}

fn content(value: &Value) -> String {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| element(name, &content(value))).collect(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}
