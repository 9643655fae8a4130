//! What `stacks/stackset.yaml` deploys into the accounts of a unit, at once as it does it: the local AWS has no sets of stacks.

use archipelago_tests::binary::workspace;
use archipelago_tests::local_aws::between;
use serde_json::Value;
use tokio::task::JoinSet;

use super::account::Account;
use super::landing::Landing;
use super::tooling::{Tooling, statements};
use crate::lifecycle::organization::member_of;

const STACK: &str = "StackSet-everywhere-workload";
const WORKLOAD: &str = "stacks/workload.yaml";

/// The end of the `ServiceToken`s of a unit's accounts.
fn qualifier(landing: &Landing) -> String {
    format!("caller-{}-{}", landing.organization["OrganizationId"], landing.unit)
}

/// What the `StackSet` of a unit hands to the stack of each account.
fn handed<'a>(tooling: &'a Tooling, qualifier: &'a str) -> Vec<(&'a str, &'a str)> {
    let more = [("Access", "Accounts"), ("Archipelago", "archipelago"), ("Qualifier", qualifier), ("Revision", "1")];
    tooling.handed().into_iter().chain(more).collect()
}

#[tokio::test]
async fn all_accounts_of_a_unit_are_served_at_once_and_one_that_joins_it_later_without_anybody_s_hand() {
    let landing = Landing::standing().await;
    let (everywhere, qualifier) = (&landing.everywhere, qualifier(landing));
    let parameters = handed(everywhere, &qualifier);
    let names: Vec<_> = parameters.iter().map(|(name, _)| *name).collect();
    let template = std::fs::read_to_string(workspace().join("stacks/stackset.yaml")).unwrap();
    let said: Vec<_> = between(&template, "ParameterKey: ", ",").collect();
    assert_eq!(said, [&names[..], &names].concat(), "the StackSets say as much");

    let mut instances = JoinSet::new();
    for account in &landing.fleet {
        let tooling = &landing.everywhere;
        let qualifier = qualifier.clone();
        instances.spawn(async move { account.deploy(STACK, WORKLOAD, &handed(tooling, &qualifier)).await });
    }
    instances.join_all().await;
    let policies = everywhere.policies().await;
    assert_eq!(
        statements(&policies),
        everywhere.granted_to(Some(&landing.paths()), &landing.fleet.iter().collect::<Vec<_>>())
    );

    let newcomer = Account(member_of(&landing.management.0).await);
    newcomer.create_as_written("too-early", &workload(), &parameters, "ROLLBACK_COMPLETE").await;
    assert_eq!(everywhere.policies().await, policies, "who isn't in the unit isn't served");
    newcomer.moves(&landing.management, &landing.unit).await;
    newcomer.deploy(STACK, WORKLOAD, &parameters).await;
    let all: Vec<_> = landing.fleet.iter().chain([&newcomer]).collect();
    assert_eq!(statements(&everywhere.policies().await), everywhere.granted_to(Some(&landing.paths()), &all));

    // It takes its statements along if its stack goes before it does.
    newcomer.delete(STACK).await;
    assert_eq!(everywhere.policies().await, policies, "what is left has every byte that it had");
    newcomer.moves(&landing.management, &landing.organization["WorkloadsId"]).await;
    newcomer.create_as_written("too-late", &workload(), &parameters, "ROLLBACK_COMPLETE").await;

    let (leaving, staying) = landing.fleet.split_first().unwrap();
    leaving.delete(STACK).await;
    let left = everywhere.policies().await;
    assert_eq!(statements(&left), everywhere.granted_to(Some(&landing.paths()), &staying.iter().collect::<Vec<_>>()));
    assert_eq!(left, policies.map(|policy| without(&policy, leaving)), "what is left has every byte that it had");
}

#[tokio::test]
async fn neither_application_reaches_the_other_s_things() {
    let landing = Landing::standing().await;
    let (app, everywhere) = (&landing.app, &landing.everywhere);
    let of_unit = qualifier(landing);
    let own = |account: &Account| format!("caller-{}", account.0);
    for (account, tooling, qualifier, reason) in [
        (&landing.fleet[1], app, of_unit.clone(), "is not open to account"),
        (&landing.development, everywhere, own(&landing.development), "is not open to account"),
        // By an alias that isn't its own, or that nobody has made.
        (&landing.development, everywhere, of_unit, "is not authorized to perform: lambda:InvokeFunction"),
        (&landing.fleet[1], app, own(&landing.development), "is not authorized to perform: lambda:InvokeFunction"),
        (&landing.sandbox, app, own(&landing.sandbox), "is not authorized to perform: lambda:InvokeFunction"),
    ] {
        let stack = crate::lifecycle::unique("reaches");
        let parameters = handed(tooling, &qualifier);
        account.create_as_written(&stack, &workload(), &parameters, "ROLLBACK_COMPLETE").await;
        let reasons = account.reasons(&stack).await.join("\n");
        assert!(reasons.contains(reason), "{reasons}");
        assert!(!tooling.names(account).await);
    }
}

fn workload() -> String {
    format!("file://{}", workspace().join(WORKLOAD).display())
}

/// The policy without the statements of an account, the others as they were.
fn without(policy: &str, Account(account): &Account) -> String {
    let mut policy: Value = serde_json::from_str(policy).unwrap();
    let statements = policy["Statement"].as_array_mut().unwrap();
    statements.retain(|statement| !statement["Principal"].to_string().contains(account));
    policy.to_string()
}
