//! Events that are no requests of CloudFormation: an administrator's question, a schedule, what EventBridge has seen. They are answered by
//! what the invocation returns.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::{FunctionArn, Result, lifecycle::DEFECT};

/// What Lambda returns of an invocation. A longer answer would fail it.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const MOST_BYTES: usize = 6 * 1024 * 1024;

/// Whether an event that is no request of CloudFormation may be worked on, judged by the function as it was invoked: the sentence of the
/// refusal, if it may not.
pub type OtherAdmission = fn(&FunctionArn) -> Result<(), String>;

/// Admits whoever may invoke the function.
///
/// # Errors
/// None.
pub fn whoever_may_invoke(_: &FunctionArn) -> Result<(), String> {
    Ok(())
}

/// Whether an event is no request of CloudFormation, which always says where its answer goes.
pub(crate) fn is_other(event: &Value) -> bool {
    event.get("ResponseURL").is_none()
}

/// What the invocation returns once `work` has ended, or at `until` without it. No error leaves it: Lambda would hand an event that was sent
/// asynchronously to whoever answers CloudFormation in the function's place.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
pub(crate) async fn answered(work: impl Future<Output = Option<Result<Value>>>, until: Instant) -> Option<Value> {
    let work = AssertUnwindSafe(work).catch_unwind();
    let answer = match timeout_at(until, work).await {
        Ok(Ok(None)) => return None,
        Ok(Ok(Some(Ok(answer)))) => Ok(answer),
        Ok(Ok(Some(Err(error)))) => Err(error.to_string()),
        Ok(Err(_)) => Err(DEFECT.to_owned()),
        Err(_) => Err("the work was stopped shortly before the function's time ran out".to_owned()),
    };
    let answer = answer.and_then(|answer| match answer.to_string().len() {
        bytes if bytes > MOST_BYTES => {
            Err(format!("the answer has {bytes} bytes, and Lambda returns {MOST_BYTES} at most"))
        }
        _ => Ok(answer),
    });
    Some(answer.unwrap_or_else(|reason| failed(&reason)))
}

/// What is returned in the place of an answer.
pub(crate) fn failed(reason: &str) -> Value {
    tracing::warn!(reason, "an event that is no request of CloudFormation was not worked on to its end");
    json!({ "Error": reason })
}
