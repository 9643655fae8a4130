//! The answers to events, judged as CloudFormation judges them.

use std::fmt;

use serde_json::{Map, Value};

use super::event::{Event, RequestType};
use crate::http::Headers;

/// CloudFormation takes no more than this many bytes.
const MOST_BYTES: usize = 4096;
/// A physical id may have this many bytes.
const LONGEST_ID: usize = 1024;

/// One PUT to a `ResponseURL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The headers as sent.
    pub headers: Headers,
    /// The body as sent.
    pub body: Vec<u8>,
    /// The status it was answered with, 0 for none.
    pub status: u16,
}

impl Put {
    /// A PUT with the right headers that was taken: what a handler without HTTP hands to the simulator.
    #[must_use]
    pub fn of(answer: &Value) -> Self {
        let body = answer.to_string().into_bytes();
        let headers =
            vec![("content-type".to_owned(), String::new()), ("content-length".to_owned(), body.len().to_string())];
        Self { headers: Headers(headers), body, status: 200 }
    }

    /// Whether S3 stored it.
    #[must_use]
    pub fn stored(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON, null if it isn't.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// An answer that CloudFormation understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `Status` is `SUCCESS`.
    pub success: bool,
    /// `PhysicalResourceId`
    pub physical_resource_id: String,
    /// `Reason`
    pub reason: Option<String>,
    /// `Data`: what `GetAtt` reads.
    pub data: Map<String, Value>,
    /// `NoEcho`
    pub no_echo: bool,
}

/// A rule of the protocol that was broken, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

/// All rules that one PUT broke.
pub type Violations = Vec<Violation>;

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Answer {
    /// Reads a PUT as the answer to an event, or says everything that is wrong with it.
    ///
    /// # Errors
    /// The rules that were broken, at least one.
    pub fn read(event: &Event, put: &Put) -> Result<Self, Violations> {
        let mut violations = Vec::new();
        judge_headers(put, &mut violations);
        if put.body.len() > MOST_BYTES {
            violations.push(Violation(format!(
                "Response object is too long: the body has {} bytes of {MOST_BYTES}",
                put.body.len()
            )));
        }
        let Ok(Value::Object(body)) = serde_json::from_slice(&put.body) else {
            violations.push(Violation("the body is not a JSON object".to_owned()));
            return Err(violations);
        };
        let answer = judge_body(event, &body, &mut violations);
        if violations.is_empty() { Ok(answer) } else { Err(violations) }
    }
}

fn judge_headers(put: &Put, violations: &mut Violations) {
    match put.headers.get("content-type") {
        None | Some("") => {}
        Some(other) => violations.push(Violation(format!("Content-Type is `{other}`, but the URL is signed for none"))),
    }
    let length = put.body.len();
    match put.headers.get("content-length") {
        None => violations.push(Violation("Content-Length is missing, which S3 refuses".to_owned())),
        Some(announced) if announced.parse() != Ok(length) => {
            violations.push(Violation(format!("Content-Length says {announced}, but the body has {length} bytes")));
        }
        Some(_) => {}
    }
}

fn judge_body(event: &Event, body: &Map<String, Value>, violations: &mut Violations) -> Answer {
    for (name, value) in body {
        if value.is_null() {
            violations.push(Violation(format!("{name} is null: CloudFormation discards such an answer")));
        }
    }
    for (name, sent) in [
        ("StackId", &event.stack_id),
        ("RequestId", &event.request_id),
        ("LogicalResourceId", &event.logical_resource_id),
    ] {
        let got = text(body, name, violations);
        if !got.is_empty() && got != *sent {
            violations.push(Violation(format!("{name} is `{got}`, but the event's is `{sent}`")));
        }
    }
    let status = text(body, "Status", violations);
    if !status.is_empty() && status != "SUCCESS" && status != "FAILED" {
        violations.push(Violation(format!("Status is `{status}`, neither SUCCESS nor FAILED")));
    }
    let reason = body.get("Reason").and_then(Value::as_str).filter(|reason| !reason.is_empty());
    if status == "FAILED" && reason.is_none() {
        violations.push(Violation("Reason is required when FAILED".to_owned()));
    }
    Answer {
        success: status == "SUCCESS",
        physical_resource_id: judge_id(event, body, violations),
        reason: reason.map(str::to_owned),
        data: data(body, violations),
        no_echo: match body.get("NoEcho") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(no_echo)) => *no_echo,
            Some(_) => {
                violations.push(Violation("NoEcho is neither true nor false".to_owned()));
                false
            }
        },
    }
}

fn judge_id(event: &Event, body: &Map<String, Value>, violations: &mut Violations) -> String {
    let id = match body.get("PhysicalResourceId") {
        Some(Value::String(id)) if !id.is_empty() => id.clone(),
        Some(Value::Null) => return String::new(),
        _ => {
            violations.push(Violation("Invalid PhysicalResourceId: it is missing, empty or no string".to_owned()));
            return String::new();
        }
    };
    if id.len() > LONGEST_ID {
        violations.push(Violation(format!("PhysicalResourceId has {} bytes of {LONGEST_ID}", id.len())));
    }
    if let (RequestType::Delete, Some(sent)) = (event.request_type, &event.physical_resource_id)
        && id != *sent
    {
        violations.push(Violation(format!("PhysicalResourceId changed from `{sent}` to `{id}` on Delete")));
    }
    id
}

fn data(body: &Map<String, Value>, violations: &mut Violations) -> Map<String, Value> {
    match body.get("Data") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(data)) => {
            for (name, value) in data {
                judge_attribute(&format!("Data.{name}"), value, violations);
            }
            data.clone()
        }
        Some(_) => {
            violations.push(Violation("Data is not an object".to_owned()));
            Map::new()
        }
    }
}

/// Numbers and booleans are read, and then refused in `Outputs`, `Fn::Sub` and `Fn::Join`.
fn judge_attribute(path: &str, value: &Value, violations: &mut Violations) {
    match value {
        Value::Null => violations.push(Violation(format!("{path} is null, so GetAtt can't read it"))),
        Value::Bool(_) | Value::Number(_) => violations.push(Violation(format!(
            "{path} is {value}, and no string: Template format error: Every Value member must be a string."
        ))),
        Value::String(_) => {}
        Value::Array(items) => items.iter().for_each(|item| judge_attribute(&format!("{path}[]"), item, violations)),
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| judge_attribute(&format!("{path}.{name}"), value, violations));
        }
    }
}

fn text<'a>(body: &'a Map<String, Value>, name: &str, violations: &mut Violations) -> &'a str {
    match body.get(name) {
        Some(Value::String(text)) if !text.is_empty() => text,
        // Said already, with what it does.
        Some(Value::Null) => "",
        _ => {
            violations.push(Violation(format!("{name} is required: it is missing, empty or no string")));
            ""
        }
    }
}
