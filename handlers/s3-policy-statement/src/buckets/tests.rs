//! What is asked of S3 and what its answers mean, with a real client and canned answers.

use aws_sdk_s3::operation::{
    delete_bucket_policy::DeleteBucketPolicyOutput, get_bucket_policy::GetBucketPolicyOutput,
    put_bucket_policy::PutBucketPolicyOutput,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::{Error, NotYet};

use super::*;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;
const OWNER: &str = "222222222222";

fn artifacts() -> TargetLocation<Bucket> {
    "222222222222:artifacts".parse().unwrap()
}

/// S3 with one answer.
fn mocked(rule: &Rule) -> Buckets {
    Buckets(mock_client!(aws_sdk_s3, RuleMode::Sequential, [rule], |config| {
        config.retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
    }))
}

/// An error as S3 sends it.
fn error_response(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"#
    );
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

async fn gets(status: u16, code: &'static str) -> Result<Policy> {
    let fails = mock!(Client::get_bucket_policy).then_http_response(move || error_response(status, code, "No."));
    mocked(&fails).get(&artifacts()).await
}

async fn puts(status: u16, code: &'static str, message: &'static str) -> AwsError {
    let fails = mock!(Client::put_bucket_policy).then_http_response(move || error_response(status, code, message));
    mocked(&fails).put(&artifacts(), POLICY).await.unwrap_err()
}

async fn deletes(status: u16, code: &'static str) -> Result<(), AwsError> {
    let fails = mock!(Client::delete_bucket_policy).then_http_response(move || error_response(status, code, "No."));
    mocked(&fails).delete(&artifacts()).await
}

#[tokio::test]
async fn the_policy_is_that_of_the_bucket_in_its_account() {
    let gets = mock!(Client::get_bucket_policy)
        .match_requests(|r| r.bucket() == Some("artifacts") && r.expected_bucket_owner() == Some(OWNER))
        .then_output(|| GetBucketPolicyOutput::builder().policy(POLICY).build());
    let Ok(Policy::Text(text)) = mocked(&gets).get(&artifacts()).await else { panic!("no text") };
    assert_eq!(text, POLICY);
}

#[tokio::test]
async fn in_the_functions_own_account_no_owner_is_named() {
    let own = "artifacts".parse().unwrap();
    let gets = mock!(Client::get_bucket_policy)
        .match_requests(|r| r.bucket() == Some("artifacts") && r.expected_bucket_owner().is_none())
        .then_output(|| GetBucketPolicyOutput::builder().policy(POLICY).build());
    mocked(&gets).get(&own).await.unwrap();
    let puts = mock!(Client::put_bucket_policy)
        .match_requests(|r| r.bucket() == Some("artifacts") && r.expected_bucket_owner().is_none())
        .then_output(|| PutBucketPolicyOutput::builder().build());
    mocked(&puts).put(&own, POLICY).await.unwrap();
}

#[tokio::test]
async fn a_bucket_without_a_policy_is_told_from_no_bucket() {
    assert!(matches!(gets(404, NO_POLICY).await, Ok(Policy::Absent)));
    assert!(matches!(gets(404, NO_BUCKET).await, Ok(Policy::NoTarget(error)) if error.code() == NO_BUCKET));
    assert!(matches!(gets(403, DENIED).await, Err(Error::NotYet(not_yet)) if not_yet.is_denial()));
    assert!(matches!(gets(500, "InternalError").await, Err(Error::NotYet(_))));
}

#[tokio::test]
async fn a_write_replaces_the_text_and_never_confirms_to_lock_its_writer_out() {
    let puts = mock!(Client::put_bucket_policy)
        .match_requests(|request| {
            request.policy() == Some(POLICY)
                && request.bucket() == Some("artifacts")
                && request.expected_bucket_owner() == Some(OWNER)
                && request.confirm_remove_self_bucket_access().is_none()
        })
        .then_output(|| PutBucketPolicyOutput::builder().build());
    mocked(&puts).put(&artifacts(), POLICY).await.unwrap();
}

#[tokio::test]
async fn a_principal_that_s3_does_not_know_is_told_by_its_words() {
    let error = puts(400, "MalformedPolicy", "Invalid principal in policy").await;
    assert_eq!(Buckets::objection(&error), Objection::Principal);
    let error = puts(400, "MalformedPolicy", "Policy has invalid resource").await;
    assert_eq!(Buckets::objection(&error), Objection::Other);
    assert!(matches!(error.into(), Error::Refused(_)));
}

#[tokio::test]
async fn the_principal_that_s3_does_not_know_is_said_where_its_answer_says_it() {
    let fails = mock!(Client::put_bucket_policy).then_http_response(|| {
        let detail = "&quot;AWS&quot; : &quot;arn:aws:iam::333333333333:role/gone&quot;";
        let error = format!(
            "<Code>MalformedPolicy</Code><Message>Invalid principal in policy</Message><Detail>{detail}</Detail>"
        );
        HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(format!("<Error>{error}</Error>")))
    });
    let error = mocked(&fails).put(&artifacts(), POLICY).await.unwrap_err();
    assert_eq!(Buckets::objection(&error), Objection::Principal);
    assert_eq!(error.message(), r#"Invalid principal in policy; "AWS" : "arn:aws:iam::333333333333:role/gone""#);
}

#[tokio::test]
async fn a_policy_that_is_too_large_is_told_by_its_words() {
    let words = "Normalized policy document exceeds the maximum allowed size of 20480 bytes";
    for (code, words) in [("MalformedPolicy", words), ("PolicyTooLarge", "")] {
        assert_eq!(Buckets::objection(&puts(400, code, words).await), Objection::Size, "{code}");
    }
}

#[tokio::test]
async fn a_write_is_refused_for_good_or_may_pass() {
    for (status, code) in [(400, "MalformedPolicy"), (400, "PolicyTooLarge"), (405, "MethodNotAllowed")] {
        assert!(matches!(puts(status, code, "No.").await.into(), Error::Refused(_)), "{code}");
    }
    for (status, code) in
        [(409, CONFLICT), (404, NO_BUCKET), (500, "InternalError"), (503, "SlowDown"), (503, "ServiceUnavailable")]
    {
        let passing = puts(status, code, "Later.").await.into();
        assert!(matches!(passing, Error::NotYet(NotYet { within: Some(PASSES_WITHIN), .. })), "{code}");
    }
}

#[tokio::test]
async fn what_blocks_public_access_says_so_itself() {
    let words = "User: arn:aws:sts::222222222222:assumed-role/writer/x is not authorized to perform: s3:PutBucketPolicy on \
                 resource: arn:aws:s3:::artifacts because public policies are prevented by the BlockPublicPolicy setting";
    let error = puts(403, DENIED, words).await;
    assert_eq!(error.message(), words);
    assert!(matches!(error.into(), Error::NotYet(not_yet) if not_yet.is_denial()));
}

#[tokio::test]
async fn a_bucket_that_is_elsewhere_is_refused_with_the_way_there() {
    for (status, code, way) in [
        (405, "MethodNotAllowed", "name a role of that account as RoleArn"),
        (301, "PermanentRedirect", "the bucket is in another Region"),
        (400, "AuthorizationHeaderMalformed", "the bucket is in another Region"),
        (400, "IllegalLocationConstraintException", "the bucket is in another Region"),
    ] {
        let Err(Error::Refused(got)) = gets(status, code).await else { panic!("{code} isn't final") };
        for reason in [
            got.to_string(),
            puts(status, code, "No.").await.to_string(),
            deletes(status, code).await.unwrap_err().to_string(),
        ] {
            assert!(reason.contains(&format!("{code}: No; ")) && reason.contains(way), "{reason}");
        }
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_shown_may_be_another_accounts() {
    let reason = async |location: &str| {
        let denies =
            mock!(Client::get_bucket_policy).then_http_response(|| error_response(403, DENIED, "Access Denied"));
        let Err(Error::NotYet(denial)) = mocked(&denies).get(&location.parse().unwrap()).await else {
            panic!("{location}")
        };
        assert!(denial.is_denial());
        denial.to_string()
    };
    assert!(
        reason("artifacts").await.ends_with(
            "Access Denied; if the bucket belongs to another account, name a role of that account as RoleArn"
        )
    );
    assert!(reason("222222222222:artifacts").await.ends_with("Access Denied"));
}

#[tokio::test]
async fn deleting_what_is_gone_is_done() {
    let done = mock!(Client::delete_bucket_policy)
        .match_requests(|r| r.bucket() == Some("artifacts") && r.expected_bucket_owner() == Some(OWNER))
        .then_output(|| DeleteBucketPolicyOutput::builder().build());
    mocked(&done).delete(&artifacts()).await.unwrap();
    for code in [NO_POLICY, NO_BUCKET] {
        deletes(404, code).await.unwrap();
    }
    let busy = deletes(409, CONFLICT).await.unwrap_err().into();
    assert!(matches!(busy, Error::NotYet(NotYet { within: Some(PASSES_WITHIN), .. })));
    assert!(matches!(deletes(403, DENIED).await.unwrap_err().into(), Error::NotYet(_)));
}

#[test]
fn the_schema_is_what_the_code_says() {
    let retried = archipelago::schema::Retried { passing: &[(None, &[BUSY, NEW_BUCKET])], waits: &[] };
    let schema = policy_statement::schema::text::<Buckets>(env!("CARGO_PKG_DESCRIPTION"), &retried);
    expectorate::assert_contents("../../schemas/S3PolicyStatement.json", &schema);
}

#[tokio::test]
async fn without_a_region_nothing_is_sent_and_the_variable_is_named() {
    let aws = SdkConfig::builder().behavior_version(aws_sdk_s3::config::BehaviorVersion::latest()).build();
    let Err(Error::Refused(reason)) = Buckets::new(&aws).get(&artifacts()).await else { panic!("not final") };
    let why = "s3:GetBucketPolicy was not sent to AWS: the function has no Region, which Lambda sets in AWS_REGION";
    assert_eq!(reason.sentence(), why);
}
