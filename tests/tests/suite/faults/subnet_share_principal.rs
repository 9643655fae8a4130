//! However an answer is lost, a principal that stacks add to a share is there, and leaves with the last of them.

use std::time::Duration;

use archipelago_tests::call::Call;
use archipelago_tests::cloudformation::{Delivery, Status};
use archipelago_tests::fault::Fault;
use serde_json::{Value, json};

use super::{Fixture, cut_after, in_order};
use crate::network::{associations, member, some_share, tags};

async fn fixture(fault: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Fixture {
    Fixture::of("SubnetSharePrincipal", Duration::from_mins(1), fault).await
}

/// A share of nobody's stack, an account to be added, and the properties that add it.
async fn wanted() -> (String, String, Value) {
    let (share, account) = (some_share(&[]).await, member(None).await);
    let properties = json!({ "ShareArn": share, "Principal": account });
    (share, account, properties)
}

/// Adds the principal and takes it back, and panics unless each is so then and no tag is left.
async fn comes_and_goes(mut fixture: Fixture) -> Fixture {
    let (share, account, wanted) = wanted().await;
    let run = fixture.stack.create(&wanted).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    assert_eq!(associations(&share).await[&account], "ASSOCIATED");
    assert_eq!(tags(&share).await.values().collect::<Vec<_>>(), [&account]);
    let run = fixture.stack.delete().await.sound();
    assert_eq!(run.status, Status::DeleteComplete, "{:?}", run.reason());
    assert_eq!(associations(&share).await.get(&account), None);
    assert!(tags(&share).await.is_empty());
    fixture
}

const WRITES: [&str; 4] = ["TagResource", "UntagResource", "AssociateResourceShare", "DisassociateResourceShare"];

#[tokio::test]
async fn writes_that_lost_their_answers_are_made_all_the_same() {
    let lost = |call: &Call| match call.nth {
        1 if WRITES.contains(&call.operation.as_str()) => cut_after(),
        _ => Fault::None,
    };
    comes_and_goes(fixture(lost).await).await;
}

#[tokio::test]
async fn whatever_ram_is_busy_with_is_waited_for() {
    let busy = |call: &Call| match call.nth {
        1 if WRITES.contains(&call.operation.as_str()) => {
            Fault::Before(call.error(400, "InvalidStateTransitionException", "Try again."))
        }
        _ => Fault::None,
    };
    let fixture = comes_and_goes(fixture(busy).await).await;
    // A second tag says that the stack is leaving.
    assert_eq!(WRITES.map(|operation| fixture.done(operation)), [2, 1, 1, 1]);
}

#[tokio::test]
async fn a_principal_that_a_list_that_is_behind_does_not_show_leaves_all_the_same() {
    let behind = |call: &Call| match (call.operation.as_str(), call.nth) {
        // The first look of the Delete, in two pages, after two looks of the Create.
        ("GetResourceShareAssociations", 5 | 6) => {
            Fault::rewritten(|answer| answer["resourceShareAssociations"] = json!([]))
        }
        _ => Fault::None,
    };
    let fixture = comes_and_goes(fixture(behind).await).await;
    assert_eq!(fixture.done("DisassociateResourceShare"), 1);
}

#[tokio::test]
async fn events_that_are_delivered_twice_at_once_add_and_remove_a_principal_once() {
    let mut fixture = fixture(|_| Fault::None).await;
    fixture.stack.delivery = Delivery::AtOnce;
    comes_and_goes(fixture).await;
}

#[tokio::test]
async fn a_share_without_room_for_a_tag_takes_no_principal_and_the_reason_says_what_to_do() {
    let full = |call: &Call| match call.operation.as_str() {
        "TagResource" => Fault::Before(call.error(400, "TagLimitExceededException", "There are 50 tags already.")),
        _ => Fault::None,
    };
    let mut fixture = fixture(full).await;
    let (share, account, wanted) = wanted().await;
    let run = fixture.stack.create(&wanted).await.sound();
    assert_eq!(run.status, Status::RollbackComplete, "{:?}", run.reason());
    assert!(run.reason().unwrap().contains("share with an OU instead of its single accounts"), "{:?}", run.reason());
    assert_eq!(associations(&share).await.get(&account), None);
    assert_eq!(fixture.aws.count("AssociateResourceShare"), 0);
}

#[tokio::test]
async fn each_operation_makes_the_calls_that_its_page_lists() {
    let (mut one, mut two) = (fixture(|_| Fault::None).await, fixture(|_| Fault::None).await);
    let (_, account, wanted) = wanted().await;
    let (shares, associations) = ("GetResourceShares", "GetResourceShareAssociations");
    let reads = [associations, shares];
    let run = one.stack.create(&wanted).await;
    let mut expected = reads.to_vec();
    expected.extend(["TagResource", shares, "AssociateResourceShare"]);
    expected.extend(reads);
    assert_eq!(one.calls_of(run, 0), in_order(expected));
    let run = two.stack.create(&wanted).await;
    assert_eq!(two.calls_of(run, 0), [associations, shares, shares, "TagResource", shares]);

    let (mut seen, spelt) = (one.aws.calls().len(), format!("arn:aws:iam::{account}:root"));
    let run = one.stack.update(&json!({ "ShareArn": wanted["ShareArn"], "Principal": spelt })).await;
    assert_eq!(one.calls_of(run, seen), in_order(reads));
    seen = one.aws.calls().len();
    let run = one.stack.delete().await;
    assert_eq!(one.calls_of(run, seen), [shares, "TagResource", shares, "UntagResource"]);
    seen = two.aws.calls().len();
    let run = two.stack.delete().await;
    let mut expected = vec![shares, "TagResource", shares, associations, "DisassociateResourceShare"];
    expected.extend([shares, shares, associations, "UntagResource"]);
    assert_eq!(two.calls_of(run, seen), in_order(expected));
}
