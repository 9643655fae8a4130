//! The landing of docs/landing.md: an organization, and what is in its network and tooling accounts before anybody deploys.

use std::collections::BTreeMap;

use archipelago_tests::local_aws::LocalAws;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::account::Account;
use super::tooling::Tooling;
use crate::lifecycle::organization::{member_of, some_account};
use crate::lifecycle::unique;

/// What all tests of this suite stand on. Each changes policies or stacks of its own, so none sees another.
#[derive(Debug)]
pub(super) struct Landing {
    pub(super) management: Account,
    pub(super) network: Account,
    pub(super) tooling: Account,
    pub(super) development: Account,
    pub(super) production: Account,
    pub(super) sandbox: Account,
    /// The accounts of the unit in which the second application runs: one that a stack made, and eight more.
    pub(super) fleet: Vec<Account>,
    /// That unit.
    pub(super) unit: String,
    /// The outputs of the stack `organization`.
    pub(super) organization: BTreeMap<String, String>,
    /// The outputs of the stack `network`.
    pub(super) shared: BTreeMap<String, String>,
    /// The application that is deployed into development and production.
    pub(super) app: Tooling,
    /// The second application, which is deployed into all accounts of its unit.
    pub(super) everywhere: Tooling,
}

impl Landing {
    /// The landing, made by whoever asks first.
    pub(super) async fn standing() -> &'static Self {
        static LANDING: OnceCell<Landing> = OnceCell::const_new();
        LANDING.get_or_init(Self::made).await
    }

    async fn made() -> Self {
        LocalAws::running();
        // An organization that no other test sees.
        let management = Account(some_account());
        management.install("Organization", &[]).await;
        let mailbox = [("MailboxUser", unique("ways")), ("MailboxDomain", "landing.test".to_owned())];
        let mailbox = mailbox.each_ref().map(|(name, value)| (*name, value.as_str()));
        management.create("organization", "stacks/organization.yaml", &mailbox).await;
        let organization = management.outputs("organization").await;
        let [network, tooling, development, production, sandbox] =
            ["Network", "Tooling", "AppDevelopment", "AppProduction", "Sandbox"]
                .map(|name| Account(organization[&format!("{name}AccountId")].clone()));
        let (unit, fleet) = second_application(&management, &organization, &mailbox).await;
        let accounts = format!("{},{}", development.0, production.0);
        let (shared, (app, everywhere)) = tokio::join!(
            share(&network, &organization["WorkloadsId"]),
            open(&tooling, &organization["OrganizationId"], &accounts, &unit)
        );
        Self {
            management,
            network,
            tooling,
            development,
            production,
            sandbox,
            fleet,
            unit,
            organization,
            shared,
            app,
            everywhere,
        }
    }
}

/// Step 4: the network, shared with a unit. The local AWS has neither NAT gateways nor flow logs.
async fn share(network: &Account, unit: &str) -> BTreeMap<String, String> {
    network.install("Network", &[]).await;
    let parameters = [("Principals", unit), ("NatGateways", "None"), ("FlowLogDays", "0")];
    network.create("network", "stacks/network.yaml", &parameters).await;
    network.outputs("network").await
}

/// Units and accounts of one more application: of production there are eight more.
async fn second_application(
    management: &Account,
    organization: &BTreeMap<String, String>,
    mailbox: &[(&str, &str)],
) -> (String, Vec<Account>) {
    let stages = [("DevelopmentId", &*organization["DevelopmentId"]), ("ProductionId", &organization["ProductionId"])];
    let parameters = [&[("Application", "everywhere")], &stages[..], mailbox].concat();
    management.create("everywhere-accounts", "stacks/accounts.yaml", &parameters).await;
    let made = management.outputs("everywhere-accounts").await;
    let unit = made["ProductionUnitId"].clone();
    for _ in 0..8 {
        let member = Account(member_of(&management.0).await);
        member.moves(management, &unit).await;
    }
    let asked = ["organizations", "list-accounts-for-parent", "--parent-id", &unit];
    let listed = management.aws(&asked).await["Accounts"].clone();
    let id = |account: &Value| Account(account["Id"].as_str().unwrap().to_owned());
    let fleet: Vec<_> = listed.as_array().unwrap().iter().map(id).collect();
    assert!(fleet.len() == 9 && fleet.contains(&Account(made["ProductionAccountId"].clone())));
    (unit, fleet)
}

/// Step 5: the functions, and what each application opens: the first to its accounts, the second to its unit.
async fn open(tooling: &Account, organization: &str, accounts: &str, unit: &str) -> (Tooling, Tooling) {
    tooling.install("Statements", &[]).await;
    let to_accounts = [("CallerAccounts", accounts)];
    let to_unit = [("CallerUnits", unit), ("OrganizationId", organization)];
    tokio::join!(Tooling::create(tooling, "app", &to_accounts), Tooling::create(tooling, "everywhere", &to_unit))
}

impl Landing {
    /// The paths of accounts in the unit of the second application.
    pub(super) fn paths(&self) -> String {
        let root = self.unit.split('-').nth(1).unwrap();
        format!("{}/r-{root}/*{}/*", self.organization["OrganizationId"], self.unit)
    }

    /// The units that an account is in, from the root down, as a path.
    pub(super) async fn home(&self, account: &Account) -> String {
        let ask = async |operation, input| {
            LocalAws::running().call_as(&self.management.0, "organizations", operation, &input).await.unwrap()
        };
        let (mut path, mut child) = (Vec::new(), json!(account.0));
        loop {
            let parent = ask("ListParents", json!({ "ChildId": child })).await["Parents"][0].clone();
            if parent["Type"] == "ROOT" {
                path.reverse();
                return path.join("/");
            }
            child = parent["Id"].clone();
            let unit = ask("DescribeOrganizationalUnit", json!({ "OrganizationalUnitId": child })).await;
            path.push(unit["OrganizationalUnit"]["Name"].as_str().unwrap().to_owned());
        }
    }
}
