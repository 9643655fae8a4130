//! An event as text, since a parsed value can't hold all that a template can.

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{Unanswerable, event::CONTINUATION};

/// The bytes of a request that are read. Lambda hands over a megabyte, and as values that can take two hundred of memory.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const MOST_BYTES: usize = 256 * 1024;

/// The event in `text`, a JSON object, without those of its members that no [`Value`] can hold (what is nested too deep, half
/// a character, a number that is too large) and without properties for which 256 KB are too little. Who asks is known all the
/// same, and gets an answer.
///
/// # Errors
/// When it is no object.
pub fn readable(text: &str) -> Result<Value, Unanswerable> {
    readable_within(text, MOST_BYTES)
}

pub(crate) fn readable_within(text: &str, most: usize) -> Result<Value, Unanswerable> {
    if text.len() <= most
        && let Ok(event @ Value::Object(_)) = serde_json::from_str(text)
    {
        return Ok(event);
    }
    let members = Members::of(text)?;
    Ok(values(members.envelope().into_iter().chain(members.properties()), most))
}

/// The same event without its properties, however large they are.
pub(crate) fn without_properties(text: &str, most: usize) -> Result<Value, Unanswerable> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        Known, RequestType,
        event::tests::{event, open},
    };

    #[test]
    fn an_envelope_is_read_without_a_word_of_the_properties() {
        let mut sent_on = event("Update");
        sent_on["Continuation"] = json!({"HeldId": "ou-2"});
        let text = sent_on.to_string();
        let read = without_properties(&text, MOST_BYTES).unwrap();
        let request = open(&read).unwrap();
        assert_eq!(request.id_to_answer(), Known::Id("ou-2"));
        assert_eq!(request.asked.unwrap().request_type(), RequestType::Update);
        assert_eq!((&read["ResourceProperties"], read.get("OldResourceProperties")), (&json!({}), None));
        for request_type in [RequestType::Create, RequestType::Delete] {
            let text = event(request_type.name()).to_string();
            let request = open(&without_properties(&text, MOST_BYTES).unwrap()).unwrap();
            assert_eq!(request.asked.unwrap().request_type(), request_type);
        }
    }
}
