//! The statement types through CloudFormation, each in a policy that somebody else owns, in this account or in another.

use archipelago_tests::local_aws::{LocalAws, between};
use percent_encoding::percent_decode_str;
use reqwest::Method;
use serde_json::{Value, json};

use super::organization::some_account;
use super::{Stack, service_token, template, unique};

/// Whose policy it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Key,
    Bucket,
    Trust,
    Inline,
}

/// A policy of a thing that belongs to nobody's stack.
pub(super) struct Policy {
    kind: Kind,
    account: String,
    /// The key's id, the bucket's or the role's name.
    name: String,
}

impl Policy {
    /// Makes the thing, whose policy then has statements of somebody else.
    pub(super) async fn of(kind: Kind, account: &str) -> Self {
        let policy = Self { kind, account: account.to_owned(), name: unique("thing") };
        let name = policy.name.clone();
        match kind {
            Kind::Key => {
                let key = LocalAws::deployed().call_as(account, "kms", "CreateKey", &json!({})).await.unwrap();
                let id = key["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
                let policy = Self { name: id, ..policy };
                policy.write(&policy.foreign()).await;
                return policy;
            }
            Kind::Bucket => drop(policy.bucket(Method::PUT, "", String::new()).await),
            Kind::Trust | Kind::Inline => {
                let trust = Self { kind: Kind::Trust, account: account.to_owned(), name: name.clone() }.foreign();
                let trust = trust.to_string();
                policy.iam("CreateRole", &[("AssumeRolePolicyDocument", &trust)]).await;
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

    async fn bucket(&self, method: Method, query: &str, body: String) -> String {
        let path = format!("{}{query}", self.name);
        LocalAws::deployed().bucket_as(&self.account, method, &path, body).await.unwrap()
    }

    async fn iam(&self, operation: &str, input: &[(&str, &str)]) -> String {
        let input = [&[("RoleName", self.name.as_str())], input].concat();
        LocalAws::deployed().query_as(&self.account, "iam", operation, &input).await.unwrap()
    }

    async fn kms(&self, operation: &str, mut input: Value) -> Value {
        input["KeyId"] = json!(self.name);
        input["PolicyName"] = json!("default");
        LocalAws::deployed().call_as(&self.account, "kms", operation, &input).await.unwrap()
    }

    async fn write(&self, policy: &Value) {
        let text = policy.to_string();
        match self.kind {
            Kind::Key => drop(self.kms("PutKeyPolicy", json!({ "Policy": text })).await),
            Kind::Bucket => drop(self.bucket(Method::PUT, "?policy", text).await),
            Kind::Trust => drop(self.iam("UpdateAssumeRolePolicy", &[("PolicyDocument", &text)]).await),
            Kind::Inline => {
                let input = [("PolicyName", "shared"), ("PolicyDocument", text.as_str())];
                self.iam("PutRolePolicy", &input).await;
            }
        }
    }

    pub(super) async fn read(&self) -> Value {
        let document = |xml: &str, element: &str| {
            let (start, end) = (format!("<{element}>"), format!("</{element}>"));
            let encoded = between(xml, &start, &end).next().unwrap();
            percent_decode_str(encoded).decode_utf8().unwrap().into_owned()
        };
        let text = match self.kind {
            Kind::Key => self.kms("GetKeyPolicy", json!({})).await["Policy"].as_str().unwrap().to_owned(),
            Kind::Bucket => self.bucket(Method::GET, "?policy", String::new()).await,
            Kind::Trust => document(&self.iam("GetRole", &[]).await, "AssumeRolePolicyDocument"),
            Kind::Inline => document(&self.iam("GetRolePolicy", &[("PolicyName", "shared")]).await, "PolicyDocument"),
        };
        serde_json::from_str(&text).unwrap()
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

    /// A statement with these actions, and with more properties.
    pub(super) fn resource(&self, actions: &Value, more: &Value) -> Value {
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
        json!({ "Type": format!("Custom::{}", archipelago_type(function)), "Properties": properties })
    }

    /// The claims that the type's function lists to an administrator.
    async fn claims(&self) -> Vec<Value> {
        let function = match self.kind {
            Kind::Key => "archipelago-kms-policy-statement",
            Kind::Bucket => "archipelago-s3-policy-statement",
            Kind::Trust => "archipelago-iam-trust-statement",
            Kind::Inline => "archipelago-iam-policy-statement",
        };
        let file = std::env::temp_dir().join(unique("list"));
        let path = file.to_str().unwrap();
        let as_it_is = ["--payload", r#"{"RequestType":"List"}"#];
        let invoke = ["lambda", "invoke", "--function-name", function];
        LocalAws::deployed().aws(&[&invoke[..], &as_it_is, &[path]].concat()).await.unwrap();
        let list: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        std::fs::remove_file(file).unwrap();
        list["Claims"].as_array().unwrap_or_else(|| panic!("{list}")).clone()
    }

    /// A template of it.
    fn template(&self, actions: &Value, more: &Value) -> Value {
        template(&json!({ "Open": self.resource(actions, more) }), &["Sids", "PolicySize"])
    }

    /// Actions that the kind takes: one, and two.
    pub(super) fn actions(&self) -> (Value, Value) {
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

pub(super) fn own_account() -> &'static str {
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
    let claims = policy.claims().await;
    assert!(claims.iter().any(|claim| claim["PhysicalId"] == id.as_str() && claim["State"] == "there"), "{claims:?}");

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
        let error = bare.aws(read).await.unwrap_err();
        assert!(error.contains("NoSuchBucketPolicy") || error.contains("NoSuchEntity"), "{error}");
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
    let reason = stack.reason_of("Open", "CREATE_FAILED").await;
    assert!(reason.contains(" of 2,048 characters"), "{reason}");
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
    let reason = stack.reason_of("Open", "CREATE_FAILED").await;
    assert!(reason.contains("account 222222222222") && reason.contains("RoleArn"), "{reason}");
}

#[tokio::test]
async fn an_account_outside_of_the_organization_may_be_let_in_but_no_unit_and_no_organization() {
    let foreign = some_account();
    for (kind, no_principal) in [
        (Kind::Key, "arn:aws:organizations::111111111111:ou/o-exampleorgid/ou-ab12-workload1"),
        (Kind::Bucket, "arn:aws:organizations::111111111111:organization/o-exampleorgid"),
        (Kind::Trust, "o-exampleorgid"),
    ] {
        let policy = Policy::of(kind, own_account()).await;
        let before = policy.read().await;
        let open_to = |principal: &str| {
            let mut template = policy.template(&policy.actions().0, &json!({}));
            template["Resources"]["Open"]["Properties"]["Statement"]["Principal"]["AWS"] = json!(principal);
            template
        };
        let stack = Stack::create(&open_to(&foreign), "CREATE_COMPLETE").await;
        let opened = policy.read().await;
        let principal = opened["Statement"][1]["Principal"]["AWS"].as_str().unwrap();
        assert!(principal.contains(&foreign), "{kind:?}: {principal}");
        stack.update(&open_to(no_principal), "UPDATE_ROLLBACK_COMPLETE").await;
        let reason = stack.reason_of("Open", "UPDATE_FAILED").await;
        assert!(
            reason.contains("an OU or an organization can't be a principal; write `*`, with a Condition on"),
            "{reason}"
        );
        assert_eq!(policy.read().await, opened, "{kind:?}");
        stack.delete("DELETE_COMPLETE").await;
        assert_eq!(policy.read().await, before, "{kind:?}");
    }
}
