//! A function behaves as Lambda's do.

use std::time::Duration;

use archipelago_tests::function::{Configuration, Function, InvocationEnd};
use serde_json::{Value, json};

fn puppet() -> Configuration {
    Configuration::new("puppet", env!("CARGO_BIN_EXE_puppet"))
}

fn returned(end: InvocationEnd) -> Value {
    match end {
        InvocationEnd::Returned(value) => value,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_event_comes_back_as_what_the_function_returned() {
    let function = Function::start(puppet()).await;
    let value = returned(function.invoke(&json!({ "hello": "world" })).await);
    assert_eq!(value["event"], json!({ "hello": "world" }));
    assert_eq!(value["arn"], "arn:aws:lambda:eu-west-1:111111111111:function:puppet");
}

#[tokio::test]
async fn a_process_is_told_a_deadline_that_is_its_timeout_away() {
    let function = Function::start(puppet().timeout(Duration::from_secs(100))).await;
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let before = now();
    let value = returned(function.invoke(&json!({})).await);
    let deadline: u128 = value["deadline"].as_str().unwrap().parse().unwrap();
    let offered = deadline - 100_000;
    assert!((before..=now()).contains(&offered), "{deadline} is not 100 s after the event was offered");
}

#[tokio::test]
async fn a_warm_process_takes_the_next_event() {
    let function = Function::start(puppet()).await;
    let first = returned(function.invoke(&json!({})).await);
    let second = returned(function.invoke(&json!({})).await);
    assert_eq!(first["pid"], second["pid"]);
    assert_eq!(function.processes(), 1);
}

#[tokio::test]
async fn events_at_the_same_time_get_processes_of_their_own() {
    let function = Function::start(puppet()).await;
    let event = json!({ "sleep": 300 });
    let (first, second) = tokio::join!(function.invoke(&event), function.invoke(&event));
    assert_ne!(returned(first)["pid"], returned(second)["pid"]);
}

#[tokio::test]
async fn a_process_can_be_killed_in_the_middle_of_its_event() {
    let function = Function::start(puppet()).await;
    let event = json!({ "sleep": 60_000 });
    let (end, ()) = tokio::join!(function.invoke(&event), async {
        function.invoked(1).await;
        function.kill("session-of-the-tests-1").await;
    });
    assert_eq!(end, InvocationEnd::Crashed);
    returned(function.invoke(&json!({})).await);
    assert_eq!(function.processes(), 2);
}

#[tokio::test]
async fn an_error_is_reported_and_leaves_the_process_warm() {
    let function = Function::start(puppet()).await;
    let end = function.invoke(&json!({ "error": { "errorType": "Puppet" } })).await;
    assert_eq!(end, InvocationEnd::Errored(json!({ "errorType": "Puppet" })));
    returned(function.invoke(&json!({})).await);
    assert_eq!(function.processes(), 1);
}

#[tokio::test]
async fn a_failed_start_is_an_error() {
    let function = Function::start(puppet().variable("PUPPET_INIT", "error")).await;
    assert_eq!(function.invoke(&json!({})).await, InvocationEnd::Errored(json!({ "errorType": "Puppet.Init" })));
}

#[tokio::test]
async fn an_invocation_that_outlives_its_timeout_loses_its_process() {
    let function = Function::start(puppet().punctual(Duration::from_millis(500))).await;
    assert_eq!(function.invoke(&json!({ "sleep": 60_000 })).await, InvocationEnd::TimedOut);
    // How the next one ends depends on the machine.
    function.invoke(&json!({})).await;
    assert_eq!(function.processes(), 2);
}

#[tokio::test]
async fn a_process_that_ends_by_itself_has_crashed() {
    let function = Function::start(puppet()).await;
    assert_eq!(function.invoke(&json!({ "exit": true })).await, InvocationEnd::Crashed);
    returned(function.invoke(&json!({})).await);
}

#[tokio::test]
async fn everything_that_was_written_is_kept_as_lines() {
    let function = Function::start(puppet()).await;
    function.invoke(&json!({ "say": "first\nsecond" })).await;
    let log = function.retire().await;
    let lines: Vec<_> = log.iter().map(|line| (line.stderr, line.text.as_str())).collect();
    assert!(lines.contains(&(false, "the puppet wakes up")), "{lines:?}");
    assert!(lines.contains(&(true, "second")), "{lines:?}");
}

#[tokio::test]
async fn a_function_can_send_an_event_on_to_itself() {
    let function = Function::start(puppet()).await;
    let event = json!({ "forward": { "forward": { "last": true } } });
    assert_eq!(returned(function.invoke(&event).await)["status"], 202);
    function.settled().await;
    let records = function.records();
    assert_eq!(records.iter().map(|record| record.through_lambda).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(records[2].event, json!({ "last": true }));
    assert!(matches!(&records[2].end, Some(InvocationEnd::Returned(_))));
}

#[tokio::test]
async fn a_function_can_wait_for_itself() {
    let function = Function::start(puppet()).await;
    let event = json!({ "forward": { "last": true }, "as": "RequestResponse" });
    let value = returned(function.invoke(&event).await);
    assert_eq!(value["status"], 200);
    assert!(value["body"].as_str().unwrap().contains("\"last\":true"));
}

#[tokio::test]
async fn a_function_without_the_permission_is_denied() {
    let function = Function::start(puppet().without_self_invocation()).await;
    let value = returned(function.invoke(&json!({ "forward": {} })).await);
    assert_eq!(value["status"], 403);
    assert!(value["body"].as_str().unwrap().contains("not authorized to perform: lambda:InvokeFunction"));
    assert_eq!(function.refusals(), 1);
    assert_eq!(function.records().len(), 1);
}

#[tokio::test]
async fn a_function_that_invokes_itself_without_end_is_stopped() {
    let function = Function::start(puppet()).await;
    returned(function.invoke(&json!({ "forward": "again" })).await);
    function.settled().await;
    assert_eq!((function.records().len(), function.loops()), (17, 1));
}
