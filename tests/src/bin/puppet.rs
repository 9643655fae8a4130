//! A function that does what its event says; the instruments are tried on it.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a puppet has no one to tell but its test"
)]

use std::env::var;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("the puppet wakes up");
    let client = archipelago_tests::http::client();
    let api = format!("http://{}/2018-06-01/runtime", var("AWS_LAMBDA_RUNTIME_API").expect("a runtime API"));
    if var("PUPPET_INIT").as_deref() == Ok("error") {
        let body = json!({ "errorType": "Puppet.Init" });
        client.post(format!("{api}/init/error")).body(body.to_string()).send().await.expect("a report");
        return;
    }
    loop {
        let next = client.get(format!("{api}/invocation/next")).send().await.expect("an event");
        let header = |name: &str| next.headers()[name].to_str().expect("a readable header").to_owned();
        let id = header("lambda-runtime-aws-request-id");
        let arn = header("lambda-runtime-invoked-function-arn");
        let deadline = header("lambda-runtime-deadline-ms");
        // Lambda needn't send it.
        let trace = next.headers().get("lambda-runtime-trace-id").and_then(|trace| trace.to_str().ok());
        let trace = trace.unwrap_or_default().to_owned();
        let event: Value = serde_json::from_slice(&next.bytes().await.expect("a body")).expect("a JSON event");
        let result = if event.get("ResponseURL").is_some() {
            answer(&client, &event).await
        } else {
            act(&client, &event, &arn, &deadline, &trace).await
        };
        let (path, body) = match result {
            Ok(value) => ("response", value),
            Err(value) => ("error", value),
        };
        client.post(format!("{api}/invocation/{id}/{path}")).body(body.to_string()).send().await.expect("a report");
    }
}

/// Answers a custom resource's event: `Fail` in the properties fails, `Sleep` comes too late, `Kill` never comes.
async fn answer(client: &Client, event: &Value) -> Result<Value, Value> {
    let properties = &event["ResourceProperties"];
    if let Some(millis) = properties["Sleep"].as_str().and_then(|millis| millis.parse().ok()) {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    if properties["Kill"] == "true" {
        std::process::exit(1);
    }
    let failed = properties["Fail"] == "true" && event["RequestType"] != "Delete";
    let id = event.get("PhysicalResourceId").cloned().unwrap_or_else(|| json!("puppet"));
    let mut body = json!({
        "Status": if failed { "FAILED" } else { "SUCCESS" },
        "PhysicalResourceId": id,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    });
    if failed {
        body["Reason"] = json!("the template says so");
    }
    let url = event["ResponseURL"].as_str().expect("a URL");
    for _ in 0..3 {
        let sent = client.put(url).header("content-type", "").body(body.to_string()).send().await;
        if sent.is_ok_and(|sent| sent.status().is_success()) {
            break;
        }
    }
    Ok(Value::Null)
}

async fn act(client: &Client, event: &Value, arn: &str, deadline: &str, trace: &str) -> Result<Value, Value> {
    if let Some(text) = event["say"].as_str() {
        eprintln!("{text}");
    }
    if let Some(millis) = event["sleep"].as_u64() {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    if event["exit"] == true {
        std::process::exit(1);
    }
    if let Some(rest) = event.get("forward") {
        let name: String = url::form_urlencoded::byte_serialize(arn.as_bytes()).collect();
        let url = format!(
            "{}/2015-03-31/functions/{name}/invocations",
            var("AWS_ENDPOINT_URL_LAMBDA").expect("a Lambda endpoint")
        );
        let kind = event["as"].as_str().unwrap_or("Event");
        let sent = client.post(url).header("x-amz-invocation-type", kind).header("x-amzn-trace-id", trace);
        let sent = sent.body(if rest == "again" { event.to_string() } else { rest.to_string() });
        let sent = sent.send().await.expect("an answer of Lambda");
        return Ok(json!({ "status": sent.status().as_u16(), "body": sent.text().await.expect("a body") }));
    }
    if let Some(error) = event.get("error") {
        return Err(error.clone());
    }
    Ok(json!({ "event": event, "arn": arn, "deadline": deadline, "pid": std::process::id() }))
}
