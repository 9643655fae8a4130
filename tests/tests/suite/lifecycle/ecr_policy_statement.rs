//! `Custom::EcrPolicyStatement` through CloudFormation.

use archipelago_tests::local_aws::LocalAws;
use serde_json::{Value, json};

use super::{Stack, service_token, template, unique};

/// A repository that belongs to nobody's stack.
pub(super) async fn repository() -> String {
    let name = unique("repository");
    let aws = LocalAws::deployed();
    aws.call("ecr", "CreateRepository", &json!({ "repositoryName": name })).await.unwrap();
    name
}

/// The policy of a repository, null if it has none.
pub(super) async fn policy(repository: &str) -> Value {
    let aws = LocalAws::deployed();
    let called = aws.call("ecr", "GetRepositoryPolicy", &json!({ "repositoryName": repository })).await;
    match called {
        Ok(output) => serde_json::from_str(output["policyText"].as_str().unwrap()).unwrap(),
        Err(error) if error.contains("RepositoryPolicyNotFoundException") => Value::Null,
        Err(error) => panic!("{error}"),
    }
}

/// The statements of a repository's policy by the start of their Sid.
async fn sids(repository: &str) -> Vec<String> {
    let policy = policy(repository).await;
    let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
    statements.iter().map(|statement| statement["Sid"].as_str().unwrap_or_default().to_owned()).collect()
}

pub(super) async fn put_policy(repository: &str, policy: &Value) {
    let input = json!({ "repositoryName": repository, "policyText": policy.to_string() });
    LocalAws::deployed().call("ecr", "SetRepositoryPolicy", &input).await.unwrap();
}

pub(super) fn statement(repository: &str, sid: &str, actions: &Value) -> Value {
    json!({
        "Type": "Custom::EcrPolicyStatement",
        "Properties": {
            "ServiceToken": service_token("ecr-policy-statement"),
            "RepositoryName": repository,
            "Statement": {
                "Sid": sid,
                "Effect": "Allow",
                "Principal": { "AWS": "arn:aws:iam::222222222222:root" },
                "Action": actions,
            },
        },
    })
}

fn stack_of(repository: &str, actions: &Value) -> Value {
    let resources = json!({ "Pull": statement(repository, "Pull", actions) });
    template(&resources, &["Sids", "PolicySize", "PolicySizeLimit"])
}

pub(super) fn foreign() -> Value {
    json!({
        "Version": "2008-10-17",
        "Statement": [{
            "Sid": "",
            "Effect": "Allow",
            "Principal": { "Service": "codebuild.amazonaws.com" },
            "Action": "ecr:GetDownloadUrlForLayer",
        }],
    })
}

#[tokio::test]
async fn a_statement_comes_changes_and_goes_with_its_stack() {
    let repository = repository().await;
    let stack = Stack::create(&stack_of(&repository, &json!("ecr:BatchGetImage")), "CREATE_COMPLETE").await;
    let id = stack.output("Pull").await;
    let (target, mark) = id.split_once('#').unwrap();
    assert_eq!(target, repository);
    assert_eq!(sids(&repository).await, [format!("Pull{mark}")]);
    assert_eq!(stack.output("PullSids").await, format!("Pull{mark}"));
    assert_eq!(stack.output("PullPolicySizeLimit").await, "10240");

    stack.update(&stack_of(&repository, &json!(["ecr:BatchGetImage", "ecr:ListImages"])), "UPDATE_COMPLETE").await;
    assert_eq!(stack.output("Pull").await, id);
    assert_eq!(policy(&repository).await["Statement"][0]["Action"].as_array().map(Vec::len), Some(2));

    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(policy(&repository).await, Value::Null);
}

#[tokio::test]
async fn what_changes_nothing_sends_no_event_and_what_means_the_same_writes_nothing() {
    let repository = repository().await;
    let before = stack_of(&repository, &json!("ecr:BatchGetImage"));
    let stack = Stack::create(&before, "CREATE_COMPLETE").await;
    let unchanged = stack.try_update(&before).await.unwrap_err();
    assert!(unchanged.contains("No updates are to be performed"), "{unchanged}");
    let written = policy(&repository).await;
    stack.update(&stack_of(&repository, &json!(["ecr:BatchGetImage"])), "UPDATE_COMPLETE").await;
    assert_eq!(policy(&repository).await, written);
}

#[tokio::test]
async fn another_repository_is_a_replacement() {
    let (old, new) = (repository().await, repository().await);
    let stack = Stack::create(&stack_of(&old, &json!("ecr:BatchGetImage")), "CREATE_COMPLETE").await;
    stack.update(&stack_of(&new, &json!("ecr:BatchGetImage")), "UPDATE_COMPLETE").await;
    assert!(stack.output("Pull").await.starts_with(&format!("{new}#")));
    assert_eq!((sids(&old).await.len(), sids(&new).await.len()), (0, 1));
}

#[tokio::test]
async fn a_create_that_fails_is_rolled_back_and_says_which_repository_is_missing() {
    let missing = unique("missing");
    let stack = Stack::create(&stack_of(&missing, &json!("ecr:BatchGetImage")), "ROLLBACK_COMPLETE").await;
    let reason = stack.reason_of("Pull", "CREATE_FAILED").await;
    assert!(reason.contains("repository") && reason.contains(&missing), "{reason}");
    stack.delete("DELETE_COMPLETE").await;
}

#[tokio::test]
async fn an_update_that_fails_is_rolled_back_and_the_statement_stays() {
    let repository = repository().await;
    let stack = Stack::create(&stack_of(&repository, &json!("ecr:BatchGetImage")), "CREATE_COMPLETE").await;
    let (id, before) = (stack.output("Pull").await, policy(&repository).await);
    let missing = unique("missing");
    stack.update(&stack_of(&missing, &json!("ecr:BatchGetImage")), "UPDATE_ROLLBACK_COMPLETE").await;
    let reason = stack.reason_of("Pull", "UPDATE_FAILED").await;
    assert!(reason.contains("repository") && reason.contains(&missing), "{reason}");
    assert_eq!((stack.output("Pull").await, policy(&repository).await), (id, before));
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(policy(&repository).await, Value::Null);
}

#[tokio::test]
async fn a_repository_that_was_deleted_by_hand_does_not_keep_the_stack() {
    let repository = repository().await;
    let stack = Stack::create(&stack_of(&repository, &json!("ecr:BatchGetImage")), "CREATE_COMPLETE").await;
    let input = json!({ "repositoryName": repository, "force": true });
    LocalAws::deployed().call("ecr", "DeleteRepository", &input).await.unwrap();
    stack.delete("DELETE_COMPLETE").await;
}

#[tokio::test]
async fn a_statement_that_was_removed_by_hand_comes_back_with_the_next_update_and_does_not_keep_the_stack() {
    let repository = repository().await;
    let stack = Stack::create(&stack_of(&repository, &json!("ecr:BatchGetImage")), "CREATE_COMPLETE").await;
    put_policy(&repository, &foreign()).await;
    stack.update(&stack_of(&repository, &json!("ecr:ListImages")), "UPDATE_COMPLETE").await;
    assert_eq!(sids(&repository).await.len(), 2);
    put_policy(&repository, &foreign()).await;
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(policy(&repository).await, foreign());
}

#[tokio::test]
async fn two_stacks_and_a_stranger_share_a_repository() {
    let repository = repository().await;
    put_policy(&repository, &foreign()).await;
    let first = Stack::create(&stack_of(&repository, &json!("ecr:BatchGetImage")), "CREATE_COMPLETE").await;
    let two = json!({
        "Pull": statement(&repository, "Pull", &json!("ecr:BatchGetImage")),
        "List": statement(&repository, "List", &json!("ecr:ListImages")),
    });
    let second = Stack::create(&template(&two, &["Sids"]), "CREATE_COMPLETE").await;
    let mut expected = vec![
        String::new(),
        first.output("PullSids").await,
        second.output("PullSids").await,
        second.output("ListSids").await,
    ];
    expected.sort();
    let mut all = sids(&repository).await;
    all.sort();
    assert_eq!(all, expected);

    second.delete("DELETE_COMPLETE").await;
    assert_eq!(sids(&repository).await, [String::new(), first.output("PullSids").await]);
    first.delete("DELETE_COMPLETE").await;
    assert_eq!(policy(&repository).await, foreign());
}

#[tokio::test]
async fn a_misspelt_property_fails_by_its_path() {
    let mut template = stack_of("any", &json!("ecr:BatchGetImage"));
    let properties = template["Resources"]["Pull"]["Properties"].as_object_mut().unwrap();
    let name = properties.shift_remove("RepositoryName").unwrap();
    properties.insert("RepositoryNmae".to_owned(), name);
    let stack = Stack::create(&template, "ROLLBACK_COMPLETE").await;
    let reason = stack.reason_of("Pull", "CREATE_FAILED").await;
    let sentence = "ResourceProperties.RepositoryNmae: unknown property; did you mean `RepositoryName`?";
    assert!(reason.contains(sentence), "{reason}");
}
