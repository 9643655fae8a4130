//! The net on the local AWS: CloudFormation, Lambda, the queue and the responder that `sam deploy` put there, and a puppet
//! that dies as it is told. The local Lambda neither throttles for a quarter of an hour nor runs out of memory: what it
//! would say then is played by the examples in `events/failure-responder/`.

use std::collections::BTreeMap;
use std::process::Command;

use archipelago_tests::binary::workspace;
use archipelago_tests::folder::Folder;
use archipelago_tests::local_aws::LocalAws;
use serde_json::{Value, json};

use crate::lifecycle::{Stack, template, unique};

async fn aws(arguments: &[&str]) -> Value {
    LocalAws::deployed().aws(arguments).await.unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

/// The deployed functions by the names of their resources, the responder apart.
async fn functions() -> BTreeMap<String, String> {
    let output = aws(&["cloudformation", "describe-stack-resources", "--stack-name", "archipelago"]).await;
    let text = |resource: &Value, name: &str| resource[name].as_str().unwrap().to_owned();
    let resources = output["StackResources"].as_array().unwrap().iter();
    let functions = resources.filter(|resource| resource["ResourceType"] == "AWS::Lambda::Function");
    functions
        .map(|function| (text(function, "LogicalResourceId"), text(function, "PhysicalResourceId")))
        .filter(|(name, _)| name != "FailureResponder")
        .collect()
}

/// The ARN of the queue to which a function hands what it leaves unanswered.
async fn destination(function: &str) -> String {
    let get = ["lambda", "get-function-event-invoke-config", "--function-name", function, "--qualifier", "$LATEST"];
    let output = aws(&get).await;
    assert_eq!(output["MaximumRetryAttempts"], 0, "{function}");
    output["DestinationConfig"]["OnFailure"]["Destination"].as_str().unwrap_or_default().to_owned()
}

/// A function whose failures go where those of the deployed functions go. Returns its ARN.
async fn puppet(timeout: &str, environment: &str) -> String {
    let name = unique("puppet");
    let folder = Folder::new(&name);
    let (archive, bootstrap) = (folder.join("archive.zip"), folder.join("bootstrap"));
    std::fs::copy(env!("CARGO_BIN_EXE_puppet"), &bootstrap).unwrap();
    let zip = Command::new(workspace().join(".local/tools/bin/python"))
        .args(["-m", "zipfile", "-c"])
        .args([&archive, &bootstrap])
        .status();
    assert!(zip.unwrap().success());
    let archived = format!("fileb://{}", archive.display());
    let role = "arn:aws:iam::111111111111:role/puppet";
    let created = aws(&[
        "lambda",
        "create-function",
        "--function-name",
        &name,
        "--runtime",
        "provided.al2023",
        "--handler",
        "bootstrap",
        "--role",
        role,
        "--timeout",
        timeout,
        "--environment",
        environment,
        "--zip-file",
        &archived,
    ])
    .await;
    let (_, of_another) = functions().await.pop_first().unwrap();
    let config = json!({ "OnFailure": { "Destination": destination(&of_another).await } }).to_string();
    aws(&[
        "lambda",
        "put-function-event-invoke-config",
        "--function-name",
        &name,
        "--maximum-retry-attempts",
        "0",
        "--destination-config",
        &config,
    ])
    .await;
    created["FunctionArn"].as_str().unwrap().to_owned()
}

/// A stack of one resource whose function is the puppet.
fn stack(puppet: &str, properties: &Value) -> Value {
    let mut resource = json!({ "Type": "Custom::Puppet", "Properties": { "ServiceToken": puppet } });
    resource["Properties"].as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
    template(&json!({ "Puppet": resource }), &[])
}

/// What a stack says of a resource whose function never answers. CloudFormation itself would wait for an hour.
async fn reason(puppet: &str, properties: &Value) -> String {
    let stack = Stack::create(&stack(puppet, properties), "ROLLBACK_COMPLETE").await;
    stack.reason_of("Puppet", "CREATE_FAILED").await
}

#[tokio::test]
async fn an_update_whose_function_dies_fails_at_once_says_why_and_is_rolled_back() {
    let puppet = puppet("60", "{}").await;
    let changed = Stack::create(&stack(&puppet, &json!({})), "CREATE_COMPLETE").await;
    changed.update(&stack(&puppet, &json!({ "Kill": true })), "UPDATE_ROLLBACK_COMPLETE").await;
    let reason = changed.reason_of("Puppet", "UPDATE_FAILED").await;
    let name = puppet.rsplit(':').next().unwrap();
    assert!(reason.starts_with(&format!("{name} ended before it had answered (Runtime.ExitError)")), "{reason}");
    assert!(reason.contains(&format!("log group: /aws/lambda/{name}")), "{reason}");
    assert_eq!(changed.output("Puppet").await, "puppet");
}

#[tokio::test]
async fn a_stack_whose_function_hangs_fails_at_the_function_s_timeout_and_says_why() {
    let reason = reason(&puppet("1", "{}").await, &json!({ "Sleep": 600_000 })).await;
    assert!(reason.contains("was stopped at its timeout (1.00 seconds) before it had answered"), "{reason}");
}

#[tokio::test]
async fn a_stack_whose_function_can_not_start_fails_at_once_and_says_where_to_look() {
    let environment = json!({ "Variables": { "PUPPET_INIT": "error" } }).to_string();
    let reason = reason(&puppet("60", &environment).await, &json!({})).await;
    assert!(reason.contains("ended before it had answered") && reason.contains("its log says why"), "{reason}");
}

#[tokio::test]
async fn every_function_hands_what_it_leaves_unanswered_to_the_queue_of_the_responder() {
    let mappings =
        aws(&["lambda", "list-event-source-mappings", "--function-name", "archipelago-failure-responder"]).await;
    let mappings = mappings["EventSourceMappings"].as_array().unwrap();
    assert_eq!(mappings.len(), 1, "{mappings:?}");
    assert_eq!(mappings[0]["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    let queue = mappings[0]["EventSourceArn"].as_str().unwrap();
    for name in functions().await.values() {
        assert_eq!(destination(name).await, queue, "{name}");
    }
}

#[tokio::test]
async fn every_function_s_errors_and_throttles_and_what_is_left_over_raise_an_alarm() {
    let output = aws(&["cloudwatch", "describe-alarms"]).await;
    let alarms = output["MetricAlarms"].as_array().unwrap();
    let watched = |metric: &str, value: &str| {
        alarms.iter().any(|alarm| {
            alarm["MetricName"] == metric
                && alarm["Dimensions"][0]["Value"] == value
                && alarm["Threshold"] == 0.0
                && alarm["TreatMissingData"] == "notBreaching"
        })
    };
    for function in functions().await.values().map(String::as_str).chain(["archipelago-failure-responder"]) {
        for metric in ["Errors", "Throttles"] {
            assert!(watched(metric, function), "{metric} of {function} raise no alarm");
        }
    }
    for function in functions().await.values() {
        assert!(watched("DestinationDeliveryFailures", function), "lost failures of {function} raise no alarm");
    }
    for outcome in ["Undelivered", "Unanswerable"] {
        assert!(watched("Operations", outcome), "{outcome} requests raise no alarm");
    }
    let output = aws(&[
        "cloudformation",
        "describe-stack-resource",
        "--stack-name",
        "archipelago",
        "--logical-resource-id",
        "LostFailures",
    ])
    .await;
    let url = output["StackResourceDetail"]["PhysicalResourceId"].as_str().unwrap();
    assert!(watched("ApproximateNumberOfMessagesVisible", url.rsplit('/').next().unwrap()), "{url}");
}
