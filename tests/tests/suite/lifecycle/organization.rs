//! `Custom::Organization` through CloudFormation; where an account of its own is needed, its binary under the simulator.

use archipelago_tests::binary::Binary;
use archipelago_tests::cloudformation::{Resource, Simulator, Status};
use archipelago_tests::function::{Configuration, Function};
use archipelago_tests::http;
use archipelago_tests::local_aws::{LocalAws, between};
use archipelago_tests::response_server::ResponseServer;
use serde_json::{Value, json};

use super::{Stack, service_token, template};

/// The service of StackSets.
const STACKSETS: &str = "member.org.stacksets.cloudformation.amazonaws.com";

/// Calls Organizations as an account does; the error's code and message where it is refused.
pub(super) async fn organizations_of(account: &str, operation: &str, input: Value) -> Result<Value, String> {
    let credential = format!("{account}/20260101/us-east-1/organizations/aws4_request");
    let request = http::client()
        .post(&LocalAws::running().organizations_endpoint)
        .header("x-amz-target", format!("AWSOrganizationsV20161128.{operation}"))
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"))
        .header("content-type", "application/x-amz-json-1.1")
        .body(input.to_string());
    let response = request.send().await.unwrap();
    let is_success = response.status().is_success();
    let text = response.text().await.unwrap();
    if is_success { Ok(serde_json::from_str(&text).unwrap_or_default()) } else { Err(text) }
}

/// As the account that the local AWS deploys into.
pub(super) async fn organizations(operation: &str, input: Value) -> Value {
    organizations_of(&LocalAws::running().account, operation, input).await.unwrap()
}

/// An account that nobody else has.
pub(crate) fn some_account() -> String {
    format!("{:012}", fastrand::u64(100_000_000_000..1_000_000_000_000))
}

/// The management account of an organization that no other test sees.
pub(super) async fn some_organization(features: &str) -> String {
    let account = some_account();
    organizations_of(&account, "CreateOrganization", json!({ "FeatureSet": features })).await.unwrap();
    account
}

/// A stack of one resource whose function lives in `account`.
pub(super) async fn stack_in(account: &str, function: &str) -> Simulator<Binary> {
    let responses = ResponseServer::start().await;
    let mut configuration = Configuration::of(function).variable("RESPONSE_HOSTS", responses.origin());
    for service in ["ACCOUNT", "ORGANIZATIONS", "RAM", "STS"] {
        let endpoint = &LocalAws::running().organizations_endpoint;
        configuration = configuration.variable(&format!("AWS_ENDPOINT_URL_{service}"), endpoint);
    }
    configuration = configuration.variable("AWS_ENDPOINT_URL_CLOUDFORMATION", &LocalAws::running().endpoint);
    account.clone_into(&mut configuration.account);
    LocalAws::running().region.clone_into(&mut configuration.region);
    let resource =
        Resource::new("landing", "Thing", &format!("Custom::{function}"), fastrand::u64(..)).in_account(account);
    Simulator::new(Binary::new(Function::start(configuration).await, responses), resource)
}

/// A new member of the organization of `management`.
pub(crate) async fn member_of(management: &str) -> String {
    let wanted = json!({ "AccountName": "member", "Email": format!("aws+{:08x}@example.com", fastrand::u32(..)) });
    let request = organizations_of(management, "CreateAccount", wanted).await.unwrap();
    let request = json!({ "CreateAccountRequestId": request["CreateAccountStatus"]["Id"] });
    let made = organizations_of(management, "DescribeCreateAccountStatus", request).await.unwrap();
    made["CreateAccountStatus"]["AccountId"].as_str().unwrap().to_owned()
}

pub(super) async fn policy_types(account: &str) -> Vec<String> {
    let roots = organizations_of(account, "ListRoots", json!({})).await.unwrap();
    let types = roots["Roots"][0]["PolicyTypes"].as_array().cloned().unwrap_or_default();
    types.iter().map(|kind| kind["Type"].as_str().unwrap().to_owned()).collect()
}

pub(super) async fn trusted_services(account: &str) -> Vec<String> {
    let listed = organizations_of(account, "ListAWSServiceAccessForOrganization", json!({})).await.unwrap();
    let services = listed["EnabledServicePrincipals"].as_array().cloned().unwrap_or_default();
    services.iter().map(|service| service["ServicePrincipal"].as_str().unwrap().to_owned()).collect()
}

/// What CloudFormation says of the access of StackSets to the organization of an account, in some Region.
async fn access_of_stack_sets(account: &str, region: &str) -> String {
    let credential = format!("{account}/20260101/{region}/cloudformation/aws4_request");
    let request = http::client()
        .post(&LocalAws::running().endpoint)
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("Action=DescribeOrganizationsAccess&Version=2010-05-15");
    let text = request.send().await.unwrap().text().await.unwrap();
    between(&text, "<Status>", "</Status>").next().unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// The reason why a Create of `Custom::Organization` in this account is refused.
async fn refusal(account: &str) -> String {
    let mut stack = stack_in(account, "Organization").await;
    let run = stack.create(&json!({ "PolicyTypes": ["TAG_POLICY"] })).await.sound();
    assert_eq!(run.status, Status::RollbackComplete);
    run.reason().unwrap().to_owned()
}

#[tokio::test]
async fn an_organization_is_adopted_by_stacks_and_outlives_them() {
    // Whoever asks first makes it.
    let with = |properties: Value| {
        let mut all = json!({ "ServiceToken": service_token("organization") });
        all.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
        let organization = json!({ "Type": "Custom::Organization", "Properties": all });
        template(&json!({ "Organization": organization }), &["Id", "Arn", "RootId", "ManagementAccountId"])
    };
    let management = &LocalAws::running().account;
    let stack = Stack::create(&with(json!({ "PolicyTypes": ["BACKUP_POLICY"] })), "CREATE_COMPLETE").await;
    let id = stack.output("Organization").await;
    assert!(id.starts_with("o-"), "{id}");
    assert_eq!(stack.output("OrganizationId").await, id);
    assert!(stack.output("OrganizationArn").await.ends_with(&id));
    assert!(stack.output("OrganizationRootId").await.starts_with("r-"));
    assert_eq!(&stack.output("OrganizationManagementAccountId").await, management);
    assert!(policy_types(management).await.contains(&"BACKUP_POLICY".to_owned()));

    stack.update(&with(json!({ "TrustedServices": ["config.amazonaws.com"] })), "UPDATE_COMPLETE").await;
    assert!(!policy_types(management).await.contains(&"BACKUP_POLICY".to_owned()));
    assert!(trusted_services(management).await.contains(&"config.amazonaws.com".to_owned()));

    let adopting = Stack::create(&with(json!({})), "CREATE_COMPLETE").await;
    assert_eq!(adopting.output("Organization").await, id);
    adopting.delete("DELETE_COMPLETE").await;
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(organizations("DescribeOrganization", json!({})).await["Organization"]["Id"], json!(id));
}

#[tokio::test]
async fn an_account_in_no_organization_gets_one_with_all_that_the_template_wants_and_keeps_it() {
    let account = some_account();
    let mut stack = stack_in(&account, "Organization").await;
    let wanted = json!({ "PolicyTypes": ["TAG_POLICY"], "TrustedServices": ["config.amazonaws.com"] });
    let run = stack.create(&wanted).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    let made = organizations_of(&account, "DescribeOrganization", json!({})).await.unwrap()["Organization"].clone();
    assert_eq!((&made["FeatureSet"], &made["MasterAccountId"]), (&json!("ALL"), &json!(account)));
    assert_eq!(made["Id"], stack.resource.live().unwrap().physical_resource_id);
    assert!(policy_types(&account).await.contains(&"TAG_POLICY".to_owned()));
    assert_eq!(trusted_services(&account).await, ["config.amazonaws.com", "ram.amazonaws.com"]);

    let run = stack.delete().await.sound();
    assert_eq!(run.status, Status::DeleteComplete, "{:?}", run.reason());
    let kept = organizations_of(&account, "DescribeOrganization", json!({})).await.unwrap();
    assert_eq!(kept["Organization"]["Id"], made["Id"]);
    assert!(policy_types(&account).await.contains(&"TAG_POLICY".to_owned()), "what was on stays on");
}

#[tokio::test]
async fn an_update_switches_off_what_its_template_had_and_nothing_else() {
    let account = some_organization("ALL").await;
    let foreign = json!({ "ServicePrincipal": "sso.amazonaws.com" });
    organizations_of(&account, "EnableAWSServiceAccess", foreign).await.unwrap();
    let mut stack = stack_in(&account, "Organization").await;
    let both = json!({
        "PolicyTypes": ["TAG_POLICY", "BACKUP_POLICY"],
        "TrustedServices": ["config.amazonaws.com", "account.amazonaws.com"],
        "ResourceSharing": false,
    });
    assert_eq!(stack.create(&both).await.sound().status, Status::CreateComplete);
    let one = json!({
        "PolicyTypes": ["BACKUP_POLICY"],
        "TrustedServices": ["account.amazonaws.com"],
        "ResourceSharing": false,
    });
    let run = stack.update(&one).await.sound();
    assert_eq!(run.status, Status::UpdateComplete, "{:?}", run.reason());
    // AWS itself had enabled the first.
    assert_eq!(policy_types(&account).await, ["SERVICE_CONTROL_POLICY", "BACKUP_POLICY"]);
    assert_eq!(trusted_services(&account).await, ["sso.amazonaws.com", "account.amazonaws.com"]);
}

#[tokio::test]
async fn a_failed_update_switches_on_again_what_it_had_switched_off() {
    let account = some_organization("ALL").await;
    let mut stack = stack_in(&account, "Organization").await;
    let good = json!({ "TrustedServices": ["config.amazonaws.com"], "PolicyTypes": ["TAG_POLICY"] });
    assert_eq!(stack.create(&good).await.sound().status, Status::CreateComplete);
    let run = stack.update(&json!({ "TrustedServices": ["no-such-service.amazonaws.com"] })).await.sound();
    assert_eq!(run.status, Status::UpdateRollbackComplete, "{:?}", run.reason());
    assert!(run.reason().unwrap().contains("unrecognized service principal"), "{:?}", run.reason());
    assert!(policy_types(&account).await.contains(&"TAG_POLICY".to_owned()));
    assert!(trusted_services(&account).await.contains(&"config.amazonaws.com".to_owned()));
}

#[tokio::test]
async fn stack_sets_are_let_in_and_stay_so_until_a_template_changes_that_to_false() {
    let account = some_organization("ALL").await;
    let mut stack = stack_in(&account, "Organization").await;
    let seen = async || (access_of_stack_sets(&account, "us-east-1").await, trusted_services(&account).await);
    let enabled = ("ENABLED".to_owned(), vec![STACKSETS.to_owned()]);
    let disabled = ("DISABLED".to_owned(), Vec::new());
    let trusting = json!({ "TrustedServices": [STACKSETS], "ResourceSharing": false });
    assert_eq!(stack.create(&trusting).await.sound().status, Status::CreateComplete);
    assert_eq!(access_of_stack_sets(&account, "us-east-1").await, "DISABLED", "trust alone lets nobody in");

    let on = json!({ "ActivateOrganizationsAccess": true, "ResourceSharing": false });
    let off = json!({ "ActivateOrganizationsAccess": false, "ResourceSharing": false });
    let unsaid = json!({ "ResourceSharing": false });
    for template in [&on, &unsaid, &off, &on] {
        let run = stack.update(template).await.sound();
        assert_eq!(run.status, Status::UpdateComplete, "{:?}", run.reason());
        assert_eq!(seen().await, enabled, "{template}");
    }
    assert_eq!(access_of_stack_sets(&account, "eu-west-1").await, "ENABLED");

    let failing = json!({ "ActivateOrganizationsAccess": false, "TrustedServices": ["no-such-service.amazonaws.com"] });
    let run = stack.update(&failing).await.sound();
    assert_eq!(run.status, Status::UpdateRollbackComplete, "{:?}", run.reason());
    assert_eq!(seen().await, enabled, "the rollback switches it on again");

    assert_eq!(stack.update(&off).await.sound().status, Status::UpdateComplete);
    assert_eq!(seen().await, disabled);
    assert_eq!(stack.update(&on).await.sound().status, Status::UpdateComplete);
    assert_eq!(stack.delete().await.sound().status, Status::DeleteComplete);
    assert_eq!(seen().await, enabled, "what is on stays on");
}

#[tokio::test]
async fn a_member_account_is_told_to_deploy_into_the_management_account() {
    let management = some_organization("ALL").await;
    let member = member_of(&management).await;
    let reason = refusal(&member).await;
    for words in [&member, "is a member of the organization o-", &format!("its management account {management}")] {
        assert!(reason.contains(words), "{reason}");
    }
    assert_eq!(policy_types(&management).await, ["SERVICE_CONTROL_POLICY"]);
}

#[tokio::test]
async fn an_organization_with_consolidated_billing_is_refused_with_what_to_do() {
    let account = some_organization("CONSOLIDATED_BILLING").await;
    let reason = refusal(&account).await;
    for words in ["has consolidated billing only", "enable all features"] {
        assert!(reason.contains(words), "{reason}");
    }
}
