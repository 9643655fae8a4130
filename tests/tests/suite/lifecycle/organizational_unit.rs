//! `Custom::OrganizationalUnit` through CloudFormation.

use archipelago_tests::local_aws::LocalAws;
use serde_json::{Value, json};

use super::{Stack, service_token, template, unique};

async fn organizations(operation: &str, input: Value) -> Result<Value, String> {
    LocalAws::deployed().call("organizations", operation, &input).await
}

/// The root's id; the organization is made by whoever asks first.
pub(super) async fn root() -> String {
    // A refusal means that there is one, or that another test was first.
    let _ = organizations("CreateOrganization", json!({ "FeatureSet": "ALL" })).await;
    let roots = organizations("ListRoots", json!({})).await.unwrap();
    roots["Roots"][0]["Id"].as_str().unwrap().to_owned()
}

/// An OU that belongs to nobody's stack.
pub(super) async fn ou(parent: &str, name: &str) -> String {
    let made = organizations("CreateOrganizationalUnit", json!({ "ParentId": parent, "Name": name })).await.unwrap();
    made["OrganizationalUnit"]["Id"].as_str().unwrap().to_owned()
}

/// Names and ids of the OUs under a parent, from all pages.
pub(super) async fn children(parent: &str) -> Vec<(String, String)> {
    let text = |unit: &Value, name: &str| unit[name].as_str().unwrap().to_owned();
    let mut children = Vec::new();
    let mut input = json!({ "ParentId": parent });
    loop {
        let page = organizations("ListOrganizationalUnitsForParent", input.clone()).await.unwrap();
        let units = page["OrganizationalUnits"].as_array().cloned().unwrap_or_default();
        children.extend(units.iter().map(|unit| (text(unit, "Name"), text(unit, "Id"))));
        if page["NextToken"].is_null() {
            return children;
        }
        input["NextToken"] = page["NextToken"].clone();
    }
}

pub(super) async fn names(parent: &str) -> Vec<String> {
    let mut names: Vec<_> = children(parent).await.into_iter().map(|(name, _)| name).collect();
    names.sort();
    names
}

async fn tags(id: &str) -> Vec<(String, String)> {
    let listed = organizations("ListTagsForResource", json!({ "ResourceId": id })).await.unwrap();
    let tags = listed["Tags"].as_array().cloned().unwrap_or_default();
    let text = |tag: &Value, name: &str| tag[name].as_str().unwrap().to_owned();
    let own = |(key, _): &(String, String)| !key.starts_with("archipelago:");
    tags.iter().map(|tag| (text(tag, "Key"), text(tag, "Value"))).filter(own).collect()
}

fn unit(properties: &Value) -> Value {
    let mut all = json!({ "ServiceToken": service_token("organizational-unit") });
    all.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
    json!({ "Type": "Custom::OrganizationalUnit", "Properties": all })
}

fn stack_of(properties: &Value) -> Value {
    template(&json!({ "Unit": unit(properties) }), &["Id", "Arn", "Name", "Path", "ParentId"])
}

#[tokio::test]
async fn an_ou_comes_is_renamed_and_goes_with_its_stack() {
    let parent = ou(&root().await, &unique("parent")).await;
    let tagged = |name: &str, value: &str| {
        stack_of(&json!({ "Name": name, "ParentId": parent, "Tags": [{ "Key": "Stage", "Value": value }] }))
    };
    let stack = Stack::create(&tagged("Workloads", "one"), "CREATE_COMPLETE").await;
    let id = stack.output("Unit").await;
    assert!(id.starts_with("ou-"), "{id}");
    assert_eq!(stack.output("UnitId").await, id);
    assert_eq!(stack.output("UnitParentId").await, parent);
    assert!(stack.output("UnitArn").await.ends_with(&id));
    assert_eq!(children(&parent).await, [("Workloads".to_owned(), id.clone())]);

    stack.update(&tagged("Applications", "two"), "UPDATE_COMPLETE").await;
    assert_eq!(stack.output("UnitName").await, "Applications");
    assert_eq!(children(&parent).await, [("Applications".to_owned(), id.clone())], "a rename keeps the id");
    assert_eq!(tags(&id).await, [("Stage".to_owned(), "two".to_owned())]);

    stack.update(&stack_of(&json!({ "Name": "Applications", "ParentId": parent })), "UPDATE_COMPLETE").await;
    assert_eq!(tags(&id).await, []);

    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(names(&parent).await, [""; 0]);
}

#[tokio::test]
async fn an_ou_without_a_parent_is_made_under_the_root() {
    let root = root().await;
    let name = unique("at-the-root");
    let stack = Stack::create(&stack_of(&json!({ "Name": name })), "CREATE_COMPLETE").await;
    assert_eq!(stack.output("UnitParentId").await, root);
    assert!(names(&root).await.contains(&name));
    stack.delete("DELETE_COMPLETE").await;
    assert!(!names(&root).await.contains(&name));
}

#[tokio::test]
async fn the_levels_of_a_path_are_made_on_the_way_and_go_with_it() {
    let root = root().await;
    let top = unique("path");
    let path = format!("{top}/Workloads/Production");
    let stack = Stack::create(&stack_of(&json!({ "Path": path })), "CREATE_COMPLETE").await;
    assert_eq!(stack.output("UnitPath").await, path);
    assert_eq!(stack.output("UnitName").await, "Production");
    stack.delete("DELETE_COMPLETE").await;
    assert!(!names(&root).await.contains(&top));
}

#[tokio::test]
async fn a_level_that_others_use_by_now_is_left() {
    let root = root().await;
    let top = unique("path");
    let stack = Stack::create(&stack_of(&json!({ "Path": format!("{top}/Mine") })), "CREATE_COMPLETE").await;
    let level = stack.output("UnitParentId").await;
    ou(&level, "Theirs").await;
    stack.delete("DELETE_COMPLETE").await;
    assert!(names(&root).await.contains(&top));
    assert_eq!(names(&level).await, ["Theirs"]);
}

#[tokio::test]
async fn another_parent_is_a_replacement() {
    let root = root().await;
    let (old, new) = (ou(&root, &unique("old")).await, ou(&root, &unique("new")).await);
    let under = |parent: &str| stack_of(&json!({ "Name": "Moved", "ParentId": parent }));
    let stack = Stack::create(&under(&old), "CREATE_COMPLETE").await;
    let id = stack.output("Unit").await;
    stack.update(&under(&new), "UPDATE_COMPLETE").await;
    assert_ne!(stack.output("Unit").await, id);
    assert_eq!((names(&old).await, names(&new).await), (vec![], vec!["Moved".to_owned()]));
}

#[tokio::test]
async fn an_ou_that_was_there_before_is_adopted_and_left_behind() {
    let parent = ou(&root().await, &unique("parent")).await;
    let id = ou(&parent, "Before").await;
    let stack = Stack::create(&stack_of(&json!({ "Name": "Before", "ParentId": parent })), "CREATE_COMPLETE").await;
    assert_eq!(stack.output("Unit").await, id);
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(children(&parent).await, [("Before".to_owned(), id)]);
}

#[tokio::test]
async fn two_stacks_with_one_ou_leave_it_to_the_last_of_them() {
    let parent = ou(&root().await, &unique("parent")).await;
    let template = stack_of(&json!({ "Name": "Shared", "ParentId": parent }));
    let maker = Stack::create(&template, "CREATE_COMPLETE").await;
    let guest = Stack::create(&template, "CREATE_COMPLETE").await;
    assert_eq!(maker.output("Unit").await, guest.output("Unit").await);
    guest.delete("DELETE_COMPLETE").await;
    assert_eq!(names(&parent).await, ["Shared"]);
    maker.delete("DELETE_COMPLETE").await;
    assert_eq!(names(&parent).await, [""; 0]);
}

#[tokio::test]
async fn a_create_that_fails_is_rolled_back_and_what_was_there_stays() {
    let parent = ou(&root().await, &unique("parent")).await;
    let id = ou(&parent, "Taken").await;
    let properties = json!({ "Name": "Taken", "ParentId": parent, "AdoptExisting": false });
    let stack = Stack::create(&stack_of(&properties), "ROLLBACK_COMPLETE").await;
    let reason = stack.reason_of("Unit", "CREATE_FAILED").await;
    assert!(reason.contains("Taken") && reason.contains("AdoptExisting"), "{reason}");
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(children(&parent).await, [("Taken".to_owned(), id)]);
}

#[tokio::test]
async fn an_update_that_fails_is_rolled_back_and_the_ou_keeps_its_name() {
    let parent = ou(&root().await, &unique("parent")).await;
    ou(&parent, "Taken").await;
    let named = |name: &str| stack_of(&json!({ "Name": name, "ParentId": parent }));
    let stack = Stack::create(&named("Mine"), "CREATE_COMPLETE").await;
    let id = stack.output("Unit").await;
    let nowhere = stack_of(&json!({ "Name": "Mine", "ParentId": "ou-nope-00000000" }));
    stack.update(&nowhere, "UPDATE_ROLLBACK_COMPLETE").await;
    let reason = stack.reason_of("Unit", "UPDATE_FAILED").await;
    assert!(reason.contains("NotFoundException") || reason.contains("ou-nope-00000000"), "{reason}");
    assert_eq!(stack.output("Unit").await, id);
    assert!(children(&parent).await.contains(&("Mine".to_owned(), id)));
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(names(&parent).await, ["Taken"]);
}

#[tokio::test]
async fn an_ou_that_was_deleted_by_hand_does_not_keep_the_stack() {
    let parent = ou(&root().await, &unique("parent")).await;
    let stack = Stack::create(&stack_of(&json!({ "Name": "Gone", "ParentId": parent })), "CREATE_COMPLETE").await;
    let id = stack.output("Unit").await;
    organizations("DeleteOrganizationalUnit", json!({ "OrganizationalUnitId": id })).await.unwrap();
    stack.delete("DELETE_COMPLETE").await;
}

#[tokio::test]
async fn an_ou_that_is_not_empty_is_kept_and_the_reason_says_what_is_inside() {
    let parent = ou(&root().await, &unique("parent")).await;
    let stack = Stack::create(&stack_of(&json!({ "Name": "Full", "ParentId": parent })), "CREATE_COMPLETE").await;
    let inside = ou(&stack.output("Unit").await, "Inside").await;
    stack.delete("DELETE_FAILED").await;
    let reason = stack.reason_of("Unit", "DELETE_FAILED").await;
    assert!(reason.contains("Inside") || reason.contains(&inside), "{reason}");
    organizations("DeleteOrganizationalUnit", json!({ "OrganizationalUnitId": inside })).await.unwrap();
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(names(&parent).await, [""; 0]);
}

#[tokio::test]
async fn a_misspelt_property_fails_by_its_path() {
    let stack = Stack::create(&stack_of(&json!({ "Nmae": "Workloads" })), "ROLLBACK_COMPLETE").await;
    let reason = stack.reason_of("Unit", "CREATE_FAILED").await;
    assert!(reason.contains("ResourceProperties.Nmae: unknown property; did you mean `Name`?"), "{reason}");
}
