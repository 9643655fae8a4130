//! What nobody can answer, now or later.

use archipelago_tests::response_server::{Reaction, ResponseServer};
use serde_json::{Value, json};

use super::{Fixture, Unanswered, record};

#[tokio::test]
async fn a_url_that_has_expired_is_given_up() {
    let fixture = Fixture::new().await;
    let unanswered = fixture.create_scripted([Reaction::Status(403), Reaction::Status(403)]);
    fixture.settle(&[unanswered.record("timed-out")]).await;
    assert_eq!(unanswered.statuses(), [403, 403]);
    assert!(fixture.log(&[&unanswered]).await.contains("CloudFormation waits no longer"));
}

#[tokio::test]
async fn a_message_that_is_no_record_is_logged_and_comes_again_until_the_queue_keeps_it_for_a_person() {
    let fixture = Fixture::new().await;
    let neighbour = fixture.create();
    let bodies = ["", "no json, but confidant", "{}", "[]", "null"].map(str::to_owned);
    let bodies: Vec<_> = bodies.into_iter().chain([neighbour.record("timed-out")]).collect();
    assert_eq!(fixture.take(&bodies).await, [0, 1, 2, 3, 4]);
    assert!(!neighbour.answer().success);
    let log = fixture.log(&[&neighbour]).await;
    assert_eq!(log.matches("no record of a failed invocation").count(), 5, "{log}");
}

#[tokio::test]
async fn an_event_that_does_not_say_to_whom_is_logged_and_dropped() {
    let fixture = Fixture::new().await;
    let unanswered = fixture.create();
    let without = |member: &str| {
        let mut event = unanswered.to_json();
        event.as_object_mut().unwrap().remove(member);
        event
    };
    // Lambda leaves the event out where it is too large for the record.
    for event in
        [without("ResponseURL"), without("StackId"), Value::Null, json!("confidant"), json!({ "Records": [{}] })]
    {
        fixture.settle(&[record("timed-out", &event)]).await;
    }
    assert_eq!(unanswered.url.puts(), []);
    let log = fixture.log(&[&unanswered]).await;
    assert_eq!(log.matches("nobody can be answered").count(), 5, "{log}");
}

/// EventBridge's event about a call that a trail logged.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html>
fn policy_change() -> Value {
    json!({
        "version": "0",
        "id": "36eb8523-97d0-4518-b33d-ee3579ff19f0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ecr",
        "account": "111111111111",
        "time": "2026-11-24T12:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "eventVersion": "1.08",
            "eventSource": "ecr.amazonaws.com",
            "eventName": "SetRepositoryPolicy",
            "requestParameters": { "repositoryName": "app", "policyText": "confidant" },
        },
    })
}

/// What nobody waits for, and how the log calls it.
fn unawaited() -> [(&'static str, Value); 6] {
    let plan =
        json!({ "RequestType": "Plan", "LogicalResourceId": "App", "ResourceProperties": { "Name": "confidant" } });
    [
        ("Reconcile", json!({ "RequestType": "Reconcile" })),
        ("List", json!({ "RequestType": "List" })),
        ("Plan", plan),
        ("Suspend", json!({ "RequestType": "Suspend", "AccountId": "222222222222" })),
        ("Resume", json!({ "RequestType": "Resume", "Ids": ["confidant"] })),
        ("AWS API Call via CloudTrail", policy_change()),
    ]
}

#[tokio::test]
async fn what_nobody_waits_for_is_dropped_with_a_line_whatever_stopped_it() {
    let fixture = Fixture::new().await;
    let neighbour = fixture.create();
    for example in ["timed-out", "out-of-memory", "init-failed", "throttled"] {
        let records: Vec<_> = unawaited().iter().map(|(_, event)| record(example, event)).collect();
        fixture.settle(&records).await;
    }
    // Beside others in a batch it is no other matter.
    fixture.settle(&[record("timed-out", &policy_change()), neighbour.record("timed-out")]).await;
    assert!(!neighbour.answer().success);
    let log = fixture.log(&[&neighbour]).await;
    for (name, _) in unawaited() {
        assert!(log.contains(name), "{name}: {log}");
    }
    assert_eq!(log.matches("nobody waits for what was stopped").count(), 25, "{log}");
    assert!(!log.contains("nobody can be answered"), "{log}");
    assert!(!log.contains("Unanswerable"), "no alarm: {log}");
}

#[tokio::test]
async fn a_request_of_cloudformation_is_never_taken_for_something_that_nobody_waits_for() {
    let fixture = Fixture::new().await;
    let mut unanswered = Vec::new();
    for (_, disguise) in unawaited() {
        let waiting = fixture.create();
        let mut event = waiting.to_json();
        for (member, value) in disguise.as_object().unwrap() {
            event.as_object_mut().unwrap().entry(member).or_insert_with(|| value.clone());
        }
        fixture.settle(&[record("timed-out", &event)]).await;
        assert!(!waiting.answer().success);
        unanswered.push(waiting);
    }
    // Who wrote this wants an answer, and says nowhere where to.
    for request in ["Create", "Update", "Delete", "Repair", ""] {
        fixture.settle(&[record("timed-out", &json!({ "RequestType": request }))]).await;
    }
    let log = fixture.log(&unanswered.iter().collect::<Vec<_>>()).await;
    assert_eq!(log.matches("nobody can be answered").count(), 5, "{log}");
}

#[tokio::test]
async fn nothing_is_sent_to_a_stranger() {
    let fixture = Fixture::new().await;
    let stranger = ResponseServer::start().await;
    let unanswered = Unanswered::at(stranger.url());
    fixture.settle(&[unanswered.record("timed-out")]).await;
    assert_eq!(unanswered.url.puts(), []);
    assert!(fixture.log(&[&unanswered]).await.contains("the ResponseURL was not accepted"));
}
