//! What CloudFormation sends: the envelope first, so that whatever is inside can be answered.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requests.html>

use std::{borrow::Cow, fmt, time::Duration};

use aws_lambda_events::cloudformation::CloudFormationCustomResourceRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use crate::{FunctionArn, ResponseHosts, ResponseUrl, response::PERHAPS_MADE};

/// How long CloudFormation waits if the template doesn't say, and at most.
const SERVICE_TIMEOUT: Duration = Duration::from_hours(1);

/// Our addition to an event that is sent on.
const CONTINUATION: &str = "Continuation";

/// Who is asking, and in which log the work can be read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Envelope {
    /// The stack's ARN.
    pub stack_id: String,
    /// CloudFormation's name for this request; used again when it asks again.
    pub request_id: String,
    /// The name of the resource in the template.
    pub logical_resource_id: String,
    /// `Custom::Something`.
    #[serde(default)]
    pub resource_type: String,
    /// What `!Ref` reads: absent on Create.
    #[serde(default)]
    pub physical_resource_id: Option<String>,
    #[serde(skip)]
    pub(crate) function: FunctionArn,
    #[serde(skip)]
    log: String,
}

impl Envelope {
    /// Reads the envelope of `event`, on which the function `function` (an ARN) works and logs in `log_stream`.
    ///
    /// # Errors
    /// When it is no request of CloudFormation's.
    pub fn read(event: &Value, function: &str, log_stream: &str) -> Result<Self, Unanswerable> {
        // What serde says may quote the event.
        let envelope = Self::deserialize(event).map_err(|_| {
            Unanswerable::Envelope(
                "it lacks StackId, RequestId or LogicalResourceId, or these are no strings".to_owned(),
            )
        })?;
        let function = FunctionArn::read(function);
        Ok(Self { function, log: format!("log stream: {log_stream}"), ..envelope })
    }

    /// The same, of work whose log is found as `log` says in words.
    pub(crate) fn logged(self, log: &str) -> Self {
        Self { log: log.to_owned(), ..self }
    }

    /// Where a person finds more than fits into a reason.
    pub(crate) fn trace(&self) -> String {
        format!("RequestId: {}; {}", self.request_id, self.log)
    }
}

/// One request, opened.
pub struct Request {
    pub(crate) envelope: Envelope,
    pub(crate) url: ResponseUrl,
    /// What is asked for, or the sentence that says why it can't be read.
    pub(crate) asked: Result<Asked, String>,
    pub(crate) past: Continuation,
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
    pub held: Option<String>,
    /// What was waited for, each with when it was said first and last in a row.
    pub waits: Vec<(String, u64, u64)>,
}

/// Why an event can't be answered: it doesn't say to whom, or says something that isn't to be trusted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    /// No request of CloudFormation's.
    #[error("the event is no request of CloudFormation: {0}")]
    Envelope(String),
    /// The URL would have us write somewhere else.
    #[error("the ResponseURL was not accepted: {0}; RESPONSE_HOSTS may name further hosts")]
    Url(&'static str),
}

impl Request {
    /// Opens `event`, whose envelope was read before.
    ///
    /// # Errors
    /// When there is nobody to answer; then nothing may be done either.
    pub fn open(event: &Value, envelope: Envelope, hosts: &ResponseHosts) -> Result<Self, Unanswerable> {
        let url = event.get("ResponseURL").and_then(Value::as_str).unwrap_or_default();
        let url = hosts.admit(url).map_err(Unanswerable::Url)?;
        let past = event.get(CONTINUATION).and_then(|past| Continuation::deserialize(past).ok()).unwrap_or_default();
        Ok(Self { envelope, url, asked: asked(event), past, service_timeout: service_timeout(event) })
    }

    /// When CloudFormation made it, in milliseconds since 1970. Where the URL doesn't say, that is when the first invocation
    /// for it began; this one began at `began`.
    pub(crate) fn made(&self, began: u64) -> u64 {
        self.url.signed_at().or(self.past.first_try).unwrap_or(began)
    }

    /// The id that stands for the resource before this invocation did anything: what the last one held, or else what
    /// CloudFormation gave. An earlier invocation that held nothing may have made something all the same.
    pub(crate) fn held(&self) -> Option<&str> {
        let known = self.past.held.as_deref().or(self.envelope.physical_resource_id.as_deref());
        known.or(self.is_continued().then_some(PERHAPS_MADE))
    }

    /// Whether an earlier invocation has worked on it.
    pub(crate) fn is_continued(&self) -> bool {
        self.past != Continuation::default()
    }
}

impl Asked {
    /// The `RequestType`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "Create",
            Self::Update { .. } => "Update",
            Self::Delete { .. } => "Delete",
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

/// The bytes of a request that are read. Lambda hands over a megabyte, and as values that can take two hundred of memory.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const MOST_BYTES: usize = 256 * 1024;

/// SNS hands over one record at a time.
const MOST_RECORDS: usize = 100;

/// The event in `text`, a JSON object, without those of its members that no [`Value`] can hold (what is nested too deep, half
/// a character, a number that is too large) and without properties for which 256 KB are too little. Who asks is known all the
/// same, and gets an answer.
///
/// # Errors
/// When it is no object.
pub fn readable(text: &str) -> Result<Value, Unanswerable> {
    readable_within(text, MOST_BYTES)
}

fn readable_within(text: &str, most: usize) -> Result<Value, Unanswerable> {
    if text.len() <= most
        && let Ok(event @ Value::Object(_)) = serde_json::from_str(text)
    {
        return Ok(event);
    }
    let members = Members::of(text)?;
    Ok(values(members.envelope().into_iter().chain(members.properties()), most))
}

/// The same event without its properties, however large they are.
fn without_properties(text: &str, most: usize) -> Result<Value, Unanswerable> {
    let mut event = values(Members::of(text)?.envelope(), most);
    event["ResourceProperties"] = Value::Object(Map::new());
    Ok(event)
}

/// The members of an event as they stand in its text.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members<'a> {
    #[serde(borrow)]
    request_type: Option<&'a RawValue>,
    #[serde(borrow, rename = "ResponseURL")]
    response_url: Option<&'a RawValue>,
    #[serde(borrow)]
    stack_id: Option<&'a RawValue>,
    #[serde(borrow)]
    request_id: Option<&'a RawValue>,
    #[serde(borrow)]
    logical_resource_id: Option<&'a RawValue>,
    #[serde(borrow)]
    resource_type: Option<&'a RawValue>,
    #[serde(borrow)]
    physical_resource_id: Option<&'a RawValue>,
    #[serde(borrow)]
    continuation: Option<&'a RawValue>,
    #[serde(borrow)]
    resource_properties: Option<&'a RawValue>,
    #[serde(borrow)]
    old_resource_properties: Option<&'a RawValue>,
}

type Member<'a> = (&'static str, Option<&'a RawValue>);

impl<'a> Members<'a> {
    fn of(text: &'a str) -> Result<Self, Unanswerable> {
        // What serde says may quote the event.
        serde_json::from_str(text).map_err(|_| Unanswerable::Envelope("it is no JSON object".to_owned()))
    }

    fn envelope(&self) -> [Member<'a>; 8] {
        [
            ("RequestType", self.request_type),
            ("ResponseURL", self.response_url),
            ("StackId", self.stack_id),
            ("RequestId", self.request_id),
            ("LogicalResourceId", self.logical_resource_id),
            ("ResourceType", self.resource_type),
            ("PhysicalResourceId", self.physical_resource_id),
            (CONTINUATION, self.continuation),
        ]
    }

    /// What is wanted comes before what was there, since a rollback can do without that.
    fn properties(&self) -> [Member<'a>; 2] {
        [("ResourceProperties", self.resource_properties), ("OldResourceProperties", self.old_resource_properties)]
    }
}

/// An event of those members that a value can hold, for as long as they have no more than `most` bytes together.
fn values<'a>(members: impl IntoIterator<Item = Member<'a>>, most: usize) -> Value {
    let mut left = most;
    let mut event = Map::new();
    for (name, text) in members {
        let Some(text) = text.map(RawValue::get).filter(|text| text.len() <= left) else { continue };
        if let Ok(value) = serde_json::from_str(text) {
            left -= text.len();
            event.insert(name.to_owned(), value);
        }
    }
    Value::Object(event)
}

/// CloudFormation always sends properties.
const UNREADABLE: &str = "ResourceProperties: can't be read; a request may have 256 KB, and nothing in its properties may be \
                          nested more than 127 levels deep, hold half a character (`\\ud83d` without its other half) or be a number beyond 1e308";

/// The properties, through the types of `aws_lambda_events`. They print the `ResponseURL` with everything else, so it
/// doesn't get that far.
fn asked(event: &Value) -> Result<Asked, String> {
    let mut event = event.clone();
    event["ResponseURL"] = Value::from("");
    if let Some(members) = event.as_object_mut() {
        members.entry("ResourceType").or_insert_with(|| Value::from(""));
        match members.get("RequestType").and_then(Value::as_str) {
            Some("Delete") => _ = members.entry("ResourceProperties").or_insert(Value::Null),
            Some("Create" | "Update") if !members.contains_key("ResourceProperties") => {
                return Err(UNREADABLE.to_owned());
            }
            Some("Update") => _ = members.entry("OldResourceProperties").or_insert(Value::Null),
            _ => {}
        }
    }
    match serde_json::from_value(event) {
        Ok(CloudFormationCustomResourceRequest::Create(create)) => {
            Ok(Asked::Create { desired: create.resource_properties })
        }
        Ok(CloudFormationCustomResourceRequest::Update(update)) => {
            Ok(Asked::Update { desired: update.resource_properties, previous: update.old_resource_properties })
        }
        Ok(CloudFormationCustomResourceRequest::Delete(delete)) => {
            Ok(Asked::Delete { last: delete.resource_properties })
        }
        Ok(_) => Err("the RequestType is none of Create, Update and Delete".to_owned()),
        Err(_) => Err("the request can't be read: its RequestType is none of Create, Update and Delete, or it lacks \
             the PhysicalResourceId or the properties of that"
            .to_owned()),
    }
}

fn service_timeout(event: &Value) -> Duration {
    let said = &event["ResourceProperties"]["ServiceTimeout"];
    let seconds = said.as_u64().or_else(|| said.as_str().and_then(|text| text.parse().ok()));
    seconds.map_or(SERVICE_TIMEOUT, |seconds| Duration::from_secs(seconds).min(SERVICE_TIMEOUT))
}

/// `event` with what the next invocation has to know.
pub(crate) fn continued(event: &Value, continuation: &Continuation) -> Value {
    let mut event = event.clone();
    event[CONTINUATION] = serde_json::to_value(continuation).unwrap_or_default();
    event
}

/// The events in what Lambda hands over: one that CloudFormation sent directly, or those in the records of SNS.
/// What is no event comes out as an error, beside its neighbours.
pub(crate) fn unwrapped(payload: &RawValue) -> Vec<Result<Value, Unanswerable>> {
    each(payload, readable_within)
}

/// The same without their properties: who asks, and what for.
pub(crate) fn unwrapped_envelopes(payload: &RawValue) -> Vec<Result<Value, Unanswerable>> {
    each(payload, without_properties)
}

#[derive(Deserialize)]
struct Wrapping<'a> {
    #[serde(borrow, rename = "Records")]
    records: &'a RawValue,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, rename = "Sns")]
    sns: Notification<'a>,
}

#[derive(Deserialize)]
struct Notification<'a> {
    #[serde(borrow, rename = "Message")]
    message: Cow<'a, str>,
}

fn each(
    payload: &RawValue,
    read: impl Fn(&str, usize) -> Result<Value, Unanswerable>,
) -> Vec<Result<Value, Unanswerable>> {
    let unanswerable = |why: &str| Err(Unanswerable::Envelope(why.to_owned()));
    let records = serde_json::from_str(payload.get()).ok();
    let records = records.and_then(|Wrapping { records }| serde_json::from_str::<Vec<&RawValue>>(records.get()).ok());
    let Some(records) = records else { return vec![read(payload.get(), MOST_BYTES)] };
    if records.len() > MOST_RECORDS {
        return vec![unanswerable("it has too many records to be of SNS")];
    }
    let most = MOST_BYTES / records.len().max(1);
    let message = |record: &&RawValue| match serde_json::from_str(record.get()) {
        Ok(Record { sns }) => read(&sns.message, most),
        Err(_) => unanswerable("a record without a message of SNS"),
    };
    records.iter().map(message).collect()
}

#[cfg(test)]
impl Envelope {
    pub(crate) fn example() -> Self {
        Self {
            stack_id: "arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a".to_owned(),
            request_id: "5a7e".to_owned(),
            logical_resource_id: "Workloads".to_owned(),
            resource_type: "Custom::OrganizationalUnit".to_owned(),
            physical_resource_id: None,
            function: FunctionArn::read(
                "arn:aws:lambda:us-east-1:111111111111:function:archipelago-organizational-unit",
            ),
            log: "log stream: 2026/11/24/[1]ab".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::*;

    const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:archipelago-organizational-unit:live";
    const URL: &str = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn?Signature=s3cret";

    fn event(request_type: &str) -> Value {
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

    fn open(event: &Value) -> Result<Request, Unanswerable> {
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
    fn an_envelope_is_read_without_a_word_of_the_properties() {
        let mut sent_on = event("Update");
        sent_on["Continuation"] = json!({"Held": "ou-2"});
        let text = sent_on.to_string();
        let read = without_properties(&text, MOST_BYTES).unwrap();
        let request = open(&read).unwrap();
        assert_eq!(request.held(), Some("ou-2"));
        assert_eq!(request.asked.unwrap().name(), "Update");
        assert_eq!((&read["ResourceProperties"], read.get("OldResourceProperties")), (&json!({}), None));
        for request_type in ["Create", "Delete"] {
            let request = open(&without_properties(&event(request_type).to_string(), MOST_BYTES).unwrap()).unwrap();
            assert_eq!(request.asked.unwrap().name(), request_type);
        }
    }

    #[test]
    fn more_records_than_sns_would_ever_hand_over_are_not_read() {
        let records = |count: usize| to_raw_value(&json!({"Records": vec![json!({}); count]})).unwrap();
        assert_eq!(unwrapped(&records(MOST_RECORDS)).len(), MOST_RECORDS);
        assert_eq!(unwrapped(&records(MOST_RECORDS + 1)).len(), 1);
        assert_eq!(unwrapped_envelopes(&records(100_000)).len(), 1);
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
    fn what_is_sent_on_is_the_same_event_with_its_past() {
        let past = Continuation {
            first_try: Some(1),
            invocations: 1,
            held: Some("ou-1".to_owned()),
            waits: vec![("Godot".to_owned(), 2, 3)],
        };
        let sent_on = continued(&event("Create"), &past);
        assert_eq!(open(&sent_on).unwrap().past, past);
        assert_eq!(sent_on["ResponseURL"], event("Create")["ResponseURL"]);
    }

    #[test]
    fn events_come_directly_or_in_one_or_several_records_of_sns() {
        let unwrapped = |payload: &Value| unwrapped(&to_raw_value(payload).unwrap());
        assert_eq!(unwrapped(&event("Create")), [Ok(event("Create"))]);
        let record = |message: &str| json!({"EventSource": "aws:sns", "Sns": {"Message": message}});
        let create = record(&event("Create").to_string());
        let records = unwrapped(&json!({"Records": [create, record("no json"), create]}));
        assert_eq!(records[0], Ok(event("Create")));
        assert!(records[1].is_err());
        assert_eq!(records[2], Ok(event("Create")));
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
