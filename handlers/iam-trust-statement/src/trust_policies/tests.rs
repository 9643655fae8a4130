//! What is asked of IAM and what its answers mean, with a real client and canned answers.

use aws_sdk_iam::{
    operation::{
        get_account_summary::GetAccountSummaryOutput, get_role::GetRoleOutput,
        update_assume_role_policy::UpdateAssumeRolePolicyOutput,
    },
    primitives::DateTime,
    types,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::NotYet;

use super::*;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

fn deploy() -> TargetLocation<Role> {
    "222222222222:deploy".parse().unwrap()
}

/// IAM with these answers, one after the other.
fn mocked(rules: &[&Rule]) -> TrustPolicies {
    let client = mock_client!(aws_sdk_iam, RuleMode::Sequential, rules, |config| {
        config.retry_config(aws_sdk_iam::config::retry::RetryConfig::disabled())
    });
    TrustPolicies(client, RefCell::default())
}

/// An error as IAM sends it.
fn error_response(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>");
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

fn role(document: Option<&'static str>) -> Rule {
    mock!(Client::get_role).match_requests(|r| r.role_name().is_some()).then_output(move || {
        let role = types::Role::builder().path("/").role_name("deploy").role_id("AROAEXAMPLEROLE");
        let role = role.arn("arn:aws:iam::222222222222:role/deploy").create_date(DateTime::from_secs(0));
        let role = role.set_assume_role_policy_document(document.map(str::to_owned)).build().unwrap();
        GetRoleOutput::builder().role(role).build()
    })
}

async fn text(document: &'static str) -> Result<String> {
    match mocked(&[&role(Some(document))]).get(&deploy()).await? {
        Policy::Text(text) => Ok(text),
        other => panic!("{other:?}"),
    }
}

async fn gets(status: u16, code: &'static str) -> Result<Policy> {
    let fails = mock!(Client::get_role).then_http_response(move || error_response(status, code, "Not there."));
    mocked(&[&fails]).get(&deploy()).await
}

async fn puts(status: u16, code: &'static str, message: &'static str) -> AwsError {
    let fails =
        mock!(Client::update_assume_role_policy).then_http_response(move || error_response(status, code, message));
    mocked(&[&fails]).put(&deploy(), POLICY).await.unwrap_err()
}

fn quota(characters: Option<i32>) -> Rule {
    mock!(Client::get_account_summary).then_output(move || {
        let quota = characters.map(|characters| [(SummaryKeyType::AssumeRolePolicySizeQuota, characters)].into());
        GetAccountSummaryOutput::builder().set_summary_map(quota).build()
    })
}

#[tokio::test]
async fn the_policy_is_the_trust_policy_of_the_role_without_its_percents() {
    let encoded = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D";
    assert_eq!(text(encoded).await.unwrap(), POLICY);
}

#[tokio::test]
async fn a_plus_is_a_plus_and_a_percent_that_was_written_stays() {
    assert_eq!(text("%22a+b%2Bc%20d%2541%C3%BC%22").await.unwrap(), r#""a+b+c d%41ü""#);
}

#[tokio::test]
async fn a_trust_policy_that_cannot_be_read_is_never_taken_for_an_empty_one() {
    assert!(matches!(text("%22%FC%22").await, Err(Error::Refused(_))));
    let Ok(Policy::Text(nothing)) = mocked(&[&role(None)]).get(&deploy()).await else { panic!("no text") };
    assert_eq!(nothing, "");
}

#[tokio::test]
async fn a_role_that_is_not_there_has_no_policy() {
    assert!(matches!(gets(404, NO_ROLE).await, Ok(Policy::NoTarget(error)) if error.code() == NO_ROLE));
    assert!(matches!(gets(400, "ValidationError").await, Err(Error::Refused(_))));
    assert!(matches!(gets(500, "ServiceFailure").await, Err(Error::NotYet(_))));
    assert!(matches!(gets(400, "Throttling").await, Err(Error::NotYet(_))));
}

#[tokio::test]
async fn a_write_replaces_the_text() {
    let puts = mock!(Client::update_assume_role_policy)
        .match_requests(|r| r.role_name() == Some("deploy") && r.policy_document() == Some(POLICY))
        .then_output(|| UpdateAssumeRolePolicyOutput::builder().build());
    mocked(&[&puts]).put(&deploy(), POLICY).await.unwrap();
}

#[tokio::test]
async fn a_write_that_meets_another_or_a_role_that_is_not_seen_yet_may_pass() {
    for (status, code) in [(404, NO_ROLE), (409, "ConcurrentModification"), (409, "EntityTemporarilyUnmodifiable")] {
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
async fn a_write_to_a_service_linked_role_or_beyond_a_limit_is_final() {
    for (status, code) in [(400, "UnmodifiableEntity"), (409, "LimitExceeded"), (400, MALFORMED)] {
        assert!(matches!(puts(status, code, "No.").await.into(), Error::Refused(_)), "{code}");
    }
}

#[tokio::test]
async fn a_principal_that_iam_does_not_know_is_told_by_its_words() {
    let error =
        puts(400, MALFORMED, r#"Invalid principal in policy: "AWS":"arn:aws:iam::333333333333:role/new""#).await;
    assert_eq!(TrustPolicies::objection(&error), Objection::Principal, "{error}");
    let error = puts(400, MALFORMED, "AssumeRole policy may only specify STS AssumeRole actions.").await;
    assert_eq!(TrustPolicies::objection(&error), Objection::Other);
    let error = puts(400, "ValidationError", "Invalid principal in policy").await;
    assert_eq!(TrustPolicies::objection(&error), Objection::Other);
}

#[tokio::test]
async fn a_policy_that_is_too_large_is_told_by_its_code() {
    let error = puts(409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048").await;
    assert_eq!(TrustPolicies::objection(&error), Objection::Size, "{error}");
}

#[tokio::test]
async fn a_trust_policy_is_never_deleted() {
    let error = mocked(&[]).delete(&deploy()).await.unwrap_err();
    assert!(error.message().ends_with("delete the role"));
    assert!(matches!(error.into(), Error::Refused(_)));
}

#[tokio::test]
async fn the_quota_of_the_account_counts() {
    for (quota_of_account, size) in [(Some(8_192), 8_192), (Some(2_048), 2_048), (None, 2_048), (Some(-1), 2_048)] {
        let limit = mocked(&[&quota(quota_of_account)]).limit(&deploy()).await.unwrap();
        assert_eq!(limit, Limit { size, ..TrustPolicies::LIMIT });
    }
}

#[tokio::test]
async fn a_quota_that_may_not_be_read_says_what_it_was_wanted_for() {
    let denied = mock!(Client::get_account_summary)
        .then_http_response(|| error_response(403, "AccessDenied", "Not authorized."));
    let error = mocked(&[&denied]).limit(&deploy()).await.unwrap_err();
    assert!(error.to_string().contains("more than 2,048 characters"), "{error}");
}

#[test]
fn the_schema_is_what_the_code_says() {
    let retried = archipelago::schema::Retried { passing: &[(None, &PASSING)], waits: &[] };
    let schema = policy_statement::schema::text::<TrustPolicies>(env!("CARGO_PKG_DESCRIPTION"), &retried);
    expectorate::assert_contents("../../schemas/IamTrustStatement.json", &schema);
}
