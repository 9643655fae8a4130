//! `Custom::Account` through CloudFormation; where an organization of its own is needed, its binary under the simulator.

use std::time::Duration;

use archipelago_tests::cloudformation::Status;
use archipelago_tests::local_aws::LocalAws;
use serde_json::{Map, Value, json};

use super::organization::{organizations, organizations_of, some_organization, stack_in};
use super::{Stack, service_token, template, unique};

fn resource(kind: &str, function: &str, properties: &Value) -> Value {
    let mut all = json!({ "ServiceToken": service_token(function) });
    all.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
    json!({ "Type": kind, "Properties": all })
}

fn unit(properties: &Value) -> Value {
    resource("Custom::OrganizationalUnit", "organizational-unit", properties)
}

fn account(properties: &Value) -> Value {
    resource("Custom::Account", "account", properties)
}

fn stack_of(resources: &Value) -> Value {
    template(resources, &[])
}

/// Creates a stack in an organization, which is made by whoever asks first.
async fn create(template: &Value, status: &str) -> Stack {
    // A refusal means that there is one.
    let _ = organizations_of(&LocalAws::running().account, "CreateOrganization", json!({ "FeatureSet": "ALL" })).await;
    Stack::create(template, status).await
}

pub(super) fn email(name: &str) -> String {
    format!("aws+{name}@example.com")
}

/// The accounts of an organization that have this address.
async fn accounts_in(management: &str, email: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut input = json!({});
    loop {
        let page = organizations_of(management, "ListAccounts", input.clone()).await.unwrap();
        let all = page["Accounts"].as_array().cloned().unwrap_or_default();
        found.extend(all.into_iter().filter(|account| account["Email"] == email));
        if page["NextToken"].is_null() {
            return found;
        }
        input["NextToken"] = page["NextToken"].clone();
    }
}

pub(super) async fn accounts(email: &str) -> Vec<Value> {
    accounts_in(&LocalAws::running().account, email).await
}

/// Tags with which the local AWS takes its time for an account.
fn takes(seconds: &[(&str, u32)]) -> Value {
    let tag =
        |(what, seconds): &(&str, u32)| json!({ "Key": format!("local:{what}-seconds"), "Value": seconds.to_string() });
    seconds.iter().map(tag).collect()
}

pub(super) async fn parent(id: &str) -> String {
    let parents = organizations("ListParents", json!({ "ChildId": id })).await;
    parents["Parents"][0]["Id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn one_stack_makes_five_ous_and_six_accounts_in_them() {
    let top = unique("landing");
    let mut resources = Map::new();
    let places = ["Security", "Infrastructure", "Workloads/Development", "Workloads/Production", "Sandbox"];
    for path in places {
        let name = path.rsplit('/').next().unwrap();
        resources.insert(name.to_owned(), unit(&json!({ "Path": format!("{top}/{path}") })));
    }
    let homes = [
        ("Audit", "Security"),
        ("Network", "Infrastructure"),
        ("Tooling", "Infrastructure"),
        ("AppDevelopment", "Development"),
        ("AppProduction", "Production"),
        ("Trial", "Sandbox"),
    ];
    for (name, home) in homes {
        let properties = json!({ "Name": name, "Email": email(&format!("{top}-{name}")), "ParentId": { "Ref": home } });
        resources.insert(name.to_owned(), account(&properties));
    }
    let stack = create(&stack_of(&Value::Object(resources)), "CREATE_COMPLETE").await;
    for (name, home) in homes {
        let made = accounts(&email(&format!("{top}-{name}"))).await;
        assert_eq!(made.len(), 1, "{name}");
        let id = stack.output(name).await;
        assert_eq!(made[0]["Id"], json!(id));
        assert_eq!(parent(&id).await, stack.output(home).await, "{name}");
    }
    // The accounts stay, and so do the OUs that hold them.
    let sandbox = stack.output("Sandbox").await;
    let trial = stack.output("Trial").await;
    stack.delete("DELETE_FAILED").await;
    let reasons = stack.reason_of("Sandbox", "DELETE_FAILED").await;
    for words in [&sandbox, "is not empty, so it can't be deleted; it holds accounts ", &trial] {
        assert!(reasons.contains(words), "{reasons}");
    }
}

#[tokio::test]
async fn six_accounts_of_a_new_organization_are_made_at_once_and_each_once() {
    let management = some_organization("ALL").await;
    let names: Vec<_> = (0..6).map(|number| unique(&format!("fleet-{number}"))).collect();
    let mut stacks = tokio::task::JoinSet::new();
    for name in names.clone() {
        let management = management.clone();
        let wanted = json!({ "Name": name, "Email": email(&name), "Tags": takes(&[("creation", 1), ("ready", 1)]) });
        stacks.spawn(async move {
            let mut stack = stack_in(&management, "Account").await;
            let run = stack.create(&wanted).await.sound();
            (run.status, run.reason().map(ToOwned::to_owned))
        });
    }
    while let Some(stack) = stacks.join_next().await {
        assert_eq!(stack.unwrap(), (Status::CreateComplete, None));
    }
    for name in names {
        assert_eq!(accounts_in(&management, &email(&name)).await.len(), 1, "{name}");
    }
}

#[tokio::test]
async fn an_account_that_takes_its_time_is_there_and_in_its_place_when_the_stack_is() {
    let name = unique("slow");
    let properties = json!({
        "Name": name, "Email": email(&name), "ParentId": { "Ref": "Home" }, "CloseOnDelete": true,
        "Tags": takes(&[("creation", 3), ("ready", 2), ("closing", 3)]),
    });
    // The OU is known as a parent only after the account has been made.
    let home = unit(&json!({ "Name": name, "Tags": takes(&[("known", 5)]) }));
    let resources = json!({ "Home": home, "App": account(&properties) });
    let started = std::time::Instant::now();
    let stack = create(&template(&resources, &[]), "CREATE_COMPLETE").await;
    assert!(started.elapsed() >= Duration::from_secs(5), "{:?}", started.elapsed());
    let made = accounts(&email(&name)).await;
    assert_eq!((made.len(), &made[0]["State"]), (1, &json!("ACTIVE")));
    assert_eq!(made[0]["Id"], stack.output("App").await);
    assert_eq!(parent(&stack.output("App").await).await, stack.output("Home").await);
    // Its end is what is waited for: until then everything in it works. It is still in its OU, as AWS leaves it for 90 days.
    stack.delete("DELETE_FAILED").await;
    assert_eq!(accounts(&email(&name)).await[0]["State"], "SUSPENDED");
    let reasons = stack.reason_of("Home", "DELETE_FAILED").await;
    assert!(reasons.contains(made[0]["Id"].as_str().unwrap()), "{reasons}");
}

#[tokio::test]
async fn an_address_of_another_organization_is_refused_in_a_sentence_that_does_not_say_it() {
    let elsewhere = some_organization("ALL").await;
    let name = unique("foreign");
    let wanted = json!({ "AccountName": name, "Email": email(&name) });
    organizations_of(&elsewhere, "CreateAccount", wanted).await.unwrap();
    let properties = json!({ "Name": name, "Email": email(&name), "AdoptExisting": true, "CloseOnDelete": true });
    let stack = create(&stack_of(&json!({ "App": account(&properties) })), "ROLLBACK_COMPLETE").await;
    let reasons = stack.reason_of("App", "CREATE_FAILED").await;
    assert!(reasons.contains("an account outside this organization has the address in `Email`"), "{reasons}");
    assert!(!reasons.contains('@'), "{reasons}");
    assert_eq!(accounts_in(&elsewhere, &email(&name)).await[0]["State"], "ACTIVE");
}

#[tokio::test]
async fn an_account_is_renamed_where_account_management_is_trusted_and_told_so_where_it_is_not() {
    let management = some_organization("ALL").await;
    let (old, new) = (unique("old"), unique("new"));
    let named = |name: &str| json!({ "Name": name, "Email": email(&old) });
    let mut stack = stack_in(&management, "Account").await;
    assert_eq!(stack.create(&named(&old)).await.sound().status, Status::CreateComplete);
    let id = stack.resource.live().unwrap().physical_resource_id.clone();

    let run = stack.update(&named(&new)).await.sound();
    assert_eq!(run.status, Status::UpdateRollbackComplete, "{:?}", run.reason());
    assert!(run.reason().unwrap().contains("trust account.amazonaws.com"), "{:?}", run.reason());
    assert_eq!(accounts_in(&management, &email(&old)).await[0]["Name"], json!(old));

    let trust = json!({ "ServicePrincipal": "account.amazonaws.com" });
    organizations_of(&management, "EnableAWSServiceAccess", trust).await.unwrap();
    let run = stack.update(&named(&new)).await.sound();
    assert_eq!(run.status, Status::UpdateComplete, "{:?}", run.reason());
    let renamed = accounts_in(&management, &email(&old)).await;
    assert_eq!((&renamed[0]["Name"], &renamed[0]["Id"]), (&json!(new), &json!(id)));
}

#[tokio::test]
async fn tags_of_an_account_come_and_go_with_the_template() {
    let management = some_organization("ALL").await;
    let name = unique("tagged");
    let properties = |tags: Value| json!({ "Name": name, "Email": email(&name), "Tags": tags });
    let mut stack = stack_in(&management, "Account").await;
    let run = stack.create(&properties(json!([{ "Key": "Stage", "Value": "one" }]))).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    let id = stack.resource.live().unwrap().physical_resource_id.clone();
    let listed = async || {
        let listed = organizations_of(&management, "ListTagsForResource", json!({ "ResourceId": id })).await.unwrap();
        let keys = listed["Tags"].as_array().into_iter().flatten().map(|tag| tag["Key"].as_str().unwrap().to_owned());
        keys.filter(|key| !key.starts_with("archipelago:")).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, ["Stage"]);
    let run = stack.update(&properties(json!([{ "Key": "Owner", "Value": "team" }]))).await.sound();
    assert_eq!(run.status, Status::UpdateComplete, "{:?}", run.reason());
    assert_eq!(listed().await, ["Owner"]);
}

#[tokio::test]
async fn an_account_moves_with_its_parent_and_stays_when_its_stack_goes() {
    let name = unique("move");
    let with = |home: Option<&str>| {
        let mut properties = json!({ "Name": name, "Email": email(&name) });
        if let Some(home) = home {
            properties["ParentId"] = json!({ "Ref": home });
        }
        let (one, two) = (json!({ "Name": format!("{name}-1") }), json!({ "Name": format!("{name}-2") }));
        stack_of(&json!({ "One": unit(&one), "Two": unit(&two), "App": account(&properties) }))
    };
    let stack = create(&with(Some("One")), "CREATE_COMPLETE").await;
    let id = stack.output("App").await;
    assert_eq!(parent(&id).await, stack.output("One").await);
    stack.update(&with(Some("Two")), "UPDATE_COMPLETE").await;
    assert_eq!((stack.output("App").await, parent(&id).await), (id.clone(), stack.output("Two").await));
    stack.update(&with(None), "UPDATE_COMPLETE").await;
    assert!(parent(&id).await.starts_with("r-"));
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(accounts(&email(&name)).await[0]["State"], "ACTIVE");
}

#[tokio::test]
async fn an_account_is_closed_on_demand_and_never_taken_over_then() {
    let name = unique("close");
    let with = |more: Value| {
        let mut properties = json!({ "Name": name, "Email": email(&name) });
        properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        stack_of(&json!({ "App": account(&properties) }))
    };
    let stack = create(&with(json!({ "CloseOnDelete": true })), "CREATE_COMPLETE").await;
    stack.delete("DELETE_COMPLETE").await;
    assert_ne!(accounts(&email(&name)).await[0]["State"], "ACTIVE");

    let refused = create(&with(json!({ "AdoptExisting": true })), "ROLLBACK_COMPLETE").await;
    let reasons = refused.events().await.join("\n");
    assert!(reasons.contains("and only an ACTIVE one is taken"), "{reasons}");
    assert_eq!(accounts(&email(&name)).await.len(), 1);
}

#[tokio::test]
async fn an_account_that_is_there_is_taken_over_only_where_the_template_says_so() {
    let name = unique("adopt");
    let with = |more: Value| {
        let mut properties = json!({ "Name": name, "Email": email(&name).to_uppercase() });
        properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        stack_of(&json!({ "App": account(&properties) }))
    };
    let original = create(
        &stack_of(&json!({ "App": account(&json!({ "Name": name, "Email": email(&name) })) })),
        "CREATE_COMPLETE",
    )
    .await;
    let id = original.output("App").await;

    let refused = create(&with(json!({})), "ROLLBACK_COMPLETE").await;
    let reasons = refused.events().await.join("\n");
    assert!(reasons.contains("set `AdoptExisting` to true"), "{reasons}");
    assert!(!reasons.contains('@'), "{reasons}");

    let adopting = create(&with(json!({ "AdoptExisting": true, "CloseOnDelete": true })), "CREATE_COMPLETE").await;
    assert_eq!(adopting.output("App").await, id);
    adopting.delete("DELETE_COMPLETE").await;
    assert_eq!(accounts(&email(&name)).await[0]["State"], "ACTIVE", "what was adopted is never closed");
    original.delete("DELETE_COMPLETE").await;
}
