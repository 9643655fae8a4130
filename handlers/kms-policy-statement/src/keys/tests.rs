//! What is asked of KMS and what its answers mean, with a real client and canned answers.

use aws_sdk_kms::{
    operation::{
        describe_key::DescribeKeyOutput, get_key_policy::GetKeyPolicyOutput, put_key_policy::PutKeyPolicyOutput,
    },
    types::{KeyMetadata, builders::KeyMetadataBuilder},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::NotYet;
use policy_statement::Target;
use serde_json::{Value, json};

use super::*;

const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

fn key() -> TargetLocation<Key> {
    ID.parse().unwrap()
}

fn named(key_id: &str) -> TargetLocation<Key> {
    Key::read(&[("KeyId".to_owned(), key_id.to_owned())].into()).unwrap()
}

/// KMS in us-east-1 with these answers, one after the other.
fn mocked(rules: &[&Rule]) -> Keys {
    Keys(mock_client!(aws_sdk_kms, RuleMode::Sequential, rules, |config| {
        config.region(Region::new("us-east-1")).retry_config(aws_sdk_kms::config::retry::RetryConfig::disabled())
    }))
}

/// An error as KMS sends it.
fn error_response(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = json!({"__type": code, "message": message}).to_string();
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

fn metadata() -> KeyMetadataBuilder {
    KeyMetadata::builder().key_id(ID).aws_account_id("111111111111").key_manager(KeyManagerType::Customer)
}

/// `DescribeKey` for that name, answered with that key.
fn describes(name: &'static str, key: KeyMetadataBuilder) -> Rule {
    let key = key.build().unwrap();
    mock!(Client::describe_key)
        .match_requests(move |request| request.key_id() == Some(name) && request.grant_tokens.is_none())
        .then_output(move || DescribeKeyOutput::builder().key_metadata(key.clone()).build())
}

async fn resolves_to(key: KeyMetadataBuilder) -> Result<Lookup<TargetLocation<Key>>> {
    mocked(&[&describes(ID, key)]).resolve(self::key()).await
}

fn found(lookup: Result<Lookup<TargetLocation<Key>>>) -> TargetLocation<Key> {
    match lookup.unwrap() {
        Lookup::Found(key) => key,
        Lookup::Gone(error) => panic!("{error}"),
    }
}

/// The key of the function's own account, resolved.
async fn own() -> TargetLocation<Key> {
    found(resolves_to(metadata()).await)
}

async fn gets(status: u16, code: &'static str) -> Result<Policy> {
    let fails = mock!(Client::get_key_policy).then_http_response(move || error_response(status, code, "No."));
    mocked(&[&fails]).get(&key()).await
}

async fn puts(status: u16, code: &'static str, message: &'static str) -> AwsError {
    let fails = mock!(Client::put_key_policy).then_http_response(move || error_response(status, code, message));
    mocked(&[&fails]).put(&key(), POLICY).await.unwrap_err()
}

#[tokio::test]
async fn an_alias_an_arn_and_an_id_are_one_key() {
    for (key_id, asked) in [
        (ID, ID),
        ("alias/artifacts", "alias/artifacts"),
        ("arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab", ID),
        ("arn:aws:kms:us-east-1:222222222222:alias/artifacts", "alias/artifacts"),
    ] {
        let resolved = found(mocked(&[&describes(asked, metadata())]).resolve(named(key_id)).await);
        assert_eq!(resolved.target.to_string(), ID, "{key_id}");
        assert_eq!(resolved.target.owner.as_deref(), Some("111111111111"), "{key_id}");
        assert_eq!(resolved.to_string().parse::<TargetLocation<Key>>().unwrap(), resolved, "{key_id}");
    }
}

#[tokio::test]
async fn a_key_stays_in_the_account_in_which_the_store_acts() {
    let elsewhere = TargetLocation { account: Some("222222222222".to_owned()), ..key() };
    let its_own = describes(ID, metadata().aws_account_id("222222222222"));
    let resolved = found(mocked(&[&its_own]).resolve(elsewhere).await);
    assert_eq!(resolved.to_string(), format!("222222222222:{ID}"));
    assert_eq!(own().await.to_string(), ID);
}

#[tokio::test]
async fn a_key_of_another_region_is_refused_before_any_call() {
    for key_id in [
        "arn:aws:kms:eu-west-1:111111111111:key/mrk-1234abcd12ab34cd56ef1234567890ab",
        "arn:aws:kms:eu-west-1:111111111111:alias/artifacts",
    ] {
        let Err(Error::Refused(reason)) = mocked(&[]).resolve(named(key_id)).await else { panic!("{key_id}") };
        assert!(reason.sentence().contains("is in Region eu-west-1"), "{reason}");
        assert!(reason.sentence().contains("the keys of us-east-1 alone"), "{reason}");
    }
}

#[tokio::test]
async fn an_aws_managed_key_is_refused() {
    let Err(Error::Refused(reason)) = resolves_to(metadata().key_manager(KeyManagerType::Aws)).await else {
        panic!("taken")
    };
    assert!(reason.sentence().contains("use a customer managed key"), "{reason}");
}

#[tokio::test]
async fn a_key_that_is_being_deleted_is_as_good_as_gone() {
    for state in [KeyState::PendingDeletion, KeyState::PendingReplicaDeletion] {
        let Lookup::Gone(gone) = resolves_to(metadata().key_state(state.clone())).await.unwrap() else {
            panic!("found")
        };
        assert_eq!((gone.code(), gone.message()), (state.as_str(), "the key is being deleted"));
    }
    for state in [KeyState::Enabled, KeyState::Disabled, KeyState::PendingImport, KeyState::Unavailable] {
        let found = resolves_to(metadata().key_state(state.clone())).await.unwrap();
        assert!(matches!(found, Lookup::Found(_)), "{state}");
    }
}

#[tokio::test]
async fn a_key_that_is_still_being_made_is_waited_for() {
    for state in [KeyState::Creating, KeyState::Updating] {
        let ended = resolves_to(metadata().key_state(state.clone())).await;
        assert!(matches!(ended, Err(Error::NotYet(_))), "{state}");
    }
}

#[tokio::test]
async fn no_key_is_told_from_one_that_is_not_shown() {
    let resolves = async |status, code| {
        let fails = mock!(Client::describe_key).then_http_response(move || error_response(status, code, "No."));
        mocked(&[&fails]).resolve(key()).await
    };
    assert!(matches!(resolves(400, NOT_FOUND).await, Ok(Lookup::Gone(error)) if error.code() == NOT_FOUND));
    assert!(matches!(resolves(400, "InvalidArnException").await, Err(Error::Refused(_))));
    assert!(matches!(resolves(400, "AccessDeniedException").await, Err(Error::NotYet(not_yet)) if not_yet.is_denial()));
    assert!(matches!(resolves(500, "KMSInternalException").await, Err(Error::NotYet(_))));
    let silent = mock!(Client::describe_key).then_output(|| DescribeKeyOutput::builder().build());
    assert!(matches!(mocked(&[&silent]).resolve(key()).await, Err(Error::Refused(_))));
}

#[tokio::test]
async fn the_policy_is_the_default_one_of_the_key() {
    let gets = mock!(Client::get_key_policy)
        .match_requests(|request| request.key_id() == Some(ID) && request.policy_name() == Some("default"))
        .then_output(|| GetKeyPolicyOutput::builder().policy(POLICY).build());
    let Ok(Policy::Text(text)) = mocked(&[&gets]).get(&key()).await else { panic!("no text") };
    assert_eq!(text, POLICY);
}

#[tokio::test]
async fn a_key_is_never_without_a_policy() {
    assert!(matches!(gets(400, NOT_FOUND).await, Ok(Policy::NoTarget(error)) if error.code() == NOT_FOUND));
    assert!(matches!(gets(400, "KMSInvalidStateException").await, Err(Error::Refused(_))));
    assert!(matches!(gets(503, "DependencyTimeoutException").await, Err(Error::NotYet(_))));
    let silent = mock!(Client::get_key_policy).then_output(|| GetKeyPolicyOutput::builder().build());
    assert!(matches!(mocked(&[&silent]).get(&key()).await, Err(Error::Refused(_))));
    let refusal = mocked(&[]).delete(&key()).await.unwrap_err();
    assert!(refusal.to_string().ends_with("a key always has a policy"), "{refusal}");
}

#[tokio::test]
async fn a_write_replaces_the_text_and_never_bypasses_the_lockout_check() {
    let puts = mock!(Client::put_key_policy)
        .match_requests(|request| {
            request.key_id() == Some(ID)
                && request.policy_name() == Some("default")
                && request.policy() == Some(POLICY)
                && request.bypass_policy_lockout_safety_check().is_none()
        })
        .then_output(|| PutKeyPolicyOutput::builder().build());
    mocked(&[&puts]).put(&key(), POLICY).await.unwrap();
}

#[tokio::test]
async fn a_malformed_policy_is_about_principals_where_kms_says_so() {
    for (words, objection) in [
        ("Policy contains a statement with one or more invalid principals.", Objection::Principal),
        ("", Objection::PrincipalOrStatement),
        ("The policy contains a statement with no action.", Objection::Statement),
        ("Malformed input.", Objection::Statement),
    ] {
        assert_eq!(Keys::objection(&puts(400, MALFORMED, words).await), objection, "{words}");
    }
    let error = puts(400, "KMSInvalidStateException", "Invalid principals").await;
    assert_eq!(Keys::objection(&error), Objection::Other);
    assert_eq!(Keys::objection(&puts(400, TOO_LARGE, "").await), Objection::Size);
}

#[tokio::test]
async fn a_policy_that_locks_its_writer_out_is_refused_with_what_it_needs() {
    let error =
        puts(400, MALFORMED, "The new key policy will not allow you to update the key policy in the future.").await;
    assert_eq!(Keys::objection(&error), Objection::Other);
    let Error::Refused(reason) = error.into() else { panic!("not final") };
    assert!(reason.sentence().contains("in the future; the policy must let the role that writes it"), "{reason}");
}

#[tokio::test]
async fn a_write_is_refused_for_good_or_may_pass() {
    for code in
        ["KMSInvalidStateException", "LimitExceededException", "UnsupportedOperationException", "InvalidArnException"]
    {
        assert!(matches!(puts(400, code, "No.").await.into(), Error::Refused(_)), "{code}");
    }
    for (status, code) in [(400, NOT_FOUND), (500, "KMSInternalException"), (503, "DependencyTimeoutException")] {
        let passing = puts(status, code, "Later.").await.into();
        assert!(matches!(passing, Error::NotYet(NotYet { within: Some(SEEN_WITHIN), .. })), "{code}");
    }
    assert!(matches!(puts(400, "ThrottlingException", "Slow.").await.into(), Error::NotYet(_)));
}

fn policy(statements: &Value) -> Document {
    Document::parse(&json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap()
}

#[tokio::test]
async fn the_root_of_the_keys_account_is_never_dropped() {
    let location = own().await;
    let root =
        |account: &str| json!({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"});
    let grant =
        json!({"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "kms:Decrypt", "Resource": "*"});
    let before = policy(&json!([root("arn:aws:iam::111111111111:root"), grant, root("222222222222")]));
    let refusal = Keys::guard(&location, &before, &policy(&json!([grant, root("222222222222")]))).unwrap_err();
    assert!(matches!(refusal, Error::Refused(_)));
    assert!(refusal.to_string().contains("the root of account 111111111111 kms:*"), "{refusal}");
    Keys::guard(&location, &before, &policy(&json!([root("111111111111")]))).unwrap();
    Keys::guard(&location, &policy(&json!([grant, root("222222222222")])), &policy(&json!([grant]))).unwrap();
}

#[test]
fn the_schema_is_what_the_code_says() {
    let retried =
        archipelago::schema::Retried { passing: &[(None, &[NEW_KEY])], waits: &[("SEEN_WITHIN", SEEN_WITHIN)] };
    let schema = policy_statement::schema::text::<Keys>(env!("CARGO_PKG_DESCRIPTION"), &retried);
    expectorate::assert_contents("../../schemas/KmsPolicyStatement.json", &schema);
}
