//! What became of each request, and what it took: a line in the log that CloudWatch reads metrics from.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io::Write,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{NotYet, Request};

/// The variable in which Lambda says which function it is.
pub(crate) const FUNCTION_NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// The header in which an SDK says which try of a call this is: `attempt=1; max=3`.
const TRY: &str = "amz-sdk-request";
const FIRST_TRY: &str = "attempt=1";

tokio::task_local! {
    /// What the request that this task works on took so far.
    static TALLY: Tally;
}

#[derive(Default)]
struct Tally {
    aws_calls: Cell<u32>,
    retries: Cell<u32>,
    waits: RefCell<BTreeMap<&'static str, u32>>,
}

impl Tally {
    /// Counts, where anybody does.
    fn count(which: impl FnOnce(&Self) -> &Cell<u32>) {
        let _ = TALLY.try_with(|tally| {
            let count = which(tally);
            count.set(count.get().saturating_add(1));
        });
    }
}

/// A request with these headers goes to AWS.
pub(crate) fn called(headers: &aws_smithy_runtime_api::http::Headers) {
    Tally::count(|tally| &tally.aws_calls);
    if headers.get(TRY).is_some_and(|which| which.split(';').all(|pair| pair.trim() != FIRST_TRY)) {
        Tally::count(|tally| &tally.retries);
    }
}

/// The handler said that it isn't so yet.
pub(crate) fn waited(not_yet: &NotYet) {
    let Some(metric) = not_yet.metric else { return };
    let _ = TALLY.try_with(|tally| {
        let mut waits = tally.waits.borrow_mut();
        let count = waits.entry(metric).or_default();
        *count = count.saturating_add(1);
    });
}

/// The handler is asked again.
pub(crate) fn asked_again() {
    Tally::count(|tally| &tally.retries);
}

/// How a request left the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// CloudFormation has this answer.
    Success,
    /// CloudFormation has this answer.
    Failed,
    /// Another invocation goes on.
    Continued,
    /// CloudFormation had an answer before.
    Answered,
    /// CloudFormation has no answer, and waits.
    Undelivered,
    /// It said nobody whom an answer could be sent to.
    Unanswerable,
}

/// One request at its end.
#[derive(Debug)]
pub(crate) struct Operation {
    outcome: Outcome,
    /// The function that left it unanswered, if another one answers in its place, and why: one of few words.
    stopped: Option<(String, &'static str)>,
    /// `RequestType` and `RequestId`, for who looks for the other lines about it.
    asked: Option<(&'static str, String)>,
    /// How long ago CloudFormation made it, when the invocation began.
    age: Duration,
    response_bytes: Option<usize>,
}

impl Operation {
    /// A request that can't be answered, of which nothing is known.
    pub(crate) const UNANSWERABLE: Self =
        Self { outcome: Outcome::Unanswerable, stopped: None, asked: None, age: Duration::ZERO, response_bytes: None };

    /// `request`, which an invocation that began at `began` worked on.
    pub(crate) fn of(request: &Request, outcome: Outcome, began: u64) -> Self {
        let asked =
            request.asked.as_ref().ok().map(|asked| (asked.request_type().name(), request.envelope.request_id.clone()));
        let age = Duration::from_millis(began.saturating_sub(request.made(began)));
        Self { outcome, stopped: None, asked, age, response_bytes: None }
    }

    /// The same, which was answered in so many bytes.
    pub(crate) fn in_bytes(self, response: usize) -> Self {
        Self { response_bytes: Some(response), ..self }
    }

    /// The same, in the place of a function of that name, which was stopped by this.
    pub(crate) fn in_place_of(self, function: &str, cause: &'static str) -> Self {
        Self { stopped: Some((function.to_owned(), cause)), ..self }
    }

    /// The line. A dimension has few values, whatever stacks there are and whatever an event says: each is paid for.
    fn line(&self, namespace: &str, own: &str, at: u64, took: Duration, tally: &Tally) -> Value {
        let measured = [
            ("Operations", "Count", Some(json!(1))),
            ("Duration", "Milliseconds", u64::try_from((self.age + took).as_millis()).ok().map(Value::from)),
            ("AwsCalls", "Count", Some(json!(tally.aws_calls.get()))),
            ("Retries", "Count", Some(json!(tally.retries.get()))),
            ("ResponseBytes", "Bytes", self.response_bytes.map(Value::from)),
        ];
        let measured = measured.into_iter().filter_map(|(name, unit, value)| Some((name, unit, value?)));
        // What nobody waited for is left out, so that types without such waits never have it.
        let waits = tally.waits.borrow();
        let waits = waits.iter().map(|(metric, count)| (*metric, "Count", json!(count)));
        let measured: Vec<_> = measured.chain(waits).collect();
        let operations = &measured[..1];
        let mut directives = vec![
            directive(namespace, &["FunctionName", "Outcome"], &measured),
            // An alarm takes one metric, not one of each function.
            directive(namespace, &["Outcome"], operations),
        ];
        let mut line = Map::new();
        let (function, cause) = match &self.stopped {
            Some((function, cause)) => (function.as_str(), Some(cause)),
            None => (own, None),
        };
        if cause.is_some() {
            directives.push(directive(namespace, &["FunctionName", "Cause"], operations));
        }
        line.insert("_aws".to_owned(), json!({"Timestamp": at, "CloudWatchMetrics": directives}));
        line.insert("FunctionName".to_owned(), json!(function));
        line.insert("Outcome".to_owned(), json!(format!("{:?}", self.outcome)));
        line.extend(cause.map(|cause| ("Cause".to_owned(), json!(cause))));
        if let Some((request_type, request_id)) = &self.asked {
            line.insert("RequestType".to_owned(), json!(request_type));
            line.insert("RequestId".to_owned(), json!(request_id));
        }
        line.extend(measured.into_iter().map(|(name, _, value)| (name.to_owned(), value)));
        Value::Object(line)
    }
}

/// Writes a line with a count that is no request's, such as what a look at everything found. Its only dimension is the function.
pub fn count(namespace: &str, metric: &str, count: u64) {
    write(&count_line(namespace, &function_name(), now(), metric, count));
}

fn count_line(namespace: &str, function: &str, at: u64, metric: &str, count: u64) -> Value {
    let counted = [(metric, "Count", json!(count))];
    json!({
        "_aws": {"Timestamp": at, "CloudWatchMetrics": [directive(namespace, &["FunctionName"], &counted)]},
        "FunctionName": function,
        metric: count,
    })
}

fn directive(namespace: &str, dimensions: &[&str], measured: &[(&str, &str, Value)]) -> Value {
    let metrics = measured.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit}));
    json!({"Namespace": namespace, "Dimensions": [dimensions], "Metrics": metrics.collect::<Value>()})
}

fn function_name() -> String {
    std::env::var(FUNCTION_NAME).unwrap_or_default()
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    u64::try_from(at).unwrap_or(u64::MAX)
}

/// In one piece: CloudWatch takes the whole line, or no metric.
fn write(line: &Value) {
    let _ = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}

/// Does the work of one request, counts what it takes, and writes the line at its end, if there is a `namespace` for it. `RUST_LOG`
/// has no say in that.
pub(crate) async fn measured<T>(namespace: Option<&str>, work: impl Future<Output = (Operation, T)>) -> T {
    let Some(namespace) = namespace else { return work.await.1 };
    let began = Instant::now();
    let measured = async {
        let (operation, done) = work.await;
        write(&TALLY.with(|tally| operation.line(namespace, &function_name(), now(), began.elapsed(), tally)));
        done
    };
    TALLY.scope(Tally::default(), measured).await
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::Headers;

    use super::*;
    use crate::Error;

    fn operation() -> Operation {
        Operation { outcome: Outcome::Success, ..Operation::UNANSWERABLE }
    }

    fn line(operation: &Operation) -> Value {
        operation.line(
            "Greetings",
            "greetings-account",
            1_790_000_000_000,
            Duration::from_millis(1250),
            &Tally::default(),
        )
    }

    #[test]
    fn a_line_names_the_function_and_how_it_ended_and_says_what_it_took() {
        assert_eq!(
            line(&operation().in_bytes(300)),
            json!({
                "_aws": {
                    "Timestamp": 1_790_000_000_000_u64,
                    "CloudWatchMetrics": [
                        {
                            "Namespace": "Greetings",
                            "Dimensions": [["FunctionName", "Outcome"]],
                            "Metrics": [
                                {"Name": "Operations", "Unit": "Count"},
                                {"Name": "Duration", "Unit": "Milliseconds"},
                                {"Name": "AwsCalls", "Unit": "Count"},
                                {"Name": "Retries", "Unit": "Count"},
                                {"Name": "ResponseBytes", "Unit": "Bytes"},
                            ],
                        },
                        {
                            "Namespace": "Greetings",
                            "Dimensions": [["Outcome"]],
                            "Metrics": [{"Name": "Operations", "Unit": "Count"}],
                        },
                    ],
                },
                "FunctionName": "greetings-account",
                "Outcome": "Success",
                "Operations": 1,
                "Duration": 1250,
                "AwsCalls": 0,
                "Retries": 0,
                "ResponseBytes": 300,
            })
        );
    }

    #[test]
    fn a_count_that_is_no_request_s_is_by_the_function_alone_and_there_where_it_is_zero() {
        assert_eq!(
            count_line("Greetings", "greetings-account", 1_790_000_000_000, "GreetingsMissing", 0),
            json!({
                "_aws": {
                    "Timestamp": 1_790_000_000_000_u64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Greetings",
                        "Dimensions": [["FunctionName"]],
                        "Metrics": [{"Name": "GreetingsMissing", "Unit": "Count"}],
                    }],
                },
                "FunctionName": "greetings-account",
                "GreetingsMissing": 0,
            })
        );
    }

    #[test]
    fn what_was_not_answered_has_no_size() {
        let line = line(&Operation { outcome: Outcome::Continued, ..operation() });
        assert_eq!(line["Outcome"], "Continued");
        assert!(line.get("ResponseBytes").is_none(), "{line}");
        assert!(!line["_aws"].to_string().contains("ResponseBytes"), "{line}");
    }

    #[test]
    fn the_time_of_earlier_invocations_counts() {
        assert_eq!(line(&Operation { age: Duration::from_mins(10), ..operation() })["Duration"], 601_250);
    }

    #[test]
    fn the_cause_of_a_death_is_counted_by_itself_and_by_the_function_that_died() {
        let line = line(&operation().in_place_of("greetings-organization", "Killed"));
        assert_eq!((&line["FunctionName"], &line["Cause"]), (&json!("greetings-organization"), &json!("Killed")));
        assert_eq!(line["_aws"]["CloudWatchMetrics"][2]["Dimensions"], json!([["FunctionName", "Cause"]]));
    }

    /// What was counted while `work` was done.
    async fn counted(work: impl Future<Output = ()>) -> (u32, u32, u32) {
        let counted = async {
            work.await;
            TALLY.with(|tally| (tally.aws_calls.get(), tally.retries.get(), tally.waits.borrow().values().sum()))
        };
        TALLY.scope(Tally::default(), counted).await
    }

    fn attempt(text: &'static str) -> Headers {
        let mut headers = Headers::new();
        headers.insert(TRY, text);
        headers
    }

    #[tokio::test]
    async fn a_call_that_the_sdk_repeats_is_a_retry() {
        let calls = async {
            called(&attempt("attempt=1; max=3"));
            called(&attempt("ttl=20261128T070000Z; attempt=1; max=3"));
            called(&attempt("ttl=20261128T070000Z; attempt=2; max=3"));
        };
        assert_eq!(counted(calls).await, (3, 1, 0));
    }

    #[tokio::test]
    async fn a_wait_for_another_request_s_lease_is_told_from_other_waits() {
        let waits = async {
            for error in
                [Error::not_yet("it is being changed").counted_as("LeaseWaits"), Error::not_yet("it is being made")]
            {
                let Error::NotYet(not_yet) = error else { continue };
                waited(&not_yet);
                asked_again();
            }
        };
        assert_eq!(counted(waits).await, (0, 2, 1));
    }

    #[tokio::test]
    async fn requests_that_are_worked_on_at_once_are_counted_apart() {
        let one = counted(async {
            asked_again();
            tokio::task::yield_now().await;
            asked_again();
        });
        assert_eq!(tokio::join!(one, counted(async { asked_again() })), ((0, 2, 0), (0, 1, 0)));
        // Nobody counts here, and that does no harm.
        asked_again();
    }
}
