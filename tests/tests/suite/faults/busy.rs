//! An Organizations that is busy is asked again, and does everything once.

use archipelago_tests::call::Call;
use archipelago_tests::cloudformation::Status;
use archipelago_tests::fault::Fault;
use serde_json::json;

use super::{Fixture, busy, named, ou, parent, the_account, unique, with};

/// Fails the first three calls of each operation, each time for another reason.
fn three_times(operations: &'static [&'static str]) -> impl Fn(&Call) -> Fault + Send + Sync {
    move |call| match call.nth {
        _ if !operations.contains(&call.operation.as_str()) => Fault::None,
        1 => busy(call, "ConcurrentModificationException"),
        2 => busy(call, "TooManyRequestsException"),
        3 => busy(call, "FinalizingOrganizationException"),
        _ => Fault::None,
    }
}

#[tokio::test]
async fn an_account_is_made_once_although_organizations_was_busy() {
    let mut fixture = Fixture::account(three_times(&["CreateAccount"])).await;
    let name = unique("busy");
    let run = fixture.stack.create(&named(&name)).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    let account = the_account(&super::email(&name)).await;
    let id = &fixture.stack.resource.live().unwrap().physical_resource_id;
    assert_eq!(account["Id"], **id);
    assert_eq!((fixture.aws.count("CreateAccount"), fixture.done("CreateAccount")), (4, 1));
}

#[tokio::test]
async fn an_account_is_moved_and_tagged_although_organizations_was_busy() {
    let mut fixture = Fixture::account(three_times(&["MoveAccount", "TagResource"])).await;
    let (name, ou) = (unique("busy"), ou().await);
    let run = fixture.stack.create(&named(&name)).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    let more = json!({ "ParentId": ou, "Tags": [{ "Key": "Stage", "Value": "production" }] });
    let run = fixture.stack.update(&with(named(&name), more)).await.sound();
    assert_eq!(run.status, Status::UpdateComplete, "{:?}", run.reason());
    let id = fixture.stack.resource.live().unwrap().physical_resource_id.clone();
    assert_eq!(parent(&id).await, ou);
    let tags = super::listed("ListTagsForResource", "Tags", json!({ "ResourceId": id })).await;
    assert!(tags.contains(&json!({ "Key": "Stage", "Value": "production" })), "{tags:?}");
    assert_eq!((fixture.done("MoveAccount"), fixture.done("TagResource"), fixture.done("CreateAccount")), (1, 1, 1));
}

#[tokio::test]
async fn reads_are_asked_again_while_organizations_is_busy() {
    let reads = ["ListCreateAccountStatus", "ListAccounts", "DescribeAccount", "ListParents"];
    let mut fixture = Fixture::account(move |call| match (call.nth, reads.contains(&call.operation.as_str())) {
        (1, true) => busy(call, "ConcurrentModificationException"),
        (2, true) => {
            Fault::Before(call.error(500, "ServiceException", "AWS Organizations can't complete your request."))
        }
        _ => Fault::None,
    })
    .await;
    let (name, ou) = (unique("busy"), ou().await);
    let run = fixture.stack.create(&with(named(&name), json!({ "ParentId": ou }))).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    let account = the_account(&super::email(&name)).await;
    assert_eq!(parent(account["Id"].as_str().unwrap()).await, ou);
}

#[tokio::test]
async fn an_account_that_somebody_moves_meanwhile_is_looked_for_again() {
    let mut fixture = Fixture::account(|call| match (call.operation.as_str(), call.nth) {
        ("MoveAccount", 1) => busy(call, "SourceParentNotFoundException"),
        _ => Fault::None,
    })
    .await;
    let (name, ou) = (unique("moved"), ou().await);
    let run = fixture.stack.create(&with(named(&name), json!({ "ParentId": ou }))).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    let mut moves = fixture.aws.operations();
    moves.retain(|operation| operation == "ListParents" || operation == "MoveAccount");
    assert_eq!(moves, ["ListParents", "MoveAccount", "ListParents", "MoveAccount"]);
    let id = fixture.stack.resource.live().unwrap().physical_resource_id.clone();
    assert_eq!(parent(&id).await, ou);
}

#[tokio::test]
async fn a_role_that_can_not_be_assumed_yet_is_waited_for() {
    let mut fixture = Fixture::account(|call| match (call.operation.as_str(), call.nth) {
        ("AssumeRole", ..=2) => {
            Fault::Before(call.error(403, "AccessDenied", "not authorized to perform: sts:AssumeRole"))
        }
        ("GetCallerIdentity", 1) => Fault::Before(call.error(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid",
        )),
        _ => Fault::None,
    })
    .await;
    let run = fixture.stack.create(&named(&unique("ready"))).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    assert_eq!((fixture.aws.count("AssumeRole"), fixture.aws.count("GetCallerIdentity")), (4, 2));
    assert_eq!(fixture.aws.count("CreateAccount"), 1);
}
