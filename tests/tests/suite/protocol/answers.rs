//! What is answered over the life of a resource.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use archipelago_tests::aws_stub::AwsStub;
use archipelago_tests::cloudformation::{Delivery, RequestType, Status};
use archipelago_tests::fault::{Fault, error};
use archipelago_tests::function::{Configuration, SHORT};
use archipelago_tests::http::Reply;
use serde_json::{Value, json};

use super::{calm, changed, ecr_without_missing, fixture, pull};

fn statements(policy: &Value) -> usize {
    policy["Statement"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn a_life_without_trouble_is_answered_event_by_event() {
    let mut fixture = calm().await;
    let created = fixture.stack.create(&pull("app")).await.sound();
    assert_eq!(created.status, Status::CreateComplete, "{:?}", created.reason());
    let id = fixture.stack.resource.live().unwrap().physical_resource_id.clone();
    assert!(id.starts_with("app#"), "{id}");
    assert_eq!(statements(&fixture.ecr.policy("app")), 1);

    let more = changed(&pull("app"), "/Statement/Action", json!(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]));
    let updated = fixture.stack.update(&more).await.sound();
    assert_eq!(updated.requests(), [RequestType::Update], "an update in place has no clean-up");
    assert_eq!(fixture.stack.resource.live().unwrap().physical_resource_id, id);
    assert_eq!(fixture.ecr.policy("app")["Statement"][0]["Action"].as_array().map(Vec::len), Some(2));

    let deleted = fixture.stack.delete().await.sound();
    assert_eq!(deleted.status, Status::DeleteComplete);
    assert_eq!(fixture.ecr.count("DeleteRepositoryPolicy"), 1);
}

#[tokio::test]
async fn the_attributes_are_there_after_create_and_after_update() {
    let mut fixture = calm().await;
    for run in [fixture.stack.create(&pull("app")).await, fixture.stack.update(&pull("other")).await] {
        let run = run.sound();
        let data = &run.steps[0].answer.as_ref().unwrap().data;
        for name in ["Sids", "PolicySize", "PolicySizeLimit"] {
            assert!(data.contains_key(name), "{name} is missing: {data:?}");
        }
    }
}

#[tokio::test]
async fn an_update_that_changes_nothing_in_meaning_writes_nothing() {
    let mut fixture = calm().await;
    let _ = fixture.stack.create(&pull("app")).await.sound();
    let run =
        fixture.stack.update(&changed(&pull("app"), "/Statement/Action", json!("ecr:BatchGetImage"))).await.sound();
    assert_eq!(run.status, Status::UpdateComplete);
    assert_eq!(fixture.ecr.count("SetRepositoryPolicy"), 1);
}

#[tokio::test]
async fn another_target_is_a_replacement_and_the_old_one_is_cleaned_up() {
    let mut fixture = calm().await;
    let _ = fixture.stack.create(&pull("app")).await.sound();
    let run = fixture.stack.update(&pull("other")).await.sound();
    assert_eq!((run.requests(), run.status), (vec![RequestType::Update, RequestType::Delete], Status::UpdateComplete));
    assert_eq!((statements(&fixture.ecr.policy("app")), statements(&fixture.ecr.policy("other"))), (0, 1));
}

#[tokio::test]
async fn an_endpoint_that_is_no_url_is_said_at_once_and_not_tried_again() {
    let astray = |configuration: Configuration| configuration.variable("AWS_ENDPOINT_URL_ECR", "ecr.example.com");
    let mut fixture = fixture(AwsStub::ecr(|_| Fault::None).await, astray).await;
    let run = fixture.stack.create(&pull("app")).await.sound();
    let reason = run.reason().unwrap();
    assert!(
        reason.starts_with("ecr:GetRepositoryPolicy was not sent to AWS: the service has no endpoint: "),
        "{reason}"
    );
    assert!(reason.contains("AWS_ENDPOINT_URL"), "{reason}");
}

#[tokio::test]
async fn a_create_that_failed_says_why_and_is_deleted_without_trouble() {
    let mut fixture = fixture(ecr_without_missing().await, |configuration| configuration).await;
    let run = fixture.stack.create(&pull("missing")).await.sound();
    assert_eq!(
        (run.requests(), run.status),
        (vec![RequestType::Create, RequestType::Delete], Status::RollbackComplete)
    );
    let reason = run.reason().unwrap();
    assert!(reason.contains("repository") && reason.contains("missing"), "{reason}");
    assert_eq!(fixture.ecr.count("SetRepositoryPolicy"), 0);
}

#[tokio::test]
async fn a_reason_ends_with_the_request_id_and_the_log_stream() {
    let mut fixture = fixture(ecr_without_missing().await, |configuration| configuration).await;
    let run = fixture.stack.create(&pull("missing")).await.sound();
    let reason = run.reason().unwrap();
    let tail: String = reason.chars().skip(reason.chars().count().saturating_sub(130)).collect();
    assert!(tail.contains(&run.steps[0].event.request_id), "{tail}");
    assert!(tail.contains("2026/01/01/[$LATEST]"), "{tail}");
}

#[tokio::test]
async fn an_update_that_failed_keeps_its_id_and_is_rolled_back() {
    let mut fixture = fixture(ecr_without_missing().await, |configuration| configuration).await;
    let _ = fixture.stack.create(&pull("app")).await.sound();
    let before = fixture.stack.resource.live().cloned();
    let run = fixture.stack.update(&pull("missing")).await.sound();
    assert_eq!(
        (run.requests(), run.status),
        (vec![RequestType::Update, RequestType::Update], Status::UpdateRollbackComplete)
    );
    let failed = run.steps[0].answer.as_ref().unwrap();
    assert_eq!(Some(&failed.physical_resource_id), before.as_ref().map(|live| &live.physical_resource_id));
    assert_eq!(fixture.stack.resource.live().cloned(), before);
}

#[tokio::test]
async fn a_misspelt_property_is_refused_by_its_path_before_aws_is_asked() {
    let mut fixture = calm().await;
    let mut misspelt = pull("app");
    let name = misspelt.as_object_mut().unwrap().shift_remove("RepositoryName").unwrap();
    misspelt["RepositoryNmae"] = name;
    let run = fixture.stack.create(&misspelt).await.sound();
    let sentence = "ResourceProperties.RepositoryNmae: unknown property; did you mean `RepositoryName`?";
    assert!(run.reason().unwrap().contains(sentence), "{:?}", run.reason());
    assert_eq!(run.status, Status::RollbackComplete);
    assert_eq!(fixture.ecr.count("SetRepositoryPolicy"), 0);
}

#[tokio::test]
async fn an_event_that_arrives_twice_leaves_one_statement() {
    for delivery in [Delivery::Twice, Delivery::AtOnce] {
        let mut fixture = calm().await;
        fixture.stack.delivery = delivery;
        let created = fixture.stack.create(&pull("app")).await.sound();
        assert_eq!(created.status, Status::CreateComplete, "{delivery:?}: {:?}", created.reason());
        assert_eq!(statements(&fixture.ecr.policy("app")), 1, "{delivery:?}");
        let deleted = fixture.stack.delete().await.sound();
        assert_eq!(deleted.status, Status::DeleteComplete, "{delivery:?}: {:?}", deleted.reason());
        assert_eq!(fixture.ecr.policy("app"), Value::Null, "{delivery:?}");
    }
}

#[tokio::test]
async fn a_request_id_that_is_used_again_does_not_bring_the_old_answer_back() {
    let healed = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&healed);
    let ecr = AwsStub::ecr(move |call| {
        if call.operation == "SetRepositoryPolicy" && !state.load(Ordering::SeqCst) {
            return Fault::Before(error("RegistryPolicyNotAllowed", "not today"));
        }
        Fault::None
    })
    .await;
    let mut fixture = fixture(ecr, |configuration| configuration).await;
    fixture.stack.resource.reuse_request_ids(true);
    let failed = fixture.stack.create(&pull("app")).await.sound();
    assert_eq!(failed.status, Status::RollbackComplete);
    healed.store(true, Ordering::SeqCst);
    let created = fixture.stack.create(&pull("app")).await.sound();
    assert_eq!(created.status, Status::CreateComplete, "{:?}", created.reason());
    assert_eq!(created.steps[0].event.request_id, failed.steps[0].event.request_id);
}

#[tokio::test]
async fn a_create_that_is_cancelled_leaves_nothing_behind() {
    // The statement is written, but the Create never hears of it and hangs until its time is up.
    let ecr =
        AwsStub::ecr(
            |call| {
                if call.operation == "SetRepositoryPolicy" { Fault::After(Reply::Silence) } else { Fault::None }
            },
        )
        .await;
    let mut fixture = fixture(ecr, |configuration| configuration.timeout(SHORT)).await;
    let written = fixture.ecr.called(|call| call.operation == "SetRepositoryPolicy");
    let run = fixture.stack.cancelled_create(&pull("app"), written).await.sound();
    assert_eq!(run.status, Status::RollbackComplete, "{:?}", run.reason());
    assert_eq!(fixture.ecr.count("DeleteRepositoryPolicy"), 1);
    assert_eq!(fixture.ecr.policy("app"), Value::Null);
}

#[tokio::test]
async fn a_replacement_that_is_cancelled_leaves_nothing_behind() {
    // CloudFormation never hears the new id, so only the rollback's old properties tell where the statement went.
    let ecr = AwsStub::ecr(|call| {
        let hangs = call.operation == "SetRepositoryPolicy" && call.input["repositoryName"] == "other";
        if hangs { Fault::After(Reply::Silence) } else { Fault::None }
    })
    .await;
    let mut fixture = fixture(ecr, |configuration| configuration.timeout(SHORT)).await;
    let _ = fixture.stack.create(&pull("app")).await.sound();
    let written =
        fixture.ecr.called(|call| call.operation == "SetRepositoryPolicy" && call.input["repositoryName"] == "other");
    let run = fixture.stack.cancelled_update(&pull("other"), written).await.sound();
    assert_eq!(run.status, Status::UpdateRollbackComplete, "{:?}", run.reason());
    assert_eq!((statements(&fixture.ecr.policy("app")), statements(&fixture.ecr.policy("other"))), (1, 0));
}

#[tokio::test]
async fn a_success_that_the_stack_takes_back_is_removed_again() {
    let mut fixture = calm().await;
    fixture.stack.resource.fail_another();
    let created = fixture.stack.create(&pull("app")).await.sound();
    assert_eq!(created.status, Status::RollbackComplete);
    assert_eq!(fixture.ecr.policy("app"), Value::Null);

    let _ = fixture.stack.create(&pull("app")).await.sound();
    fixture.stack.resource.fail_another();
    let updated = fixture.stack.update(&pull("other")).await.sound();
    assert_eq!(updated.status, Status::UpdateRollbackComplete);
    assert_eq!((statements(&fixture.ecr.policy("app")), statements(&fixture.ecr.policy("other"))), (1, 0));
}
