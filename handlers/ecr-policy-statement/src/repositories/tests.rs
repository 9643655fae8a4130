//! What is asked of ECR and what its answers mean, with a real client and canned answers.

use aws_sdk_ecr::operation::{
    delete_repository_policy::DeleteRepositoryPolicyOutput, get_repository_policy::GetRepositoryPolicyOutput,
    set_repository_policy::SetRepositoryPolicyOutput,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::{Claim, Error, Owner, Resource};
use policy_statement::{Attributes, Properties, StatementId, Statements};
use serde_json::{Value, json};

use super::*;

const FOREIGN: &str = r#"{
  "Version" : "2008-10-17",
  "Statement" : [ {
    "Sid" : "LambdaECRImageRetrievalPolicy",
    "Effect" : "Allow",
    "Principal" : { "Service" : "lambda.amazonaws.com" },
    "Action" : [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ]
  } ]
}"#;

fn claim() -> Claim<StatementId<Repository>> {
    Claim::new(Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", "Pull"), None)
}

fn mark() -> String {
    claim().owner().mark()
}

fn properties() -> Properties<Repository> {
    serde_json::from_value(json!({
        "RepositoryName": "team/app",
        "RegistryId": "333333333333",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "ecr:BatchGetImage"},
    }))
    .unwrap()
}

/// An error as ECR sends it.
fn said(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = json!({"__type": code, "message": message}).to_string();
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

fn gets(text: &str) -> Rule {
    let text = text.to_owned();
    mock!(Client::get_repository_policy)
        .match_requests(|r| r.repository_name() == Some("team/app") && r.registry_id() == Some("333333333333"))
        .then_output(move || GetRepositoryPolicyOutput::builder().policy_text(&text).build())
}

fn get_fails(code: &'static str) -> Rule {
    mock!(Client::get_repository_policy).then_http_response(move || said(400, code, "Not there."))
}

/// A write of a policy whose Sids are these, in this order, and which forces nothing.
fn sets(sids: Vec<String>) -> Rule {
    mock!(Client::set_repository_policy)
        .match_requests(move |request| {
            let policy: Value = serde_json::from_str(request.policy_text().unwrap()).unwrap();
            let written = policy["Statement"].as_array().unwrap().iter().map(|statement| &statement["Sid"]);
            written.eq(sids.iter()) && request.force().is_none() && request.registry_id() == Some("333333333333")
        })
        .then_output(|| SetRepositoryPolicyOutput::builder().build())
}

fn set_fails(status: u16, code: &'static str, message: &'static str) -> Rule {
    mock!(Client::set_repository_policy).then_http_response(move || said(status, code, message))
}

fn own_statement() -> String {
    let sid = format!("Pull{}", mark());
    format!(r#"{{"Sid":"{sid}","Effect":"Allow","Principal":{{"AWS":"222222222222"}},"Action":"ecr:BatchGetImage"}}"#)
}

fn alone() -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, own_statement())
}

/// Answers with `rules` in this order, and fails the test on any other call.
fn world(rules: &[Rule]) -> Statements<Repositories> {
    let rules: Vec<_> = rules.iter().collect();
    Statements::new(Repositories(mock_client!(aws_sdk_ecr, RuleMode::Sequential, rules, |config| {
        config.retry_config(RetryConfig::disabled())
    })))
}

async fn ensured(rules: &[Rule]) -> Result<Attributes> {
    let ended = world(rules).ensure(&properties(), None, &claim()).await;
    assert!(rules.iter().all(|rule| rule.num_calls() > 0), "a call was never made");
    ended
}

async fn removed(rules: &[Rule]) -> Result<()> {
    let ended = world(rules).remove(Some(&properties()), &claim()).await;
    assert!(rules.iter().all(|rule| rule.num_calls() > 0), "a call was never made");
    ended
}

#[tokio::test]
async fn a_repository_without_a_policy_gets_one() {
    let sid = format!("Pull{}", mark());
    let attributes = ensured(&[get_fails(NO_POLICY), sets(vec![sid.clone()]), gets(&alone())]).await.unwrap();
    assert_eq!((attributes.sids, attributes.policy_size_limit), (sid, 10_240));
}

#[tokio::test]
async fn a_statement_joins_those_that_are_there_in_ecr_s_own_lay_out() {
    let sids = vec!["LambdaECRImageRetrievalPolicy".to_owned(), format!("Pull{}", mark())];
    let after = FOREIGN.replace("} ]\n}", &format!("}}, {} ]}}", own_statement()));
    ensured(&[gets(FOREIGN), sets(sids), gets(&after)]).await.unwrap();
}

#[tokio::test]
async fn a_statement_that_is_there_is_only_read() {
    ensured(&[gets(&alone())]).await.unwrap();
}

#[tokio::test]
async fn a_foreign_statement_that_a_read_back_misses_is_looked_for_again() {
    let sids = vec!["LambdaECRImageRetrievalPolicy".to_owned(), format!("Pull{}", mark())];
    let ended = ensured(&[gets(FOREIGN), sets(sids), gets(&alone())]).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
}

#[tokio::test]
async fn a_repository_that_does_not_exist_is_refused() {
    let ended = ensured(&[get_fails(NO_REPOSITORY)]).await;
    assert_eq!(
        ended.unwrap_err().to_string(),
        "ecr:GetRepositoryPolicy was refused by AWS with RepositoryNotFoundException: Not there; \
         the repository 333333333333:team/app must be there before a statement can go into its policy"
    );
}

#[tokio::test]
async fn a_principal_that_ecr_does_not_know_yet_may_appear_within_two_minutes() {
    for message in [
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Principal not found'",
    ] {
        let ended = ensured(&[get_fails(NO_POLICY), set_fails(400, "InvalidParameterException", message)]).await;
        let Err(Error::NotYet(not_yet)) = ended else { panic!("final: {message}") };
        assert_eq!(not_yet.within, Some(PRINCIPAL_SEEN_WITHIN));
        assert!(not_yet.waiting_for.contains(message));
    }
}

#[tokio::test]
async fn any_other_invalid_parameter_is_final() {
    let refuses = set_fails(400, "InvalidParameterException", "Invalid parameter at 'registryId'");
    assert!(matches!(ensured(&[get_fails(NO_POLICY), refuses]).await, Err(Error::Refused(_))));
}

#[tokio::test]
async fn a_repository_that_vanished_in_between_is_final() {
    let ended = ensured(&[get_fails(NO_POLICY), set_fails(400, NO_REPOSITORY, "Not there.")]).await;
    assert!(matches!(ended, Err(Error::Refused(_))));
}

#[tokio::test]
async fn an_error_of_ecr_s_own_may_pass() {
    let ended = ensured(&[get_fails(NO_POLICY), set_fails(500, "ServerException", "Oops.")]).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
}

#[tokio::test]
async fn removing_the_last_statement_deletes_the_policy() {
    let deletes = mock!(Client::delete_repository_policy)
        .match_requests(|r| r.repository_name() == Some("team/app") && r.registry_id() == Some("333333333333"))
        .then_output(|| DeleteRepositoryPolicyOutput::builder().build());
    removed(&[gets(&alone()), deletes, get_fails(NO_POLICY)]).await.unwrap();
}

#[tokio::test]
async fn removing_leaves_the_statements_of_others() {
    let both = FOREIGN.replace("} ]\n}", &format!("}}, {} ]}}", own_statement()));
    removed(&[gets(&both), sets(vec!["LambdaECRImageRetrievalPolicy".to_owned()]), gets(FOREIGN)]).await.unwrap();
}

#[tokio::test]
async fn removing_from_what_is_gone_is_done() {
    removed(&[get_fails(NO_REPOSITORY)]).await.unwrap();
    removed(&[get_fails(NO_POLICY)]).await.unwrap();
    for code in [NO_POLICY, NO_REPOSITORY] {
        let vanished = mock!(Client::delete_repository_policy).then_http_response(move || said(400, code, "Gone."));
        removed(&[gets(&alone()), vanished, get_fails(code)]).await.unwrap();
    }
}
