//! What is asked of Organizations and RAM, with real clients and canned answers.

use aws_sdk_cloudformation::{
    operation::{
        activate_organizations_access::ActivateOrganizationsAccessOutput,
        deactivate_organizations_access::DeactivateOrganizationsAccessOutput,
        describe_organizations_access::DescribeOrganizationsAccessOutput,
    },
    types::OrganizationStatus::{self, Disabled, Enabled},
};
use aws_sdk_organizations::{
    operation::list_aws_service_access_for_organization::ListAwsServiceAccessForOrganizationOutput as ListServicesOutput,
    operation::{
        create_organization::CreateOrganizationOutput, describe_organization::DescribeOrganizationOutput,
        disable_aws_service_access::DisableAwsServiceAccessOutput, disable_policy_type::DisablePolicyTypeOutput,
        enable_aws_service_access::EnableAwsServiceAccessOutput, enable_policy_type::EnablePolicyTypeOutput,
        list_roots::ListRootsOutput,
    },
    types::{EnabledServicePrincipal, PolicyType, PolicyTypeStatus, PolicyTypeSummary, Root},
};
use aws_sdk_ram::operation::enable_sharing_with_aws_organization::EnableSharingWithAwsOrganizationOutput;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::Owner;
use serde_json::{Value, json};

use super::*;

const ID: &str = "o-exampleorgid";
const SCP: &str = "SERVICE_CONTROL_POLICY";
const SECURITY: &str = "SECURITYHUB_POLICY";
const SECURITY_HUB: &str = "securityhub.amazonaws.com";
const ON: PolicyTypeStatus = PolicyTypeStatus::Enabled;
const STACKSETS: &str = "member.org.stacksets.cloudformation.amazonaws.com";

fn claim() -> Claim<OrganizationId> {
    Claim::new(Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", "Organization"), None)
}

/// Nothing is switched on, so that a test says only what it is about.
fn written(more: &Value) -> Properties {
    let mut properties = json!({"ResourceSharing": false});
    for (name, value) in more.as_object().unwrap() {
        properties[name] = value.clone();
    }
    serde_json::from_value(properties).unwrap()
}

/// An error as Organizations and RAM send it.
fn error_response(status: u16, code: &str) -> HttpResponse {
    let body = json!({"__type": code, "Message": "AWS's own words."}).to_string();
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

fn organization(management: &str, features: OrganizationFeatureSet) -> Described {
    let arn = format!("arn:aws:organizations::{management}:organization/{ID}");
    Described::builder().id(ID).arn(arn).master_account_id(management).feature_set(features).build()
}

fn described(management: &'static str, features: OrganizationFeatureSet) -> Rule {
    mock!(Client::describe_organization).then_output(move || {
        DescribeOrganizationOutput::builder().organization(organization(management, features.clone())).build()
    })
}

fn there() -> Rule {
    described("111111111111", OrganizationFeatureSet::All)
}

fn none_yet() -> Rule {
    mock!(Client::describe_organization).then_http_response(|| error_response(400, "AWSOrganizationsNotInUseException"))
}

fn creates() -> Rule {
    mock!(Client::create_organization)
        .match_requests(|r| r.feature_set() == Some(&OrganizationFeatureSet::All))
        .then_output(|| {
            let made = organization("111111111111", OrganizationFeatureSet::All);
            CreateOrganizationOutput::builder().organization(made).build()
        })
}

fn create_fails(status: u16, code: &'static str) -> Rule {
    mock!(Client::create_organization).then_http_response(move || error_response(status, code))
}

fn root(policy_types: &[(&str, PolicyTypeStatus)]) -> Rule {
    let summary = |(name, status): &(&str, PolicyTypeStatus)| {
        PolicyTypeSummary::builder().r#type(PolicyType::from(*name)).status(status.clone()).build()
    };
    let root = Root::builder().id("r-ab12").set_policy_types(Some(policy_types.iter().map(summary).collect())).build();
    mock!(Client::list_roots).then_output(move || ListRootsOutput::builder().roots(root.clone()).build())
}

fn enables(policy_type: &'static str) -> Rule {
    mock!(Client::enable_policy_type)
        .match_requests(move |r| r.root_id() == Some("r-ab12") && r.policy_type() == Some(&policy_type.into()))
        .then_output(|| EnablePolicyTypeOutput::builder().build())
}

fn disables(policy_type: &'static str) -> Rule {
    mock!(Client::disable_policy_type)
        .match_requests(move |r| r.root_id() == Some("r-ab12") && r.policy_type() == Some(&policy_type.into()))
        .then_output(|| DisablePolicyTypeOutput::builder().build())
}

/// The services that are trusted, after an empty page.
fn trusted(services: &[&str]) -> Rule {
    let services: Vec<_> =
        services.iter().map(|name| EnabledServicePrincipal::builder().service_principal(*name).build()).collect();
    mock!(Client::list_aws_service_access_for_organization)
        .sequence()
        .output(|| ListServicesOutput::builder().next_token("more").build())
        .output(move || ListServicesOutput::builder().set_enabled_service_principals(Some(services.clone())).build())
        .build()
}

fn shares(returns: bool) -> Rule {
    mock!(aws_sdk_ram::Client::enable_sharing_with_aws_organization)
        .then_output(move || EnableSharingWithAwsOrganizationOutput::builder().return_value(returns).build())
}

fn share_fails(status: u16, code: &'static str) -> Rule {
    mock!(aws_sdk_ram::Client::enable_sharing_with_aws_organization)
        .then_http_response(move || error_response(status, code))
}

/// Answers with these rules, each client's in their order, and fails the test on any other call.
async fn ensured(rules: &[Rule], ram: &[Rule], more: &Value, previous: Option<&Value>) -> Result<Attributes> {
    ensured_with(rules, ram, &[], more, previous).await
}

/// The same with CloudFormation's.
async fn ensured_with(
    rules: &[Rule],
    ram: &[Rule],
    cloudformation: &[Rule],
    more: &Value,
    previous: Option<&Value>,
) -> Result<Attributes> {
    let organization = answering(rules, ram, cloudformation);
    let previous = previous.map(written);
    let ended = organization.ensure(&written(more), previous.as_ref(), &claim()).await;
    let mut all = rules.iter().chain(ram).chain(cloudformation);
    assert!(all.all(|rule| rule.num_calls() > 0), "a call was never made");
    ended
}

fn answering(rules: &[Rule], ram: &[Rule], cloudformation: &[Rule]) -> Organization {
    let [rules, ram, cloudformation] = [rules, ram, cloudformation].map(|rules| rules.iter().collect::<Vec<_>>());
    let cloudformation = mock_client!(aws_sdk_cloudformation, RuleMode::Sequential, cloudformation);
    Organization {
        organizations: Organizations(mock_client!(aws_sdk_organizations, RuleMode::Sequential, rules)),
        ram: mock_client!(aws_sdk_ram, RuleMode::Sequential, ram),
        stack_sets: StackSets::new(|| cloudformation),
    }
}

#[track_caller]
fn refusal<T>(ended: Result<T>) -> String {
    let Err(Error::Refused(sentence)) = ended else { panic!("not refused") };
    sentence.to_string()
}

#[tokio::test]
async fn where_there_is_no_organization_one_is_made_with_all_features() {
    let attributes = ensured(&[none_yet(), creates(), root(&[])], &[], &json!({}), None).await.unwrap();
    assert_eq!(
        attributes,
        Attributes {
            id: ID.to_owned(),
            arn: format!("arn:aws:organizations::111111111111:organization/{ID}"),
            root_id: "r-ab12".to_owned(),
            management_account_id: "111111111111".to_owned(),
        }
    );
}

#[tokio::test]
async fn an_organization_that_exists_is_adopted_by_its_management_account() {
    assert_eq!(ensured(&[there(), root(&[])], &[], &json!({}), None).await.unwrap().id, ID);
}

#[tokio::test]
async fn a_member_account_is_told_where_to_deploy() {
    let rules = [described("999999999999", OrganizationFeatureSet::All)];
    let sentence = refusal(ensured(&rules, &[], &json!({}), None).await);
    assert!(sentence.contains("is a member of the organization o-exampleorgid"), "{sentence}");
    assert!(sentence.contains("into its management account 999999999999"), "{sentence}");
}

#[tokio::test]
async fn consolidated_billing_is_not_enough() {
    let rules = [described("111111111111", OrganizationFeatureSet::ConsolidatedBilling)];
    let sentence = refusal(ensured(&rules, &[], &json!({}), None).await);
    assert!(sentence.contains("enable all features"), "{sentence}");
}

#[tokio::test]
async fn what_may_pass_while_it_is_made_is_waited_for_and_the_rest_is_final() {
    for (status, code) in [
        (400, "ConcurrentModificationException"),
        (400, "TooManyRequestsException"),
        (500, "ServiceException"),
        (400, "AlreadyInOrganizationException"),
    ] {
        let ended = ensured(&[none_yet(), create_fails(status, code)], &[], &json!({}), None).await;
        assert!(matches!(ended, Err(Error::NotYet(_))), "{code}");
    }
    for code in ["AccessDeniedForDependencyException", "ConstraintViolationException"] {
        let sentence = refusal(ensured(&[none_yet(), create_fails(400, code)], &[], &json!({}), None).await);
        assert!(sentence.contains("AWS's own words"), "{sentence}");
    }
}

#[tokio::test]
async fn a_list_of_roots_that_does_not_know_of_the_organization_yet_is_waited_for() {
    let behind =
        mock!(Client::list_roots).then_http_response(|| error_response(400, "AWSOrganizationsNotInUseException"));
    let ended = ensured(&[there(), behind], &[], &json!({}), None).await;
    assert!(matches!(ended, Err(Error::NotYet(_))), "{ended:?}");
}

#[tokio::test]
async fn an_organization_that_was_made_a_moment_ago_is_waited_for_by_every_call() {
    let (with, without) = (json!({"PolicyTypes": [SCP], "TrustedServices": [STACKSETS]}), json!({}));
    for code in ["AWSOrganizationsNotInUseException", "RootNotFoundException"] {
        let enabling = mock!(Client::enable_policy_type).then_http_response(move || error_response(400, code));
        let disabling = mock!(Client::disable_policy_type).then_http_response(move || error_response(400, code));
        let up = [there(), root(&[]), trusted(&[STACKSETS]), enabling];
        let down = [there(), root(&[(SCP, ON)]), trusted(&[STACKSETS]), disabling];
        for ended in [ensured(&up, &[], &with, None).await, ensured(&down, &[], &without, Some(&with)).await] {
            let Err(Error::NotYet(not_yet)) = ended else { panic!("{code} is final") };
            assert_eq!(not_yet.within, Some(Duration::from_mins(2)), "{not_yet}");
        }
    }
    let unknown = || error_response(400, "AWSOrganizationsNotInUseException");
    let listing = mock!(Client::list_aws_service_access_for_organization).then_http_response(unknown);
    let trusting = mock!(Client::enable_aws_service_access).then_http_response(unknown);
    let dropping = mock!(Client::disable_aws_service_access).then_http_response(unknown);
    let services = json!({"TrustedServices": [STACKSETS]});
    for (rules, desired, previous) in [
        (vec![there(), root(&[]), listing], &services, None),
        (vec![there(), root(&[]), trusted(&[]), trusting], &services, None),
        (vec![there(), root(&[]), trusted(&[STACKSETS]), dropping], &without, Some(&services)),
    ] {
        let ended = ensured(&rules, &[], desired, previous).await;
        assert!(matches!(ended, Err(Error::NotYet(_))), "{ended:?}");
    }
}

#[tokio::test]
async fn policy_types_are_enabled_where_they_are_not_and_only_own_ones_disabled() {
    let before = json!({"PolicyTypes": ["TAG_POLICY", "BACKUP_POLICY"]});
    let rules = [
        there(),
        root(&[("TAG_POLICY", ON), ("RESOURCE_CONTROL_POLICY", ON)]),
        enables(SCP),
        disables("TAG_POLICY"),
        disables("BACKUP_POLICY"),
        root(&[(SCP, ON), ("RESOURCE_CONTROL_POLICY", ON)]),
    ];
    ensured(&rules, &[], &json!({"PolicyTypes": [SCP]}), Some(&before)).await.unwrap();
}

#[tokio::test]
async fn a_policy_type_that_the_template_changes_is_changed_though_the_root_is_behind() {
    let (with, without) = (json!({"PolicyTypes": [SCP]}), json!({}));
    let is_on = || root(&[(SCP, ON)]);
    ensured(&[there(), is_on(), enables(SCP), is_on()], &[], &with, Some(&without)).await.unwrap();
    ensured(&[there(), root(&[]), disables(SCP), root(&[])], &[], &without, Some(&with)).await.unwrap();
}

#[tokio::test]
async fn a_policy_type_that_was_switched_is_waited_for_until_the_root_lists_it_as_enabled_or_not_at_all() {
    let (with, without) = (json!({"PolicyTypes": [SCP]}), json!({}));
    let ends = async |rules: [Rule; 4], desired, previous| ensured(&rules, &[], desired, Some(previous)).await;
    for behind in [root(&[(SCP, PolicyTypeStatus::PendingEnable)]), root(&[])] {
        let ended = ends([there(), root(&[]), enables(SCP), behind], &with, &without).await;
        assert!(matches!(ended, Err(Error::NotYet(_))), "{ended:?}");
    }
    for behind in [root(&[(SCP, PolicyTypeStatus::PendingDisable)]), root(&[(SCP, ON)])] {
        let ended = ends([there(), root(&[(SCP, ON)]), disables(SCP), behind], &without, &with).await;
        assert!(matches!(ended, Err(Error::NotYet(_))), "{ended:?}");
    }
}

#[tokio::test]
async fn a_policy_type_that_is_on_its_way_is_waited_for() {
    for status in [PolicyTypeStatus::PendingEnable, PolicyTypeStatus::PendingDisable] {
        let rules = [there(), root(&[(SCP, status)])];
        let ended = ensured(&rules, &[], &json!({"PolicyTypes": [SCP]}), None).await;
        assert!(matches!(ended, Err(Error::NotYet(_))));
    }
}

#[tokio::test]
async fn a_policy_type_that_is_still_being_enabled_is_waited_for_and_then_disabled() {
    let before = json!({"PolicyTypes": [SCP]});
    for status in [PolicyTypeStatus::PendingEnable, PolicyTypeStatus::PendingDisable] {
        let rules = [there(), root(&[(SCP, status)])];
        let ended = ensured(&rules, &[], &json!({}), Some(&before)).await;
        assert!(matches!(ended, Err(Error::NotYet(_))), "it would stay on, or its service couldn't be dropped");
    }
    let rules = [there(), root(&[(SCP, ON)]), disables(SCP), root(&[])];
    ensured(&rules, &[], &json!({}), Some(&before)).await.unwrap();
}

#[tokio::test]
async fn a_policy_type_that_somebody_enabled_in_between_is_done() {
    let already = mock!(Client::enable_policy_type)
        .then_http_response(|| error_response(400, "PolicyTypeAlreadyEnabledException"));
    let rules = [there(), root(&[]), already, root(&[(SCP, ON)])];
    ensured(&rules, &[], &json!({"PolicyTypes": [SCP]}), None).await.unwrap();
}

fn trusts(service: &'static str) -> Rule {
    mock!(Client::enable_aws_service_access)
        .match_requests(move |r| r.service_principal() == Some(service))
        .then_output(|| EnableAwsServiceAccessOutput::builder().build())
}

fn distrusts(service: &'static str) -> Rule {
    mock!(Client::disable_aws_service_access)
        .match_requests(move |r| r.service_principal() == Some(service))
        .then_output(|| DisableAwsServiceAccessOutput::builder().build())
}

#[tokio::test]
async fn services_are_trusted_where_they_are_not_and_only_own_ones_dropped() {
    let trusted = trusted(&["config.amazonaws.com", "ram.amazonaws.com"]);
    let before = json!({"TrustedServices": ["config.amazonaws.com"]});
    let rules = [there(), root(&[]), trusted, trusts(STACKSETS), distrusts("config.amazonaws.com")];
    ensured(&rules, &[], &json!({"TrustedServices": [STACKSETS]}), Some(&before)).await.unwrap();
}

#[tokio::test]
async fn a_service_that_a_failed_template_may_have_trusted_is_trusted_no_more_though_the_list_does_not_show_it() {
    let failed = json!({"TrustedServices": [STACKSETS, "unknown.amazonaws.com"]});
    let unknown = || {
        mock!(Client::disable_aws_service_access)
            .match_requests(|r| r.service_principal() == Some("unknown.amazonaws.com"))
            .then_http_response(|| error_response(400, "InvalidInputException"))
    };
    let rules = [there(), root(&[]), trusted(&[]), distrusts(STACKSETS), unknown()];
    ensured(&rules, &[], &json!({}), Some(&failed)).await.unwrap();
    let rules = [there(), root(&[]), trusted(&["unknown.amazonaws.com"]), distrusts(STACKSETS), unknown()];
    assert!(matches!(ensured(&rules, &[], &json!({}), Some(&failed)).await, Err(Error::Refused(_))));
}

#[tokio::test]
async fn a_service_is_trusted_before_its_policy_type_is_enabled_and_dropped_after_that_is_off() {
    let with = json!({"PolicyTypes": [SECURITY], "TrustedServices": [SECURITY_HUB]});
    let without = json!({});
    let rules = [there(), root(&[]), trusted(&[]), trusts(SECURITY_HUB), enables(SECURITY), root(&[(SECURITY, ON)])];
    ensured(&rules, &[], &with, None).await.unwrap();
    let rules = [
        there(),
        root(&[(SECURITY, ON)]),
        trusted(&[SECURITY_HUB]),
        disables(SECURITY),
        root(&[]),
        distrusts(SECURITY_HUB),
    ];
    ensured(&rules, &[], &without, Some(&with)).await.unwrap();
}

/// A constraint that is violated, and which.
fn violates(reason: &'static str) -> HttpResponse {
    let body = json!({"__type": "ConstraintViolationException", "Message": "AWS's own words.", "Reason": reason});
    HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body.to_string()))
}

#[tokio::test]
async fn a_policy_type_whose_service_was_trusted_a_moment_ago_is_waited_for_and_one_without_its_service_is_refused() {
    let fails = |reason| mock!(Client::enable_policy_type).then_http_response(move || violates(reason));
    let with = json!({"PolicyTypes": [SECURITY], "TrustedServices": [SECURITY_HUB]});
    let rules = [there(), root(&[]), trusted(&[]), trusts(SECURITY_HUB), fails("SERVICE_ACCESS_NOT_ENABLED")];
    let Err(Error::NotYet(not_yet)) = ensured(&rules, &[], &with, None).await else { panic!("it isn't waited for") };
    assert_eq!(not_yet.within, Some(Duration::from_mins(2)));
    let alone = json!({"PolicyTypes": [SECURITY]});
    let rules = [there(), root(&[]), fails("SERVICE_ACCESS_NOT_ENABLED")];
    let sentence = refusal(ensured(&rules, &[], &alone, None).await);
    assert!(sentence.contains("list that in `TrustedServices`, such as securityhub.amazonaws.com"), "{sentence}");
    let rules = [there(), root(&[]), fails("ORGANIZATION_NOT_IN_ALL_FEATURES_MODE")];
    let sentence = refusal(ensured(&rules, &[], &alone, None).await);
    assert!(sentence.ends_with("AWS's own words"), "{sentence}");
}

#[tokio::test]
async fn a_service_whose_policy_type_is_still_on_is_asked_again_for_a_while_and_the_sentence_says_what_to_do() {
    let fails = mock!(Client::disable_aws_service_access)
        .then_http_response(|| violates("POLICY_TYPE_ENABLED_FOR_THIS_SERVICE"));
    let rules = [there(), root(&[]), trusted(&[SECURITY_HUB]), fails];
    let ended = ensured(&rules, &[], &json!({}), Some(&json!({"TrustedServices": [SECURITY_HUB]}))).await;
    let Err(Error::NotYet(not_yet)) = ended else { panic!("it isn't waited for") };
    assert_eq!(not_yet.within, Some(Duration::from_mins(2)));
    assert!(not_yet.to_string().contains("a policy type of securityhub.amazonaws.com is on"), "{not_yet}");
}

#[tokio::test]
async fn sharing_is_switched_on_through_ram_once() {
    let sharing = json!({"ResourceSharing": true});
    ensured(&[there(), root(&[])], &[shares(true)], &sharing, None).await.unwrap();
    ensured(&[there(), root(&[])], &[], &sharing, Some(&sharing)).await.unwrap();
}

#[tokio::test]
async fn sharing_stays_on_when_its_service_is_not_named_among_the_trusted_ones_any_more() {
    let desired = json!({"ResourceSharing": true});
    let before = json!({"ResourceSharing": true, "TrustedServices": ["ram.amazonaws.com"]});
    ensured(&[there(), root(&[])], &[], &desired, Some(&before)).await.unwrap();
}

#[tokio::test]
async fn ram_may_be_out_of_order_for_a_while_and_may_learn_of_the_organization_late() {
    let sharing = json!({"ResourceSharing": true});
    for fails in
        [share_fails(500, "ServerInternalException"), share_fails(503, "ServiceUnavailableException"), shares(false)]
    {
        let ended = ensured(&[there(), root(&[])], &[fails], &sharing, None).await;
        assert!(matches!(ended, Err(Error::NotYet(_))));
    }
    let denied = share_fails(400, "OperationNotPermittedException");
    let ended = ensured(&[there(), root(&[])], &[denied], &sharing, None).await;
    let Err(Error::NotYet(not_yet)) = ended else { panic!("refused at once") };
    assert_eq!(not_yet.within, Some(Duration::from_mins(2)), "{not_yet}");
}

#[tokio::test]
async fn delete_retains_the_organization_without_a_call() {
    let organization = answering(&[], &[], &[]);
    let last = json!({"PolicyTypes": [SCP], "ActivateOrganizationsAccess": true});
    organization.remove(Some(&written(&last)), &claim()).await.unwrap();
}

fn access(status: OrganizationStatus) -> Rule {
    mock!(aws_sdk_cloudformation::Client::describe_organizations_access)
        .then_output(move || DescribeOrganizationsAccessOutput::builder().status(status.clone()).build())
}

fn activates() -> Rule {
    mock!(aws_sdk_cloudformation::Client::activate_organizations_access)
        .then_output(|| ActivateOrganizationsAccessOutput::builder().build())
}

fn deactivates() -> Rule {
    mock!(aws_sdk_cloudformation::Client::deactivate_organizations_access)
        .then_output(|| DeactivateOrganizationsAccessOutput::builder().build())
}

/// An error as CloudFormation sends it.
fn invalid() -> HttpResponse {
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidOperationException</Code>\
                <Message>CloudFormation's own words.</Message></Error></ErrorResponse>";
    HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body))
}

#[tokio::test]
async fn stack_sets_are_let_in_once_their_service_is_trusted() {
    let (with, without) = (json!({"ActivateOrganizationsAccess": true}), json!({}));
    let nothing = || [there(), root(&[])];
    let on = || [access(Disabled), activates(), access(Enabled)];
    ensured_with(&nothing(), &[], &on(), &with, None).await.unwrap();
    ensured_with(&nothing(), &[], &on(), &with, Some(&without)).await.unwrap();
    // What somebody else has switched off comes back; what is on is left alone.
    ensured_with(&nothing(), &[], &on(), &with, Some(&with)).await.unwrap();
    ensured_with(&nothing(), &[], &[access(Enabled)], &with, Some(&with)).await.unwrap();
    ensured_with(&nothing(), &[], &[access(Enabled)], &with, None).await.unwrap();
    let both = json!({"ActivateOrganizationsAccess": true, "TrustedServices": [STACKSETS]});
    let untrusted =
        mock!(Client::enable_aws_service_access).then_http_response(|| error_response(400, "InvalidInputException"));
    let rules = [there(), root(&[]), trusted(&[]), untrusted];
    let ended = ensured_with(&rules, &[], &[access(Disabled)], &both, None).await;
    assert!(matches!(ended, Err(Error::Refused(_))), "the service comes first: {ended:?}");
}

#[tokio::test]
async fn only_a_change_from_true_to_false_shuts_stack_sets_out() {
    let [on, off, unsaid] = [Some(true), Some(false), None].map(|access| match access {
        Some(access) => json!({"ActivateOrganizationsAccess": access}),
        None => json!({}),
    });
    let nothing = || [there(), root(&[])];
    let out = [access(Enabled), deactivates(), access(Disabled)];
    ensured_with(&nothing(), &[], &out, &off, Some(&on)).await.unwrap();
    for (desired, previous) in [
        (&off, None),
        (&off, Some(&off)),
        (&off, Some(&unsaid)),
        (&unsaid, None),
        (&unsaid, Some(&on)),
        (&unsaid, Some(&off)),
    ] {
        ensured(&nothing(), &[], desired, previous).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_said_of_stack_sets_anew_is_done_though_cloudformation_shows_it_already() {
    let (on, off) = (json!({"ActivateOrganizationsAccess": true}), json!({"ActivateOrganizationsAccess": false}));
    let nothing = || [there(), root(&[])];
    ensured_with(&nothing(), &[], &[access(Enabled), activates(), access(Enabled)], &on, Some(&off)).await.unwrap();
    ensured_with(&nothing(), &[], &[access(Disabled), deactivates(), access(Disabled)], &off, Some(&on)).await.unwrap();
    let activating = mock!(aws_sdk_cloudformation::Client::activate_organizations_access).then_http_response(invalid);
    ensured_with(&nothing(), &[], &[access(Enabled), activating, access(Enabled)], &on, Some(&off)).await.unwrap();
    let deactivating =
        mock!(aws_sdk_cloudformation::Client::deactivate_organizations_access).then_http_response(invalid);
    ensured_with(&nothing(), &[], &[access(Disabled), deactivating, access(Disabled)], &off, Some(&on)).await.unwrap();
}

#[tokio::test]
async fn the_access_of_stack_sets_is_waited_for_until_cloudformation_shows_it() {
    let (on, off) = (json!({"ActivateOrganizationsAccess": true}), json!({"ActivateOrganizationsAccess": false}));
    for (rules, desired, previous) in [
        ([access(Disabled), activates(), access(Disabled)], &on, &off),
        ([access(Enabled), deactivates(), access(Enabled)], &off, &on),
    ] {
        let ended = ensured_with(&[there(), root(&[])], &[], &rules, desired, Some(previous)).await;
        let Err(Error::NotYet(not_yet)) = ended else { panic!("it isn't waited for") };
        assert_eq!(not_yet.within, Some(Duration::from_mins(5)), "{not_yet}");
    }
}

#[tokio::test]
async fn cloudformation_may_learn_of_the_organization_late() {
    let (on, off) = (json!({"ActivateOrganizationsAccess": true}), json!({"ActivateOrganizationsAccess": false}));
    let describing = mock!(aws_sdk_cloudformation::Client::describe_organizations_access).then_http_response(invalid);
    let activating = mock!(aws_sdk_cloudformation::Client::activate_organizations_access).then_http_response(invalid);
    for (rules, previous) in [(vec![describing], None), (vec![access(Disabled), activating], Some(&off))] {
        let ended = ensured_with(&[there(), root(&[])], &[], &rules, &on, previous).await;
        let Err(Error::NotYet(not_yet)) = ended else { panic!("refused at once") };
        assert_eq!(not_yet.within, Some(Duration::from_mins(2)), "{not_yet}");
    }
}

#[tokio::test]
async fn stack_sets_with_delegated_administrators_can_not_be_shut_out_and_the_sentence_says_what_to_do() {
    let (on, off) = (json!({"ActivateOrganizationsAccess": true}), json!({"ActivateOrganizationsAccess": false}));
    let deactivating =
        mock!(aws_sdk_cloudformation::Client::deactivate_organizations_access).then_http_response(invalid);
    let rules = [access(Enabled), deactivating];
    let ended = ensured_with(&[there(), root(&[])], &[], &rules, &off, Some(&on)).await;
    let Err(Error::NotYet(not_yet)) = ended else { panic!("it may be off already, and read as on") };
    assert_eq!(not_yet.within, Some(Duration::from_mins(2)));
    assert!(
        not_yet.to_string().contains("deregister the delegated administrators of member.org.stacksets"),
        "{not_yet}"
    );
}

#[tokio::test]
async fn an_access_that_is_off_for_good_is_said_so_and_not_tried() {
    let (on, off) = (json!({"ActivateOrganizationsAccess": true}), json!({"ActivateOrganizationsAccess": false}));
    let for_good = || access(OrganizationStatus::DisabledPermanently);
    let sentence = refusal(ensured_with(&[there(), root(&[])], &[], &[for_good()], &on, None).await);
    assert!(sentence.contains("DISABLED_PERMANENTLY: leave `ActivateOrganizationsAccess` out"), "{sentence}");
    ensured_with(&[there(), root(&[])], &[], &[for_good(), deactivates(), for_good()], &off, Some(&on)).await.unwrap();
}

#[tokio::test]
async fn the_service_of_stack_sets_is_trusted_for_as_long_as_they_are_let_in() {
    let listed = json!({"ActivateOrganizationsAccess": true, "TrustedServices": [STACKSETS]});
    let unlisted = json!({"ActivateOrganizationsAccess": true});
    let rules = [there(), root(&[])];
    ensured_with(&rules, &[], &[access(Enabled)], &unlisted, Some(&listed)).await.unwrap();
    let rules = [there(), root(&[]), trusted(&[STACKSETS])];
    ensured_with(&rules, &[], &[access(Enabled)], &listed, Some(&listed)).await.unwrap();
}

#[tokio::test]
async fn the_service_of_stack_sets_is_trusted_again_where_it_is_listed_and_went_with_the_access() {
    let with = json!({"ActivateOrganizationsAccess": true, "TrustedServices": [STACKSETS]});
    let without = json!({"ActivateOrganizationsAccess": false, "TrustedServices": [STACKSETS]});
    let out = || [access(Enabled), deactivates(), access(Disabled)];
    // The list may still show it.
    for list in [trusted(&[STACKSETS]), trusted(&[])] {
        let rules = [there(), root(&[]), list, trusts(STACKSETS)];
        ensured_with(&rules, &[], &out(), &without, Some(&with)).await.unwrap();
    }
    let neither = json!({"ActivateOrganizationsAccess": false});
    let rules = [there(), root(&[]), trusted(&[STACKSETS]), distrusts(STACKSETS)];
    ensured_with(&rules, &[], &out(), &neither, Some(&with)).await.unwrap();
}

#[test]
fn the_schema_is_what_the_code_says() {
    let retried = archipelago::schema::Retried {
        passing: &[
            (Some("CreateOrganization"), &[NEW_ORGANIZATION]),
            (Some("EnablePolicyType"), &[crate::policy_types::NEW_ROOT]),
            (Some("DisablePolicyType"), &[crate::policy_types::NEW_ROOT]),
            (Some("DescribeOrganizationsAccess"), &[crate::stack_sets::NEW_MANAGEMENT_ACCOUNT]),
            (Some("ActivateOrganizationsAccess"), &[crate::stack_sets::NEW_MANAGEMENT_ACCOUNT]),
            (Some("EnableSharingWithAwsOrganization"), &SHARING_PASSING),
            (None, &PASSING),
        ],
        waits: &[
            ("TYPES_SWITCHED_WITHIN", crate::policy_types::TYPES_SWITCHED_WITHIN),
            ("ACCESS_SWITCHED_WITHIN", crate::stack_sets::ACCESS_SWITCHED_WITHIN),
            ("ORGANIZATIONS_BUSY_FOR", ORGANIZATIONS_BUSY_FOR),
            ("NEW_FOR", NEW_FOR),
        ],
    };
    let schema = archipelago::schema::text::<Organization>(env!("CARGO_PKG_DESCRIPTION"), &retried);
    expectorate::assert_contents("../../schemas/Organization.json", &schema);
}
