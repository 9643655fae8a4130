//! What is asked of IAM and what its answers mean, with a real client and canned answers.

use aws_sdk_iam::operation::{
    delete_role_policy::DeleteRolePolicyOutput, get_role_policy::GetRolePolicyOutput,
    list_role_policies::ListRolePoliciesOutput, put_role_policy::PutRolePolicyOutput,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::NotYet;

use super::*;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

fn grants() -> TargetLocation<InlinePolicy> {
    "222222222222:deploy/grants".parse().unwrap()
}

/// IAM with answers for what is asked, in whichever order.
fn mocked(rules: &[&Rule]) -> InlinePolicies {
    InlinePolicies(mock_client!(aws_sdk_iam, RuleMode::MatchAny, rules, |config| {
        config.retry_config(aws_sdk_iam::config::retry::RetryConfig::disabled())
    }))
}

/// An error as IAM sends it.
fn error_response(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>");
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

fn policy(name: &'static str, document: &'static str) -> Rule {
    mock!(Client::get_role_policy)
        .match_requests(move |r| r.role_name() == Some("deploy") && r.policy_name() == Some(name))
        .then_output(move || {
            let got = GetRolePolicyOutput::builder().role_name("deploy").policy_name(name);
            got.policy_document(document).build().unwrap()
        })
}

fn no_policy(name: &'static str) -> Rule {
    mock!(Client::get_role_policy)
        .match_requests(move |r| r.policy_name() == Some(name))
        .then_http_response(|| error_response(404, NOT_THERE, "There is no such thing."))
}

/// A page of names that begins at `marker`, and where the next one begins.
fn names(marker: Option<&'static str>, names: &[&str], next: Option<&'static str>) -> Rule {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    mock!(Client::list_role_policies)
        .match_requests(move |r| r.role_name() == Some("deploy") && r.marker() == marker)
        .then_output(move || {
            let page = ListRolePoliciesOutput::builder().set_policy_names(Some(names.clone()));
            page.is_truncated(next.is_some()).set_marker(next.map(str::to_owned)).build().unwrap()
        })
}

fn list_fails(status: u16, code: &'static str) -> Rule {
    mock!(Client::list_role_policies)
        .then_http_response(move || error_response(status, code, "The role with name deploy cannot be found."))
}

async fn gets(status: u16, code: &'static str) -> Result<Policy> {
    let fails = mock!(Client::get_role_policy).then_http_response(move || error_response(status, code, "No."));
    mocked(&[&fails]).get(&grants()).await
}

async fn puts(status: u16, code: &'static str, message: &'static str) -> AwsError {
    let fails = mock!(Client::put_role_policy).then_http_response(move || error_response(status, code, message));
    mocked(&[&fails]).put(&grants(), POLICY).await.unwrap_err()
}

async fn deletes(status: u16, code: &'static str) -> Result<(), AwsError> {
    let fails = mock!(Client::delete_role_policy).then_http_response(move || error_response(status, code, "No."));
    mocked(&[&fails]).delete(&grants()).await
}

#[tokio::test]
async fn the_policy_is_the_inline_policy_of_the_role_without_its_percents() {
    let there = policy("grants", "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D");
    let Ok(Policy::Text(text)) = mocked(&[&there]).get(&grants()).await else { panic!("no text") };
    assert_eq!(text, POLICY);
}

#[tokio::test]
async fn a_plus_is_a_plus_and_a_percent_that_was_written_stays() {
    let there = policy("grants", "%22a+b%2Bc%20d%2541%C3%BC%22");
    let Ok(Policy::Text(text)) = mocked(&[&there]).get(&grants()).await else { panic!("no text") };
    assert_eq!(text, r#""a+b+c d%41ü""#);
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_is_never_taken_for_none() {
    assert!(matches!(mocked(&[&policy("grants", "%22%FC%22")]).get(&grants()).await, Err(Error::Refused(_))));
}

#[tokio::test]
async fn a_role_without_the_policy_is_told_from_no_role() {
    let absent = mocked(&[&no_policy("grants"), &names(None, &["other"], None)]).get(&grants()).await;
    assert!(matches!(absent, Ok(Policy::Absent)));
    let no_role = mocked(&[&no_policy("grants"), &list_fails(404, NOT_THERE)]).get(&grants()).await;
    assert!(matches!(no_role, Ok(Policy::NoTarget(error)) if error.message().starts_with("The role with name deploy")));
    let unknown = mocked(&[&no_policy("grants"), &list_fails(500, "ServiceFailure")]).get(&grants()).await;
    assert!(matches!(unknown, Err(Error::NotYet(_))));
}

#[tokio::test]
async fn a_read_that_breaks_may_pass_and_one_that_is_refused_is_final() {
    assert!(matches!(gets(500, "ServiceFailure").await, Err(Error::NotYet(_))));
    assert!(matches!(gets(400, "Throttling").await, Err(Error::NotYet(_))));
    assert!(matches!(gets(400, "ValidationError").await, Err(Error::Refused(_))));
}

#[tokio::test]
async fn a_write_replaces_the_text() {
    let puts = mock!(Client::put_role_policy)
        .match_requests(|request| {
            request.role_name() == Some("deploy")
                && request.policy_name() == Some("grants")
                && request.policy_document() == Some(POLICY)
        })
        .then_output(|| PutRolePolicyOutput::builder().build());
    mocked(&[&puts]).put(&grants(), POLICY).await.unwrap();
}

#[tokio::test]
async fn a_write_that_meets_another_or_a_role_that_is_not_seen_yet_may_pass() {
    for (status, code) in [(404, NOT_THERE), (409, "ConcurrentModification"), (409, "EntityTemporarilyUnmodifiable")] {
        let error = puts(status, code, "Wait a few minutes.").await;
        assert!(error.is_refusal(), "{code}");
        let error = Error::from(error);
        assert!(
            matches!(error, Error::NotYet(NotYet { within: Some(within), .. }) if within == Duration::from_mins(2)),
            "{code}"
        );
    }
    for (status, code) in [(500, "ServiceFailure"), (400, "Throttling")] {
        assert!(matches!(puts(status, code, "Oops.").await.into(), Error::NotYet(_)), "{code}");
    }
}

#[tokio::test]
async fn a_malformed_policy_is_final_whatever_its_words() {
    let error = puts(400, "MalformedPolicyDocument", "Invalid principal in policy").await;
    assert_eq!(InlinePolicies::objection(&error), Objection::Other);
    assert!(matches!(error.into(), Error::Refused(_)));
}

#[tokio::test]
async fn a_write_to_a_service_linked_role_or_beyond_a_limit_is_final() {
    for (status, code) in [(400, "UnmodifiableEntity"), (409, "LimitExceeded")] {
        assert!(matches!(puts(status, code, "No.").await.into(), Error::Refused(_)), "{code}");
    }
}

#[tokio::test]
async fn policies_that_are_too_large_together_are_told_by_the_code() {
    let error = puts(409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role deploy").await;
    assert_eq!(InlinePolicies::objection(&error), Objection::Size, "{error}");
}

#[tokio::test]
async fn deleting_what_is_gone_is_done() {
    let there = mock!(Client::delete_role_policy)
        .match_requests(|r| r.role_name() == Some("deploy") && r.policy_name() == Some("grants"))
        .then_output(|| DeleteRolePolicyOutput::builder().build());
    mocked(&[&there]).delete(&grants()).await.unwrap();
    deletes(404, NOT_THERE).await.unwrap();
}

#[tokio::test]
async fn a_deletion_that_meets_another_write_may_pass_and_a_refused_one_is_final() {
    for (status, code) in [(409, "ConcurrentModification"), (500, "ServiceFailure")] {
        assert!(matches!(deletes(status, code).await.unwrap_err().into(), Error::NotYet(_)), "{code}");
    }
    assert!(matches!(deletes(400, "UnmodifiableEntity").await.unwrap_err().into(), Error::Refused(_)));
}

async fn limit(rules: &[&Rule]) -> Result<Limit> {
    mocked(rules).limit(&grants()).await
}

#[tokio::test]
async fn what_the_other_inline_policies_of_the_role_take_counts_but_for_white_space() {
    let rules = [
        names(None, &["first"], Some("m1")),
        names(Some("m1"), &[], Some("m2")),
        names(Some("m2"), &["grants", "last", "gone"], None),
        policy("first", "%7B%20%22Id%22%0A%09%3A%20%22%C3%BC%22%20%7D"),
        policy("last", "%7B%7D"),
        no_policy("gone"),
    ];
    let limit = limit(&rules.each_ref()).await.unwrap();
    let elsewhere = r#"{"Id":"ü"}"#.chars().count() + "{}".len();
    assert_eq!(limit, Limit { elsewhere, ..InlinePolicies::LIMIT });
    assert_eq!(limit.size, 10_240);
}

#[tokio::test]
async fn the_only_inline_policy_of_a_role_has_all_the_room() {
    let limit = limit(&[&names(None, &["grants"], None)]).await.unwrap();
    assert_eq!(limit, InlinePolicies::LIMIT);
}

#[tokio::test]
async fn other_policies_that_cannot_be_read_are_not_taken_for_small() {
    let denied =
        mock!(Client::get_role_policy).then_http_response(|| error_response(403, "AccessDenied", "Not authorized."));
    let unread = limit(&[&names(None, &["other"], None), &denied]).await;
    assert!(matches!(unread, Err(Error::NotYet(not_yet)) if not_yet.is_denial()));
    let unlisted = limit(&[&list_fails(404, NOT_THERE)]).await;
    assert!(matches!(unlisted, Err(Error::Refused(_))));
}

#[test]
fn the_schema_is_what_the_code_says() {
    let retried = archipelago::schema::Retried { passing: &[(None, &PASSING)], waits: &[] };
    let schema = policy_statement::schema::text::<InlinePolicies>(env!("CARGO_PKG_DESCRIPTION"), &retried);
    expectorate::assert_contents("../../schemas/IamPolicyStatement.json", &schema);
}
