//! What is asked of ECR and what its answers mean, with a real client and canned answers.

use aws_sdk_ecr::operation::{
    delete_repository_policy::DeleteRepositoryPolicyOutput, get_repository_policy::GetRepositoryPolicyOutput,
    set_repository_policy::SetRepositoryPolicyOutput,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::Error;
use serde_json::json;

use super::*;

const POLICY: &str = r#"{"Version":"2008-10-17","Statement":[]}"#;

fn app() -> TargetLocation<Repository> {
    "333333333333:team/app".parse().unwrap()
}

/// ECR with one answer.
fn mocked(rule: &Rule) -> Repositories {
    Repositories(mock_client!(aws_sdk_ecr, RuleMode::Sequential, [rule], |config| {
        config.retry_config(aws_sdk_ecr::config::retry::RetryConfig::disabled())
    }))
}

/// An error as ECR sends it.
fn error_response(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = json!({"__type": code, "message": message}).to_string();
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

async fn gets(status: u16, code: &'static str) -> Result<Policy> {
    let fails =
        mock!(Client::get_repository_policy).then_http_response(move || error_response(status, code, "Not there."));
    mocked(&fails).get(&app()).await
}

async fn puts(status: u16, code: &'static str, message: &'static str) -> AwsError {
    let fails = mock!(Client::set_repository_policy).then_http_response(move || error_response(status, code, message));
    mocked(&fails).put(&app(), POLICY).await.unwrap_err()
}

#[tokio::test]
async fn the_policy_is_that_of_the_repository_in_its_registry() {
    let gets = mock!(Client::get_repository_policy)
        .match_requests(|r| r.repository_name() == Some("team/app") && r.registry_id() == Some("333333333333"))
        .then_output(|| GetRepositoryPolicyOutput::builder().policy_text(POLICY).build());
    let Ok(Policy::Text(text)) = mocked(&gets).get(&app()).await else { panic!("no text") };
    assert_eq!(text, POLICY);
}

#[tokio::test]
async fn in_the_functions_own_registry_no_registry_is_named() {
    let gets = mock!(Client::get_repository_policy)
        .match_requests(|r| r.repository_name() == Some("app") && r.registry_id().is_none())
        .then_output(|| GetRepositoryPolicyOutput::builder().policy_text(POLICY).build());
    mocked(&gets).get(&"app".parse().unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_repository_without_a_policy_is_told_from_no_repository() {
    assert!(matches!(gets(400, NO_POLICY).await, Ok(Policy::Absent)));
    assert!(matches!(gets(400, NO_REPOSITORY).await, Ok(Policy::NoTarget(error)) if error.code() == NO_REPOSITORY));
    assert!(matches!(gets(400, "InvalidParameterException").await, Err(Error::Refused(_))));
    assert!(matches!(gets(500, "ServerException").await, Err(Error::NotYet(_))));
}

#[tokio::test]
async fn a_write_replaces_the_text_and_forces_nothing() {
    let puts = mock!(Client::set_repository_policy)
        .match_requests(|request| {
            request.policy_text() == Some(POLICY)
                && request.force().is_none()
                && request.repository_name() == Some("team/app")
                && request.registry_id() == Some("333333333333")
        })
        .then_output(|| SetRepositoryPolicyOutput::builder().build());
    mocked(&puts).put(&app(), POLICY).await.unwrap();
}

#[tokio::test]
async fn a_principal_that_ecr_does_not_know_is_told_by_its_words() {
    for words in PRINCIPAL_UNSEEN {
        let message = format!("Invalid parameter at 'PolicyText' failed to satisfy constraint: '{words}'");
        let error = puts(400, "InvalidParameterException", message.leak()).await;
        assert_eq!(Repositories::objection(&error), Objection::Principal, "{error}");
    }
    let error = puts(400, "InvalidParameterException", "Invalid parameter at 'registryId'").await;
    assert_eq!(Repositories::objection(&error), Objection::Other);
}

#[tokio::test]
async fn a_policy_that_is_too_large_is_told_by_its_words() {
    let words = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Member must have length less than or equal to 10240'";
    let error = puts(400, "InvalidParameterException", words).await;
    assert_eq!(Repositories::objection(&error), Objection::Size);
}

#[tokio::test]
async fn a_refused_write_is_final_and_a_broken_one_may_pass() {
    for code in [NO_REPOSITORY, "InvalidParameterException"] {
        assert!(matches!(puts(400, code, "No.").await.into(), Error::Refused(_)), "{code}");
    }
    assert!(matches!(puts(500, "ServerException", "Oops.").await.into(), Error::NotYet(_)));
}

#[tokio::test]
async fn deleting_what_is_gone_is_done() {
    let deletes = mock!(Client::delete_repository_policy)
        .match_requests(|r| r.repository_name() == Some("team/app") && r.registry_id() == Some("333333333333"))
        .then_output(|| DeleteRepositoryPolicyOutput::builder().build());
    mocked(&deletes).delete(&app()).await.unwrap();
    for code in [NO_POLICY, NO_REPOSITORY] {
        let gone =
            mock!(Client::delete_repository_policy).then_http_response(move || error_response(400, code, "Gone."));
        mocked(&gone).delete(&app()).await.unwrap();
    }
}

#[test]
fn the_schema_is_what_the_code_says() {
    let retried = archipelago::schema::Retried { passing: &[], waits: &[] };
    let schema = policy_statement::schema::text::<Repositories>(env!("CARGO_PKG_DESCRIPTION"), &retried);
    expectorate::assert_contents("../../schemas/EcrPolicyStatement.json", &schema);
}
