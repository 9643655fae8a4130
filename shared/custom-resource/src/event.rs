//! What CloudFormation asks for.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requests.html>

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Envelope, Known, RequestType, ResponseHosts, ResponseUrl, Unanswerable};

/// How long CloudFormation waits if the template doesn't say, and at most.
const SERVICE_TIMEOUT: Duration = Duration::from_hours(1);

/// Our addition to an event that is sent on.
pub(crate) const CONTINUATION: &str = "Continuation";

/// One request, opened.
pub struct Request {
    pub(crate) envelope: Envelope,
    pub(crate) url: ResponseUrl,
    /// What is asked for, or the sentence that says why it can't be read.
    pub(crate) asked: Result<Asked, String>,
    pub(crate) continuation: Continuation,
    pub(crate) service_timeout: Duration,
}

/// Says whose it is, and nothing that was asked.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("envelope", &self.envelope).finish_non_exhaustive()
    }
}

/// The three things that CloudFormation asks for, with the properties as they came.
pub(crate) enum Asked {
    Create { desired: Value },
    Update { desired: Value, previous: Value },
    Delete { last: Value },
}

/// What one invocation leaves to the next, in an event that is sent on. Times are in milliseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Continuation {
    /// When CloudFormation made the request, if its URL doesn't say so: when it was first worked on.
    pub first_try: Option<u64>,
    /// How many invocations have worked on it.
    pub invocations: u32,
    /// The physical id held so far.
    pub held_id: Option<String>,
    /// What was waited for, each with when it was said first and last in a row.
    pub waits: Vec<(String, u64, u64)>,
}

impl Request {
    /// Opens `event`, whose envelope was read before.
    ///
    /// # Errors
    /// When there is nobody to answer; then nothing may be done either.
    pub fn open(event: &Value, envelope: Envelope, hosts: &ResponseHosts) -> Result<Self, Unanswerable> {
        let url = event.get("ResponseURL").and_then(Value::as_str).unwrap_or_default();
        let url = hosts.admit(url).map_err(Unanswerable::Url)?;
        let continuation = event
            .get(CONTINUATION)
            .and_then(|continuation| Continuation::deserialize(continuation).ok())
            .unwrap_or_default();
        Ok(Self { envelope, url, asked: asked(event), continuation, service_timeout: service_timeout(event) })
    }

    /// When CloudFormation made it, in milliseconds since 1970. Where the URL doesn't say, that is when the first invocation
    /// for it began; this one began at `began`.
    pub(crate) fn made(&self, began: u64) -> u64 {
        self.url.signed_at().or(self.continuation.first_try).unwrap_or(began)
    }

    /// The id that is answered if this invocation does nothing: the one that the last one held, or else the one that
    /// CloudFormation gave. An earlier invocation that held nothing may have made something all the same.
    pub(crate) fn id_to_answer(&self) -> Known<&str> {
        let is_new = self.envelope.physical_resource_id.is_none() && !self.is_continued();
        if is_new { Known::Nothing } else { Known::of_text(self.id_with(self.continuation.held_id.as_deref())) }
    }

    /// The id that is answered once the work has held that one: a Delete is answered with the id that CloudFormation gave, and with
    /// no other.
    pub(crate) fn id_with<'a>(&'a self, held: Option<&'a str>) -> Option<&'a str> {
        let given = self.envelope.physical_resource_id.as_deref();
        if matches!(self.asked, Ok(Asked::Delete { .. })) { given } else { held.or(given) }
    }

    /// Whether an earlier invocation has worked on it.
    pub(crate) fn is_continued(&self) -> bool {
        self.continuation != Continuation::default()
    }
}

impl Asked {
    pub(crate) fn request_type(&self) -> RequestType {
        match self {
            Self::Create { .. } => RequestType::Create,
            Self::Update { .. } => RequestType::Update,
            Self::Delete { .. } => RequestType::Delete,
        }
    }

    /// What tells it from another request with the same `RequestId`: what CloudFormation asks for, in full.
    pub(crate) fn wording(&self) -> String {
        match self {
            Self::Create { desired } => format!("Create {desired}"),
            Self::Update { desired, previous } => format!("Update {previous} {desired}"),
            Self::Delete { last } => format!("Delete {last}"),
        }
    }
}

/// CloudFormation always sends properties.
const UNREADABLE: &str = "ResourceProperties: can't be read; a request may have 256 KB, and nothing in its properties may be \
                          nested more than 127 levels deep, hold half a character (`\\ud83d` without its other half) or be a number beyond 1e308";

/// What `event` asks for.
pub(crate) fn asked(event: &Value) -> Result<Asked, String> {
    let member = |name: &str| event.get(name).cloned();
    let desired = || member("ResourceProperties").ok_or_else(|| UNREADABLE.to_owned());
    let request_type = event.get("RequestType").and_then(Value::as_str);
    if let Some(of_something @ ("Update" | "Delete")) = request_type
        && !event["PhysicalResourceId"].is_string()
    {
        return Err(format!("the {of_something} lacks a PhysicalResourceId"));
    }
    match request_type {
        Some("Create") => Ok(Asked::Create { desired: desired()? }),
        Some("Update") => {
            Ok(Asked::Update { desired: desired()?, previous: member("OldResourceProperties").unwrap_or_default() })
        }
        Some("Delete") => Ok(Asked::Delete { last: member("ResourceProperties").unwrap_or_default() }),
        _ => Err("the RequestType is none of Create, Update and Delete".to_owned()),
    }
}

fn service_timeout(event: &Value) -> Duration {
    let property = &event["ResourceProperties"]["ServiceTimeout"];
    let seconds = property.as_u64().or_else(|| property.as_str().and_then(|text| text.parse().ok()));
    seconds.map_or(SERVICE_TIMEOUT, |seconds| Duration::from_secs(seconds).min(SERVICE_TIMEOUT))
}

/// `event` with what the next invocation has to know.
pub(crate) fn continued(event: &Value, continuation: &Continuation) -> Value {
    let mut event = event.clone();
    event[CONTINUATION] = serde_json::to_value(continuation).unwrap_or_default();
    event
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;
    use crate::event_text::{MOST_BYTES, readable};

    const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:organizational-unit:live";
    const URL: &str = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn?Signature=s3cret";

    pub(crate) fn event(request_type: &str) -> Value {
        json!({
            "RequestType": request_type,
            "ResponseURL": URL,
            "StackId": "arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a",
            "RequestId": "5a7e",
            "LogicalResourceId": "Workloads",
            "ResourceType": "Custom::OrganizationalUnit",
            "PhysicalResourceId": "ou-1",
            "ResourceProperties": {"Name": "Workloads", "ServiceTimeout": "60"},
            "OldResourceProperties": {"Name": "Work"},
        })
    }

    pub(crate) fn open(event: &Value) -> Result<Request, Unanswerable> {
        Request::open(
            event,
            Envelope::read(event, FUNCTION, "2026/11/24/[1]ab")?,
            &ResponseHosts::in_region("us-east-1"),
        )
    }

    #[test]
    fn the_envelope_opens_whatever_is_inside() {
        let mut bare = event("Frobnicate");
        bare["ResourceProperties"] = json!("nonsense");
        let request = open(&bare).unwrap();
        assert_eq!(request.envelope.logical_resource_id, "Workloads");
        assert!(request.asked.is_err_and(|reason| reason.contains("none of Create, Update and Delete")));
    }

    #[test]
    fn the_three_requests_are_read() {
        assert!(matches!(open(&event("Create")).unwrap().asked, Ok(Asked::Create { .. })));
        assert!(matches!(open(&event("Delete")).unwrap().asked, Ok(Asked::Delete { .. })));
        let Ok(Asked::Update { desired, previous }) = open(&event("Update")).unwrap().asked else {
            panic!("no Update")
        };
        assert_eq!((&desired["Name"], &previous["Name"]), (&json!("Workloads"), &json!("Work")));
    }

    #[test]
    fn a_delete_without_properties_is_a_delete() {
        let mut bare = event("Delete");
        let members = bare.as_object_mut().unwrap();
        members.remove("ResourceProperties");
        members.remove("ResourceType");
        assert!(matches!(open(&bare).unwrap().asked, Ok(Asked::Delete { .. })));
    }

    /// The event with `broken` instead of one of its members.
    fn with(event: &Value, member: &str, broken: &str) -> Request {
        let mut event = event.clone();
        event[member] = json!("broken");
        open(&readable(&event.to_string().replace("\"broken\"", broken)).unwrap()).unwrap()
    }

    #[test]
    fn properties_that_no_value_can_hold_are_answered_and_never_keep_a_delete_or_a_rollback_from_happening() {
        for broken in
            [&format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)), r#"{"Name": "\ud83d"}"#, r#"{"n": 1e400}"#]
        {
            for request_type in ["Create", "Update"] {
                let request = with(&event(request_type), "ResourceProperties", broken);
                assert!(request.asked.is_err_and(|reason| reason.starts_with("ResourceProperties: can't be read")));
            }
            let delete = with(&event("Delete"), "ResourceProperties", broken);
            assert!(matches!(delete.asked, Ok(Asked::Delete { last: Value::Null })));
            let rollback = with(&event("Update"), "OldResourceProperties", broken);
            assert!(matches!(rollback.asked, Ok(Asked::Update { previous: Value::Null, .. })));
        }
        assert!(readable("[]").is_err());
    }

    #[test]
    fn properties_that_are_too_large_are_not_read_and_never_keep_a_delete_or_a_rollback_from_happening() {
        let large = format!("[{}0]", "0,".repeat(MOST_BYTES / 2));
        for request_type in ["Create", "Update"] {
            let request = with(&event(request_type), "ResourceProperties", &large);
            let reason = request.asked.err().unwrap();
            assert!(reason.starts_with("ResourceProperties: can't be read; a request may have 256 KB"), "{reason}");
        }
        let delete = with(&event("Delete"), "ResourceProperties", &large);
        assert!(matches!(delete.asked, Ok(Asked::Delete { last: Value::Null })));
        let rollback = with(&event("Update"), "OldResourceProperties", &large);
        let Ok(Asked::Update { desired, previous: Value::Null }) = rollback.asked else { panic!("no rollback") };
        assert_eq!(desired["Name"], "Workloads");
        // What nobody reads may be as large as it likes.
        assert!(with(&event("Create"), "Foreign", &large).asked.is_ok());
    }

    #[test]
    fn without_a_url_that_may_be_answered_there_is_no_request() {
        let mut foreign = event("Create");
        foreign["ResponseURL"] = json!("https://evil.example/?Signature=s3cret");
        assert!(!open(&foreign).unwrap_err().to_string().contains("s3cret"));
        foreign["ResponseURL"] = Value::Null;
        assert!(open(&foreign).is_err());
        assert!(matches!(open(&json!({"hello": "world"})), Err(Unanswerable::Envelope(_))));
    }

    #[test]
    fn the_template_says_how_long_cloudformation_waits() {
        assert_eq!(open(&event("Create")).unwrap().service_timeout, Duration::from_mins(1));
        let mut silent = event("Create");
        silent["ResourceProperties"]["ServiceTimeout"] = Value::Null;
        assert_eq!(open(&silent).unwrap().service_timeout, SERVICE_TIMEOUT);
    }

    #[test]
    fn what_is_sent_on_is_the_same_event_with_its_continuation() {
        let continuation = Continuation {
            first_try: Some(1),
            invocations: 1,
            held_id: Some("ou-1".to_owned()),
            waits: vec![("Godot".to_owned(), 2, 3)],
        };
        let sent_on = continued(&event("Create"), &continuation);
        assert_eq!(open(&sent_on).unwrap().continuation, continuation);
        assert_eq!(sent_on["ResponseURL"], event("Create")["ResponseURL"]);
    }

    #[test]
    fn nothing_that_prints_a_request_prints_its_url() {
        let printed = format!("{:?}", open(&event("Update")).unwrap());
        assert!(!printed.contains("s3cret") && !printed.contains("Work\""), "{printed}");
    }

    #[test]
    fn an_event_that_is_no_request_is_not_quoted() {
        let encoded_twice = Value::from(event("Create").to_string());
        let error = open(&encoded_twice).map(drop).unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }
}
