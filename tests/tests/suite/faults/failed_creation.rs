//! A creation that failed for Organizations' own reasons is tried again, patiently and not for ever.

use archipelago_tests::call::Call;
use archipelago_tests::cloudformation::Status;
use archipelago_tests::fault::Fault;
use archipelago_tests::http::Reply;
use serde_json::json;

use super::{Fixture, accounts, email, named, the_account, unique, with};

/// What the ids of failed requests start with.
const FAILED: &str = "car-000000000000";

/// Whether it is a question about a request that `failed` let fail.
fn is_about_failed(call: &Call) -> bool {
    call.input["CreateAccountRequestId"].as_str().is_some_and(|id| id.starts_with(FAILED))
}

/// The creation fails at once, and no list knows of it yet; asked for by its id, it has failed.
fn failed(call: &Call, reason: &str) -> Fault {
    let id = match call.input["CreateAccountRequestId"].as_str() {
        Some(asked) => asked.to_owned(),
        None => format!("{FAILED}{:08}", call.nth),
    };
    let status = json!({ "Id": id, "AccountName": "unknown", "State": "FAILED", "FailureReason": reason });
    Fault::Before(Reply::json(200, &json!({ "CreateAccountStatus": status })))
}

#[tokio::test]
async fn a_creation_that_another_one_was_in_the_way_of_is_tried_again() {
    let mut fixture = Fixture::account(|call| match (call.operation.as_str(), call.nth) {
        ("CreateAccount", 1) => failed(call, "CONCURRENT_ACCOUNT_MODIFICATION"),
        ("CreateAccount", 2) => failed(call, "INTERNAL_FAILURE"),
        _ if is_about_failed(call) => failed(call, "INTERNAL_FAILURE"),
        _ => Fault::None,
    })
    .await;
    let name = unique("again");
    let run = fixture.stack.create(&named(&name)).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    let account = the_account(&email(&name)).await;
    assert_eq!(account["Id"], *fixture.stack.resource.live().unwrap().physical_resource_id);
}

#[tokio::test]
async fn creations_that_fail_do_not_follow_each_other_without_a_pause() {
    let mut fixture = Fixture::account(|call| match call.operation.as_str() {
        "CreateAccount" => failed(call, "INTERNAL_FAILURE"),
        _ if is_about_failed(call) => failed(call, "INTERNAL_FAILURE"),
        _ => Fault::None,
    })
    .await;
    let name = unique("never");
    let run = fixture.stack.create(&with(named(&name), json!({ "ServiceTimeout": 20 }))).await.sound();
    assert_eq!(run.status, Status::RollbackComplete, "{:?}", run.reason());
    assert!(run.reason().unwrap().contains("INTERNAL_FAILURE"), "{:?}", run.reason());
    // Ten seconds of work have room for eight pauses of the one loop that waits, at most.
    assert!(fixture.aws.count("CreateAccount") <= 9, "{} requests in a row", fixture.aws.count("CreateAccount"));
    assert!(accounts(&email(&name)).await.is_empty());
}

#[tokio::test]
async fn a_creation_that_failed_for_good_is_not_tried_again() {
    let mut fixture = Fixture::account(|call| match call.operation.as_str() {
        "CreateAccount" => failed(call, "MISSING_PAYMENT_INSTRUMENT"),
        _ => Fault::None,
    })
    .await;
    let run = fixture.stack.create(&named(&unique("unpaid"))).await.sound();
    assert_eq!(run.status, Status::RollbackComplete, "{:?}", run.reason());
    assert!(run.reason().unwrap().contains("MISSING_PAYMENT_INSTRUMENT"), "{:?}", run.reason());
    assert_eq!(fixture.aws.count("CreateAccount"), 1);
}

#[tokio::test]
async fn creations_of_that_name_which_failed_long_ago_do_not_count() {
    let name = unique("old");
    let old = json!({
        "Id": "car-0123456789",
        "AccountName": name,
        "State": "FAILED",
        "FailureReason": "INVALID_EMAIL",
        "RequestedTimestamp": 1_577_836_800,
        "CompletedTimestamp": 1_577_836_800,
    });
    let mut fixture = Fixture::account(move |call| match (call.operation.as_str(), call.nth) {
        ("CreateAccount", 1) => failed(call, "INTERNAL_FAILURE"),
        ("ListCreateAccountStatus", _) if call.input["States"] == json!(["FAILED"]) => {
            let old = old.clone();
            Fault::rewritten(move |answer| answer["CreateAccountStatuses"] = json!([old, old, old]))
        }
        _ if is_about_failed(call) => failed(call, "INTERNAL_FAILURE"),
        _ => Fault::None,
    })
    .await;
    let run = fixture.stack.create(&named(&name)).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    the_account(&email(&name)).await;
}
