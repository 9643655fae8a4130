//! Accounts that take longer to be made than an invocation, or than CloudFormation, waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use archipelago_tests::call::Call;
use archipelago_tests::cloudformation::{Run, Status};
use archipelago_tests::fault::Fault;
use archipelago_tests::function::SHORT;
use serde_json::{Value, json};

use super::{Fixture, email, is_account_id, named, the_account, unique, with};

fn in_progress() -> Fault {
    Fault::rewritten(|answer| {
        let status = &mut answer["CreateAccountStatus"];
        status["State"] = json!("IN_PROGRESS");
        for known_later in ["AccountId", "CompletedTimestamp"] {
            status.as_object_mut().unwrap().remove(known_later);
        }
    })
}

/// The creation has the answer `IN_PROGRESS`, and so have questions about it while `slow` says so.
fn creation(call: &Call, slow: impl Fn(usize) -> bool) -> Fault {
    match call.operation.as_str() {
        "CreateAccount" => in_progress(),
        "DescribeCreateAccountStatus" if slow(call.nth) => in_progress(),
        _ => Fault::None,
    }
}

/// A Create that is given up while the account is `IN_PROGRESS`, and the rollback that meets it `SUCCEEDED`.
async fn given_up(properties: Value) -> (Fixture, Run) {
    let finished = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&finished);
    let slow = move |call: &Call| creation(call, |_| !state.load(Ordering::SeqCst));
    let mut fixture = Fixture::account(slow).await;
    let event = fixture.stack.resource.create(&with(properties, json!({ "ServiceTimeout": 20 }))).unwrap();
    let step = fixture.stack.deliver(&event).await;
    let answer = step.answer.clone().unwrap();
    assert!(!answer.success && answer.physical_resource_id.starts_with("car-"), "{answer:?}");
    assert!(answer.reason.unwrap().contains("IN_PROGRESS"), "it says what it was waiting for");
    let rollback = fixture.stack.resource.answered(&event, step.answer.as_ref()).unwrap();
    assert_eq!(rollback.as_ref().unwrap().physical_resource_id, Some(answer.physical_resource_id));
    finished.store(true, Ordering::SeqCst);
    let run = fixture.stack.run(rollback).await.sound();
    (fixture, run)
}

#[tokio::test]
async fn a_creation_that_outlives_invocations_is_answered_once_with_the_account() {
    let slow = |call: &Call| creation(call, |nth| nth <= 8);
    let mut fixture = Fixture::of("Account", SHORT, slow).await;
    let name = unique("slow");
    let run = fixture.stack.create(&named(&name)).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    let records = fixture.function().records();
    assert!(records.len() > 1, "{} invocations are no continuation", records.len());
    assert!(records.iter().skip(1).all(|record| record.through_lambda));
    let id = &fixture.stack.resource.live().unwrap().physical_resource_id;
    assert!(is_account_id(id), "{id}");
    assert_eq!(the_account(&email(&name)).await["Id"], **id);
    assert_eq!(fixture.aws.count("CreateAccount"), 1);
}

#[tokio::test]
async fn an_account_that_is_made_after_its_create_was_given_up_is_left_by_the_rollback() {
    let name = unique("left");
    let (fixture, run) = given_up(named(&name)).await;
    assert_eq!(run.status, Status::RollbackComplete, "{:?}", run.reason());
    assert_eq!((fixture.aws.count("CreateAccount"), fixture.aws.count("CloseAccount")), (1, 0));
    assert_eq!(the_account(&email(&name)).await["State"], "ACTIVE");
}

#[tokio::test]
async fn an_account_that_is_made_after_its_create_was_given_up_is_closed_if_the_template_says_so() {
    let name = unique("closed");
    let (fixture, run) = given_up(with(named(&name), json!({ "CloseOnDelete": true }))).await;
    assert_eq!(run.status, Status::RollbackComplete, "{:?}", run.reason());
    assert_eq!(fixture.aws.count("CreateAccount"), 1);
    assert_eq!(the_account(&email(&name)).await["State"], "SUSPENDED");
}

#[tokio::test]
async fn a_rollback_waits_for_the_account_that_it_has_to_close() {
    let slow = |call: &Call| match call.operation.as_str() {
        // The Create ends with the first refusal; the Delete finds the request under way.
        "DescribeCreateAccountStatus" if call.nth == 1 => {
            Fault::Before(call.error(400, "AccessDeniedForDependencyException", "no"))
        }
        _ => creation(call, |nth| nth <= 4),
    };
    let mut fixture = Fixture::account(slow).await;
    let name = unique("waits");
    let run = fixture.stack.create(&with(named(&name), json!({ "CloseOnDelete": true }))).await.sound();
    assert_eq!(run.status, Status::RollbackComplete, "{:?}", run.reason());
    assert!(run.steps[1].event.physical_resource_id.as_ref().unwrap().starts_with("car-"));
    let calls = fixture.aws.operations();
    let before = calls.iter().take_while(|operation| *operation != "CloseAccount");
    assert_eq!(before.filter(|operation| *operation == "DescribeCreateAccountStatus").count(), 5);
    assert_eq!(fixture.done("CloseAccount"), 1);
    assert_eq!(the_account(&email(&name)).await["State"], "SUSPENDED");
}
