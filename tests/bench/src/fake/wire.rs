//! How the services that speak XML write, and what a form says.

use std::fmt::Write;

use archipelago_tests::call::Call;
use archipelago_tests::http::{Headers, Reply};
use serde_json::Value;

/// A date for whatever has one.
pub(super) const DATE: &str = "2026-01-01T00:00:00Z";

pub(super) fn json(value: &Value) -> Reply {
    Reply::json(200, value)
}

/// The answer of a service that speaks the query protocol.
pub(super) fn query(call: &Call, result: &str) -> Reply {
    let name = &call.operation;
    xml(&format!(
        "<{name}Response><{name}Result>{result}</{name}Result><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata>\
         </{name}Response>"
    ))
}

/// The answer of EC2.
pub(super) fn ec2(call: &Call, result: &str) -> Reply {
    let name = &call.operation;
    xml(&format!("<{name}Response><requestId>0</requestId>{result}</{name}Response>"))
}

fn xml(text: &str) -> Reply {
    let headers = Headers::of([("content-type", "text/xml".to_owned())]);
    Reply::Http(200, headers, text.as_bytes().to_vec())
}

/// A value of the input, empty if it isn't there.
pub(super) fn text<'a>(call: &'a Call, name: &str) -> &'a str {
    call.input[name].as_str().unwrap_or_default()
}

/// The values of a form's list, as in `ResourceId.1`.
pub(super) fn list<'a>(call: &'a Call, name: &str) -> impl Iterator<Item = &'a str> {
    (1..).map_while(move |nth| call.input[format!("{name}.{nth}")].as_str())
}

/// As IAM encodes documents in its answers.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
