//! `Custom::Organization` and `Custom::Account` through CloudFormation.

use archipelago_tests::local_aws::LocalAws;
use serde_json::{Map, Value, json};

use super::{Stack, service_token, template, unique};

async fn organizations(operation: &str, input: Value) -> Value {
    LocalAws::deployed().call("organizations", operation, &input).await.unwrap()
}

fn resource(kind: &str, function: &str, properties: &Value) -> Value {
    let mut all = json!({ "ServiceToken": service_token(function) });
    all.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
    json!({ "Type": kind, "Properties": all })
}

fn organization(properties: &Value) -> Value {
    resource("Custom::Organization", "organization", properties)
}

fn unit(properties: &Value) -> Value {
    resource("Custom::OrganizationalUnit", "organizational-unit", properties)
}

fn account(properties: &Value) -> Value {
    resource("Custom::Account", "account", properties)
}

/// A stack of one organization, so that every account has one to be in, and of `resources`.
fn stack_of(resources: &Value) -> Value {
    let mut all = Map::new();
    all.insert("Organization".to_owned(), organization(&json!({})));
    for (name, resource) in resources.as_object().unwrap() {
        let mut resource = resource.clone();
        resource["DependsOn"] = json!("Organization");
        all.insert(name.clone(), resource);
    }
    template(&Value::Object(all), &[])
}

fn email(name: &str) -> String {
    format!("aws+{name}@example.com")
}

/// The accounts that have this address.
async fn accounts(email: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut input = json!({});
    loop {
        let page = organizations("ListAccounts", input.clone()).await;
        let all = page["Accounts"].as_array().cloned().unwrap_or_default();
        found.extend(all.into_iter().filter(|account| account["Email"] == email));
        if page["NextToken"].is_null() {
            return found;
        }
        input["NextToken"] = page["NextToken"].clone();
    }
}

async fn parent(id: &str) -> String {
    let parents = organizations("ListParents", json!({ "ChildId": id })).await;
    parents["Parents"][0]["Id"].as_str().unwrap().to_owned()
}

async fn enabled_policy_types() -> Vec<Value> {
    let roots = organizations("ListRoots", json!({})).await;
    let types = roots["Roots"][0]["PolicyTypes"].as_array().cloned().unwrap_or_default();
    types.into_iter().map(|kind| kind["Type"].clone()).collect()
}

#[tokio::test]
async fn an_organization_is_made_or_adopted_switched_and_outlives_its_stack() {
    let kind = "BACKUP_POLICY";
    let with = |properties: Value| template(&json!({ "Organization": organization(&properties) }), &["RootId", "Arn"]);
    let stack = Stack::create(&with(json!({ "PolicyTypes": [kind] })), "CREATE_COMPLETE").await;
    let id = stack.output("Organization").await;
    assert!(id.starts_with("o-"), "{id}");
    assert!(stack.output("OrganizationArn").await.ends_with(&id));
    assert!(enabled_policy_types().await.contains(&json!(kind)));

    let service = "config.amazonaws.com";
    stack.update(&with(json!({ "TrustedServices": [service] })), "UPDATE_COMPLETE").await;
    assert!(!enabled_policy_types().await.contains(&json!(kind)));
    let trusted = organizations("ListAWSServiceAccessForOrganization", json!({})).await.to_string();
    assert!(trusted.contains(service), "{trusted}");

    let adopting = Stack::create(&with(json!({})), "CREATE_COMPLETE").await;
    assert_eq!(adopting.output("Organization").await, id);
    adopting.delete("DELETE_COMPLETE").await;
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(organizations("DescribeOrganization", json!({})).await["Organization"]["Id"], json!(id));
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
    let stack = Stack::create(&stack_of(&Value::Object(resources)), "CREATE_COMPLETE").await;
    for (name, home) in homes {
        let made = accounts(&email(&format!("{top}-{name}"))).await;
        assert_eq!(made.len(), 1, "{name}");
        let id = stack.output(name).await;
        assert_eq!(made[0]["Id"], json!(id));
        assert_eq!(parent(&id).await, stack.output(home).await, "{name}");
    }
    // The accounts stay, and so do the OUs that hold them.
    stack.delete("DELETE_FAILED").await;
    let reasons = stack.events().await.join("\n");
    assert!(reasons.contains("is not empty, so it can't be deleted; it holds accounts "), "{reasons}");
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
    let stack = Stack::create(&with(Some("One")), "CREATE_COMPLETE").await;
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
    let stack = Stack::create(&with(json!({ "CloseOnDelete": true })), "CREATE_COMPLETE").await;
    stack.delete("DELETE_COMPLETE").await;
    assert_ne!(accounts(&email(&name)).await[0]["State"], "ACTIVE");

    let refused = Stack::create(&with(json!({ "AdoptExisting": true })), "ROLLBACK_COMPLETE").await;
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
    let original = Stack::create(
        &stack_of(&json!({ "App": account(&json!({ "Name": name, "Email": email(&name) })) })),
        "CREATE_COMPLETE",
    )
    .await;
    let id = original.output("App").await;

    let refused = Stack::create(&with(json!({})), "ROLLBACK_COMPLETE").await;
    let reasons = refused.events().await.join("\n");
    assert!(reasons.contains("set `AdoptExisting` to true"), "{reasons}");
    assert!(!reasons.contains('@'), "{reasons}");

    let adopting =
        Stack::create(&with(json!({ "AdoptExisting": true, "CloseOnDelete": true })), "CREATE_COMPLETE").await;
    assert_eq!(adopting.output("App").await, id);
    adopting.delete("DELETE_COMPLETE").await;
    assert_eq!(accounts(&email(&name)).await[0]["State"], "ACTIVE", "what was adopted is never closed");
    original.delete("DELETE_COMPLETE").await;
}
