//! Work that is slow, hangs, or outlives one invocation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use archipelago_tests::aws_stub::AwsStub;
use archipelago_tests::call::Call;
use archipelago_tests::cloudformation::{Answer, Event, Put, Status};
use archipelago_tests::fault::{Fault, error};
use archipelago_tests::function::{Configuration, SHORT};
use archipelago_tests::http::{Headers, Reply};
use archipelago_tests::response_server::ResponseUrl;

use super::{Fixture, answer, fixture, principal_not_visible, pull, returned};

/// ECR doesn't know the principal until `known` is set.
pub(super) async fn waiting(adjust: impl FnOnce(Configuration) -> Configuration) -> (Fixture, Arc<AtomicBool>) {
    let known = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&known);
    let ecr = AwsStub::ecr(move |call| {
        let unknown = call.operation == "SetRepositoryPolicy" && !state.load(Ordering::SeqCst);
        if unknown { Fault::Before(principal_not_visible()) } else { Fault::None }
    })
    .await;
    (fixture(ecr, |configuration| adjust(configuration.timeout(SHORT))).await, known)
}

/// A Create whose principal is known from the function's invocation of that number on. Returns the event, and its URL once
/// all is over.
async fn known_from(
    invocation: usize,
    (mut fixture, known): (Fixture, Arc<AtomicBool>),
) -> (Fixture, Event, ResponseUrl) {
    let event = fixture.create(&pull("app"));
    let url = fixture.stack.handler.responses.url();
    let json = event.to_json(url.as_str());
    let enough = async {
        fixture.function().invoked(invocation).await;
        known.store(true, Ordering::SeqCst);
    };
    let (end, ()) = tokio::join!(fixture.function().invoke(&json), enough);
    returned(&end);
    fixture.function().settled().await;
    (fixture, event, url)
}

#[tokio::test]
async fn an_aws_that_never_answers_is_answered_for_before_the_time_is_up() {
    let ecr = AwsStub::silent().await;
    let alone = |configuration: Configuration| configuration.timeout(Duration::from_secs(14)).without_self_invocation();
    let mut fixture = fixture(ecr, alone).await;
    let event = fixture.create(&pull("app"));
    let url = fixture.stack.handler.responses.url();
    returned(&fixture.invoke(&event.to_json(url.as_str())).await);
    let answer = answer(&event, &url);
    assert!(!answer.success);
    assert!(!answer.physical_resource_id.contains('#'), "nothing was made: {}", answer.physical_resource_id);
    assert_eq!(fixture.function().processes(), 1);
}

#[tokio::test]
async fn a_hanging_update_is_answered_with_the_id_it_has() {
    let ecr = AwsStub::silent().await;
    let mut fixture = fixture(ecr, |configuration| configuration.timeout(SHORT)).await;
    let mut event = fixture.create(&pull("app"));
    event.request_type = archipelago_tests::cloudformation::RequestType::Update;
    event.physical_resource_id = Some("app#0123456789".to_owned());
    event.old_properties = Some(event.properties.clone());
    let url = fixture.stack.handler.responses.url();
    returned(&fixture.invoke(&event.to_json(url.as_str())).await);
    let answer = answer(&event, &url);
    assert!(!answer.success);
    assert_eq!(answer.physical_resource_id, "app#0123456789");
}

#[tokio::test]
async fn an_aws_that_talks_nonsense_is_given_up_within_the_service_timeout() {
    let ecr = AwsStub::start(|_| Reply::Http(200, Headers::default(), b"<html>".to_vec())).await;
    let mut fixture = fixture(ecr, |configuration| configuration).await;
    let mut properties = pull("app");
    properties["ServiceTimeout"] = serde_json::json!(25);
    let event = fixture.create(&properties);
    let url = fixture.stack.handler.responses.url();
    returned(&fixture.invoke(&event.to_json(url.as_str())).await);
    assert!(!answer(&event, &url).success);
    assert_eq!(fixture.function().records().len(), 1, "it was given up in the time that CloudFormation waits");
}

#[tokio::test]
async fn work_that_outlives_an_invocation_goes_on_in_the_next_and_is_answered_once() {
    let (fixture, event, url) = known_from(2, waiting(|configuration| configuration).await).await;
    let answer = answer(&event, &url);
    assert!(answer.success, "{:?}", answer.reason);
    assert_eq!(url.puts().len(), 1);
    let json = event.to_json(url.as_str());
    let records = fixture.function().records();
    assert!(records.iter().skip(1).all(|record| record.through_lambda));
    for record in &records {
        returned(record.end.as_ref().unwrap());
        for name in ["RequestType", "ResponseURL", "RequestId", "ResourceProperties"] {
            assert_eq!(record.event[name], json[name], "{name} is sent on as it came");
        }
    }
}

#[tokio::test]
async fn a_function_that_lambda_throttles_or_does_not_know_yet_goes_on_a_moment_later() {
    let refused = ["TooManyRequestsException", "AccessDeniedException"].map(|code| Fault::Before(error(code, "No.")));
    let (_, event, url) = known_from(2, waiting(|configuration| configuration.invoke_faults(refused)).await).await;
    let answer = answer(&event, &url);
    assert!(answer.success, "{:?}", answer.reason);
}

#[tokio::test]
async fn an_invocation_of_which_nobody_knows_whether_it_happened_is_not_made_again() {
    for (fault, words) in [
        (Fault::Before(Reply::status(500)), "could not invoke itself"),
        (Fault::Before(Reply::Cut), "got no answer"),
        (Fault::After(Reply::Cut), "got no answer"),
        (Fault::Before(Reply::Silence), "did not answer in time"),
    ] {
        let what = format!("{fault:?}");
        let (mut fixture, _) = waiting(|configuration| configuration.invoke_faults([fault])).await;
        let event = fixture.create(&pull("app"));
        let url = fixture.stack.handler.responses.url();
        returned(&fixture.function().invoke(&event.to_json(url.as_str())).await);
        let first = url.puts().into_iter().find(Put::stored).expect("an answer");
        let answer = Answer::read(&event, &first).unwrap_or_else(|violations| panic!("{what}: {violations:?}"));
        assert!(
            !answer.success && answer.reason.as_deref().is_some_and(|why| why.contains(words)),
            "{what}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn what_waits_to_be_written_is_taken_back_where_the_function_cannot_invoke_itself() {
    let ledger = AwsStub::ledger(|_| None).await;
    let alone = |configuration: Configuration| {
        configuration.variable("AWS_ENDPOINT_URL_DYNAMODB", ledger.origin()).without_self_invocation()
    };
    let (mut fixture, _) = waiting(alone).await;
    let event = fixture.create(&pull("app"));
    let url = fixture.stack.handler.responses.url();
    returned(&fixture.invoke(&event.to_json(url.as_str())).await);
    assert!(!answer(&event, &url).success);
    let is_taken_back =
        |call: &Call| call.input["UpdateExpression"].as_str().is_some_and(|text| text.contains("#withdrawn = "));
    assert_eq!(ledger.calls().iter().filter(|call| is_taken_back(call)).count(), 1);
}

#[tokio::test]
async fn a_function_that_may_not_invoke_itself_says_what_it_was_waiting_for() {
    let (mut fixture, _) = waiting(Configuration::without_self_invocation).await;
    let run = fixture.stack.create(&pull("app")).await.sound();
    assert_eq!(run.status, Status::RollbackComplete);
    let reason = run.reason().unwrap();
    assert!(reason.to_lowercase().contains("principal") || reason.contains("Invalid repository policy"), "{reason}");
    assert!(reason.contains("invoke"), "{reason}");
    let id = &run.steps[0].answer.as_ref().unwrap().physical_resource_id;
    assert_eq!(id, "something-may-have-been-made", "it did some work");
    // It asks again, since its role might be a moment old.
    assert!(fixture.function().refusals() > 1);
}
