//! However an answer is lost, an account is made once.

use std::sync::Arc;

use archipelago_tests::call::Call;
use archipelago_tests::cloudformation::{Delivery, Status};
use archipelago_tests::fault::Fault;
use archipelago_tests::function::SHORT;
use archipelago_tests::http::Reply;
use serde_json::json;
use tokio::sync::Barrier;

use super::{Fixture, busy, cut_after, email, named, organizations, ou, parent, the_account, unique, with};

#[tokio::test]
async fn an_account_whose_creation_lost_its_answer_is_found_and_not_made_again() {
    let mut fixture = Fixture::account(|call| match call.operation.as_str() {
        "CreateAccount" => cut_after(),
        _ => Fault::None,
    })
    .await;
    let name = unique("lost");
    let run = fixture.stack.create(&named(&name)).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    assert_eq!(fixture.aws.count("CreateAccount"), 1, "nothing may send it again blindly");
    let account = the_account(&email(&name)).await;
    assert_eq!(account["Id"], *fixture.stack.resource.live().unwrap().physical_resource_id);
}

#[tokio::test]
async fn a_creation_that_never_arrived_is_sent_again_once_nothing_is_found() {
    let mut fixture = Fixture::account(|call| match (call.operation.as_str(), call.nth) {
        ("CreateAccount", 1) => Fault::Before(Reply::Cut),
        _ => Fault::None,
    })
    .await;
    let name = unique("unheard");
    let run = fixture.stack.create(&named(&name)).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    let looks = ["ListCreateAccountStatus", "ListAccounts", "CreateAccount"];
    let mut calls = fixture.aws.operations();
    calls.retain(|operation| looks.contains(&operation.as_str()));
    assert_eq!(calls, [looks, looks].concat(), "it looks before it asks again");
    the_account(&email(&name)).await;
}

#[tokio::test]
async fn an_account_whose_creation_lost_its_answer_is_not_made_again_by_a_list_that_is_behind() {
    let mut fixture = Fixture::account(|call| match (call.operation.as_str(), call.nth) {
        ("CreateAccount", 1) => cut_after(),
        ("ListAccounts", 2) => Fault::Stale,
        _ => Fault::None,
    })
    .await;
    let name = unique("behind");
    let run = fixture.stack.create(&named(&name)).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    the_account(&email(&name)).await;
}

#[tokio::test]
async fn an_account_that_nobody_was_told_of_is_found_by_the_rollback() {
    let never = |call: &Call| match call.operation.as_str() {
        "CreateAccount" => Fault::After(Reply::Silence),
        _ => Fault::None,
    };
    let mut fixture = Fixture::of("Account", SHORT, never).await;
    let name = unique("untold");
    let run = fixture.stack.create(&with(named(&name), json!({ "CloseOnDelete": true }))).await.sound();
    assert_eq!(run.status, Status::RollbackComplete, "{:?}", run.reason());
    assert_eq!(fixture.aws.count("CreateAccount"), 1);
    assert_eq!(the_account(&email(&name)).await["State"], "SUSPENDED");
}

#[tokio::test]
async fn an_account_whose_move_lost_its_answer_is_where_it_should_be() {
    let mut fixture = Fixture::account(|call| match (call.operation.as_str(), call.nth) {
        ("MoveAccount", 1) => cut_after(),
        _ => Fault::None,
    })
    .await;
    let (name, ou) = (unique("moved"), ou().await);
    let run = fixture.stack.create(&with(named(&name), json!({ "ParentId": ou }))).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    let account = the_account(&email(&name)).await;
    assert_eq!(parent(account["Id"].as_str().unwrap()).await, ou);
}

#[tokio::test]
async fn an_account_whose_closing_lost_its_answer_is_closed() {
    let mut fixture = Fixture::account(|call| match (call.operation.as_str(), call.nth) {
        ("CloseAccount", 1) => cut_after(),
        _ => Fault::None,
    })
    .await;
    let name = unique("closed");
    let run = fixture.stack.create(&with(named(&name), json!({ "CloseOnDelete": true }))).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    let run = fixture.stack.delete().await.sound();
    assert_eq!(run.status, Status::DeleteComplete, "{:?}", run.reason());
    assert_eq!(the_account(&email(&name)).await["State"], "SUSPENDED");
}

#[tokio::test]
async fn an_event_that_is_delivered_twice_at_once_makes_one_account() {
    // Both have looked and found nothing when the first of them asks for the account.
    let both = Arc::new(Barrier::new(2));
    let mut fixture = Fixture::account(move |call| {
        let both = Arc::clone(&both);
        match (call.operation.as_str(), call.nth) {
            ("CreateAccount", ..=2) => Fault::delayed(async move {
                both.wait().await;
            }),
            _ => Fault::None,
        }
    })
    .await;
    fixture.stack.delivery = Delivery::AtOnce;
    let name = unique("twice");
    let run = fixture.stack.create(&named(&name)).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    assert_eq!(fixture.function().processes(), 2);
    assert_eq!(fixture.aws.count("CreateAccount"), 2, "the two have run side by side");
    let account = the_account(&email(&name)).await;
    for put in &run.steps[0].puts {
        assert_eq!(put.json()["PhysicalResourceId"], account["Id"]);
    }
}

#[tokio::test]
async fn an_event_that_is_delivered_again_changes_nothing() {
    let mut fixture = Fixture::account(|_| Fault::None).await;
    fixture.stack.delivery = Delivery::Twice;
    let name = unique("again");
    let run = fixture.stack.create(&named(&name)).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    assert_eq!(fixture.aws.count("CreateAccount"), 1);
    the_account(&email(&name)).await;
}

#[tokio::test]
async fn an_account_that_is_not_known_yet_when_it_has_been_made_is_waited_for() {
    let mut fixture = Fixture::account(|call| match (call.operation.as_str(), call.nth) {
        ("DescribeAccount", ..=2) => busy(call, "AccountNotFoundException"),
        _ => Fault::None,
    })
    .await;
    let name = unique("young");
    let run = fixture.stack.create(&named(&name)).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    assert_eq!(the_account(&email(&name)).await["Id"], *fixture.stack.resource.live().unwrap().physical_resource_id);
}

#[tokio::test]
async fn a_new_name_that_comes_at_a_busy_time_is_asked_for_again() {
    let mut fixture = Fixture::account(|call| match (call.operation.as_str(), call.nth) {
        // The SDK itself tries three times.
        ("PutAccountName", ..=4) => busy(call, "TooManyRequestsException"),
        _ => Fault::None,
    })
    .await;
    let trust = json!({ "ServicePrincipal": "account.amazonaws.com" });
    organizations("EnableAWSServiceAccess", trust).await.unwrap();
    let name = unique("named");
    assert_eq!(fixture.stack.create(&named(&name)).await.sound().status, Status::CreateComplete);
    let renamed = with(named(&name), json!({ "Name": format!("{name}-2") }));
    let run = fixture.stack.update(&renamed).await.sound();
    assert_eq!(run.status, Status::UpdateComplete, "{:?}", run.reason());
    assert_eq!(the_account(&email(&name)).await["Name"], format!("{name}-2"));
}
