//! What the targets share: an event's way to its answer, and what holds of every answer.

mod ledger;

use std::time::Duration;

use custom_resource::{
    Clock, Envelope, InvocationResult, Lifecycle, Request, Resource, Response, ResponseHosts, Status, readable,
};
use serde_json::Value;
use tokio::{runtime::Builder, time::Instant};

pub use ledger::ledger;

/// CloudFormation reads no longer one.
const LONGEST_BODY: usize = 4096;

/// CloudFormation's own ids are shorter, and all of them are in an answer.
const LONGEST_IDS: usize = 2048;

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111111111111:function:fuzzed";

const URL: &str =
    "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/arn?X-Amz-Signature=";
const SIGNATURE: &str = "7b0e8a44f1d3c95269e2";

/// What becomes of an event, `None` where nobody can be answered.
///
/// # Panics
/// If the answer is one that CloudFormation wouldn't take, or holds what it mustn't.
pub fn answered<R: Resource>(resource: &R, text: &str) -> Option<Response> {
    let mut event = readable(text).ok()?;
    if text.contains(SIGNATURE) {
        return None;
    }
    event["ResponseURL"] = format!("{URL}{SIGNATURE}").into();
    let ids = ["StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId"].map(|name| event[name].to_string());
    if ids.concat().len() > LONGEST_IDS {
        return None;
    }
    let envelope = Envelope::read(&event, FUNCTION, "2026/11/24/[$LATEST]fuzz").ok()?;
    let request =
        Request::open(&event, envelope, &ResponseHosts::in_region("eu-west-1")).expect("the URL is CloudFormation's");
    // Its clock goes on when nothing else does, so that waiting takes no time.
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let clock = || Clock { deadline: Instant::now() + Duration::from_mins(5), began: 1_790_000_000_000 };
    let result = runtime.block_on(async {
        let result = Lifecycle::default().answer(resource, &request, clock()).await;
        resource.settle().await;
        result
    });
    match result {
        InvocationResult::Answer(response) => {
            check(&event, &response);
            Some(response)
        }
        InvocationResult::Continue { .. } => None,
    }
}

fn check(event: &Value, response: &Response) {
    let body = response.body();
    assert!(body.len() <= LONGEST_BODY, "{} bytes", body.len());
    let read: Value = serde_json::from_slice(body.as_ref()).expect("the answer is JSON");
    for name in ["StackId", "RequestId", "LogicalResourceId"] {
        assert_eq!(read[name], event[name], "{name}");
    }
    let id = read["PhysicalResourceId"].as_str().expect("every answer has an id");
    assert!((1..=1024).contains(&id.len()), "an id of {} bytes", id.len());
    match response.status() {
        Status::Success => assert_eq!(read["Status"], "SUCCESS"),
        Status::Failed => {
            assert_eq!(read["Status"], "FAILED");
            let reason = read["Reason"].as_str().expect("whoever fails says why");
            // The sentence itself may begin like what follows it.
            let (sentence, _) = reason.rsplit_once(" (RequestId: ").expect("a reason ends with the id of its request");
            assert!(!sentence.trim().is_empty(), "a reason says something");
        }
    }
    let text = format!("{read} {response:?}");
    assert!(!text.contains(SIGNATURE), "the answer holds the ResponseURL");
}
