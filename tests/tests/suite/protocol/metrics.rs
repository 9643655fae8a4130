//! What a function lets CloudWatch count: one line a request, which says how it ended and nothing that was in it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use archipelago_tests::aws_stub::AwsStub;
use archipelago_tests::call::Call;
use archipelago_tests::cloudformation::RequestType;
use archipelago_tests::fault::{Fault, error};
use archipelago_tests::http::Reply;
use archipelago_tests::metrics::{is_metrics, metrics};
use archipelago_tests::response_server::Reaction;
use serde_json::{Value, json};

use super::continuation::waiting;
use super::{Fixture, calm, fixture, pull, returned};

/// A Create whose answer meets these reactions, and all metrics of the function.
async fn measured_create(fixture: &mut Fixture, script: impl IntoIterator<Item = Reaction>) -> Vec<Value> {
    let event = fixture.create(&pull("app"));
    let url = fixture.stack.handler.responses.scripted(script);
    fixture.invoke(&event.to_json(url.as_str())).await;
    metrics(&fixture.function().retire().await)
}

/// Tables of leases and of requests, in which the first answer about a lease is this one.
async fn leases_after(first: fn() -> Reply) -> AwsStub {
    let leases = AtomicUsize::new(0);
    let is_first =
        move |call: &Call| call.input["Key"]["Item"]["S"] == "lease" && leases.fetch_add(1, Ordering::SeqCst) == 0;
    AwsStub::ledger(move |call| is_first(call).then(first)).await
}

/// A fixture with these leases.
async fn leasing(leases: &AwsStub) -> Fixture {
    let ecr = AwsStub::ecr(|_| Fault::None).await;
    fixture(ecr, |configuration| configuration.variable("AWS_ENDPOINT_URL_DYNAMODB", leases.origin())).await
}

#[tokio::test]
async fn each_request_leaves_one_line_that_says_how_it_ended() {
    let ecr = AwsStub::ecr(|_| Fault::None).await;
    let mut fixture = fixture(ecr, |configuration| configuration.variable("RUST_LOG", "error")).await;
    let _ = fixture.stack.create(&pull("app")).await.sound();
    let mut misspelt = pull("app");
    misspelt["Statment"] = json!({});
    let run = fixture.stack.update(&misspelt).await.sound();
    assert_eq!(run.requests(), [RequestType::Update, RequestType::Update], "and the rollback");
    let _ = fixture.stack.delete().await.sound();
    let lines = metrics(&fixture.function().retire().await);
    let ended: Vec<_> = lines.iter().map(|line| (line["RequestType"].as_str(), line["Outcome"].as_str())).collect();
    let expected = [("Create", "Success"), ("Update", "Failed"), ("Update", "Success"), ("Delete", "Success")];
    assert_eq!(ended, expected.map(|(asked, outcome)| (Some(asked), Some(outcome))));
    for line in &lines {
        assert_eq!(line["FunctionName"], "archipelago-ecr-policy-statement");
        assert!(line["ResponseBytes"].as_u64().is_some_and(|bytes| (1..=4096).contains(&bytes)), "{line}");
    }
}

#[tokio::test]
async fn what_is_in_a_request_is_in_no_line() {
    let mut fixture = calm().await;
    let _ = fixture.stack.create(&pull("repository-of-confidants")).await.sound();
    let log = fixture.function().retire().await;
    let lines: Vec<_> = log.iter().filter(|line| is_metrics(line)).collect();
    assert_eq!(lines.len(), 1);
    let request = &fixture.function().records()[0].event;
    for value in ["StackId", "LogicalResourceId", "ResponseURL", "ResourceType"].map(|name| request[name].as_str()) {
        assert!(!lines[0].text.contains(value.unwrap()), "{:?}", lines[0]);
    }
    for value in ["demo", "confidant", "222222222222", "http"] {
        assert!(!lines[0].text.contains(value), "`{value}` in {:?}", lines[0]);
    }
}

#[tokio::test]
async fn dimensions_are_few_whatever_an_event_says() {
    let mut fixture = calm().await;
    let mut event = fixture.create(&pull("app"));
    event.resource_type = "Custom::OfSomebodyElse".to_owned();
    let url = fixture.stack.handler.responses.url();
    returned(&fixture.invoke(&event.to_json(url.as_str())).await);
    for line in metrics(&fixture.function().retire().await) {
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        let sets = directives.iter().flat_map(|directive| directive["Dimensions"].as_array().unwrap());
        let names: BTreeSet<_> =
            sets.flat_map(|set| set.as_array().unwrap()).map(|name| name.as_str().unwrap()).collect();
        assert_eq!(names, ["FunctionName", "Outcome"].into());
    }
}

#[tokio::test]
async fn work_that_outlives_an_invocation_is_counted_in_each_and_timed_from_the_first() {
    let (mut fixture, known) = waiting(|configuration| configuration).await;
    let event = fixture.create(&pull("app"));
    let event = event.to_json(fixture.stack.handler.responses.url().as_str());
    let enough = async {
        fixture.function().invoked(2).await;
        known.store(true, Ordering::SeqCst);
    };
    let _ = tokio::join!(fixture.invoke(&event), enough);
    let lines = metrics(&fixture.function().retire().await);
    let (last, before) = lines.split_last().unwrap();
    assert!(!before.is_empty(), "one invocation was enough");
    for line in before {
        assert_eq!((line["Outcome"].as_str(), line.get("ResponseBytes")), (Some("Continued"), None));
        assert!(line["Retries"].as_u64().is_some_and(|retries| retries > 0), "{line}");
    }
    assert_eq!(last["Outcome"], "Success");
    let duration = |line: &Value| line["Duration"].as_u64().unwrap();
    assert!(duration(last) > duration(&before[0]), "{lines:?}");
}

#[tokio::test]
async fn an_answer_that_never_arrives_is_told_from_one_that_does() {
    let lines = measured_create(&mut calm().await, [Reaction::Status(403)]).await;
    assert_eq!((lines.len(), lines[0]["Outcome"].as_str()), (1, Some("Undelivered")));
}

#[tokio::test]
async fn what_nobody_can_be_answered_about_is_counted_too() {
    let fixture = calm().await;
    returned(&fixture.invoke(&json!({ "hello": "world" })).await);
    let lines = metrics(&fixture.function().retire().await);
    assert_eq!((lines.len(), lines[0]["Outcome"].as_str()), (1, Some("Unanswerable")));
}

#[tokio::test]
async fn a_wait_for_another_request_is_counted_by_itself() {
    let taken = || error("ConditionalCheckFailedException", "The conditional request failed");
    let lines = measured_create(&mut leasing(&leases_after(taken).await).await, []).await;
    let counts = ["LeaseWaits", "Retries"].map(|name| lines[0][name].as_u64());
    assert_eq!((lines[0]["Outcome"].as_str(), counts), (Some("Success"), [Some(1), Some(1)]));
}

#[tokio::test]
async fn a_call_that_the_sdk_repeats_is_counted_by_itself() {
    let leases = leases_after(|| Reply::status(500)).await;
    let mut fixture = leasing(&leases).await;
    let lines = measured_create(&mut fixture, []).await;
    assert_eq!(lines[0]["AwsCalls"], leases.calls().len() + fixture.ecr.calls().len());
    let counts = ["LeaseWaits", "Retries"].map(|name| lines[0][name].as_u64());
    assert_eq!((lines[0]["Outcome"].as_str(), counts), (Some("Success"), [None, Some(1)]));
}

#[tokio::test]
async fn a_create_of_a_statement_makes_nine_calls() {
    let lines = measured_create(&mut calm().await, []).await;
    let calls = "the wish, the lease and a look at once; a note, the write, another look, and one at the repository; what is confirmed, and the release";
    assert_eq!((lines[0]["Outcome"].as_str(), &lines[0]["AwsCalls"]), (Some("Success"), &json!(9)), "{calls}");
}
