//! However an answer is lost, an OU is made once.

use std::time::Duration;

use archipelago_tests::call::Call;
use archipelago_tests::cloudformation::Status;
use archipelago_tests::fault::Fault;
use archipelago_tests::http::Reply;
use serde_json::{Value, json};

use super::{Fixture, cut_after, listed, ou};

async fn fixture(fault: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Fixture {
    Fixture::of("OrganizationalUnit", Duration::from_mins(1), fault).await
}

async fn units(parent: &str) -> Vec<Value> {
    listed("ListOrganizationalUnitsForParent", "OrganizationalUnits", json!({ "ParentId": parent })).await
}

#[tokio::test]
async fn an_ou_whose_creation_lost_its_answer_is_found_and_is_its_own() {
    let mut fixture = fixture(|call| match call.operation.as_str() {
        "CreateOrganizationalUnit" => cut_after(),
        _ => Fault::None,
    })
    .await;
    let parent = ou().await;
    // Found by its mark: it may not adopt what others made.
    let properties = json!({ "Name": "Workloads", "ParentId": parent, "AdoptExisting": false });
    let run = fixture.stack.create(&properties).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    assert_eq!(fixture.aws.count("CreateOrganizationalUnit"), 1, "nothing may send it again blindly");
    let units = units(&parent).await;
    assert_eq!(units.len(), 1, "{units:?}");
    assert_eq!(units[0]["Id"], *fixture.stack.resource.live().unwrap().physical_resource_id);

    let run = fixture.stack.delete().await.sound();
    assert_eq!(run.status, Status::DeleteComplete, "{:?}", run.reason());
    assert!(self::units(&parent).await.is_empty(), "it is deleted as what it made");
}

#[tokio::test]
async fn an_ou_whose_creation_never_arrived_is_made_once() {
    let mut fixture = fixture(|call| match (call.operation.as_str(), call.nth) {
        ("CreateOrganizationalUnit", 1) => Fault::Before(Reply::Cut),
        _ => Fault::None,
    })
    .await;
    let parent = ou().await;
    let run = fixture.stack.create(&json!({ "Name": "Workloads", "ParentId": parent })).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    assert_eq!((units(&parent).await.len(), fixture.done("CreateOrganizationalUnit")), (1, 1));
}

#[tokio::test]
async fn an_ou_that_a_list_does_not_show_yet_is_waited_for() {
    let mut fixture = fixture(|call| match (call.operation.as_str(), call.nth) {
        ("CreateOrganizationalUnit", 1) => cut_after(),
        ("ListOrganizationalUnitsForParent", 2) => Fault::Stale,
        _ => Fault::None,
    })
    .await;
    let parent = ou().await;
    let properties = json!({ "Name": "Workloads", "ParentId": parent, "AdoptExisting": false });
    let run = fixture.stack.create(&properties).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    assert_eq!(units(&parent).await.len(), 1);
    assert_eq!(fixture.aws.count("CreateOrganizationalUnit"), 2, "the second is refused, since the name is taken");
}

#[tokio::test]
async fn an_ou_whose_deletion_lost_its_answer_is_gone() {
    let mut fixture = fixture(|call| match (call.operation.as_str(), call.nth) {
        ("DeleteOrganizationalUnit", 1) => cut_after(),
        _ => Fault::None,
    })
    .await;
    let parent = ou().await;
    let run = fixture.stack.create(&json!({ "Name": "Workloads", "ParentId": parent })).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    let run = fixture.stack.delete().await.sound();
    assert_eq!(run.status, Status::DeleteComplete, "{:?}", run.reason());
    assert!(units(&parent).await.is_empty());
}
