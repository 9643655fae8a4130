//! Changes of parameters as the console makes them: a change set that says what it will do, and is executed.

use std::collections::BTreeMap;

use archipelago_tests::local_aws::LocalAws;
use serde_json::{Value, json};

use super::account::Account;
use crate::lifecycle::unique;
use crate::network::{associated, associations, some_subnet, the_share, unit};

const ONE: &str = "222222222222";
const OTHER: &str = "333333333333";

/// A stack in the account that has all functions, and what it is about.
struct Fixture {
    account: Account,
    stack: String,
    /// The name of the repository and of the share.
    name: String,
    principal: String,
    subnets: [String; 2],
}

/// What there is outside of the stack.
#[derive(Debug, PartialEq)]
struct Surroundings {
    unit: Value,
    share: Value,
    associations: BTreeMap<String, String>,
    policy: Value,
}

impl Fixture {
    /// The stack with one of the subnets, and a grant for both accounts.
    async fn new() -> Self {
        let local = LocalAws::deployed();
        let (unit, principal) = unit().await;
        let name = unique("console");
        local.call("ecr", "CreateRepository", &json!({ "repositoryName": name })).await.unwrap();
        let account = Account(local.account.clone());
        let fixture = Self { account, stack: unique("test"), name, principal, subnets: [some_subnet(), some_subnet()] };
        let accounts = [ONE, OTHER].join(",");
        let parameters = [
            ("UnitName", fixture.stack.as_str()),
            ("SubnetIds", &fixture.subnets[0]),
            ("Principals", &unit),
            ("RepositoryName", &fixture.name),
            ("Accounts", &accounts),
        ];
        fixture.account.create(&fixture.stack, "tests/tests/suite/ways/console.yaml", &parameters).await;
        fixture
    }

    async fn surroundings(&self) -> Surroundings {
        let outputs = self.account.outputs(&self.stack).await;
        let local = LocalAws::running();
        let asked = json!({ "OrganizationalUnitId": outputs["UnitId"] });
        let unit = local.call("organizations", "DescribeOrganizationalUnit", &asked).await.unwrap();
        let asked = json!({ "repositoryName": self.name });
        let policy = local.call("ecr", "GetRepositoryPolicy", &asked).await.unwrap()["policyText"].clone();
        let mut share = the_share(&self.name).await;
        // Its last change is no part of what it is.
        share.as_object_mut().unwrap().remove("lastUpdatedTime");
        Surroundings { unit, share, associations: associations(&outputs["ShareArn"]).await, policy }
    }

    /// Changes one parameter, of which the change set says that it modifies one resource.
    async fn change(&self, resource: &str, parameter: &str, value: &str) -> Surroundings {
        assert_eq!(self.account.change(&self.stack, &[(parameter, value)]).await, [resource]);
        self.account.reaches(&self.stack, "UPDATE_COMPLETE").await;
        self.surroundings().await
    }
}

#[tokio::test]
async fn parameters_are_changed_by_change_sets_and_what_has_an_id_keeps_it() {
    let fixture = Fixture::new().await;
    let before = fixture.surroundings().await;

    let renamed = fixture.change("Unit", "UnitName", &unique("renamed")).await;
    assert_ne!(renamed.unit["OrganizationalUnit"]["Name"], before.unit["OrganizationalUnit"]["Name"]);
    assert_eq!(renamed.unit["OrganizationalUnit"]["Id"], before.unit["OrganizationalUnit"]["Id"]);
    let unit = renamed.unit.clone();
    assert_eq!(renamed, Surroundings { unit: unit.clone(), ..before }, "nothing else has changed");

    let wider = fixture.change("Share", "SubnetIds", &fixture.subnets.join(",")).await;
    let [one, two] = fixture.subnets.each_ref().map(String::as_str);
    let associations = associated(&[&fixture.principal, one, two]);
    assert_eq!(wider, Surroundings { associations: associations.clone(), ..renamed }, "the share is the same one");

    let narrower = fixture.change("Grant", "Accounts", OTHER).await;
    let policy: Value = serde_json::from_str(narrower.policy.as_str().unwrap()).unwrap();
    let [statement] = &policy["Statement"].as_array().unwrap()[..] else { panic!("{policy}") };
    assert_eq!(statement["Principal"]["AWS"], json!([OTHER]));
    assert_eq!(narrower, Surroundings { policy: narrower.policy.clone(), ..wider }, "nothing else has changed");

    fixture.account.delete(&fixture.stack).await;
}

#[tokio::test]
async fn a_wrong_value_fails_with_a_sentence_and_everything_is_as_it_was() {
    let fixture = Fixture::new().await;
    let before = fixture.surroundings().await;
    let (both, wrong) = (fixture.subnets.join(","), format!("{ONE},44444444444"));
    let parameters = [("UnitName", unique("renamed")), ("SubnetIds", both), ("Accounts", wrong)];
    let parameters = parameters.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(fixture.account.change(&fixture.stack, &parameters).await, ["Grant", "Share", "Unit"]);
    fixture.account.reaches(&fixture.stack, "UPDATE_ROLLBACK_COMPLETE").await;
    let sentence = "Grant UPDATE_FAILED ResourceProperties.Statement.Principal.AWS[1]: an account id has 12 digits; \
                    quote it in the template, so that YAML keeps leading zeros";
    let reasons = fixture.account.reasons(&fixture.stack).await;
    assert!(reasons.iter().any(|reason| reason.starts_with(sentence)), "{reasons:#?}");
    assert_eq!(fixture.surroundings().await, before);
    fixture.account.delete(&fixture.stack).await;
}
