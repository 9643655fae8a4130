//! What each verb asks of `DynamoDB`, Lambda and Organizations, with real clients and canned answers.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::{
    operation::{
        delete_item::DeleteItemOutput, put_item::PutItemOutput, query::QueryOutput, update_item::UpdateItemOutput,
    },
    types::AttributeValue,
};
use aws_sdk_lambda::operation::{
    add_permission::AddPermissionOutput, create_alias::CreateAliasOutput, delete_alias::DeleteAliasOutput,
    delete_function_event_invoke_config::DeleteFunctionEventInvokeConfigOutput,
    delete_resource_policy::DeleteResourcePolicyOutput, get_alias::GetAliasOutput, get_policy::GetPolicyOutput,
    get_resource_policy::GetResourcePolicyOutput, put_function_event_invoke_config::PutFunctionEventInvokeConfigOutput,
    put_resource_policy::PutResourcePolicyOutput, remove_permission::RemovePermissionOutput,
    update_alias::UpdateAliasOutput,
};
use aws_sdk_organizations::{
    operation::{
        describe_organization::DescribeOrganizationOutput,
        describe_organizational_unit::DescribeOrganizationalUnitOutput,
    },
    types::Organization as Described,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::{NotYet, Owner, testing};
use serde_json::json;

use super::*;
use crate::{
    alias::{NEW, PASSING},
    alias_policy::of_unit,
};

const ACCOUNT: &str = "222222222222";
const ID: &str = "caller-222222222222#7f08a09d0d";
const FUNCTION: &str = "app-ecr-policy-statement";
const ALIAS: &str = "arn:aws:lambda:eu-west-1:111111111111:function:app-ecr-policy-statement:caller-222222222222";
const UNIT: &str = "o-exampleorgid-ou-abcd-12345678";
const UNIT_ALIAS: &str =
    "arn:aws:lambda:eu-west-1:111111111111:function:app-ecr-policy-statement:caller-o-exampleorgid-ou-abcd-12345678";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:111111111111:app-failures";

fn claim(id: Option<&str>) -> Claim<CallerId> {
    Claim::new(Owner::new("arn:aws:cloudformation:eu-west-1:111111111111:stack/app/1f0a", "Caller"), id)
}

fn properties(change: &Value) -> Properties {
    let mut properties = json!({
        "AccountId": ACCOUNT,
        "Types": ["EcrPolicyStatement"],
        "Targets": ["arn:aws:ecr:eu-west-1:111111111111:repository/app"],
        "Actions": ["ecr:BatchGetImage"],
    });
    for (name, value) in change.as_object().into_iter().flatten() {
        properties[name] = value.clone();
    }
    properties.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    serde_json::from_value(properties).unwrap()
}

fn of_unit_id(organization: Option<&str>) -> Properties {
    properties(&json!({
        "AccountId": null, "OrganizationalUnitId": "ou-abcd-12345678", "OrganizationId": organization,
    }))
}

fn grant(types: &[&str]) -> Grant {
    let types = types.iter().map(|name| (*name).to_owned()).collect();
    Grant { types, ..properties(&json!({})).grant() }
}

/// What was called, in order.
type Calls = Arc<Mutex<Vec<String>>>;

/// A table that has these grants in it: the first one the claim's own, if there is one.
fn table(own: Option<Grant>, others: &[Grant], calls: &Calls) -> CallerTable {
    let own = own.map(|grant| (owner_s_key(), grant));
    let others = others.iter().enumerate().map(|(index, grant)| (format!("grant {index}"), grant.clone()));
    let item = |(key, grant): (String, Grant)| {
        let text = serde_json::to_string(&grant).unwrap();
        [("Item", key), ("Grant", text)].map(|(name, value)| (name.to_owned(), AttributeValue::S(value))).into()
    };
    let items: Vec<_> = own.into_iter().chain(others).map(item).collect();
    let noted = |call: &'static str| {
        let calls = calls.clone();
        move |text: String| calls.lock().unwrap().push(format!("{call}{text}"))
    };
    let (leased, put, deleted) = (noted("lease"), noted("grant "), noted("delete "));
    let rules = [
        mock!(aws_sdk_dynamodb::Client::update_item)
            .match_requests(move |_| {
                leased(String::new());
                true
            })
            .then_output(|| UpdateItemOutput::builder().build()),
        mock!(aws_sdk_dynamodb::Client::query)
            .then_output(move || QueryOutput::builder().set_items(Some(items.clone())).build()),
        mock!(aws_sdk_dynamodb::Client::put_item)
            .match_requests(move |request| {
                put(request.item().unwrap()["Grant"].as_s().unwrap().clone());
                true
            })
            .then_output(|| PutItemOutput::builder().build()),
        mock!(aws_sdk_dynamodb::Client::delete_item)
            .match_requests(move |request| {
                let item = request.key().unwrap()["Item"].as_s().unwrap();
                deleted(item.split(' ').next().unwrap().to_owned());
                true
            })
            .then_output(|| DeleteItemOutput::builder().build()),
    ];
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, &rules);
    CallerTable::new(client, Some("callers".to_owned()))
}

/// The range key of the claim's own grant.
fn owner_s_key() -> String {
    let owner = claim(None).owner().clone();
    format!("grant {}", custom_resource::digest_of([owner.stack_id(), owner.logical_id()]))
}

fn callers(table: CallerTable, lambda: &[Rule], organizations: &[Rule]) -> Callers {
    with_lambda(table, mock_client!(aws_sdk_lambda, RuleMode::Sequential, lambda), organizations)
}

/// Without rules for Organizations the function's account is in `o-exampleorgid`.
fn with_lambda(table: CallerTable, lambda: Client, organizations: &[Rule]) -> Callers {
    let known = [in_organization("o-exampleorgid")];
    let organizations = if organizations.is_empty() { &known } else { organizations };
    let installation = Installation { stack: "app".to_owned(), failures: QUEUE.to_owned() };
    let organizations = mock_client!(aws_sdk_organizations, RuleMode::MatchAny, organizations);
    Callers::of(table, lambda, organizations, installation, || Duration::from_secs(1))
}

/// An error as a service sends it that speaks JSON.
fn error(status: u16, code: &'static str) -> HttpResponse {
    let mut response = HttpResponse::new(
        StatusCode::try_from(status).unwrap(),
        SdkBody::from(json!({"__type": code, "message": "No."}).to_string()),
    );
    response.headers_mut().insert("x-amzn-errortype", code);
    response
}

fn gone() -> HttpResponse {
    error(404, "ResourceNotFoundException")
}

fn conflict() -> HttpResponse {
    error(409, "ResourceConflictException")
}

fn finds_no_alias() -> Rule {
    mock!(Client::get_alias)
        .match_requests(|r| r.function_name() == Some(FUNCTION) && r.name() == Some("caller-222222222222"))
        .then_http_response(gone)
}

fn finds_alias_at(version: &'static str) -> Rule {
    mock!(Client::get_alias).then_output(move || GetAliasOutput::builder().function_version(version).build())
}

fn makes_alias() -> Rule {
    mock!(Client::create_alias)
        .match_requests(|r| r.function_name() == Some(FUNCTION) && r.function_version() == Some("$LATEST"))
        .then_output(|| CreateAliasOutput::builder().build())
}

fn sets_end_of_events() -> Rule {
    mock!(Client::put_function_event_invoke_config)
        .match_requests(|r| {
            let queue = r.destination_config().and_then(|to| to.on_failure()).and_then(|to| to.destination());
            r.maximum_retry_attempts() == Some(0)
                && r.maximum_event_age_in_seconds() == Some(3000)
                && queue == Some(QUEUE)
                && r.qualifier().is_some_and(|alias| alias.starts_with("caller-"))
        })
        .then_output(|| PutFunctionEventInvokeConfigOutput::builder().build())
}

fn finds_no_policy() -> Rule {
    mock!(Client::get_policy).then_http_response(gone)
}

fn finds_policy(statements: &Value) -> Rule {
    let policy = json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements }).to_string();
    mock!(Client::get_policy).then_output(move || GetPolicyOutput::builder().policy(&policy).build())
}

fn statement_for(account: &str) -> Value {
    json!({
        "Sid": "caller", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
        "Action": "lambda:InvokeFunction", "Resource": ALIAS,
        "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o-exampleorgid" } },
    })
}

fn lets_account_in() -> Rule {
    mock!(Client::add_permission)
        .match_requests(|r| {
            r.statement_id() == Some("caller")
                && r.action() == Some("lambda:InvokeFunction")
                && r.principal() == Some(ACCOUNT)
                && r.principal_org_id() == Some("o-exampleorgid")
                && r.qualifier() == Some("caller-222222222222")
        })
        .then_output(|| AddPermissionOutput::builder().build())
}

fn removes_permission(sid: &'static str) -> Rule {
    mock!(Client::remove_permission)
        .match_requests(move |r| r.statement_id() == Some(sid) && r.qualifier() == Some("caller-222222222222"))
        .then_output(|| RemovePermissionOutput::builder().build())
}

fn removes_end_of_events() -> Rule {
    mock!(Client::delete_function_event_invoke_config)
        .then_output(|| DeleteFunctionEventInvokeConfigOutput::builder().build())
}

fn removes_alias_of(function: &'static str) -> Rule {
    mock!(Client::delete_alias)
        .match_requests(move |r| r.function_name() == Some(function))
        .then_output(|| DeleteAliasOutput::builder().build())
}

fn in_organization(id: &'static str) -> Rule {
    mock!(aws_sdk_organizations::Client::describe_organization).then_output(move || {
        DescribeOrganizationOutput::builder().organization(Described::builder().id(id).build()).build()
    })
}

fn unit_is_there() -> Rule {
    mock!(aws_sdk_organizations::Client::describe_organizational_unit)
        .match_requests(|r| r.organizational_unit_id() == Some("ou-abcd-12345678"))
        .then_output(|| DescribeOrganizationalUnitOutput::builder().build())
}

fn unit_says(code: &'static str) -> Rule {
    mock!(aws_sdk_organizations::Client::describe_organizational_unit).then_http_response(move || error(400, code))
}

fn puts_unit_policy(revision: Option<&'static str>) -> Rule {
    let wanted = of_unit(&Unit::read(UNIT).unwrap(), UNIT_ALIAS).to_string();
    mock!(Client::put_resource_policy)
        .match_requests(move |r| {
            r.resource_arn() == Some(UNIT_ALIAS) && r.policy() == Some(&wanted) && r.revision_id() == revision
        })
        .then_output(|| PutResourcePolicyOutput::builder().build())
}

#[track_caller]
fn assert_all_called(rules: &[Rule]) {
    for (index, rule) in rules.iter().enumerate() {
        assert_eq!(rule.num_calls(), 1, "call {index}");
    }
}

#[track_caller]
fn wait<T: fmt::Debug>(ended: Result<T>) -> String {
    match ended {
        Err(Error::NotYet(NotYet { waiting_for, .. })) => waiting_for,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refusal<T: fmt::Debug>(ended: Result<T>) -> String {
    match ended {
        Err(Error::Refused(refusal)) => refusal.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_alias_is_opened_last_of_all_and_its_grant_is_there_before() {
    let calls = Calls::default();
    let rules = [finds_no_alias(), makes_alias(), sets_end_of_events(), finds_no_policy(), lets_account_in()];
    let claim = claim(None);
    let desired = properties(&json!({}));
    let attributes = callers(table(None, &[], &calls), &rules, &[]).ensure(&desired, None, &claim).await.unwrap();
    assert_eq!(attributes.qualifier, "caller-222222222222");
    assert_eq!(claim.id().unwrap().name, ACCOUNT);
    assert_all_called(&rules);
    let grant = serde_json::to_string(&desired.grant()).unwrap();
    assert_eq!(*calls.lock().unwrap(), ["lease".to_owned(), format!("grant {grant}"), "delete lease".to_owned()]);
}

#[tokio::test]
async fn what_is_there_is_kept_and_the_permission_is_asked_for_once_more_since_a_read_may_be_behind() {
    let calls = Calls::default();
    let taken = mock!(Client::add_permission).then_http_response(conflict);
    let policy = finds_policy(&json!([statement_for(ACCOUNT)]));
    let rules = [finds_alias_at("$LATEST"), sets_end_of_events(), policy, taken];
    let desired = properties(&json!({}));
    let callers = callers(table(Some(desired.grant()), &[], &calls), &rules, &[]);
    callers.ensure(&desired, Some(&desired), &claim(Some(ID))).await.unwrap();
    assert_all_called(&rules);
    assert_eq!(*calls.lock().unwrap(), ["lease", "delete lease"], "the grant is the same");
}

#[tokio::test]
async fn an_alias_that_was_there_all_the_same_is_pointed_at_the_latest_version() {
    let taken = mock!(Client::create_alias).then_http_response(conflict);
    let moves = || {
        mock!(Client::update_alias)
            .match_requests(|r| r.function_version() == Some("$LATEST"))
            .then_output(|| UpdateAliasOutput::builder().build())
    };
    let rest = || [sets_end_of_events(), finds_no_policy(), lets_account_in()];
    for begin in [vec![finds_no_alias(), taken, moves()], vec![finds_alias_at("7"), moves()]] {
        let rules: Vec<_> = begin.into_iter().chain(rest()).collect();
        let callers = callers(table(None, &[], &Calls::default()), &rules, &[]);
        callers.ensure(&properties(&json!({})), None, &claim(None)).await.unwrap();
        assert_all_called(&rules);
    }
}

#[tokio::test]
async fn whoever_else_an_alias_lets_in_is_thrown_out_before_its_caller_is_let_in() {
    let other = json!([
        { "Sid": "theirs", "Effect": "Allow", "Principal": "*", "Action": "lambda:*", "Resource": ALIAS },
        statement_for("333333333333"),
    ]);
    let rules = [
        finds_alias_at("$LATEST"),
        sets_end_of_events(),
        finds_policy(&other),
        removes_permission("theirs"),
        removes_permission("caller"),
        lets_account_in(),
    ];
    let callers = callers(table(None, &[], &Calls::default()), &rules, &[]);
    callers.ensure(&properties(&json!({})), None, &claim(None)).await.unwrap();
    assert_all_called(&rules);
}

#[tokio::test]
async fn a_statement_without_a_sid_is_thrown_out_with_the_whole_policy() {
    let other = json!([statement_for(ACCOUNT), { "Effect": "Allow", "Principal": "*", "Action": "lambda:*" }]);
    let removes = mock!(Client::delete_resource_policy)
        .match_requests(|r| r.resource_arn() == Some(ALIAS))
        .then_output(|| DeleteResourcePolicyOutput::builder().build());
    let rules = [finds_alias_at("$LATEST"), sets_end_of_events(), finds_policy(&other), removes, lets_account_in()];
    let callers = callers(table(None, &[], &Calls::default()), &rules, &[]);
    callers.ensure(&properties(&json!({})), None, &claim(None)).await.unwrap();
    assert_all_called(&rules);
}

#[tokio::test]
async fn a_permission_that_is_in_the_way_unseen_is_looked_at_again() {
    let taken = mock!(Client::add_permission).then_http_response(conflict);
    let rules = [finds_alias_at("$LATEST"), sets_end_of_events(), finds_no_policy(), taken];
    let callers = callers(table(None, &[], &Calls::default()), &rules, &[]);
    let ended = callers.ensure(&properties(&json!({})), None, &claim(None)).await;
    assert!(wait(ended).contains("ResourceConflictException"));
}

#[tokio::test]
async fn a_function_that_the_installation_lacks_is_refused_with_advice() {
    let lacks = mock!(Client::create_alias).then_http_response(gone);
    let rules = [finds_no_alias(), lacks];
    let callers = callers(table(None, &[], &Calls::default()), &rules, &[]);
    let reason = refusal(callers.ensure(&properties(&json!({})), None, &claim(None)).await);
    assert!(reason.contains("deploy it with Functions All or Statements"), "{reason}");
}

#[tokio::test]
async fn a_unit_is_let_in_by_a_whole_policy_of_the_revision_that_was_read() {
    let there = mock!(Client::get_resource_policy)
        .match_requests(|r| r.resource_arn() == Some(UNIT_ALIAS))
        .then_output(|| GetResourcePolicyOutput::builder().policy("{}").revision_id("r1").build());
    let none = mock!(Client::get_resource_policy).then_http_response(gone);
    for (found, revision) in [(there, Some("r1")), (none, None)] {
        let rules = [finds_alias_at("$LATEST"), sets_end_of_events(), found, puts_unit_policy(revision)];
        let of = [in_organization("o-exampleorgid"), unit_is_there()];
        let callers = callers(table(None, &[], &Calls::default()), &rules, &of);
        let claim = claim(None);
        let attributes = callers.ensure(&of_unit_id(None), None, &claim).await.unwrap();
        assert_eq!(attributes.qualifier, format!("caller-{UNIT}"));
        assert_eq!(claim.id().unwrap().name, UNIT);
        assert_all_called(&rules);
    }
}

#[tokio::test]
async fn a_policy_that_somebody_else_wrote_meanwhile_is_read_again() {
    let none = mock!(Client::get_resource_policy).then_http_response(gone);
    let lost = mock!(Client::put_resource_policy).then_http_response(|| error(412, "PreconditionFailedException"));
    let rules = [finds_alias_at("$LATEST"), sets_end_of_events(), none, lost];
    let of = [in_organization("o-exampleorgid"), unit_is_there()];
    let callers = callers(table(None, &[], &Calls::default()), &rules, &of);
    assert!(wait(callers.ensure(&of_unit_id(None), None, &claim(None)).await).contains("PreconditionFailed"));
}

/// The user that a template with an OU means.
async fn user(organization: Option<&str>, rules: &[Rule]) -> Result<User> {
    let callers = callers(table(None, &[], &Calls::default()), &[], rules);
    callers.user(&of_unit_id(organization).who).await
}

#[tokio::test]
async fn a_member_account_may_not_ask_for_an_ou_and_takes_it_as_given() {
    let expected = User::named(UNIT);
    for code in ["AccessDeniedException", "AWSOrganizationsNotInUseException"] {
        let rules = [in_organization("o-exampleorgid"), unit_says(code)];
        assert_eq!(user(None, &rules).await.as_ref(), Ok(&expected), "{code}");
    }
    for code in ["AccessDeniedException", "AWSOrganizationsNotInUseException"] {
        let nothing =
            mock!(aws_sdk_organizations::Client::describe_organization).then_http_response(move || error(400, code));
        let rules = [nothing, unit_says("AccessDeniedException")];
        assert_eq!(user(Some("o-exampleorgid"), &rules).await.as_ref(), Ok(&expected), "{code}");
    }
}

#[tokio::test]
async fn an_ou_of_another_organization_or_of_none_is_refused() {
    let reason = refusal(user(Some("o-otherorgid1"), &[in_organization("o-exampleorgid"), unit_is_there()]).await);
    assert!(
        reason.starts_with("ResourceProperties.OrganizationalUnitId") || reason.contains("o-exampleorgid"),
        "{reason}"
    );
    let rules = [in_organization("o-exampleorgid"), unit_says("OrganizationalUnitNotFoundException")];
    assert!(wait(user(None, &rules).await).contains("the OU isn't in the organization of the function's account"));
    let none = mock!(aws_sdk_organizations::Client::describe_organization)
        .then_http_response(|| error(400, "AWSOrganizationsNotInUseException"));
    let reason = wait(user(None, &[none, unit_says("AccessDeniedException")]).await);
    assert!(reason.contains("the function's account is in no organization"), "{reason}");
}

#[tokio::test]
async fn a_type_that_nobody_needs_any_more_loses_its_alias_and_one_that_another_grant_needs_keeps_it() {
    let calls = Calls::default();
    let before = grant(&["EcrPolicyStatement", "KmsPolicyStatement", "S3PolicyStatement"]);
    let policy = finds_policy(&json!([statement_for(ACCOUNT)]));
    let rules = [
        removes_permission("caller"),
        finds_alias_at("$LATEST"),
        removes_end_of_events(),
        sets_end_of_events(),
        removes_alias_of("app-kms-policy-statement"),
        policy,
        lets_account_in(),
    ];
    // Both functions are changed at once.
    let lambda = mock_client!(aws_sdk_lambda, RuleMode::MatchAny, &rules);
    let callers = with_lambda(table(Some(before), &[grant(&["S3PolicyStatement"])], &calls), lambda, &[]);
    callers.ensure(&properties(&json!({})), None, &claim(Some(ID))).await.unwrap();
    assert_all_called(&rules);
    let text = |types: &[&str]| format!("grant {}", serde_json::to_string(&grant(types)).unwrap());
    let both = text(&["EcrPolicyStatement", "KmsPolicyStatement"]);
    let expected = ["lease".to_owned(), both, text(&["EcrPolicyStatement"]), "delete lease".to_owned()];
    assert_eq!(*calls.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_delete_takes_the_grant_away_before_the_aliases_and_its_note_of_them_after() {
    let calls = Calls::default();
    let rules = [removes_permission("caller"), removes_end_of_events(), removes_alias_of(FUNCTION)];
    let others = [grant(&["S3PolicyStatement"])];
    let own = grant(&["EcrPolicyStatement", "S3PolicyStatement"]);
    let callers = callers(table(Some(own), &others, &calls), &rules, &[]);
    callers.remove(None, &claim(Some(ID))).await.unwrap();
    assert_all_called(&rules);
    let nothing = Grant { types: vec!["EcrPolicyStatement".to_owned()], ..Grant::default() };
    let nothing = format!("grant {}", serde_json::to_string(&nothing).unwrap());
    assert_eq!(
        *calls.lock().unwrap(),
        ["lease".to_owned(), nothing, "delete grant".to_owned(), "delete lease".to_owned()]
    );
}

#[tokio::test]
async fn a_unit_s_aliases_go_with_their_whole_policy_and_what_is_gone_is_done() {
    let policy = mock!(Client::delete_resource_policy)
        .match_requests(|r| r.resource_arn() == Some(UNIT_ALIAS))
        .then_output(|| DeleteResourcePolicyOutput::builder().build());
    let events = mock!(Client::delete_function_event_invoke_config).then_http_response(gone);
    let alias = mock!(Client::delete_alias).then_http_response(gone);
    let rules = [policy, events, alias];
    let callers = callers(table(Some(grant(&["EcrPolicyStatement"])), &[], &Calls::default()), &rules, &[]);
    let id = format!("caller-{UNIT}#7f08a09d0d");
    callers.remove(Some(&properties(&json!({}))), &claim(Some(&id))).await.unwrap();
    assert_all_called(&rules);
}

#[tokio::test]
async fn a_delete_without_a_grant_and_one_without_an_id_touch_no_alias() {
    let callers = callers(table(None, &[grant(&["EcrPolicyStatement"])], &Calls::default()), &[], &[]);
    callers.remove(Some(&properties(&json!({}))), &claim(Some(ID))).await.unwrap();
    callers.remove(Some(&properties(&json!({}))), &claim(None)).await.unwrap();
    callers.remove(None, &claim(Some("nothing-was-made"))).await.unwrap();
}

#[tokio::test]
async fn the_rollback_of_a_cancelled_replacement_takes_the_new_caller_back() {
    let calls = Calls::default();
    let policy = finds_policy(&json!([statement_for(ACCOUNT)]));
    let kept = [finds_alias_at("$LATEST"), sets_end_of_events(), policy, lets_account_in()];
    let gone = [
        mock!(Client::remove_permission)
            .match_requests(|r| r.qualifier() == Some("caller-333333333333"))
            .then_output(|| RemovePermissionOutput::builder().build()),
        removes_end_of_events(),
        removes_alias_of(FUNCTION),
    ];
    let rules: Vec<_> = kept.into_iter().chain(gone).collect();
    let desired = properties(&json!({}));
    let cancelled = properties(&json!({ "AccountId": "333333333333" }));
    let callers = callers(table(Some(desired.grant()), &[], &calls), &rules, &[]);
    testing::ensure(&callers, &desired, Some(&cancelled), &claim(Some(ID))).await.unwrap();
    assert_all_called(&rules);
}

#[tokio::test]
async fn while_somebody_else_changes_the_aliases_of_a_caller_nothing_is_done() {
    let held = mock!(aws_sdk_dynamodb::Client::update_item)
        .then_http_response(|| error(400, "ConditionalCheckFailedException"));
    let client = mock_client!(aws_sdk_dynamodb, [&held]);
    let callers = callers(CallerTable::new(client, Some("callers".to_owned())), &[], &[]);
    let ended = callers.ensure(&properties(&json!({})), None, &claim(None)).await;
    assert_eq!(wait(ended), "another request changes the alias of this caller");
}

#[tokio::test]
async fn an_installation_that_does_not_say_what_it_is_opens_nothing() {
    let callers = callers(table(None, &[], &Calls::default()), &[], &[]);
    let callers = Callers { installation: Installation::default(), ..callers };
    let reason = refusal(callers.ensure(&properties(&json!({})), None, &claim(None)).await);
    assert_eq!(reason, "the function has no variable STACK_NAME; deploy the functions anew");
}

#[test]
fn the_schema_is_what_the_code_says() {
    let retried = archipelago::schema::Retried {
        passing: &[
            (Some("DescribeOrganization"), &organizations::PASSING[..1]),
            (Some("DescribeOrganizationalUnit"), &organizations::PASSING[..1]),
            (Some("UpdateAlias"), &NEW),
            (Some("PutFunctionEventInvokeConfig"), &NEW),
            (Some("AddPermission"), &NEW),
            (Some("PutResourcePolicy"), &NEW),
            (None, &PASSING),
        ],
        waits: &[("NEW_FOR", organizations::NEW_FOR)],
    };
    let schema = archipelago::schema::text::<Callers>(env!("CARGO_PKG_DESCRIPTION"), &retried);
    expectorate::assert_contents("../../schemas/Caller.json", &schema);
}
