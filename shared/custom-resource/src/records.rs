//! The events in what Lambda hands over: one that CloudFormation sent directly, or those in the records of SNS.
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    Unanswerable,
    event_text::{MOST_BYTES, readable_within, without_properties},
};

/// SNS hands over one record at a time.
const MOST_RECORDS: usize = 100;

/// The events in what Lambda hands over: one that CloudFormation sent directly, or those in the records of SNS.
/// What is no event comes out as an error, beside its neighbours.
pub(crate) fn unwrapped(payload: &RawValue) -> Vec<Result<Value, Unanswerable>> {
    each(payload, readable_within)
}

/// Whether Lambda hands over records of SNS.
pub(crate) fn is_wrapped(payload: &RawValue) -> bool {
    wrapped(payload).is_some()
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

/// The records in what Lambda hands over, if there are any.
fn wrapped(payload: &RawValue) -> Option<Vec<&RawValue>> {
    let Wrapping { records } = serde_json::from_str(payload.get()).ok()?;
    serde_json::from_str(records.get()).ok()
}

fn each(
    payload: &RawValue,
    read: impl Fn(&str, usize) -> Result<Value, Unanswerable>,
) -> Vec<Result<Value, Unanswerable>> {
    let unanswerable = |why: &str| Err(Unanswerable::Envelope(why.to_owned()));
    let Some(records) = wrapped(payload) else { return vec![read(payload.get(), MOST_BYTES)] };
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
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::*;
    use crate::event::tests::event;

    #[test]
    fn more_records_than_sns_would_ever_hand_over_are_not_read() {
        let records = |count: usize| to_raw_value(&json!({"Records": vec![json!({}); count]})).unwrap();
        assert_eq!(unwrapped(&records(MOST_RECORDS)).len(), MOST_RECORDS);
        assert_eq!(unwrapped(&records(MOST_RECORDS + 1)).len(), 1);
        assert_eq!(unwrapped_envelopes(&records(100_000)).len(), 1);
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
}
