//! `Custom::SubnetSharePrincipal` through CloudFormation: principals that several stacks add to a share of nobody's stack.

use archipelago_tests::cloudformation::Status;
use archipelago_tests::local_aws::LocalAws;
use serde_json::{Value, json};

use super::organization::stack_in;
use super::subnet_share::outsiders;
use super::{Stack, service_token, template, unique};
use crate::network::{associations, member, ram, sharing, some_share, some_subnet, tags, unit, unshare};

fn added(share: &str, principal: &str) -> Value {
    let properties = json!({
        "ServiceToken": service_token("subnet-share-principal"),
        "ShareArn": share,
        "Principal": principal,
    });
    template(&json!({ "Principal": { "Type": "Custom::SubnetSharePrincipal", "Properties": properties } }), &[])
}

#[tokio::test]
async fn a_principal_that_two_stacks_added_leaves_with_the_last_of_them() {
    let (share, account) = (some_share(&[]).await, member(None).await);
    let spelt = format!("arn:aws:iam::{account}:root");
    let (one, two) = (added(&share, &account), added(&share, &spelt));
    let (one, two) = tokio::join!(Stack::create(&one, "CREATE_COMPLETE"), Stack::create(&two, "CREATE_COMPLETE"));
    let id = format!("{share}#{account}");
    assert_eq!((one.output("Principal").await, two.output("Principal").await), (id.clone(), id));
    assert_eq!(associations(&share).await[&account], "ASSOCIATED");
    assert_eq!(tags(&share).await.len(), 2, "each stack's own");

    one.delete("DELETE_COMPLETE").await;
    assert_eq!(associations(&share).await[&account], "ASSOCIATED", "the other stack wants it");
    two.delete("DELETE_COMPLETE").await;
    assert_eq!(associations(&share).await.get(&account), None);
    assert_eq!(tags(&share).await.len(), 0);
}

#[tokio::test]
async fn a_principal_that_two_stacks_give_up_at_once_leaves() {
    let (share, account) = (some_share(&[]).await, member(None).await);
    let template = added(&share, &account);
    let one = Stack::create(&template, "CREATE_COMPLETE").await;
    let two = Stack::create(&template, "CREATE_COMPLETE").await;
    tokio::join!(one.delete("DELETE_COMPLETE"), two.delete("DELETE_COMPLETE"));
    assert_eq!(associations(&share).await.get(&account), None);
    assert_eq!(tags(&share).await.len(), 0);
}

#[tokio::test]
async fn a_principal_that_was_there_before_stays_when_the_stacks_leave() {
    let account = member(None).await;
    let share = some_share(&[&account]).await;
    let one = Stack::create(&added(&share, &account), "CREATE_COMPLETE").await;
    let two = Stack::create(&added(&share, &account), "CREATE_COMPLETE").await;
    one.delete("DELETE_COMPLETE").await;
    two.delete("DELETE_COMPLETE").await;
    assert_eq!(associations(&share).await[&account], "ASSOCIATED");
    assert_eq!(tags(&share).await.len(), 0);
}

#[tokio::test]
async fn another_principal_takes_the_place_of_the_first() {
    let ((id, arn), account) = (unit().await, member(None).await);
    let share = some_share(&[]).await;
    let stack = Stack::create(&added(&share, &account), "CREATE_COMPLETE").await;
    stack.update(&added(&share, &id), "UPDATE_COMPLETE").await;
    assert_eq!(stack.output("Principal").await, format!("{share}#{arn}"));
    let now = associations(&share).await;
    assert_eq!((now.get(&arn).map(String::as_str), now.get(&account)), (Some("ASSOCIATED"), None));
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(associations(&share).await.get(&arn), None);
}

#[tokio::test]
async fn a_principal_that_can_not_be_associated_fails_the_update_and_the_first_one_stays() {
    let (share, account, other) = (some_share(&[]).await, member(None).await, member(None).await);
    let fails = json!({ "resourceShareArn": share, "tags": [{ "key": "local:fails", "value": other }] });
    ram("TagResource", fails).await.unwrap();
    let stack = Stack::create(&added(&share, &account), "CREATE_COMPLETE").await;
    stack.update(&added(&share, &other), "UPDATE_ROLLBACK_COMPLETE").await;
    let reason = stack.reason_of("Principal", "UPDATE_FAILED").await;
    assert!(reason.contains(&format!("is FAILED: {other} can't be associated")), "{reason}");
    assert_eq!(stack.output("Principal").await, format!("{share}#{account}"));
    assert_eq!(associations(&share).await[&account], "ASSOCIATED");
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(associations(&share).await.get(&account), None);
}

#[tokio::test]
async fn who_is_outside_of_the_organization_is_refused_in_every_form_and_leaves_nothing_on_the_share() {
    let mut stacks = tokio::task::JoinSet::new();
    for (principal, words) in outsiders().await {
        stacks.spawn(async move {
            let share = some_share(&[]).await;
            let wanted = json!({ "ShareArn": share, "Principal": principal, "ServiceTimeout": 40 });
            let mut stack = stack_in(&LocalAws::running().account, "SubnetSharePrincipal").await;
            let run = stack.create(&wanted).await.sound();
            let reason = run.reason().unwrap_or_default().to_owned();
            assert_eq!(run.status, Status::RollbackComplete, "{principal}: {reason}");
            assert!(reason.contains(&words), "{principal}: {reason}");
            assert_eq!(tags(&share).await.len(), 0, "{principal}");
            assert_eq!(associations(&share).await.len(), 1, "{principal}: its subnet alone");
        });
    }
    while let Some(stack) = stacks.join_next().await {
        stack.unwrap();
    }
}

#[tokio::test]
async fn a_share_that_is_gone_does_not_keep_the_stack() {
    let (share, account) = (some_share(&[]).await, member(None).await);
    let stack = Stack::create(&added(&share, &account), "CREATE_COMPLETE").await;
    unshare(&LocalAws::running().account, &share).await;
    stack.delete("DELETE_COMPLETE").await;
}

/// A template of a share with nobody, under a logical id. Its Delete doesn't wait for long.
fn shared(logical_id: &str, name: &str, subnet: &str) -> Value {
    let properties = json!({
        "ServiceToken": service_token("subnet-share"),
        "ServiceTimeout": 40,
        "Name": name,
        "SubnetIds": [subnet],
    });
    template(&json!({ logical_id: { "Type": "Custom::SubnetShare", "Properties": properties } }), &[])
}

#[tokio::test]
async fn a_share_that_another_stack_uses_is_deleted_after_that_stack() {
    sharing().await;
    let account = member(None).await;
    let network = Stack::create(&shared("Share", &unique("share"), &some_subnet()), "CREATE_COMPLETE").await;
    let share = network.output("Share").await;
    let application = Stack::create(&added(&share, &account), "CREATE_COMPLETE").await;
    network.delete("DELETE_FAILED").await;
    let reason = network.reason_of("Share", "DELETE_FAILED").await;
    assert!(reason.contains(&account) && reason.contains("delete them or give them another ShareArn"), "{reason}");
    assert_eq!(associations(&share).await[&account], "ASSOCIATED");
    application.delete("DELETE_COMPLETE").await;
    network.delete("DELETE_COMPLETE").await;
}

#[tokio::test]
async fn a_share_whose_logical_id_is_renamed_stays_with_those_who_use_it_until_they_have_moved() {
    sharing().await;
    let (account, name, subnet) = (member(None).await, unique("share"), some_subnet());
    let network = Stack::create(&shared("Old", &name, &subnet), "CREATE_COMPLETE").await;
    let old = network.output("Old").await;
    let application = Stack::create(&added(&old, &account), "CREATE_COMPLETE").await;
    network.update(&shared("New", &name, &subnet), "UPDATE_COMPLETE").await;
    let reason = network.reason_of("Old", "DELETE_FAILED").await;
    assert!(reason.contains(&account) && reason.contains("delete them or give them another ShareArn"), "{reason}");
    assert_eq!(associations(&old).await[&account], "ASSOCIATED");

    let new = network.output("New").await;
    application.update(&added(&new, &account), "UPDATE_COMPLETE").await;
    assert_eq!(associations(&new).await[&account], "ASSOCIATED");
    assert_eq!(associations(&old).await.get(&account), None);
    assert!(reason.contains("with aws ram delete-resource-share if its stack doesn't have it any more"), "{reason}");
    unshare(&LocalAws::running().account, &old).await;
    application.delete("DELETE_COMPLETE").await;
    network.delete("DELETE_COMPLETE").await;
}
