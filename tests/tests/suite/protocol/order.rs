//! Requests that Lambda runs in another order than CloudFormation made them, by the times in their URLs.

use std::time::{Duration, SystemTime};

use archipelago_tests::aws_stub::AwsStub;
use archipelago_tests::cloudformation::{Answer, Event, RequestType, signing_date};
use archipelago_tests::model::OVERTAKEN;
use serde_json::json;

use super::{Fixture, answer, calm, changed, pull, returned};

/// What becomes of an event that CloudFormation made so many seconds ago.
async fn delivered(fixture: &Fixture, event: &Event, seconds_ago: u64) -> Answer {
    let url = fixture.stack.handler.responses.url_signed_at(SystemTime::now() - Duration::from_secs(seconds_ago));
    returned(&fixture.invoke(&event.to_json(url.as_str())).await);
    answer(event, &url)
}

/// The Delete that follows `create` when CloudFormation cancels it, with an id that CloudFormation invents.
fn delete_of(create: &Event) -> Event {
    let physical_resource_id = Some("demo-Pull-1ABCDEF".to_owned());
    Event { request_type: RequestType::Delete, physical_resource_id, ..create.clone() }
}

fn writes(ecr: &AwsStub) -> usize {
    ecr.calls().iter().filter(|call| call.operation == "SetRepositoryPolicy").count()
}

#[tokio::test]
async fn a_create_that_arrives_after_its_delete_leaves_nothing() {
    let mut fixture = calm().await;
    let create = fixture.create(&pull("app"));
    assert!(delivered(&fixture, &delete_of(&create), 30).await.success);
    let late = delivered(&fixture, &create, 60).await;
    assert!(!late.success && late.reason.is_some_and(|reason| reason.starts_with(OVERTAKEN)));
    assert_eq!(late.physical_resource_id, "nothing-was-made");
    assert_eq!(writes(&fixture.ecr), 0);
}

#[tokio::test]
async fn an_update_that_arrives_after_its_rollback_leaves_the_policy_as_the_rollback_made_it() {
    let mut fixture = calm().await;
    let create = fixture.create(&pull("app"));
    let id = delivered(&fixture, &create, 90).await.physical_resource_id;
    let wider = changed(&pull("app"), "/Statement/Action/0", json!("ecr:*"));
    let [before, after] = [pull("app"), wider].map(|properties| properties.as_object().cloned().unwrap_or_default());
    let update = |properties: &_, old: &_| Event {
        request_type: RequestType::Update,
        physical_resource_id: Some(id.clone()),
        properties: Clone::clone(properties),
        old_properties: Some(Clone::clone(old)),
        ..create.clone()
    };
    assert!(delivered(&fixture, &update(&before, &after), 30).await.success);
    let writes_before = writes(&fixture.ecr);
    let late = delivered(&fixture, &update(&after, &before), 60).await;
    assert!(!late.success && late.reason.is_some_and(|reason| reason.starts_with(OVERTAKEN)));
    assert_eq!(writes(&fixture.ecr), writes_before);
}

#[tokio::test]
async fn the_same_event_twice_is_one_request() {
    let mut fixture = calm().await;
    let create = fixture.create(&pull("app"));
    let url = fixture.stack.handler.responses.url();
    returned(&fixture.invoke(&create.to_json(url.as_str())).await);
    returned(&fixture.invoke(&create.to_json(url.as_str())).await);
    let answers: Vec<_> = url.puts().iter().filter_map(|put| Answer::read(&create, put).ok()).collect();
    assert!(answers.len() == 2 && answers.iter().all(|answer| answer.success), "{answers:?}");
    assert_eq!(writes(&fixture.ecr), 1);
}

#[test]
fn a_url_is_signed_at_a_time_in_the_words_of_signature_version_4() {
    assert_eq!(signing_date(SystemTime::UNIX_EPOCH + Duration::from_millis(1_796_012_486_789)), "20261130T042126Z");
}
