//! `sam deploy` of the functions, then the stacks, account by account, as docs/landing.md has it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::account::Account;
use super::landing::Landing;
use super::tooling::{ToolingPolicies, statements};
use crate::network::{associated, seen};

#[tokio::test]
async fn each_account_is_in_its_unit() {
    let landing = Landing::standing().await;
    let security = Account(landing.organization["SecurityAccountId"].clone());
    for (account, unit) in [
        (&security, "Security"),
        (&landing.network, "Infrastructure"),
        (&landing.tooling, "Infrastructure"),
        (&landing.development, "Workloads/Development/app"),
        (&landing.production, "Workloads/Production/app"),
        (&landing.fleet[0], "Workloads/Production/everywhere"),
        (&landing.sandbox, "Sandbox"),
    ] {
        assert_eq!(landing.home(account).await, unit);
    }
}

#[tokio::test]
async fn the_subnets_are_seen_in_the_unit_that_they_are_shared_with_and_in_no_other() {
    let landing = Landing::standing().await;
    let workloads = landing.organization["WorkloadsId"].as_str();
    let describe = ["organizations", "describe-organizational-unit", "--organizational-unit-id", workloads];
    let unit = landing.management.aws(&describe).await["OrganizationalUnit"]["Arn"].clone();
    let subnets: Vec<_> = landing.shared["SubnetIds"].split(',').collect();
    assert_eq!(subnets.len(), 3);
    let share = &landing.shared["ShareArn"];
    for (kind, entities) in
        [("PRINCIPAL", vec![unit.as_str().unwrap()]), ("RESOURCE", landing.shared["SubnetArns"].split(',').collect())]
    {
        let command = ["ram", "get-resource-share-associations", "--association-type", kind];
        let command = [&command[..], &["--resource-share-arns", share]].concat();
        let listed = landing.network.aws(&command).await["resourceShareAssociations"].clone();
        let listed = listed.as_array().unwrap().iter().map(|each| {
            (each["associatedEntity"].as_str().unwrap().to_owned(), each["status"].as_str().unwrap().to_owned())
        });
        assert_eq!(listed.collect::<BTreeMap<_, _>>(), associated(&entities));
    }
    for account in [&landing.development, &landing.production] {
        assert_eq!(seen(&account.0, &subnets).await.len(), 3);
    }
    assert_eq!(seen(&landing.sandbox.0, &subnets).await.len(), 0);
}

#[tokio::test]
async fn a_workload_stack_registers_itself_in_one_pass_and_takes_every_grant_of_its_own_away() {
    let landing = Landing::standing().await;
    let (app, development, production) = (&landing.app, &landing.development, &landing.production);
    let workload = "stacks/workload.yaml";
    let before = events(&landing.tooling).await;
    development.create("workload", workload, &app.handed()).await;
    assert_eq!(statements(&app.policies().await), app.granted(&[development]));

    app.edit(&app.policies().await).await;
    let edited = app.policies().await;
    production.create("workload", workload, &app.handed()).await;
    let both = app.policies().await;
    assert_eq!(without(&both, &["by hand", "999999999999"]), app.granted(&[development, production]));

    // On what the grants are for: the image comes from the tooling account, the subnets from the network account.
    let image = format!("{}:1", app.output("RepositoryUri"));
    let shared = &landing.shared;
    let parameters = [("Image", image.as_str()), ("VpcId", &shared["VpcId"]), ("SubnetIds", &shared["SubnetIds"])];
    development.create("app", "stacks/application.yaml", &parameters).await;
    let services = ["ecs", "describe-services", "--cluster", "app", "--services", "app"];
    let service = development.aws(&services).await["services"][0].clone();
    let subnets: Vec<_> = shared["SubnetIds"].split(',').collect();
    assert_eq!(service["networkConfiguration"]["awsvpcConfiguration"]["subnets"], json!(subnets));
    development.delete("app").await;

    production.delete("workload").await;
    assert_eq!(app.policies().await, edited, "what is left has every byte that it had");
    development.delete("workload").await;
    let nobody = without(&app.policies().await, &["by hand", "999999999999"]);
    assert_eq!(nobody, app.granted(&[]));
    assert_eq!(events(&landing.tooling).await, before, "nothing was deployed into the tooling account for all that");
}

/// The statements, without their marks, but for those that hold one of these.
fn without(policies: &ToolingPolicies, foreign: &[&str]) -> [Vec<Value>; 4] {
    statements(policies).map(|statements| {
        let is_foreign = |statement: &Value| foreign.iter().any(|part| statement.to_string().contains(part));
        statements.into_iter().filter(|statement| !is_foreign(statement)).collect()
    })
}

/// What has happened to the stacks of an account, by name; but for the pipeline, which another test makes meanwhile.
async fn events(account: &Account) -> Value {
    let output = account.aws(&["cloudformation", "list-stacks"]).await;
    let stacks = output["StackSummaries"].as_array().unwrap().iter();
    let others = stacks.filter(|stack| stack["StackName"] != "pipeline");
    others.map(|stack| json!([stack["StackName"], stack["StackStatus"], stack["LastUpdatedTime"]])).collect()
}
