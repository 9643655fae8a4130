//! The statement types through CloudFormation, each in a policy that somebody else owns, in this account or in another.

use archipelago_tests::local_aws::LocalAws;
use serde_json::{Value, json};

use super::{Stack, service_token, template, unique};

/// Whose policy it is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Key,
    Bucket,
    Trust,
    Inline,
}

/// A policy of a thing that belongs to nobody's stack.
struct Policy {
    kind: Kind,
    account: String,
    /// The key's id, the bucket's or the role's name.
    name: String,
}

impl Policy {
    /// Makes the thing, whose policy then has statements of somebody else.
    async fn of(kind: Kind, account: &str) -> Self {
        let policy = Self { kind, account: account.to_owned(), name: unique("thing") };
        let name = policy.name.clone();
        match kind {
            Kind::Key => {
                let key = policy.aws(&["kms", "create-key"]).await.unwrap();
                let id = key["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
                let policy = Self { name: id, ..policy };
                policy.write(&policy.foreign()).await;
                return policy;
            }
            Kind::Bucket => drop(policy.aws(&["s3api", "create-bucket", "--bucket", &name]).await.unwrap()),
            Kind::Trust | Kind::Inline => {
                let trust = Self { kind: Kind::Trust, account: account.to_owned(), name: name.clone() }.foreign();
                let trust = trust.to_string();
                let command = ["iam", "create-role", "--role-name", &name, "--assume-role-policy-document", &trust];
                policy.aws(&command).await.unwrap();
            }
        }
        policy.write(&policy.foreign()).await;
        policy
    }

    async fn aws(&self, arguments: &[&str]) -> Result<Value, String> {
        LocalAws::deployed().aws_as(&self.account, arguments).await
    }

    fn foreign(&self) -> Value {
        let root = format!("arn:aws:iam::{}:root", self.account);
        let statement = match self.kind {
            Kind::Key => json!({ "Effect": "Allow", "Principal": { "AWS": root }, "Action": "kms:*", "Resource": "*" }),
            Kind::Bucket => {
                let everything = format!("arn:aws:s3:::{}/*", self.name);
                let condition = json!({ "Bool": { "aws:SecureTransport": "false" } });
                json!({ "Sid": "", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": everything, "Condition": condition })
            }
            Kind::Trust => {
                json!({ "Effect": "Allow", "Principal": { "Service": "codepipeline.amazonaws.com" }, "Action": "sts:AssumeRole" })
            }
            Kind::Inline => json!({ "Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*" }),
        };
        json!({ "Version": "2012-10-17", "Statement": [statement] })
    }

    async fn write(&self, policy: &Value) {
        let (name, text) = (self.name.as_str(), policy.to_string());
        let command: &[&str] = match self.kind {
            Kind::Key => &["kms", "put-key-policy", "--key-id", name, "--policy-name", "default", "--policy", &text],
            Kind::Bucket => &["s3api", "put-bucket-policy", "--bucket", name, "--policy", &text],
            Kind::Trust => &["iam", "update-assume-role-policy", "--role-name", name, "--policy-document", &text],
            Kind::Inline => {
                &["iam", "put-role-policy", "--role-name", name, "--policy-name", "shared", "--policy-document", &text]
            }
        };
        self.aws(command).await.unwrap();
    }

    async fn read(&self) -> Value {
        let name = self.name.as_str();
        let command: &[&str] = match self.kind {
            Kind::Key => &["kms", "get-key-policy", "--key-id", name, "--policy-name", "default"],
            Kind::Bucket => &["s3api", "get-bucket-policy", "--bucket", name],
            Kind::Trust => &["iam", "get-role", "--role-name", name],
            Kind::Inline => &["iam", "get-role-policy", "--role-name", name, "--policy-name", "shared"],
        };
        let said = self.aws(command).await.unwrap();
        match self.kind {
            Kind::Key | Kind::Bucket => serde_json::from_str(said["Policy"].as_str().unwrap()).unwrap(),
            Kind::Trust => said["Role"]["AssumeRolePolicyDocument"].clone(),
            Kind::Inline => said["PolicyDocument"].clone(),
        }
    }

    async fn delete(&self) {
        let name = self.name.as_str();
        let command: &[&str] = match self.kind {
            Kind::Key => &["kms", "schedule-key-deletion", "--key-id", name, "--pending-window-in-days", "7"],
            Kind::Bucket => &["s3api", "delete-bucket", "--bucket", name],
            Kind::Trust | Kind::Inline => {
                let _ = self.aws(&["iam", "delete-role-policy", "--role-name", name, "--policy-name", "shared"]).await;
                &["iam", "delete-role", "--role-name", name]
            }
        };
        self.aws(command).await.unwrap();
    }

    /// A template of one statement with these actions, and with more properties.
    fn template(&self, actions: &Value, more: &Value) -> Value {
        let principal = json!({ "AWS": "arn:aws:iam::222222222222:root" });
        let (function, target, mut statement) = match self.kind {
            Kind::Key => (
                "kms-policy-statement",
                json!({ "KeyId": self.name }),
                json!({ "Principal": principal, "Resource": "*" }),
            ),
            Kind::Bucket => (
                "s3-policy-statement",
                json!({ "BucketName": self.name }),
                json!({ "Principal": principal, "Resource": format!("arn:aws:s3:::{}/*", self.name) }),
            ),
            Kind::Trust => ("iam-trust-statement", json!({ "RoleName": self.name }), json!({ "Principal": principal })),
            Kind::Inline => (
                "iam-policy-statement",
                json!({ "RoleName": self.name, "PolicyName": "shared" }),
                json!({ "Resource": "arn:aws:s3:::artifacts/*" }),
            ),
        };
        statement["Sid"] = json!("Ours");
        statement["Effect"] = json!("Allow");
        statement["Action"] = actions.clone();
        let mut properties = json!({ "ServiceToken": service_token(function), "Statement": statement });
        for more in [target, more.clone()] {
            properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        }
        let type_name = format!("Custom::{}", archipelago_type(function));
        template(&json!({ "Open": { "Type": type_name, "Properties": properties } }), &["Sids", "PolicySize"])
    }

    /// Actions that the kind takes: one, and two.
    fn actions(&self) -> (Value, Value) {
        match self.kind {
            Kind::Key => (json!("kms:Decrypt"), json!(["kms:Decrypt", "kms:DescribeKey"])),
            Kind::Bucket | Kind::Inline => (json!("s3:GetObject"), json!(["s3:GetObject", "s3:PutObject"])),
            Kind::Trust => (json!("sts:AssumeRole"), json!(["sts:AssumeRole", "sts:TagSession"])),
        }
    }
}

/// `kms-policy-statement` -> `KmsPolicyStatement`
fn archipelago_type(function: &str) -> String {
    function.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

fn own_account() -> &'static str {
    &LocalAws::deployed().account
}

async fn comes_changes_and_goes(kind: Kind) {
    let policy = Policy::of(kind, own_account()).await;
    let foreign = policy.read().await;
    let (one, two) = policy.actions();

    let stack = Stack::create(&policy.template(&one, &json!({})), "CREATE_COMPLETE").await;
    let id = stack.output("Open").await;
    let (target, mark) = id.split_once('#').unwrap();
    assert!(target.starts_with(&policy.name), "{id}");
    let opened = policy.read().await;
    assert_eq!(opened["Statement"][0], foreign["Statement"][0]);
    assert_eq!(opened["Statement"][1]["Sid"], format!("Ours{mark}"));

    stack.update(&policy.template(&two, &json!({})), "UPDATE_COMPLETE").await;
    assert_eq!(stack.output("Open").await, id);
    assert_eq!(policy.read().await["Statement"][1]["Action"].as_array().map(Vec::len), Some(2));

    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(policy.read().await, foreign);
}

#[tokio::test]
async fn a_statement_in_a_key_policy_comes_changes_and_goes() {
    comes_changes_and_goes(Kind::Key).await;
}

#[tokio::test]
async fn a_statement_in_a_bucket_policy_comes_changes_and_goes() {
    comes_changes_and_goes(Kind::Bucket).await;
}

#[tokio::test]
async fn a_statement_in_a_trust_policy_comes_changes_and_goes() {
    comes_changes_and_goes(Kind::Trust).await;
}

#[tokio::test]
async fn a_statement_in_an_inline_policy_comes_changes_and_goes() {
    comes_changes_and_goes(Kind::Inline).await;
}

#[tokio::test]
async fn what_had_no_policy_has_none_when_the_stack_is_gone() {
    for kind in [Kind::Bucket, Kind::Inline] {
        let bare = Policy::of(kind, own_account()).await;
        let name = bare.name.as_str();
        let (remove, read): (&[&str], &[&str]) = match kind {
            Kind::Bucket => (
                &["s3api", "delete-bucket-policy", "--bucket", name],
                &["s3api", "get-bucket-policy", "--bucket", name],
            ),
            _ => (
                &["iam", "delete-role-policy", "--role-name", name, "--policy-name", "shared"],
                &["iam", "get-role-policy", "--role-name", name, "--policy-name", "shared"],
            ),
        };
        bare.aws(remove).await.unwrap();
        let stack = Stack::create(&bare.template(&bare.actions().0, &json!({})), "CREATE_COMPLETE").await;
        assert_eq!(bare.read().await["Statement"].as_array().map(Vec::len), Some(1));
        stack.delete("DELETE_COMPLETE").await;
        let said = bare.aws(read).await.unwrap_err();
        assert!(said.contains("NoSuchBucketPolicy") || said.contains("NoSuchEntity"), "{said}");
    }
}

#[tokio::test]
async fn a_trust_policy_may_be_as_large_as_the_account_s_quota_says() {
    let policy = Policy::of(Kind::Trust, own_account()).await;
    let foreign = policy.read().await;
    let mut large = policy.template(&json!("sts:AssumeRole"), &json!({}));
    let principals: Vec<_> = (10..99).map(|n| format!("arn:aws:iam::2222222222{n}:role/deploy")).collect();
    large["Resources"]["Open"]["Properties"]["Statement"]["Principal"]["AWS"] = json!(principals);
    let stack = Stack::create(&large, "ROLLBACK_COMPLETE").await;
    let said = stack.said("Open", "CREATE_FAILED").await;
    assert!(said.contains(" of 2,048 characters"), "{said}");
    assert_eq!(policy.read().await, foreign);
}

#[tokio::test]
async fn what_a_policy_belongs_to_may_be_gone_or_going_when_the_stack_is_deleted() {
    for kind in [Kind::Key, Kind::Bucket, Kind::Trust, Kind::Inline] {
        let policy = Policy::of(kind, own_account()).await;
        let (one, _) = policy.actions();
        let stack = Stack::create(&policy.template(&one, &json!({})), "CREATE_COMPLETE").await;
        policy.delete().await;
        stack.delete("DELETE_COMPLETE").await;
    }
}

/// An account whose role can be assumed some seconds after it was made.
async fn account(ready_seconds: &str) -> String {
    let aws = LocalAws::deployed();
    // A refusal means that there is an organization already.
    let _ = aws.call("organizations", "CreateOrganization", &json!({ "FeatureSet": "ALL" })).await;
    let name = unique("owner");
    let input = json!({
        "AccountName": name,
        "Email": format!("aws+{name}@example.com"),
        "Tags": [{ "Key": "local:ready-seconds", "Value": ready_seconds }],
    });
    let asked = aws.call("organizations", "CreateAccount", &input).await.unwrap();
    let input = json!({ "CreateAccountRequestId": asked["CreateAccountStatus"]["Id"] });
    let made = aws.call("organizations", "DescribeCreateAccountStatus", &input).await.unwrap();
    made["CreateAccountStatus"]["AccountId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_statement_is_written_in_the_account_that_owns_the_target_once_its_role_can_be_assumed() {
    let owner = account("3").await;
    for kind in [Kind::Bucket, Kind::Trust] {
        let policy = Policy::of(kind, &owner).await;
        let foreign = policy.read().await;
        let (one, _) = policy.actions();
        let role = json!({ "RoleArn": format!("arn:aws:iam::{owner}:role/writer"), "ExternalId": "between-us" });
        let stack = Stack::create(&policy.template(&one, &role), "CREATE_COMPLETE").await;
        assert!(stack.output("Open").await.starts_with(&format!("{owner}:{}#", policy.name)));
        assert_eq!(policy.read().await["Statement"].as_array().map(Vec::len), Some(2));
        stack.delete("DELETE_COMPLETE").await;
        assert_eq!(policy.read().await, foreign);
    }
}

#[tokio::test]
async fn a_key_of_another_account_needs_a_role_there() {
    let elsewhere = json!({ "KeyId": "arn:aws:kms:us-east-1:222222222222:key/11111111-2222-3333-4444-555555555555" });
    let policy = Policy { kind: Kind::Key, account: own_account().to_owned(), name: String::new() };
    let stack = Stack::create(&policy.template(&json!("kms:Decrypt"), &elsewhere), "ROLLBACK_COMPLETE").await;
    let said = stack.said("Open", "CREATE_FAILED").await;
    assert!(said.contains("account 222222222222") && said.contains("RoleArn"), "{said}");
}
