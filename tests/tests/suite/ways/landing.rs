//! The landing of docs/landing.md: an organization, and what is in its network and tooling accounts before anybody deploys.

use std::collections::BTreeMap;

use archipelago_tests::local_aws::LocalAws;
use serde_json::json;
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
    /// Eight more accounts of the organization.
    pub(super) fleet: Vec<Account>,
    /// The outputs of the stack `organization`.
    pub(super) organization: BTreeMap<String, String>,
    /// The outputs of the stack `network`.
    pub(super) shared: BTreeMap<String, String>,
    /// The application that is deployed into development and production.
    pub(super) app: Tooling,
    /// The application that is deployed into the eight.
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
        let mut fleet = Vec::new();
        for _ in 0..8 {
            fleet.push(Account(member_of(&management.0).await));
        }
        let callers = [&development, &production].into_iter().chain(&fleet).map(|Account(id)| id.as_str());
        let callers = callers.collect::<Vec<_>>().join(",");
        let (shared, (app, everywhere)) = tokio::join!(
            share(&network, &organization["WorkloadsId"]),
            open(&tooling, &organization["OrganizationId"], &callers)
        );
        Self {
            management,
            network,
            tooling,
            development,
            production,
            sandbox,
            fleet,
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

/// Step 5: what is to be opened, the functions, which are told what may be, and who may ask.
async fn open(tooling: &Account, organization: &str, callers: &str) -> (Tooling, Tooling) {
    let (app, everywhere) = tokio::join!(Tooling::create(tooling, "app"), Tooling::create(tooling, "everywhere"));
    let targets = format!("GrantTargets={},{}", app.output("GrantTargets"), everywhere.output("GrantTargets"));
    tooling.install("Statements", &[targets, format!("GrantActions={}", app.output("GrantActions"))]).await;
    let parameters = [("OrganizationId", organization), ("CallerAccounts", callers)];
    tooling.create("callers", "stacks/callers.yaml", &parameters).await;
    (app, everywhere)
}

impl Landing {
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
