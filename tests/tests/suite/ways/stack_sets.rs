//! What `stacks/stackset.yaml` deploys, into many accounts at once as it does it: the local AWS has no sets of stacks.

use archipelago_tests::binary::workspace;
use archipelago_tests::local_aws::between;
use serde_json::Value;
use tokio::task::JoinSet;

use super::account::Account;
use super::landing::Landing;
use super::tooling::statements;

const STACK: &str = "StackSet-everywhere-workload";

#[tokio::test]
async fn eight_accounts_at_once_lose_no_statement_and_one_that_leaves_takes_its_own_alone() {
    let landing = Landing::standing().await;
    let everywhere = &landing.everywhere;
    let mut parameters = everywhere.handed().to_vec();
    parameters.extend([("Archipelago", "archipelago"), ("Revision", "1")]);
    let names: Vec<_> = parameters.iter().map(|(name, _)| *name).collect();
    let template = std::fs::read_to_string(workspace().join("stacks/stackset.yaml")).unwrap();
    assert_eq!(between(&template, "ParameterKey: ", ",").collect::<Vec<_>>(), names, "the StackSet says as much");

    let mut instances = JoinSet::new();
    for account in &landing.fleet {
        let parameters = parameters.clone();
        instances.spawn(async move { account.deploy(STACK, "stacks/workload.yaml", &parameters).await });
    }
    instances.join_all().await;
    let policies = everywhere.policies().await;
    assert_eq!(statements(&policies), everywhere.granted(&landing.fleet.iter().collect::<Vec<_>>()));

    let (leaving, staying) = landing.fleet.split_first().unwrap();
    leaving.delete(STACK).await;
    let left = everywhere.policies().await;
    assert_eq!(statements(&left), everywhere.granted(&staying.iter().collect::<Vec<_>>()));
    assert_eq!(left, policies.map(|policy| without(&policy, leaving)), "what is left has every byte that it had");
}

/// The policy without the statements of an account, the others as they were.
fn without(policy: &str, Account(account): &Account) -> String {
    let mut policy: Value = serde_json::from_str(policy).unwrap();
    let statements = policy["Statement"].as_array_mut().unwrap();
    statements.retain(|statement| !statement["Principal"].to_string().contains(account));
    policy.to_string()
}
