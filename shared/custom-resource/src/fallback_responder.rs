//! Answers in the place of a function that can't any more: its process was killed, or never started.

use futures_util::future::join_all;
use serde_json::{Value, value::RawValue};
use tracing::Instrument;

use crate::{
    Clock, Envelope, FunctionArn, Known, ResponseHosts, Unanswerable,
    deliver::{Delivered, LAST_MOMENT, Undelivered, deliver_first},
    event::Request,
    http,
    metrics::{Operation, Outcome, measured},
    records,
    response::Response,
    telemetry,
};

/// Answers where nobody has answered yet: FAILED, or what the function would have answered, if that is known.
#[derive(Debug)]
pub struct FallbackResponder {
    http: reqwest::Client,
    hosts: ResponseHosts,
    metrics: Option<&'static str>,
}

/// How a function left its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The function's ARN.
    pub function: String,
    /// Why, in one of few words: metrics count by it.
    pub cause: &'static str,
    /// One sentence that a person who reads the stack's events can act on.
    pub reason: String,
    /// Where the function's log is, in words such as `log group: /aws/lambda/thing`.
    pub log: String,
    /// Whether it may have begun to work, and so have made something that nobody knows of.
    pub may_have_begun: bool,
    /// What it would have answered, where only the delivery failed.
    pub undelivered: Vec<Response>,
}

impl Failure {
    fn answer_to(&self, envelope: &Envelope) -> Option<&Response> {
        self.undelivered.iter().find(|answer| answer.answers(envelope))
    }
}

/// CloudFormation has no answer yet, and may get it if the same is asked for later.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotDelivered(String);

impl FallbackResponder {
    /// A responder that sends answers where `RESPONSE_HOSTS` and the others of [`ResponseHosts::from_environment`] allow.
    ///
    /// # Errors
    /// An unreadable certificate bundle.
    pub fn from_environment() -> Result<Self, lambda_runtime::Error> {
        Ok(Self { http: http::client()?, hosts: ResponseHosts::from_environment(), metrics: None })
    }

    /// The same, which writes a line with metrics for each request, in that namespace.
    #[must_use]
    pub fn metrics(self, namespace: &'static str) -> Self {
        Self { metrics: Some(namespace), ..self }
    }

    /// Answers `event`, in the form in which Lambda handed it to the function that failed. An answer that is there
    /// already stays; an event that can't be answered, now or ever, is logged.
    ///
    /// # Errors
    /// When an answer couldn't be delivered for now. To ask again does no harm to those that were.
    pub async fn fail(&self, event: &RawValue, failure: &Failure, clock: Clock) -> Result<(), NotDelivered> {
        let events = records::unwrapped_envelopes(event).into_iter();
        let requests: Vec<_> = events.map(|event| event.and_then(|event| self.open(&event, failure))).collect();
        let has_answer = |request: &Request| failure.answer_to(&request.envelope).is_some();
        // A function that brought some answers of an invocation to their end has delivered the others, or sent on what isn't
        // done yet.
        let rest_is_settled = requests.iter().flatten().any(has_answer);
        let is_open =
            |request: &Result<Request, Unanswerable>| !rest_is_settled || request.as_ref().is_ok_and(has_answer);
        let requests = requests.into_iter().filter(is_open);
        let answers = requests.map(|request| measured(self.metrics, self.take(request, failure, clock)));
        join_all(answers).await.into_iter().collect()
    }

    async fn take(
        &self,
        request: Result<Request, Unanswerable>,
        failure: &Failure,
        clock: Clock,
    ) -> (Operation, Result<(), NotDelivered>) {
        let (operation, delivered) = match request {
            Ok(request) => {
                let span = telemetry::span(&request.envelope);
                self.answer(&request, failure, clock).instrument(span).await
            }
            Err(unanswerable) => {
                tracing::error!(function = failure.function, %unanswerable, "nobody can be answered");
                (Operation::UNANSWERABLE, Ok(()))
            }
        };
        (operation.in_place_of(&FunctionArn::read(&failure.function).name, failure.cause), delivered)
    }

    fn open(&self, event: &Value, failure: &Failure) -> Result<Request, Unanswerable> {
        let envelope = Envelope::read(event, &failure.function, "")?.logged(&failure.log);
        Request::open(event, envelope, &self.hosts)
    }

    async fn answer(
        &self,
        request: &Request,
        failure: &Failure,
        clock: Clock,
    ) -> (Operation, Result<(), NotDelivered>) {
        let response = response(request, failure);
        let answered = telemetry::answered(&response);
        let body = response.body();
        let (outcome, delivered) =
            match deliver_first(&self.http, &request.url, &body, clock.deadline - LAST_MOMENT).await {
                Ok(Delivered::Now) => {
                    tracing::info!("answered");
                    (answered, Ok(()))
                }
                Ok(Delivered::Before) => {
                    tracing::info!("there was an answer before, and it stays");
                    (Outcome::Answered, Ok(()))
                }
                Err(undelivered @ Undelivered::Refused(_)) => {
                    tracing::error!(%undelivered, "CloudFormation waits no longer, or not there");
                    (Outcome::Undelivered, Ok(()))
                }
                Err(undelivered @ Undelivered::TimeUp { .. }) => {
                    tracing::warn!(%undelivered, "CloudFormation has no answer yet");
                    (Outcome::Continued, Err(NotDelivered(undelivered.to_string())))
                }
            };
        (Operation::of(request, outcome, clock.began).in_bytes(body.len()), delivered)
    }
}

/// What the function would have answered. Otherwise FAILED, with the id held so far. What a process held when it died is known
/// to nobody, so the Delete that follows has to look for it.
fn response(request: &Request, failure: &Failure) -> Response {
    if let Some(answer) = failure.answer_to(&request.envelope) {
        return answer.clone();
    }
    let id = if failure.may_have_begun {
        Known::of_text(request.id_with(request.continuation.held_id.as_deref()))
    } else {
        request.id_to_answer()
    };
    Response::failed(&request.envelope, id, &failure.reason)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::Status;

    fn event(members: &Value) -> Value {
        let mut event = json!({
            "RequestType": "Create",
            "ResponseURL": "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x?Signature=s3cret",
            "StackId": "arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a",
            "RequestId": "5a7e",
            "LogicalResourceId": "Workloads",
            "ResourceType": "Custom::OrganizationalUnit",
            "ResourceProperties": {"Name": "Workloads"},
        });
        event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        event
    }

    fn failure(may_have_begun: bool) -> Failure {
        Failure {
            function: "arn:aws:lambda:us-east-1:111111111111:function:thing".to_owned(),
            cause: "Killed",
            reason: "thing was killed".to_owned(),
            log: "log group: /aws/lambda/thing".to_owned(),
            may_have_begun,
            undelivered: Vec::new(),
        }
    }

    #[test]
    fn what_the_function_would_have_answered_is_answered_to_that_request_alone() {
        let success = Response::success(&Envelope::example(), "ou-9", Map::new(), false);
        let failure = Failure { undelivered: vec![success.clone()], ..failure(true) };
        assert_eq!(answered(&json!({}), &failure), success);
        for other in [json!({"RequestId": "5a7f"}), json!({"StackId": "arn"}), json!({"LogicalResourceId": "Sandbox"})]
        {
            assert_eq!(answered(&other, &failure).status(), Status::Failed, "{other}");
        }
    }

    /// The answer to an event with these members.
    fn answered(members: &Value, failure: &Failure) -> Response {
        let responder = FallbackResponder {
            http: http::client().unwrap(),
            hosts: ResponseHosts::in_region("us-east-1"),
            metrics: None,
        };
        response(&responder.open(&event(members), failure).unwrap(), failure)
    }

    fn id(members: &Value, may_have_begun: bool) -> String {
        answered(members, &failure(may_have_begun)).physical_resource_id().to_owned()
    }

    #[test]
    fn the_reason_ends_with_where_the_log_is() {
        assert_eq!(
            answered(&json!({}), &failure(true)).reason(),
            Some("thing was killed (RequestId: 5a7e; log group: /aws/lambda/thing)")
        );
    }

    #[test]
    fn the_id_is_the_one_held_so_far_or_else_the_one_that_cloudformation_gave() {
        let given = json!({"RequestType": "Update", "PhysicalResourceId": "ou-1", "OldResourceProperties": {}});
        assert_eq!(id(&given, true), "ou-1");
        let sent_on = json!({"PhysicalResourceId": "ou-1", "Continuation": {"HeldId": "ou-2"}});
        assert_eq!(id(&sent_on, true), "ou-2");
        assert_eq!(id(&json!({"Continuation": {"HeldId": "car-1"}}), false), "car-1");
    }

    #[test]
    fn nothing_was_made_only_where_nothing_has_begun_in_any_invocation() {
        assert_eq!(id(&json!({}), false), "nothing-was-made");
        assert_eq!(id(&json!({}), true), "something-may-have-been-made");
        let sent_on = json!({"Continuation": {"FirstTry": 1, "Invocations": 1}});
        assert_eq!(id(&sent_on, false), "something-may-have-been-made");
    }
}
