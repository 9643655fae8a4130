//! What Lambda's asynchronous invocations leave when they fail.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use custom_resource::{Failure, FunctionArn, undelivered};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cause::Cause;

/// In the place of a function's ARN where a record has none.
const UNKNOWN: &str = "the function";

/// What is asked of a function beside CloudFormation's requests: an administrator asks and reads what the function returns, or a
/// rule of EventBridge asks each hour.
const UNAWAITED_REQUESTS: [&str; 5] = ["List", "Plan", "Reconcile", "Resume", "Suspend"];

/// What a rule of EventBridge hands over when a policy was changed.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html>
const UNAWAITED_DETAIL: &str = "AWS API Call via CloudTrail";

/// The record of an invocation that Lambda gave up, as it stands in a message: an event may have a megabyte, and a batch ten of
/// them. `Debug` is left out: the event holds a secret.
pub(crate) struct Record<'a> {
    /// The event, as the function got it or would have got it; null if it was too large for the record.
    pub(crate) event: &'a RawValue,
    context: RequestContext<'a>,
    response: ResponsePayload<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    #[serde(borrow)]
    request_context: Option<&'a RawValue>,
    #[serde(borrow, rename = "requestPayload")]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    response_payload: Option<&'a RawValue>,
}

/// What tells an event that CloudFormation sent from others.
#[derive(Default, Deserialize)]
struct Kind<'a> {
    #[serde(borrow, rename = "RequestType")]
    request_type: Option<&'a RawValue>,
    #[serde(borrow, rename = "ResponseURL")]
    response_url: Option<&'a RawValue>,
    #[serde(borrow, rename = "detail-type")]
    detail_type: Option<&'a RawValue>,
}

/// What Lambda says about the invocation.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    #[serde(borrow)]
    request_id: Option<&'a RawValue>,
    /// With a qualifier, `$LATEST` if the caller gave none.
    #[serde(borrow)]
    function_arn: Option<&'a RawValue>,
    #[serde(borrow)]
    condition: Option<&'a RawValue>,
    #[serde(borrow)]
    approximate_invoke_count: Option<&'a RawValue>,
}

/// What the function, or Lambda in its place, returned; nothing if it didn't run.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponsePayload<'a> {
    #[serde(borrow)]
    error_type: Option<&'a RawValue>,
    #[serde(borrow)]
    error_message: Option<&'a RawValue>,
}

impl<'a> Record<'a> {
    /// Reads the body of a message. What is said about the invocation may be missing or be something else; without an event
    /// and without a word about the invocation it is no record.
    pub(crate) fn read(body: &'a str) -> Option<Self> {
        // What serde says may quote the event.
        let Members { request_context, event, response_payload } = serde_json::from_str(body).ok()?;
        if request_context.is_none() && event.is_none() {
            return None;
        }
        Some(Self {
            event: event.unwrap_or(RawValue::NULL),
            context: lenient(request_context),
            response: lenient(response_payload),
        })
    }

    /// What the event asks for, where nobody waits for an answer to it. Whatever has a `ResponseURL` is waited for.
    pub(crate) fn unawaited(&self) -> Option<&'static str> {
        let kind: Kind<'_> = lenient(Some(self.event));
        if kind.response_url.is_some() {
            return None;
        }
        let (request_type, detail_type) = (text(kind.request_type), text(kind.detail_type));
        let request = UNAWAITED_REQUESTS.into_iter().find(|name| *name == request_type);
        request.or_else(|| (detail_type == UNAWAITED_DETAIL).then_some(UNAWAITED_DETAIL))
    }

    /// Lambda's name of the invocation: what leads to it in the function's log.
    pub(crate) fn request_id(&self) -> String {
        text(self.context.request_id)
    }

    /// How it failed, in a sentence, and where more can be read.
    pub(crate) fn failure(&self) -> Failure {
        let function = match text(self.context.function_arn) {
            arn if arn.is_empty() => UNKNOWN.to_owned(),
            arn => arn,
        };
        let (error_type, message) = (text(self.response.error_type), text(self.response.error_message));
        let name = FunctionArn::read(&function).name;
        let cause = Cause::of(&text(self.context.condition), &error_type, &message);
        let log =
            if function == UNKNOWN { "its log group".to_owned() } else { format!("log group: /aws/lambda/{name}") };
        // A function that may have been invoked may have begun.
        let count = self.context.approximate_invoke_count.and_then(|count| serde_json::from_str(count.get()).ok());
        let may_have_begun = cause.may_have_begun(count.unwrap_or(1));
        let request_id = self.request_id();
        Failure {
            function,
            cause: cause.name(),
            reason: cause.sentence(&name),
            // A record doesn't say which stream of the group, but the lines in it say which invocation.
            log: if request_id.is_empty() { log } else { format!("{log}, search it for {request_id}") },
            may_have_begun,
            undelivered: undelivered(&error_type, &message),
        }
    }
}

/// An object of which each member may be anything; as empty as can be if it is none.
fn lenient<'a, T: Default + Deserialize<'a>>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// A text; empty if it is something else.
fn text(raw: Option<&RawValue>) -> String {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The failure in one of `events/failure-responder/`.
    fn failure(file: &str) -> Failure {
        let path = format!("{}/../../events/failure-responder/{file}.json", env!("CARGO_MANIFEST_DIR"));
        let event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        Record::read(event["Records"][0]["body"].as_str().unwrap()).unwrap().failure()
    }

    fn assert_reason(file: &str, reason: &str) {
        assert_eq!(failure(file).reason, reason, "{file}");
    }

    #[test]
    fn a_function_that_was_stopped_at_its_timeout_is_named_with_the_seconds_it_had() {
        assert_reason(
            "timed-out",
            "archipelago-account was stopped at its timeout (900.00 seconds) before it had answered; try again, and if it \
             happens again give the function more MemorySize, a parameter of its stack, which makes it faster",
        );
    }

    #[test]
    fn a_function_that_was_killed_is_said_to_have_run_out_of_memory() {
        assert_reason(
            "out-of-memory",
            "archipelago-account was killed, which is what happens when it runs out of memory; give the function more \
             MemorySize, a parameter of its stack, and try again",
        );
    }

    #[test]
    fn a_function_that_ended_by_itself_is_said_to_have_crashed_or_not_to_have_started() {
        assert_reason(
            "init-failed",
            "archipelago-account ended before it had answered (exit status 1), as it does when it can't start; its log \
             says why",
        );
    }

    #[test]
    fn a_function_that_can_not_be_executed_is_said_to_be_built_for_something_else() {
        assert_reason(
            "not-executable",
            "archipelago-account could not be started (Runtime.InvalidEntrypoint); build and deploy it again, with the \
             same Architecture for both",
        );
    }

    #[test]
    fn an_event_that_was_throttled_until_it_was_too_old_is_said_to_have_waited_too_long() {
        assert_reason(
            "throttled",
            "Lambda gave the request up without running archipelago-account, since it was throttled or could not start \
             it for too long (MaximumEventAgeInSeconds); let fewer stacks run at once or raise the account's quota of \
             concurrent executions, and try again",
        );
    }

    #[test]
    fn a_function_without_concurrency_is_said_to_have_none() {
        assert_reason(
            "no-concurrency",
            "Lambda may not run archipelago-account, since its reserved concurrency is 0; raise or remove that and try \
             again",
        );
    }

    #[test]
    fn whether_the_work_had_begun_is_known_only_where_nothing_ran() {
        for (file, may_have_begun) in [
            ("timed-out", true),
            ("out-of-memory", true),
            ("init-failed", true),
            ("not-executable", false),
            ("throttled", false),
            ("no-concurrency", false),
        ] {
            assert_eq!(failure(file).may_have_begun, may_have_begun, "{file}");
        }
    }

    #[test]
    fn the_log_is_the_function_s_group_and_the_invocation_leads_to_its_stream() {
        assert_eq!(
            failure("timed-out").log,
            "log group: /aws/lambda/archipelago-account, search it for e4b46cbf-b738-4880-8880-a18cdf61200e"
        );
    }

    const ARN: &str = "arn:aws:lambda:us-east-1:111111111111:function:archipelago-account";

    #[test]
    fn a_record_with_no_more_than_a_function_is_a_record() {
        let body = format!(r#"{{"requestContext": {{"functionArn": "{ARN}"}}}}"#);
        let record = Record::read(&body).unwrap();
        assert_eq!(record.event.get(), "null");
        let failure = record.failure();
        assert_eq!(failure.log, "log group: /aws/lambda/archipelago-account");
        assert_eq!(failure.function, ARN);
    }

    #[test]
    fn whatever_is_said_about_an_invocation_its_event_is_read() {
        let record = |context: &Value, response: &Value| json!({"requestContext": context, "requestPayload": {"RequestId": "5a7e"}, "responsePayload": response});
        let numbers = json!({"requestId": 1, "functionArn": [], "condition": {}, "approximateInvokeCount": null});
        for context in [Value::Null, json!(1), json!("x"), json!([]), json!({}), numbers] {
            let body = record(&context, &json!({"errorType": "Runtime.ExitError"})).to_string();
            let failure = Record::read(&body).unwrap().failure();
            assert!(failure.reason.starts_with("the function ended before it had answered"), "{}", failure.reason);
            assert!(failure.may_have_begun);
        }
        for response in [Value::Null, json!(1), json!([]), json!({"errorType": null, "errorMessage": 1})] {
            let body = record(&json!({"functionArn": ARN, "condition": "EventAgeExceeded"}), &response).to_string();
            let record = Record::read(&body).unwrap();
            assert_eq!(record.event.get(), r#"{"RequestId":"5a7e"}"#);
            assert_eq!(record.failure().cause, "TooOld");
            assert!(record.failure().may_have_begun, "nobody says how often it was invoked");
        }
    }

    #[test]
    fn an_answer_that_a_function_could_not_deliver_is_in_its_record() {
        let failure = failure("undelivered");
        assert_eq!(failure.cause, "AnswerUndelivered");
        assert_eq!(failure.undelivered.len(), 1);
        assert_eq!(failure.undelivered[0].physical_resource_id(), "222222222222");
    }

    #[test]
    fn what_is_no_record_is_none() {
        for body in ["", "no json", "{}", "[]", r#"{"requestContext": null}"#, r#"{"Records": []}"#] {
            assert!(Record::read(body).is_none(), "{body}");
        }
    }
}
