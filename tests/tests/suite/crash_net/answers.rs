//! What CloudFormation is told.

use archipelago_tests::binary::example;
use archipelago_tests::function::{Configuration, Function, InvocationEnd};
use archipelago_tests::metrics::metrics;
use archipelago_tests::response_server::Reaction;
use serde_json::{Value, json};

use super::{Fixture, Unanswered, record};
use crate::protocol::megabyte;

#[tokio::test]
async fn each_answer_in_a_function_s_place_is_counted_by_what_ended_the_function() {
    let fixture = Fixture::new().await;
    let causes = [
        ("timed-out", "TimedOut"),
        ("out-of-memory", "Killed"),
        ("init-failed", "Ended"),
        ("not-executable", "NotStarted"),
        ("throttled", "TooOld"),
        ("no-concurrency", "NoConcurrency"),
    ];
    for (example, _) in causes {
        fixture.settle(&[fixture.create().record(example)]).await;
    }
    let lines = metrics(&fixture.responder.retire().await);
    let counted: Vec<_> = lines.iter().map(|line| (line["Cause"].as_str(), line["Outcome"].as_str())).collect();
    assert_eq!(counted, causes.map(|(_, cause)| (Some(cause), Some("Failed"))));
    for line in lines {
        assert_eq!(line["FunctionName"], "archipelago-account", "that which was ended");
        let by_cause = &line["_aws"]["CloudWatchMetrics"][2];
        assert_eq!(by_cause["Dimensions"], json!([["FunctionName", "Cause"]]));
    }
}

#[tokio::test]
async fn whatever_ended_a_function_is_answered_failed_with_its_cause_and_the_way_to_its_log() {
    let fixture = Fixture::new().await;
    for (example, words) in [
        ("timed-out", "archipelago-account was stopped at its timeout (900.00 seconds)"),
        ("out-of-memory", "give the function more MemorySize"),
        ("init-failed", "(exit status 1), as it does when it can't start"),
        ("not-executable", "(Runtime.InvalidEntrypoint)"),
        ("throttled", "without running archipelago-account"),
        ("no-concurrency", "its reserved concurrency is 0"),
    ] {
        let unanswered = fixture.create();
        fixture.settle(&[unanswered.record(example)]).await;
        let answer = unanswered.answer();
        assert!(!answer.success, "{example}");
        let reason = answer.reason.unwrap();
        assert!(reason.contains(words), "{example}: {reason}");
        let log = "log group: /aws/lambda/archipelago-account, search it for e4b46cbf-b738-4880-8880-a18cdf61200e)";
        assert!(reason.ends_with(log), "{example}: {reason}");
    }
    fixture.log(&[]).await;
}

/// The record of an invocation that ended so, with these events.
fn record_of(event: &Value, end: &InvocationEnd) -> String {
    let InvocationEnd::Errored(payload) = end else { panic!("no record is made of {end:?}") };
    let mut record: Value = serde_json::from_str(&record("undelivered", event)).unwrap();
    record["responsePayload"] = payload.clone();
    record.to_string()
}

/// An error with these answers in it.
fn undelivered(answers: &[Value]) -> InvocationEnd {
    let message = json!({ "Answers": answers }).to_string();
    InvocationEnd::Errored(json!({ "errorType": "AnswerUndelivered", "errorMessage": message }))
}

/// What a function would answer to an event.
fn success(unanswered: &Unanswered) -> Value {
    let event = &unanswered.event;
    json!({
        "Status": "SUCCESS",
        "PhysicalResourceId": "222222222222",
        "StackId": event.stack_id,
        "RequestId": event.request_id,
        "LogicalResourceId": event.logical_resource_id,
        "Data": { "AccountId": "222222222222" },
    })
}

#[tokio::test]
async fn an_answer_that_a_function_could_not_deliver_is_delivered_as_it_was() {
    let fixture = Fixture::new().await;
    let scripted =
        Configuration::new("scripted", example("scripted")).variable("RESPONSE_HOSTS", fixture.responses.origin());
    let scripted = Function::start(scripted).await;
    for (ending, success) in [("Success", true), ("Refused", false)] {
        // The function tries no further, so that it needn't run out of time.
        let unanswered = fixture.create_scripted([Reaction::Refused(403, "AccessDenied")]);
        let mut event = unanswered.to_json();
        event["ResourceProperties"] = json!({ "Id": "thing-1", "Ending": ending, "Size": 3 });
        let end = scripted.invoke(&event).await;
        fixture.settle(&[record_of(&event, &end)]).await;
        assert_eq!(unanswered.statuses(), [403, 200]);
        let answer = unanswered.answer();
        assert_eq!((answer.success, answer.physical_resource_id.as_str()), (success, "thing-1"));
        let puts = unanswered.url.puts();
        assert_eq!(puts[1].body, puts[0].body, "{ending}");
    }
    let lines = metrics(&fixture.responder.retire().await);
    let counted: Vec<_> = lines.iter().map(|line| (line["Cause"].as_str(), line["Outcome"].as_str())).collect();
    assert_eq!(counted, ["Success", "Failed"].map(|outcome| (Some("AnswerUndelivered"), Some(outcome))));
}

#[tokio::test]
async fn of_several_events_only_those_whose_answers_were_not_delivered_are_answered() {
    let fixture = Fixture::new().await;
    let (settled, unlucky) = (fixture.create(), fixture.create());
    let message = |unanswered: &Unanswered| json!({ "Sns": { "Message": unanswered.to_json().to_string() } });
    let wrapped = json!({ "Records": [message(&settled), message(&unlucky)] });
    fixture.settle(&[record_of(&wrapped, &undelivered(&[success(&unlucky)]))]).await;
    assert!(unlucky.answer().success);
    assert_eq!(settled.url.puts(), [], "it may be worked on in another invocation");
}

#[tokio::test]
async fn an_answer_to_another_request_is_not_used_and_one_that_can_not_be_read_is_failed() {
    let fixture = Fixture::new().await;
    for (name, value) in [
        ("StackId", json!("arn:aws:cloudformation:us-east-1:111111111111:stack/other/1f0a")),
        ("RequestId", json!("5a7f")),
        ("LogicalResourceId", json!("Other")),
        ("Status", json!("DONE")),
        ("PhysicalResourceId", Value::Null),
    ] {
        let unanswered = fixture.create();
        let mut forged = success(&unanswered);
        forged[name] = value;
        fixture.settle(&[record_of(&unanswered.to_json(), &undelivered(&[forged]))]).await;
        let answer = unanswered.answer();
        assert!(!answer.success, "{name}");
        assert_eq!(answer.physical_resource_id, "something-may-have-been-made", "{name}");
        assert!(answer.reason.unwrap().contains("could not deliver its answer"), "{name}");
    }
}

#[tokio::test]
async fn an_answer_that_can_not_be_delivered_by_the_responder_either_comes_again() {
    let fixture = Fixture::new().await;
    let unanswered = fixture.create_scripted([Reaction::Status(503); 100]);
    let record = record_of(&unanswered.to_json(), &undelivered(&[success(&unanswered)]));
    assert_eq!(fixture.take(&[record]).await, [0]);
}

#[tokio::test]
async fn what_is_said_of_an_invocation_may_be_anything_and_its_event_is_answered() {
    let fixture = Fixture::new().await;
    for context in [Value::Null, json!("x"), json!({ "functionArn": null, "condition": 3, "requestId": [] })] {
        let unanswered = fixture.create();
        let mut record: Value = serde_json::from_str(&unanswered.record("out-of-memory")).unwrap();
        record["requestContext"] = context;
        fixture.settle(&[record.to_string()]).await;
        let reason = unanswered.answer().reason.unwrap();
        assert!(reason.starts_with("the function was killed"), "{reason}");
    }
}

/// Half of what the responder has, in bytes.
const HALF_OF_THE_MEMORY: u64 = 64 << 20;

#[tokio::test]
async fn a_batch_of_events_that_have_a_megabyte_each_is_answered_in_little_memory() {
    let fixture = Fixture::new().await;
    let unanswered = [fixture.create(), fixture.create(), fixture.create()];
    let record = |unanswered: &Unanswered| {
        let mut event = unanswered.to_json();
        event["ResourceProperties"]["Statement"] = megabyte();
        record("out-of-memory", &event)
    };
    fixture.settle(&unanswered.each_ref().map(record)).await;
    assert!(unanswered.iter().all(|one| !one.answer().success));
    let peak = fixture.responder.peak_memory();
    assert!(peak < HALF_OF_THE_MEMORY, "{} MB", peak >> 20);
}

#[tokio::test]
async fn the_id_that_an_earlier_invocation_held_is_in_the_answer() {
    let fixture = Fixture::new().await;
    let unanswered = fixture.create();
    let mut sent_on = unanswered.to_json();
    sent_on["Continuation"] = json!({ "FirstTry": 1, "Invocations": 1, "HeldId": "car-0123456789abcdef", "Waits": [] });
    fixture.settle(&[record("timed-out", &sent_on)]).await;
    assert_eq!(unanswered.answer().physical_resource_id, "car-0123456789abcdef");
}

#[tokio::test]
async fn without_an_id_the_answer_says_whether_something_may_have_been_made() {
    let fixture = Fixture::new().await;
    for (example, id) in [("out-of-memory", "something-may-have-been-made"), ("throttled", "nothing-was-made")] {
        let unanswered = fixture.create();
        fixture.settle(&[unanswered.record(example)]).await;
        assert_eq!(unanswered.answer().physical_resource_id, id, "{example}");
    }
    let unanswered = fixture.create();
    let mut sent_on = unanswered.to_json();
    sent_on["Continuation"] = json!({ "FirstTry": 1, "Invocations": 1 });
    fixture.settle(&[record("throttled", &sent_on)]).await;
    assert_eq!(unanswered.answer().physical_resource_id, "something-may-have-been-made");
}

#[tokio::test]
async fn events_that_came_through_sns_are_answered_one_by_one() {
    let fixture = Fixture::new().await;
    let (one, other) = (fixture.create(), fixture.create());
    let message = |event: Value| json!({ "EventSource": "aws:sns", "Sns": { "Message": event.to_string() } });
    let wrapped = json!({ "Records": [message(one.to_json()), message(other.to_json())] });
    fixture.settle(&[record("timed-out", &wrapped)]).await;
    assert!(!one.answer().success && !other.answer().success);
    fixture.log(&[&one, &other]).await;
}
