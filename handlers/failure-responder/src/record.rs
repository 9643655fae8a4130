//! What Lambda's asynchronous invocations leave when they fail.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use custom_resource::{Failure, FunctionArn};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::cause::Cause;

/// The record of an invocation that Lambda gave up. `Debug` is left out: the event in it holds a secret.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    request_context: RequestContext,
    /// The event, as the function got it or would have got it; null if it was too large for the record.
    #[serde(rename = "requestPayload", default)]
    pub(crate) event: Box<RawValue>,
    /// What the function, or Lambda in its place, returned; nothing if it didn't run.
    #[serde(default)]
    response_payload: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    #[serde(default)]
    request_id: String,
    /// With a qualifier, `$LATEST` if the caller gave none.
    function_arn: String,
    #[serde(default)]
    condition: String,
    #[serde(default)]
    approximate_invoke_count: u32,
}

impl Record {
    /// Reads the body of a message.
    pub(crate) fn read(body: &str) -> Option<Self> {
        // What serde says may quote the event.
        serde_json::from_str(body).ok()
    }

    /// Lambda's name of the invocation: what leads to it in the function's log.
    pub(crate) fn request_id(&self) -> &str {
        &self.request_context.request_id
    }

    /// How it failed, in a sentence, and where more can be read.
    pub(crate) fn failure(&self) -> Failure {
        let RequestContext { request_id, function_arn, condition, approximate_invoke_count } = &self.request_context;
        let name = FunctionArn::read(function_arn).name;
        let text = |member: &str| self.response_payload[member].as_str().unwrap_or_default();
        let cause = Cause::of(condition, text("errorType"), text("errorMessage"));
        let log = format!("log group: /aws/lambda/{name}");
        let may_have_begun = cause.may_have_begun(*approximate_invoke_count);
        Failure {
            function: function_arn.clone(),
            cause: cause.name(),
            reason: cause.sentence(&name),
            // A record doesn't say which stream of the group, but the lines in it say which invocation.
            log: if request_id.is_empty() { log } else { format!("{log}, search it for {request_id}") },
            may_have_begun,
        }
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_record_with_no_more_than_a_function_is_a_record() {
        let arn = "arn:aws:lambda:us-east-1:111111111111:function:archipelago-account";
        let body = format!(r#"{{"requestContext": {{"functionArn": "{arn}"}}}}"#);
        let record = Record::read(&body).unwrap();
        assert_eq!(record.event.get(), "null");
        let failure = record.failure();
        assert_eq!(failure.log, "log group: /aws/lambda/archipelago-account");
        assert_eq!(failure.function, arn);
    }

    #[test]
    fn what_is_no_record_is_none() {
        for body in
            ["", "no json", "{}", "[]", r#"{"requestContext": {}}"#, r#"{"requestContext": {"functionArn": 1}}"#]
        {
            assert!(Record::read(body).is_none(), "{body}");
        }
    }
}
