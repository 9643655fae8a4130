//! What CloudFormation is told.

use archipelago_tests::metrics::metrics;
use serde_json::{Value, json};

use super::{Scene, record};

#[tokio::test]
async fn each_answer_in_a_function_s_place_is_counted_by_what_ended_the_function() {
    let scene = Scene::new().await;
    let causes = [
        ("timed-out", "TimedOut"),
        ("out-of-memory", "Killed"),
        ("init-failed", "Ended"),
        ("not-executable", "NotStarted"),
        ("throttled", "TooOld"),
        ("no-concurrency", "NoConcurrency"),
    ];
    for (example, _) in causes {
        scene.settle(&[scene.create().record(example)]).await;
    }
    let lines = metrics(&scene.responder.retire().await);
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
    let scene = Scene::new().await;
    for (example, words) in [
        ("timed-out", "archipelago-account was stopped at its timeout (900.00 seconds)"),
        ("out-of-memory", "give the function more MemorySize"),
        ("init-failed", "(exit status 1), as it does when it can't start"),
        ("not-executable", "(Runtime.InvalidEntrypoint)"),
        ("throttled", "without running archipelago-account"),
        ("no-concurrency", "its reserved concurrency is 0"),
    ] {
        let unanswered = scene.create();
        scene.settle(&[unanswered.record(example)]).await;
        let answer = unanswered.answer();
        assert!(!answer.success, "{example}");
        let reason = answer.reason.unwrap();
        assert!(reason.contains(words), "{example}: {reason}");
        let log = "log group: /aws/lambda/archipelago-account, search it for e4b46cbf-b738-4880-8880-a18cdf61200e)";
        assert!(reason.ends_with(log), "{example}: {reason}");
    }
    scene.log(&[]).await;
}

#[tokio::test]
async fn the_id_that_an_earlier_invocation_held_is_in_the_answer() {
    let scene = Scene::new().await;
    let unanswered = scene.create();
    let mut sent_on = unanswered.to_json();
    sent_on["Continuation"] = json!({ "FirstTry": 1, "Invocations": 1, "Held": "car-0123456789abcdef", "Waits": [] });
    scene.settle(&[record("timed-out", &sent_on)]).await;
    assert_eq!(unanswered.answer().physical_resource_id, "car-0123456789abcdef");
}

#[tokio::test]
async fn without_an_id_the_answer_says_whether_something_may_have_been_made() {
    let scene = Scene::new().await;
    for (example, id) in [("out-of-memory", "something-may-have-been-made"), ("throttled", "nothing-was-made")] {
        let unanswered = scene.create();
        scene.settle(&[unanswered.record(example)]).await;
        assert_eq!(unanswered.answer().physical_resource_id, id, "{example}");
    }
}

#[tokio::test]
async fn events_that_came_through_sns_are_answered_one_by_one() {
    let scene = Scene::new().await;
    let (one, other) = (scene.create(), scene.create());
    let message = |event: Value| json!({ "EventSource": "aws:sns", "Sns": { "Message": event.to_string() } });
    let wrapped = json!({ "Records": [message(one.to_json()), message(other.to_json())] });
    scene.settle(&[record("timed-out", &wrapped)]).await;
    assert!(!one.answer().success && !other.answer().success);
    scene.log(&[&one, &other]).await;
}
