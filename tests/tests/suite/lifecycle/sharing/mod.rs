//! Several resources that want one thing: a renamed logical id, a copy of a template, a nested stack. What is in use stays.

mod play;
mod plays;
mod things;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::account::{accounts, email};
use super::organizational_unit::{children, names, ou, root};
use super::shared_subnet_tags::{Shared, map};
use super::{Stack, service_token, template, unique};

/// A template of one resource under a logical id.
fn one(logical_id: &str, resource: &Value) -> Value {
    template(&json!({ logical_id: resource }), &[])
}

fn resource(kind: &str, function: &str, properties: Value) -> Value {
    let mut all = properties;
    all["ServiceToken"] = service_token(function);
    json!({ "Type": kind, "Properties": all })
}

fn unit(name: &str, parent: &str) -> Value {
    resource("Custom::OrganizationalUnit", "organizational-unit", json!({ "Name": name, "ParentId": parent }))
}

fn account(name: &str, adopt: bool) -> Value {
    let properties = json!({ "Name": name, "Email": email(name), "CloseOnDelete": true, "AdoptExisting": adopt });
    resource("Custom::Account", "account", properties)
}

fn retained(resource: &Value) -> Value {
    let mut retained = resource.clone();
    retained["DeletionPolicy"] = json!("Retain");
    retained
}

/// A resource that is refused after `others` are there.
fn failing_after(others: &Value) -> Value {
    let mut failing = resource("Custom::OrganizationalUnit", "organizational-unit", json!({ "Nmae": "misspelt" }));
    failing["DependsOn"] = others.clone();
    failing
}

async fn state(name: &str) -> String {
    let all = accounts(&email(name)).await;
    assert_eq!(all.len(), 1, "{name}");
    all[0]["State"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_ou_whose_logical_id_was_renamed_gets_another_name_in_the_next_update() {
    let parent = ou(&root().await, &unique("parent")).await;
    let apps = unit("Apps", &parent);
    let stack = Stack::create(&one("Old", &apps), "CREATE_COMPLETE").await;
    let there = [("Apps".to_owned(), stack.output("Old").await)];
    stack.update(&one("New", &apps), "UPDATE_COMPLETE").await;
    assert_eq!(children(&parent).await, there);
    // And the rename of its name comes in the next update.
    stack.update(&one("New", &unit("Services", &parent)), "UPDATE_COMPLETE").await;
    assert_eq!(children(&parent).await, [("Services".to_owned(), there[0].1.clone())]);
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(names(&parent).await, [""; 0]);
}

#[tokio::test]
async fn a_retained_ou_is_taken_over_under_another_logical_id_of_the_same_stack() {
    let parent = ou(&root().await, &unique("parent")).await;
    let apps = unit("Apps", &parent);
    let stack = Stack::create(&one("Old", &retained(&apps)), "CREATE_COMPLETE").await;
    let there = children(&parent).await;
    stack.update(&one("Home", &unit("Home", &parent)), "UPDATE_COMPLETE").await;
    stack.update(&template(&json!({ "Home": unit("Home", &parent), "New": apps }), &[]), "UPDATE_COMPLETE").await;
    assert_eq!(stack.output("New").await, there[0].1);
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(children(&parent).await, there, "what was retained once isn't deleted");
}

#[tokio::test]
async fn an_ou_of_two_stacks_stays_until_both_are_gone_whichever_made_it() {
    let parent = ou(&root().await, &unique("parent")).await;
    let shared = one("Unit", &unit("Shared", &parent));
    let maker = Stack::create(&shared, "CREATE_COMPLETE").await;
    let guest = Stack::create(&shared, "CREATE_COMPLETE").await;
    // None of the two changes what the other says of it.
    guest.update(&one("Unit", &unit("Renamed", &parent)), "UPDATE_ROLLBACK_COMPLETE").await;
    let reason = guest.reason_of("Unit", "UPDATE_FAILED").await;
    assert!(reason.contains("as well, so its name can't change; rename the logical id first"), "{reason}");
    maker.delete("DELETE_COMPLETE").await;
    assert_eq!(names(&parent).await, ["Shared"]);
    guest.update(&one("Unit", &unit("Renamed", &parent)), "UPDATE_COMPLETE").await;
    assert_eq!(names(&parent).await, ["Renamed"]);
    guest.delete("DELETE_COMPLETE").await;
    assert_eq!(names(&parent).await, [""; 0]);
}

#[tokio::test]
async fn an_account_survives_the_rename_of_its_logical_id_if_the_refusal_s_advice_is_followed() {
    // The organization is made by whoever asks first.
    root().await;
    let name = unique("renamed");
    let stack = Stack::create(&one("Old", &account(&name, false)), "CREATE_COMPLETE").await;
    let id = stack.output("Old").await;
    stack.update(&one("New", &account(&name, false)), "UPDATE_ROLLBACK_COMPLETE").await;
    // The local AWS says so of every resource in an update.
    let reason = stack.reason_of("New", "UPDATE_FAILED").await;
    assert!(reason.contains("set `AdoptExisting` to true to take it over"), "{reason}");
    assert_eq!(state(&name).await, "ACTIVE");
    stack.update(&one("New", &account(&name, true)), "UPDATE_COMPLETE").await;
    assert_eq!((stack.output("New").await, state(&name).await), (id, "ACTIVE".to_owned()));
    stack.delete("DELETE_COMPLETE").await;
    assert_ne!(state(&name).await, "ACTIVE", "its only user closed it");
}

fn tags(shared: &Shared, tags: &[(&str, &str)]) -> Value {
    let tags: Vec<_> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    let properties = json!({ "SubnetIds": shared.subnets, "Tags": tags, "VpcTags": tags });
    resource("Custom::SharedSubnetTags", "shared-subnet-tags", properties)
}

#[tokio::test]
async fn tags_that_a_copy_of_the_stack_wants_too_stay_until_both_are_gone() {
    let shared = Shared::new().await;
    let everywhere = |tags: BTreeMap<String, String>| [tags.clone(), tags.clone(), tags];
    let both = [("Name", "app"), ("stage", "test")];
    let stack = Stack::create(&one("Tags", &tags(&shared, &both)), "CREATE_COMPLETE").await;
    let copy = Stack::create(&one("Tags", &tags(&shared, &both[..1])), "CREATE_COMPLETE").await;
    copy.update(&one("Tags", &tags(&shared, &[("Name", "other")])), "UPDATE_ROLLBACK_COMPLETE").await;
    let reason = copy.reason_of("Tags", "UPDATE_FAILED").await;
    assert!(reason.contains("as well, so its tag Name can't change"), "{reason}");
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(shared.here().await, everywhere(map([both[0]])));
    copy.delete("DELETE_COMPLETE").await;
    assert_eq!(shared.here().await, everywhere(map([])));
}
