//! Requests to Lambda, which names operations by method and path.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html>

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use url::Url;

use super::query;

/// The operation that a request asks for, and its parameters; `None` if it isn't one of Lambda's.
pub(super) fn read(method: &str, address: &str, body: &[u8]) -> Option<(String, Value)> {
    let address = Url::parse(address).ok()?;
    let segments: Vec<_> = address.path_segments()?.map(|part| percent_decode_str(part).decode_utf8_lossy()).collect();
    let segments: Vec<&str> = segments.iter().map(|segment| &**segment).collect();
    let (operation, named): (_, Vec<(&str, &str)>) = match (method, &segments[1..]) {
        ("POST", ["functions", function, "aliases"]) => ("CreateAlias", vec![("FunctionName", function)]),
        (_, ["functions", function, "aliases", name]) => {
            let operation = verb(method, "GetAlias", "UpdateAlias", "DeleteAlias")?;
            (operation, vec![("FunctionName", function), ("Name", name)])
        }
        ("POST", ["functions", function, "policy"]) => ("AddPermission", vec![("FunctionName", function)]),
        ("GET", ["functions", function, "policy"]) => ("GetPolicy", vec![("FunctionName", function)]),
        ("DELETE", ["functions", function, "policy", sid]) => {
            ("RemovePermission", vec![("FunctionName", function), ("StatementId", sid)])
        }
        (_, ["functions", function, "event-invoke-config"]) => {
            let config =
                ["GetFunctionEventInvokeConfig", "PutFunctionEventInvokeConfig", "DeleteFunctionEventInvokeConfig"];
            (verb(method, config[0], config[1], config[2])?, vec![("FunctionName", function)])
        }
        (_, ["resource-policy", arn]) => {
            let operation = verb(method, "GetResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy")?;
            (operation, vec![("ResourceArn", arn)])
        }
        _ => return None,
    };
    let mut parameters = query::parameters(address.query().unwrap_or_default().as_bytes());
    parameters.extend(serde_json::from_slice::<serde_json::Map<_, _>>(body).unwrap_or_default());
    parameters.extend(named.into_iter().map(|(name, value)| (name.to_owned(), json!(value))));
    Some((operation.to_owned(), Value::Object(parameters)))
}

fn verb<'a>(method: &str, get: &'a str, put: &'a str, delete: &'a str) -> Option<&'a str> {
    match method {
        "GET" => Some(get),
        "PUT" => Some(put),
        "DELETE" => Some(delete),
        _ => None,
    }
}
