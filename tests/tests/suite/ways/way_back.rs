//! The ways back from a stack that failed: the commands of docs/runbook.md, as they are written there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use archipelago_tests::binary::workspace;
use archipelago_tests::local_aws::LocalAws;
use serde_json::{Value, json};

use super::account::Account;
use crate::lifecycle::organization::some_account;
use crate::lifecycle::{template, unique};
use crate::network::sharing;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// The scripts of a section of the runbook, one after the other.
fn scripts(section: &str) -> Vec<String> {
    let page = std::fs::read_to_string(workspace().join("docs/runbook.md")).unwrap();
    let (_, text) = page.split_once(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let text = text.split("\n## ").next().unwrap();
    let scripts = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let scripts: Vec<_> = scripts.collect();
    assert!(!scripts.is_empty(), "{section} has no commands");
    scripts
}

/// An address that an account of another organization has.
async fn taken() -> String {
    let other = Account(some_account());
    other.aws(&["organizations", "create-organization"]).await;
    let email = format!("{}@landing.test", unique("taken"));
    other.aws(&["organizations", "create-account", "--account-name", "taken", "--email", &email]).await;
    email
}

impl Account {
    /// Follows a section of the runbook; what the last command says that fails, if one does.
    async fn follow(&self, section: &str, stack: &str) -> Result<(), String> {
        for script in scripts(section) {
            LocalAws::running().shell_as(&self.0, &script, &[("STACK", stack)]).await?;
        }
        Ok(())
    }

    /// What `deploy` says of a stack that it can't update.
    async fn refusal(&self, stack: &str) -> String {
        let template = workspace().join("docs/examples/Organization.yaml").display().to_string();
        let command = ["cloudformation", "deploy", "--stack-name", stack, "--template-file", &template];
        LocalAws::running().aws_as(&self.0, &command).await.unwrap_err()
    }

    /// The accounts of the organization, by name.
    async fn members(&self) -> BTreeMap<String, String> {
        let output = self.aws(&["organizations", "list-accounts"]).await;
        let text = |account: &Value, name: &str| account[name].as_str().unwrap().to_owned();
        let accounts = output["Accounts"].as_array().unwrap().iter();
        accounts.map(|account| (text(account, "Name"), text(account, "Id"))).collect()
    }

    async fn unit(&self, id: &str) -> String {
        let output = self.aws(&["organizations", "describe-organizational-unit", "--organizational-unit-id", id]).await;
        output["OrganizationalUnit"]["Name"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_first_landing_in_which_an_address_is_taken_is_rolled_back_and_the_second_adopts_what_it_left() {
    LocalAws::running();
    let management = Account(some_account());
    let (taken, ()) = tokio::join!(taken(), management.install("Organization", &[]));
    let original = std::fs::read_to_string(workspace().join("stacks/organization.yaml")).unwrap();
    let tooling = "${MailboxUser}+tooling@${MailboxDomain}";
    let with = |email: &str| original.replace(tooling, email);
    let user = unique("first");
    let mailbox = [("MailboxUser", user.as_str()), ("MailboxDomain", "landing.test")];

    management.create_as_written("organization", &with(&taken), &mailbox, "ROLLBACK_COMPLETE").await;
    let left = management.members().await;
    assert!(left.len() > 1 && !left.contains_key("tooling"), "{left:?}");
    let refusal = management.refusal("organization").await;
    assert!(refusal.contains(" is in ROLLBACK_COMPLETE state and can not be updated."), "{refusal}");

    management.follow("A first deployment failed and was rolled back", "organization").await.unwrap();
    let adopting = [&mailbox[..], &[("AdoptExisting", "true")]].concat();
    let another = with("${MailboxUser}+tools@${MailboxDomain}");
    management.create_as_written("organization", &another, &adopting, "CREATE_COMPLETE").await;
    let members = management.members().await;
    assert_eq!(members.len(), 7, "{members:?}");
    assert!(left.iter().all(|(name, id)| members[name] == *id), "{left:?} became {members:?}");

    // Nothing has to be moved first.
    management.delete("organization").await;
    assert_eq!(management.members().await, members);
}

#[tokio::test]
async fn a_rollback_and_a_deletion_that_failed_are_ended_as_the_runbook_says() {
    let account = Account(LocalAws::deployed().account.clone());
    sharing().await;
    let (stack, taken) = (unique("back"), taken().await);
    let own = format!("{stack}@landing.test");
    let landing = |second: &str, adopt: bool| {
        let member = |email: &str| {
            json!({
                "Type": "Custom::Account",
                "Properties": {
                    "ServiceToken": { "Fn::ImportValue": "archipelago-account" },
                    "Name": email.split('@').next(),
                    "Email": email,
                    "ParentId": { "Ref": "Unit" },
                    "AdoptExisting": adopt,
                },
            })
        };
        let mut second = member(second);
        second["DependsOn"] = "First".into();
        let unit = json!({
            "Type": "Custom::OrganizationalUnit",
            "Properties": {
                "ServiceToken": { "Fn::ImportValue": "archipelago-organizational-unit" },
                "Name": stack,
            },
        });
        template(&json!({ "Unit": unit, "First": member(&own), "Second": second }), &[]).to_string()
    };
    account.create_as_written(&stack, &landing(&taken, false), &[], "ROLLBACK_FAILED").await;
    let id = account.described(&stack, "StackId").await;
    for status in ["ROLLBACK_FAILED", "DELETE_FAILED"] {
        assert_eq!(account.described(&stack, "StackStatus").await, status);
        let refusal = account.refusal(&stack).await;
        assert!(refusal.contains(&format!("Stack:{id} is in {status} state and can not be updated.")), "{refusal}");
        // The account is still in the unit, so that is left only where it is retained.
        let followed = account.follow(status, &stack).await;
        assert_eq!(followed.is_err(), status == "ROLLBACK_FAILED", "{followed:?}");
    }
    assert_eq!(account.described(&id, "StackStatus").await, "DELETE_COMPLETE");

    let free = format!("{stack}-2@landing.test");
    account.create_as_written(&stack, &landing(&free, true), &[], "CREATE_COMPLETE").await;
    let outputs = account.outputs(&stack).await;
    assert_eq!(account.unit(&outputs["Unit"]).await, stack);
    let parent = account.aws(&["organizations", "list-parents", "--child-id", &outputs["First"]]).await;
    assert_eq!(parent["Parents"][0]["Id"], outputs["Unit"], "the account and its unit are those of the first try");
}

#[tokio::test]
async fn a_rollback_of_an_update_that_failed_is_continued_as_the_runbook_says() {
    let account = Account(LocalAws::deployed().account.clone());
    sharing().await;
    let (stack, taken) = (unique("back"), taken().await);
    let renamed = format!("{stack}-renamed");
    let unit = |name: &str| {
        json!({
            "Type": "Custom::OrganizationalUnit",
            "Properties": {
                "ServiceToken": { "Fn::ImportValue": "archipelago-organizational-unit" },
                "Name": name,
            },
        })
    };
    let before = template(&json!({ "Unit": unit(&stack) }), &[]).to_string();
    account.create_as_written(&stack, &before, &[], "CREATE_COMPLETE").await;
    let id = account.outputs(&stack).await["Unit"].clone();

    // While the account is being made, somebody takes the unit's old name; then its address turns out to be taken.
    let slow = json!({
        "Type": "Custom::Account",
        "DependsOn": "Unit",
        "Properties": {
            "ServiceToken": { "Fn::ImportValue": "archipelago-account" },
            "Name": stack,
            "Email": taken,
            "Tags": [{ "Key": "local:creation-awaits", "Value": stack }],
        },
    });
    let after = template(&json!({ "Unit": unit(&renamed), "Slow": slow }), &[]).to_string();
    account.aws(&["cloudformation", "update-stack", "--stack-name", &stack, "--template-body", &after]).await;
    let start = Instant::now();
    while account.unit(&id).await != renamed {
        assert!(start.elapsed() < PATIENCE, "the unit isn't renamed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let root = account.aws(&["organizations", "list-roots"]).await["Roots"][0]["Id"].as_str().unwrap().to_owned();
    let make = ["organizations", "create-organizational-unit", "--parent-id", &root, "--name", &stack];
    let intruder = account.aws(&make).await["OrganizationalUnit"]["Id"].as_str().unwrap().to_owned();
    account.reaches(&stack, "UPDATE_ROLLBACK_FAILED").await;
    let refusal = account.refusal(&stack).await;
    assert!(refusal.contains(" is in UPDATE_ROLLBACK_FAILED state and can not be updated."), "{refusal}");

    account.aws(&["organizations", "delete-organizational-unit", "--organizational-unit-id", &intruder]).await;
    account.follow("UPDATE_ROLLBACK_FAILED", &stack).await.unwrap();
    assert_eq!(account.described(&stack, "StackStatus").await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(account.unit(&id).await, stack);
    account.delete(&stack).await;
}
