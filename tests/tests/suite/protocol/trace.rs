//! The header by which Lambda follows what an event leads to, and stops functions that invoke each other without end.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>

use archipelago_tests::aws_stub::AwsStub;
use archipelago_tests::binary::{Binary, example};
use archipelago_tests::cloudformation::{Resource, Simulator, Status};
use archipelago_tests::function::{Configuration, Function};
use archipelago_tests::response_server::ResponseServer;
use serde_json::json;

/// The example `scripted`, and the table of requests that it calls `DynamoDB` for.
async fn scripted() -> (Simulator<Binary>, AwsStub) {
    let (responses, table) = (ResponseServer::start().await, AwsStub::ledger(|_| None).await);
    let configuration = Configuration::new("scripted", example("scripted"))
        .variable("REQUEST_TABLE", "requests")
        .variable("AWS_ENDPOINT_URL_DYNAMODB", table.origin())
        .variable("RESPONSE_HOSTS", responses.origin());
    let function = Function::start(configuration).await;
    let resource = Resource::new("demo", "Script", "Custom::Scripted", 1);
    (Simulator::new(Binary::new(function, responses), resource), table)
}

#[tokio::test]
async fn the_header_of_an_event_goes_on_with_each_call_for_it() {
    let (mut stack, table) = scripted().await;
    let created = stack.create(&json!({ "Id": "thing-1" })).await.sound();
    assert_eq!((created.status, stack.handler.function.processes()), (Status::CreateComplete, 1));
    let first: Vec<_> = table.calls().into_iter().map(|call| call.trace).collect();
    assert!(first[0].starts_with("Root=1-") && first.iter().all(|trace| *trace == first[0]), "{first:?}");

    let updated = stack.update(&json!({ "Id": "thing-1", "Size": 1 })).await.sound();
    assert_eq!((updated.status, stack.handler.function.processes()), (Status::UpdateComplete, 1));
    let calls = table.calls();
    let second: Vec<_> = calls[first.len()..].iter().map(|call| &call.trace).collect();
    assert!(!second.is_empty() && second.iter().all(|&trace| *trace == *second[0] && *trace != first[0]), "{second:?}");
}

/// glibc frees no value that a variable ever had, and each event has another.
#[tokio::test]
async fn an_event_leaves_the_environment_as_it_is() {
    let (mut stack, _table) = scripted().await;
    let run = stack.create(&json!({ "Id": "thing-1", "Variable": "_X_AMZN_TRACE_ID" })).await.sound();
    assert_eq!(run.steps[0].answer.as_ref().map(|answer| &answer.data["Text"]), Some(&json!("")));
}
