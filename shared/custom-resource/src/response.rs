//! The one answer, in the shape and the size that CloudFormation reads.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html>

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Envelope, Known};

/// A longer body is dropped by CloudFormation, whose stack then shows that instead of the reason.
pub(crate) const MAX_BODY: usize = 4096;

/// A longer id is none to CloudFormation.
pub(crate) const MAX_ID: usize = 1024;

/// What CloudFormation is told. Absent members are left out: it discards an answer with `"Reason": null`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    physical_resource_id: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    no_echo: bool,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    data: Map<String, Value>,
}

/// Says how it ended, and nothing that may be masked.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, reason, physical_resource_id: id, .. } = self;
        f.debug_struct("Response")
            .field("status", status)
            .field("id", id)
            .field("reason", reason)
            .finish_non_exhaustive()
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Everything is as the template says.
    Success,
    /// It isn't, and the reason says why.
    Failed,
}

impl Response {
    /// The work is done, and this is what `!Ref` and `!GetAtt` read. Too much data makes it a failure that says so.
    pub(crate) fn success(envelope: &Envelope, id: &str, data: Map<String, Value>, no_echo: bool) -> Self {
        if !is_id(id) {
            let reason = format!("the physical id has {} bytes, and CloudFormation takes 1 to {MAX_ID}", id.len());
            return Self::failed(envelope, Known::Id(id), &reason);
        }
        let response = Self { no_echo, data, ..Self::new(envelope, Status::Success, id) };
        let size = response.size();
        if size <= MAX_BODY {
            return response;
        }
        let reason = format!(
            "the attributes make the answer {size} bytes long, and CloudFormation reads {MAX_BODY}; the largest are {}",
            largest(&response.data)
        );
        Self::failed(envelope, Known::Id(id), &reason)
    }

    /// The work is not done, for this reason; a resource that gave none is said to have given none. `id` is that of what exists
    /// all the same.
    pub(crate) fn failed(envelope: &Envelope, id: Known<&str>, reason: &str) -> Self {
        let id = if id.id().is_none_or(|id| is_id(id)) { id.as_text() } else { Known::Perhaps.as_text() };
        let reason = if reason.trim().is_empty() { "the resource failed and gave no reason" } else { reason };
        let trace = format!(" ({})", envelope.trace());
        let mut response = Self::new(envelope, Status::Failed, id);
        response.reason = Some(trace.clone());
        let room = MAX_BODY.saturating_sub(response.size());
        response.reason = Some(cut(reason, room) + &trace);
        response
    }

    fn new(envelope: &Envelope, status: Status, id: &str) -> Self {
        Self {
            status,
            reason: None,
            physical_resource_id: id.to_owned(),
            stack_id: envelope.stack_id.clone(),
            request_id: envelope.request_id.clone(),
            logical_resource_id: envelope.logical_resource_id.clone(),
            no_echo: false,
            data: Map::new(),
        }
    }

    /// What may be kept of it until it is delivered: attributes that are to be masked may not.
    pub(crate) fn kept(self, envelope: &Envelope) -> Self {
        if self.no_echo && !self.data.is_empty() {
            let reason = "the work succeeded, but the answer could not be delivered, and was not kept, since it holds what \
                          CloudFormation is to mask (NoEcho); try again";
            return Self::failed(envelope, Known::Id(&self.physical_resource_id), reason);
        }
        self
    }

    /// Whether it is an answer to the request with that envelope.
    pub(crate) fn answers(&self, envelope: &Envelope) -> bool {
        let Self { stack_id, request_id, logical_resource_id, .. } = self;
        [stack_id, request_id, logical_resource_id]
            == [&envelope.stack_id, &envelope.request_id, &envelope.logical_resource_id]
    }

    /// Whether CloudFormation would take it.
    pub(crate) fn is_sound(&self) -> bool {
        is_id(&self.physical_resource_id) && self.size() <= MAX_BODY
    }

    /// How it ended.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Why it failed.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// What `!Ref` reads.
    #[must_use]
    pub fn physical_resource_id(&self) -> &str {
        &self.physical_resource_id
    }

    /// What `!GetAtt` reads.
    #[must_use]
    pub fn data(&self) -> &Map<String, Value> {
        &self.data
    }

    /// Whether CloudFormation is to mask the attributes.
    #[must_use]
    pub fn masks_data(&self) -> bool {
        self.no_echo
    }

    /// The JSON that is sent.
    #[must_use]
    pub fn body(&self) -> String {
        // Strings and maps with string keys always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn size(&self) -> usize {
        self.body().len()
    }
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ID
}

/// `text`, or as much of it as takes `room` bytes inside a JSON string, on a boundary between characters.
fn cut(text: &str, room: usize) -> String {
    const ELLIPSIS: &str = "…";
    let escaped = |c: char| serde_json::to_string(&c).map_or(0, |json| json.len() - 2);
    if text.chars().map(escaped).sum::<usize>() <= room {
        return text.to_owned();
    }
    let mut left = room.saturating_sub(ELLIPSIS.len());
    let fits = |c: &char| {
        let size = escaped(*c);
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    text.chars().take_while(fits).collect::<String>() + ELLIPSIS
}

/// The three largest attributes, with the bytes that each takes.
fn largest(data: &Map<String, Value>) -> String {
    let mut sizes: Vec<_> = data.iter().map(|(name, value)| (value.to_string().len(), name)).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.truncate(3);
    sizes.iter().map(|(size, name)| format!("{name} ({size} bytes)")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    fn parsed(response: &Response) -> Value {
        serde_json::from_str(&response.body()).unwrap()
    }

    #[test]
    fn an_answer_has_no_nulls() {
        let success = Response::success(&Envelope::example(), "ou-1", Map::new(), false);
        assert_eq!(
            parsed(&success),
            json!({
                "Status": "SUCCESS",
                "PhysicalResourceId": "ou-1",
                "StackId": "arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a",
                "RequestId": "5a7e",
                "LogicalResourceId": "Workloads",
            })
        );
    }

    #[test]
    fn a_failure_says_why_and_where_to_look() {
        let failed = Response::failed(&Envelope::example(), Known::Id("ou-1"), "the OU is not empty");
        assert_eq!(failed.reason(), Some("the OU is not empty (RequestId: 5a7e; log stream: 2026/11/24/[1]ab)"));
        assert_eq!(failed.physical_resource_id(), "ou-1");
    }

    #[test]
    fn a_failure_without_a_reason_says_that_there_is_none() {
        for reason in ["", " \n"] {
            let failed = Response::failed(&Envelope::example(), Known::Nothing, reason);
            assert!(failed.reason().unwrap().starts_with("the resource failed and gave no reason (RequestId: 5a7e;"));
        }
    }

    #[test]
    fn a_failure_before_anything_was_made_carries_an_id_that_says_so() {
        assert_eq!(
            Response::failed(&Envelope::example(), Known::Nothing, "no").physical_resource_id(),
            Known::Nothing.as_text()
        );
    }

    #[test]
    fn an_id_that_cloudformation_does_not_take_says_that_something_may_have_been_made() {
        for id in ["", &"x".repeat(MAX_ID + 1)] {
            assert_eq!(
                Response::failed(&Envelope::example(), Known::Id(id), "no").physical_resource_id(),
                Known::Perhaps.as_text()
            );
            let success = Response::success(&Envelope::example(), id, Map::new(), false);
            assert_eq!((success.status(), success.physical_resource_id()), (Status::Failed, Known::Perhaps.as_text()));
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters_and_fills_the_body_to_the_byte() {
        for reason in ["x".repeat(9000), "\"".repeat(9000), "é".repeat(9000), "😀\n\u{1}".repeat(3000)] {
            let failed = Response::failed(&Envelope::example(), Known::Nothing, &reason);
            let size = failed.body().len();
            assert!((MAX_BODY - 10..=MAX_BODY).contains(&size), "{size}");
            assert!(failed.reason().unwrap().ends_with("… (RequestId: 5a7e; log stream: 2026/11/24/[1]ab)"));
        }
    }

    #[test]
    fn a_body_of_exactly_4096_bytes_is_sent_and_one_more_byte_is_refused() {
        let with = |length: usize| {
            Response::success(&Envelope::example(), "id", data(json!({"A": "x".repeat(length)})), false)
        };
        let fits = MAX_BODY - with(0).size();
        assert_eq!(with(fits).status(), Status::Success);
        assert_eq!(with(fits).body().len(), MAX_BODY);
        assert_eq!(with(fits + 1).status(), Status::Failed);
    }

    #[test]
    fn too_large_attributes_are_a_failure_that_names_the_largest_and_keeps_the_id() {
        let attributes = data(json!({"Small": "1", "Sids": "x".repeat(4000), "Arn": "y".repeat(100), "C": "zz"}));
        let failed = Response::success(&Envelope::example(), "repo#1", attributes, false);
        assert_eq!(failed.status(), Status::Failed);
        assert_eq!(failed.physical_resource_id(), "repo#1");
        assert!(failed.reason().unwrap().contains("Sids (4002 bytes), Arn (102 bytes), C (4 bytes)"));
        assert!(failed.body().len() <= MAX_BODY);
    }

    #[test]
    fn attributes_that_are_to_be_masked_are_not_kept_and_the_answer_says_so() {
        let secret = Response::success(&Envelope::example(), "id", data(json!({"A": "confidant"})), true);
        let kept = secret.kept(&Envelope::example());
        assert_eq!((kept.status(), kept.physical_resource_id()), (Status::Failed, "id"));
        assert!(kept.reason().unwrap().starts_with("the work succeeded, but the answer could not be delivered"));
        assert!(!kept.body().contains("confidant"));
        for other in [
            Response::success(&Envelope::example(), "id", data(json!({"A": "b"})), false),
            Response::success(&Envelope::example(), "id", Map::new(), true),
            Response::failed(&Envelope::example(), Known::Nothing, "no"),
        ] {
            assert_eq!(other.clone().kept(&Envelope::example()), other);
        }
    }

    #[test]
    fn attributes_are_masked_where_the_type_says_so() {
        let masked = Response::success(&Envelope::example(), "id", data(json!({"A": "b"})), true);
        assert_eq!(parsed(&masked)["NoEcho"], json!(true));
        assert!(masked.masks_data());
        assert_eq!(parsed(&masked)["Data"], json!({"A": "b"}));
    }
}
