//! A call of an AWS API, read from the wire: which service, which operation, with what input.
//! <https://smithy.io/2.0/aws/protocols/index.html>

use serde_json::{Map, Value, json};

use crate::http::{Headers, Reply, Request};

/// A call that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The name that requests to the service are signed with, as in `organizations`; empty without a signature.
    pub service: String,
    /// The operation, as in `CreateAccount`; method and path where the request doesn't tell.
    pub operation: String,
    /// What it was called with, null if that isn't JSON or a form.
    pub input: Value,
    /// Which call of this operation it is, from 1.
    pub nth: usize,
    /// The session token that it was signed with, which says which process of a function made it; empty without one.
    pub session: String,
    /// The header by which Lambda follows what an event leads to; empty without one.
    pub trace: String,
    /// The status of the answer; `None` as long as there is none, and if it never came.
    pub status: Option<u16>,
    protocol: Protocol,
}

/// How a service writes its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Ec2,
    Json,
    Query,
    RestJson,
    RestXml,
}

/// RAM's operations that this project's handlers may call: their paths tell no capitals.
const RAM: [&str; 15] = [
    "AcceptResourceShareInvitation",
    "AssociateResourceShare",
    "CreateResourceShare",
    "DeleteResourceShare",
    "DisassociateResourceShare",
    "EnableSharingWithAwsOrganization",
    "GetResourceShareAssociations",
    "GetResourceShareInvitations",
    "GetResourceShares",
    "ListPrincipals",
    "ListResources",
    "ListResourceSharePermissions",
    "TagResource",
    "UntagResource",
    "UpdateResourceShare",
];

impl Call {
    /// The first call of its operation, without an answer.
    #[must_use]
    pub fn read(request: &Request) -> Self {
        let service = service(request);
        let form = form(request);
        let target = request.headers.get("x-amz-target").and_then(|target| target.rsplit('.').next());
        let (protocol, operation) = match (target, form["Action"].as_str()) {
            (Some(target), _) => (Protocol::Json, target.to_owned()),
            (None, Some(action)) if service == "ec2" => (Protocol::Ec2, action.to_owned()),
            (None, Some(action)) => (Protocol::Query, action.to_owned()),
            (None, None) if service == "s3" => (Protocol::RestXml, s3(request)),
            (None, None) => (Protocol::RestJson, by_path(&request.method, &request.path)),
        };
        let input = serde_json::from_slice(&request.body).unwrap_or(match protocol {
            Protocol::Ec2 | Protocol::Query => form,
            _ => Value::Null,
        });
        let header = |name| request.headers.get(name).unwrap_or_default().to_owned();
        let (session, trace) = (header("x-amz-security-token"), header("x-amzn-trace-id"));
        Self { service, operation, input, nth: 1, session, trace, status: None, protocol }
    }

    /// An error as the service itself would write it.
    #[must_use]
    pub fn error(&self, status: u16, code: &str, message: &str) -> Reply {
        let id = "00000000-0000-4000-a000-000000000000".to_owned();
        let (kind, body) = match self.protocol {
            Protocol::Json => ("application/x-amz-json-1.1", json!({ "__type": code, "message": message }).to_string()),
            Protocol::RestJson => ("application/json", json!({ "message": message }).to_string()),
            Protocol::Ec2 => (
                "text/xml",
                format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>{}</Message></Error></Errors>\
                     <RequestID>{id}</RequestID></Response>",
                    escaped(message)
                ),
            ),
            Protocol::Query => (
                "text/xml",
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error>\
                     <RequestId>{id}</RequestId></ErrorResponse>",
                    escaped(message)
                ),
            ),
            Protocol::RestXml => (
                "application/xml",
                format!(
                    "<Error><Code>{code}</Code><Message>{}</Message><RequestId>{id}</RequestId></Error>",
                    escaped(message)
                ),
            ),
        };
        let mut headers = Headers::of([("content-type", kind.to_owned()), ("x-amzn-requestid", id)]);
        if self.protocol == Protocol::RestJson {
            headers.0.push(("x-amzn-errortype".to_owned(), code.to_owned()));
        }
        Reply::Http(status, headers, body.into_bytes())
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The service in `Credential=<key>/<date>/<region>/<service>/aws4_request`, of the header or of a presigned URL.
fn service(request: &Request) -> String {
    let header = request.headers.get("authorization").and_then(|header| header.split_once("Credential="));
    let scope = match header {
        Some((_, scope)) => scope.split([',', ' ']).next().unwrap_or_default().to_owned(),
        None => pairs(request.query.as_deref()).find(|(name, _)| name == "X-Amz-Credential").unwrap_or_default().1,
    };
    scope.rsplit('/').nth(1).unwrap_or_default().to_owned()
}

/// The pairs of the query, and of a body that is a form.
fn form(request: &Request) -> Value {
    let is_form = |kind: &str| kind.starts_with("application/x-www-form-urlencoded");
    let body = request.headers.get("content-type").filter(|kind| is_form(kind));
    let body = body.and_then(|_| std::str::from_utf8(&request.body).ok());
    let pairs = pairs(request.query.as_deref()).chain(pairs(body));
    Value::Object(pairs.map(|(name, value)| (name, Value::String(value))).collect::<Map<_, _>>())
}

fn pairs(text: Option<&str>) -> impl Iterator<Item = (String, String)> {
    url::form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned()
}

/// S3 says with the method and the subresource what is to be done, and with the path whether to a bucket or an object.
fn s3(request: &Request) -> String {
    let capitalised = |word: &str| word[..1].to_uppercase() + &word[1..];
    let verb = capitalised(&request.method.to_lowercase());
    let mut query = pairs(request.query.as_deref());
    let subresource = query.find(|(_, value)| value.is_empty()).map(|(name, _)| capitalised(&name));
    let (bucket, key) = request.path.trim_start_matches('/').split_once('/').unwrap_or((&request.path[1..], ""));
    match (verb.as_str(), bucket, key, subresource) {
        ("Get", "", ..) => "ListBuckets".to_owned(),
        ("Put", _, "", None) => "CreateBucket".to_owned(),
        ("Get", _, "", None) => "ListObjects".to_owned(),
        (_, _, "", subresource) => format!("{verb}Bucket{}", subresource.unwrap_or_default()),
        (_, _, _, subresource) => format!("{verb}Object{}", subresource.unwrap_or_default()),
    }
}

/// The operation of a service that speaks JSON and has a path for each.
pub(crate) fn by_path(method: &str, path: &str) -> String {
    let name = path.trim_start_matches('/');
    if let Some(operation) = RAM.iter().find(|operation| operation.to_lowercase() == name) {
        return (*operation).to_owned();
    }
    match (method, name.rsplit_once('/')) {
        ("POST", Some((_, "invocations"))) => "Invoke".to_owned(),
        // As in `/putAccountName`.
        ("POST", None) if !name.is_empty() => name[..1].to_uppercase() + &name[1..],
        (method, _) => format!("{method} /{name}"),
    }
}
