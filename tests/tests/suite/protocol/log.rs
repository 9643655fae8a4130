//! What a function writes: JSON, with the request on every line, and no secret.

use std::sync::atomic::{AtomicUsize, Ordering};

use archipelago_tests::aws_stub::AwsStub;
use archipelago_tests::fault::Fault;
use archipelago_tests::function::{LogLine, SHORT};
use archipelago_tests::metrics::is_metrics;
use archipelago_tests::response_server::Reaction;
use serde_json::{Value, json};

use super::{Fixture, changed, fixture, principal_not_visible, pull};

/// A life with everything in it: continuation, PUTs that fail, a failed update, a replacement, a delete.
async fn eventful_life(level: &str) -> (Fixture, Vec<LogLine>) {
    let refusals = AtomicUsize::new(0);
    let ecr = AwsStub::ecr(move |call| {
        // An invocation has time for six tries at most.
        let refused = call.operation == "SetRepositoryPolicy" && refusals.fetch_add(1, Ordering::SeqCst) < 8;
        if refused { Fault::Before(principal_not_visible()) } else { Fault::None }
    })
    .await;
    let mut fixture = fixture(ecr, |configuration| {
        configuration.timeout(SHORT).variable("RUST_LOG", level).variable("RUST_BACKTRACE", "1")
    })
    .await;
    fixture.stack.handler = fixture.stack.handler.scripted([Reaction::Status(500), Reaction::Cut]);
    let _ = fixture.stack.create(&pull("app")).await.sound();
    let mut misspelt = pull("app");
    misspelt["Statment"] = json!({ "Principal": { "AWS": "arn:aws:iam::222222222222:role/confidant" } });
    let _ = fixture.stack.update(&misspelt).await.sound();
    let statement = "/Statement/Principal/AWS";
    let broken = changed(&pull("app"), statement, json!({ "confidant": "arn:aws:iam::222222222222:role/confidant" }));
    let _ = fixture.stack.update(&broken).await.sound();
    let _ = fixture.stack.update(&pull("other")).await.sound();
    let _ = fixture.stack.delete().await.sound();
    let log = fixture.function().retire().await;
    assert!(!log.is_empty(), "nothing was logged at {level}");
    (fixture, log)
}

#[tokio::test]
async fn no_level_shows_a_response_url_or_a_principal() {
    let (fixture, log) = eventful_life("trace").await;
    assert!(fixture.function().records().len() > 6, "the life went through continuation");
    for line in &log {
        for url in fixture.stack.handler.urls() {
            assert!(!line.text.contains(url.secret()), "{line:?}");
            assert!(!line.text.contains(url.signature()), "{line:?}");
        }
        for secret in ["confidant", "222222222222", "X-Amz-Signature", "secret-of-the-tests", "session-of-the-tests"] {
            assert!(!line.text.contains(secret), "`{secret}` in {line:?}");
        }
    }
}

#[tokio::test]
async fn no_reason_shows_a_response_url_or_a_principal() {
    let (fixture, _) = eventful_life("info").await;
    for url in fixture.stack.handler.urls() {
        for put in url.puts() {
            let reason = put.json()["Reason"].to_string();
            for secret in [url.signature(), "confidant", "222222222222"] {
                assert!(!reason.contains(secret), "`{secret}` in {reason}");
            }
        }
    }
}

#[tokio::test]
async fn every_line_is_json_and_names_its_request() {
    let (fixture, log) = eventful_life("debug").await;
    let records = fixture.function().records();
    let requests: Vec<_> = records.iter().filter_map(|record| record.event["RequestId"].as_str()).collect();
    for line in log.iter().filter(|line| !is_metrics(line)) {
        let json: Value = serde_json::from_str(&line.text).unwrap_or_else(|_| panic!("no JSON: {line:?}"));
        let field = |name: &str| json.get(name).or_else(|| json["span"].get(name)).and_then(Value::as_str);
        assert!(field("stack").is_some_and(|stack| stack.contains(":stack/demo/")), "{line:?}");
        assert_eq!(field("logical_id"), Some("Pull"), "{line:?}");
        assert_eq!(field("type"), Some("Custom::EcrPolicyStatement"), "{line:?}");
        assert!(field("request_id").is_some_and(|id| requests.contains(&id)), "{line:?}");
    }
}
