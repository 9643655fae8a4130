//! Events that are not as they should be, or arrive in another wrapping.

use archipelago_tests::aws_stub::AwsStub;
use archipelago_tests::cloudformation::{Event, RequestType};
use archipelago_tests::fault::{Fault, error};
use serde_json::{Value, json};

use super::{Fixture, answer, calm, fixture, megabyte, pull, returned};

/// Invokes with an event that `spoil` has had its hands on; the answer must be right all the same.
async fn answered(
    fixture: &Fixture,
    event: &Event,
    spoil: impl FnOnce(&mut Value),
) -> archipelago_tests::cloudformation::Answer {
    let url = fixture.stack.handler.responses.url();
    let mut json = event.to_json(url.as_str());
    spoil(&mut json);
    returned(&fixture.invoke(&json).await);
    answer(event, &url)
}

#[tokio::test]
async fn an_unknown_request_type_is_answered_failed() {
    let mut fixture = calm().await;
    let event = fixture.create(&pull("app"));
    let answer = answered(&fixture, &event, |json| json["RequestType"] = json!("Frobnicate")).await;
    assert!(!answer.success);
    let reason = answer.reason.unwrap();
    assert!(["Create", "Update", "Delete"].iter().all(|known| reason.contains(known)), "{reason}");
    assert_eq!(fixture.ecr.calls().len(), 0);
}

#[tokio::test]
async fn properties_that_are_none_are_answered_failed() {
    let mut fixture = calm().await;
    let event = fixture.create(&pull("app"));
    for nonsense in [json!("nonsense"), json!([]), Value::Null, json!({ "RepositoryName": { "a": "b" } })] {
        let answer = answered(&fixture, &event, |json| json["ResourceProperties"] = nonsense.clone()).await;
        assert!(!answer.success, "{nonsense}");
    }
    assert_eq!(fixture.ecr.calls().len(), 0);
}

#[tokio::test]
async fn a_reason_that_is_too_long_is_cut_and_keeps_its_end() {
    let ecr = AwsStub::ecr(|_| Fault::Before(error("InvalidParameterException", &"é".repeat(5000)))).await;
    let mut fixture = fixture(ecr, |configuration| configuration).await;
    let event = fixture.create(&pull("app"));
    let answer = answered(&fixture, &event, |_| ()).await;
    let reason = answer.reason.unwrap();
    let start = "ecr:GetRepositoryPolicy was refused by AWS with InvalidParameterException: éé";
    assert!(reason.starts_with(start), "{reason}");
    assert!(reason.contains(&event.request_id), "{reason}");
}

#[tokio::test]
async fn attributes_that_are_too_large_are_a_failure_that_names_them() {
    let mut fixture = calm().await;
    let statement = |index: usize| {
        json!({
            "Sid": format!("{index:02}{}", "x".repeat(60)),
            "Effect": "Allow",
            "Principal": { "AWS": "222222222222" },
            "Action": "ecr:*",
        })
    };
    let statements: Vec<_> = (0..62).map(statement).collect();
    let run = fixture.stack.create(&json!({ "RepositoryName": "app", "Statement": statements })).await.sound();
    // Sids may be cut so short that they fit; the answer is right either way.
    if let Some(reason) = run.reason() {
        assert!(reason.contains("Sids"), "{reason}");
        assert_eq!(fixture.ecr.policy("app"), Value::Null);
    }
}

/// Half of what Lambda gives a function, in bytes.
const HALF_OF_THE_MEMORY: u64 = 64 << 20;

#[tokio::test]
async fn an_event_of_a_megabyte_is_answered_failed_without_its_properties_being_read() {
    let mut fixture = calm().await;
    let event = fixture.create(&pull("app"));
    let answer = answered(&fixture, &event, |json| json["ResourceProperties"]["Statement"] = megabyte()).await;
    assert!(!answer.success);
    let reason = answer.reason.unwrap();
    assert!(reason.starts_with("ResourceProperties: can't be read; a request may have 256 KB"), "{reason}");
    assert_eq!(fixture.ecr.calls().len(), 0);
    let peak = fixture.function().peak_memory();
    assert!(peak < HALF_OF_THE_MEMORY, "{} MB", peak >> 20);
}

#[tokio::test]
async fn an_event_of_a_megabyte_does_not_keep_a_delete_or_a_rollback_from_happening() {
    let mut fixture = calm().await;
    let _ = fixture.stack.create(&pull("app")).await.sound();
    let mut update = fixture.stack.resource.update(&pull("other")).unwrap();
    update.properties = pull("app").as_object().unwrap().clone();
    let rollback = answered(&fixture, &update, |json| json["OldResourceProperties"]["Statement"] = megabyte()).await;
    assert!(rollback.success, "{:?}", rollback.reason);
    let delete = Event { request_type: RequestType::Delete, old_properties: None, ..update };
    let deleted = answered(&fixture, &delete, |json| json["ResourceProperties"]["Statement"] = megabyte()).await;
    assert!(deleted.success, "{:?}", deleted.reason);
    assert_eq!(fixture.ecr.policy("app"), Value::Null);
}

#[tokio::test]
async fn a_delete_of_what_was_never_ours_succeeds_and_touches_nothing() {
    let mut fixture = calm().await;
    let _ = fixture.stack.create(&pull("app")).await.sound();
    let mut delete = fixture.stack.resource.delete().unwrap();
    let writes = fixture.ecr.count("SetRepositoryPolicy");
    // Another claim, whose mark is on nothing.
    delete.logical_resource_id = "Somebody".to_owned();
    for id in ["demo-Somebody-1X2Y3Z", "nothing-was-made", "sha256:0", "app#0000000000"] {
        delete.physical_resource_id = Some(id.to_owned());
        assert!(answered(&fixture, &delete, |_| ()).await.success, "{id}");
    }
    let answer = answered(&fixture, &delete, |json| json["ResourceProperties"] = json!({ "Old": ["schema"] })).await;
    assert!(answer.success, "a Delete is never refused for its properties");
    assert_eq!(fixture.ecr.count("SetRepositoryPolicy"), writes);
    assert_eq!(fixture.ecr.count("DeleteRepositoryPolicy"), 0);
}

#[tokio::test]
async fn a_rollback_from_an_older_schema_goes_through() {
    let mut fixture = calm().await;
    let _ = fixture.stack.create(&pull("app")).await.sound();
    let mut update = fixture.stack.resource.update(&pull("other")).unwrap();
    update.properties = pull("app").as_object().unwrap().clone();
    let answer = answered(&fixture, &update, |json| json["OldResourceProperties"] = json!({ "Old": "schema" })).await;
    assert!(answer.success, "{:?}", answer.reason);
}

#[tokio::test]
async fn an_event_comes_through_sns_alone_or_with_others() {
    for count in [1, 3] {
        let mut fixture = calm().await;
        let first = fixture.create(&pull("app"));
        let events: Vec<Event> =
            (0..count).map(|index| Event { logical_resource_id: format!("Pull{index}"), ..first.clone() }).collect();
        let urls: Vec<_> = events.iter().map(|_| fixture.stack.handler.responses.url()).collect();
        let record = |(event, url): (&Event, &archipelago_tests::response_server::ResponseUrl)| {
            json!({
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "Sns": { "Type": "Notification", "Message": event.to_json(url.as_str()).to_string() },
            })
        };
        let records: Vec<_> = events.iter().zip(&urls).map(record).collect();
        returned(&fixture.invoke(&json!({ "Records": records })).await);
        for (event, url) in events.iter().zip(&urls) {
            let answer = answer(event, url);
            assert!(answer.success, "{:?}", answer.reason);
        }
    }
}

#[tokio::test]
async fn what_is_no_event_of_cloudformation_s_is_logged_and_left_alone() {
    let fixture = calm().await;
    for nonsense in [json!({}), json!({ "hello": "world" }), json!({ "Records": [{ "Sns": { "Message": "{" } }] })] {
        returned(&fixture.invoke(&nonsense).await);
    }
    assert_eq!(fixture.ecr.calls().len(), 0);
    let log = fixture.function().retire().await;
    assert_eq!(log.iter().filter(|line| line.text.contains("\"ERROR\"")).count(), 3, "{log:?}");
}
