//! The second function: it answers CloudFormation where the first one was killed, never ran or could not deliver its answer. Lambda puts a
//! record of each such invocation into the queue that is the first function's on-failure destination.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use custom_resource::{Clock, Failure, FallbackResponder, FunctionArn, serve_events, start_log, undelivered};
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What Lambda hands over from a queue.
#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    body: String,
}

/// The record of an invocation that failed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    request_context: RequestContext,
    /// The event of CloudFormation.
    request_payload: Box<RawValue>,
    /// Nothing, if the function never ran.
    response_payload: Option<ResponsePayload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    function_arn: String,
    approximate_invoke_count: u32,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ResponsePayload {
    error_type: String,
    error_message: String,
}

impl Record {
    fn failure(&self) -> Failure {
        let name = FunctionArn::read(&self.request_context.function_arn).name;
        let answers = self.response_payload.as_ref().map(|said| undelivered(&said.error_type, &said.error_message));
        Failure {
            function: self.request_context.function_arn.clone(),
            cause: "Unanswered",
            reason: format!("{name} ended before it had answered; its log says why"),
            log: format!("log group: /aws/lambda/{name}"),
            may_have_begun: self.request_context.approximate_invoke_count > 0,
            undelivered: answers.unwrap_or_default(),
        }
    }
}

/// An error puts the message back into the queue, so the batches are of one message. (`BatchSize: 1`)
async fn answer(
    responder: &FallbackResponder,
    LambdaEvent { payload, context }: LambdaEvent<Batch>,
) -> Result<(), Error> {
    for message in payload.messages {
        // What serde says may quote the event, which has a secret in it.
        let record: Record = serde_json::from_str(&message.body).map_err(|_| "the message is no record of Lambda's")?;
        responder.fail(&record.request_payload, &record.failure(), Clock::of(&context)).await?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log(&[std::any::type_name::<Record>()]);
    let responder = &FallbackResponder::from_environment()?;
    serve_events(Runtime::new(service_fn(async |event| answer(responder, event).await))).await
}
