//! What the claims are made on: a thing with a policy, in which somebody else has written.

use archipelago_tests::local_aws::LocalAws;
use serde_json::{Value, json};

/// Whose policy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Repository,
    Key,
    Bucket,
    Trust,
    Inline,
}

/// A thing that belongs to nobody's stack.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) kind: Kind,
    /// The key's id, the repository's, the bucket's or the role's name.
    name: String,
    /// Of the AWS that it is in.
    endpoint: String,
}

impl Kind {
    /// The function in template.yaml.
    pub(super) fn function(self) -> &'static str {
        match self {
            Self::Repository => "EcrPolicyStatement",
            Self::Key => "KmsPolicyStatement",
            Self::Bucket => "S3PolicyStatement",
            Self::Trust => "IamTrustStatement",
            Self::Inline => "IamPolicyStatement",
        }
    }

    /// The service in `AWS_ENDPOINT_URL_<SERVICE>`.
    pub(super) fn service(self) -> &'static str {
        match self {
            Self::Repository => "ECR",
            Self::Key => "KMS",
            Self::Bucket => "S3",
            Self::Trust | Self::Inline => "IAM",
        }
    }

    /// The start of the logical ids of its claims.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Repository => "Pull",
            Self::Key => "Use",
            Self::Bucket => "Read",
            Self::Trust => "Assume",
            Self::Inline => "Do",
        }
    }
}

impl Target {
    /// Makes it, with a policy of somebody else.
    pub(super) async fn make(kind: Kind, endpoint: &str) -> Self {
        let name = format!("proof-{:08x}", fastrand::u32(..));
        let mut target = Self { kind, name, endpoint: endpoint.to_owned() };
        let name = target.name.clone();
        match kind {
            Kind::Repository => drop(target.aws(&["ecr", "create-repository", "--repository-name", &name]).await),
            Kind::Key => {
                let key = target.aws(&["kms", "create-key"]).await;
                key["KeyMetadata"]["KeyId"].as_str().unwrap().clone_into(&mut target.name);
            }
            Kind::Bucket => drop(target.aws(&["s3api", "create-bucket", "--bucket", &name]).await),
            Kind::Trust | Kind::Inline => {
                let trust = foreign(Kind::Trust, &name).to_string();
                let command = ["iam", "create-role", "--role-name", &name, "--assume-role-policy-document", &trust];
                target.aws(&command).await;
            }
        }
        target.replace_policy(&foreign(kind, &target.name)).await;
        target
    }

    /// Replaces the policy, past all proxies.
    pub(super) async fn replace_policy(&self, policy: &Value) {
        let (name, text) = (self.name.as_str(), policy.to_string());
        let command: &[&str] = match self.kind {
            Kind::Repository => &["ecr", "set-repository-policy", "--repository-name", name, "--policy-text", &text],
            Kind::Key => &["kms", "put-key-policy", "--key-id", name, "--policy-name", "default", "--policy", &text],
            Kind::Bucket => &["s3api", "put-bucket-policy", "--bucket", name, "--policy", &text],
            Kind::Trust => &["iam", "update-assume-role-policy", "--role-name", name, "--policy-document", &text],
            Kind::Inline => {
                &["iam", "put-role-policy", "--role-name", name, "--policy-name", "shared", "--policy-document", &text]
            }
        };
        self.aws(command).await;
    }

    /// A statement of somebody else, by its number.
    pub(super) fn strange(&self, number: usize) -> Value {
        let mut statement = match self.kind {
            Kind::Repository => json!({ "Principal": "*", "Action": "ecr:DeleteRepository" }),
            Kind::Key => {
                json!({ "Principal": { "AWS": "444444444444" }, "Action": "kms:DisableKey", "Resource": "*" })
            }
            Kind::Bucket => {
                let bucket = format!("arn:aws:s3:::{}", self.name);
                json!({ "Principal": "*", "Action": "s3:DeleteBucket", "Resource": bucket })
            }
            Kind::Trust => json!({ "Principal": { "AWS": "444444444444" }, "Action": "sts:TagSession" }),
            Kind::Inline => json!({ "Action": "s3:DeleteBucket", "Resource": "*" }),
        };
        statement["Sid"] = json!(format!("Strange{number}"));
        statement["Effect"] = json!("Deny");
        statement
    }

    /// The policy with ids for the roots of accounts, read past all proxies.
    pub(super) async fn policy(&self) -> Value {
        let name = self.name.as_str();
        let (command, element): (&[&str], _) = match self.kind {
            Kind::Repository => (&["ecr", "get-repository-policy", "--repository-name", name], "/policyText"),
            Kind::Key => (&["kms", "get-key-policy", "--key-id", name, "--policy-name", "default"], "/Policy"),
            Kind::Bucket => (&["s3api", "get-bucket-policy", "--bucket", name], "/Policy"),
            Kind::Trust => (&["iam", "get-role", "--role-name", name], "/Role/AssumeRolePolicyDocument"),
            Kind::Inline => {
                (&["iam", "get-role-policy", "--role-name", name, "--policy-name", "shared"], "/PolicyDocument")
            }
        };
        let output = self.aws(command).await;
        match output.pointer(element).unwrap() {
            Value::String(text) => with_account_ids(&serde_json::from_str(text).unwrap()),
            policy => with_account_ids(policy),
        }
    }

    /// The properties of a claim in its nth version: each has other actions and another principal or resource.
    pub(super) fn properties(&self, claim: usize, version: usize) -> Value {
        let account = format!("arn:aws:iam::{}{claim:05}:root", 2_000_000 + version);
        let principal = json!({ "AWS": account });
        let (even, name) = (version.is_multiple_of(2), self.name.as_str());
        let (target, mut statement) = match self.kind {
            Kind::Repository => {
                let last = if even { "ecr:GetDownloadUrlForLayer" } else { "ecr:DescribeImages" };
                let actions = json!(["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", last]);
                (json!({ "RepositoryName": name }), json!({ "Principal": principal, "Action": actions }))
            }
            Kind::Key => {
                let last = if even { "kms:GenerateDataKeyPair*" } else { "kms:GenerateDataKey*" };
                let actions = json!(["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:ReEncrypt*", last]);
                let statement = json!({ "Principal": principal, "Action": actions, "Resource": "*" });
                (json!({ "KeyId": name }), statement)
            }
            Kind::Bucket => {
                let bucket = format!("arn:aws:s3:::{name}");
                let actions = json!([if even { "s3:GetObject" } else { "s3:GetObjectTagging" }, "s3:ListBucket"]);
                let resources = json!([bucket, format!("{bucket}/*")]);
                let statement = json!({ "Principal": principal, "Action": actions, "Resource": resources });
                (json!({ "BucketName": name }), statement)
            }
            Kind::Trust => {
                let condition = json!({ "StringEquals": { "sts:ExternalId": format!("between-us-{version:04}") } });
                let statement = json!({ "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition });
                (json!({ "RoleName": name }), statement)
            }
            Kind::Inline => {
                let actions = json!(["s3:GetObject", if even { "s3:PutObject" } else { "s3:DeleteObject" }]);
                let resource = format!("arn:aws:s3:::team-{claim}/{version}/*");
                let target = json!({ "RoleName": name, "PolicyName": "shared" });
                (target, json!({ "Action": actions, "Resource": resource }))
            }
        };
        statement["Effect"] = json!("Allow");
        let mut properties = target;
        let two = self.kind == Kind::Bucket && claim % 10 == 3;
        properties["Statement"] = if two { json!([statement, statement]) } else { statement };
        properties
    }

    async fn aws(&self, arguments: &[&str]) -> Value {
        let local = LocalAws::running();
        local.aws_at(&self.endpoint, &local.account, arguments).await.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A part of a policy in the fewest words for the roots of accounts, which mean the same. The functions write these where a policy is full.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-accounts>
pub(super) fn with_account_ids(policy: &Value) -> Value {
    match policy {
        Value::String(text) => {
            let root = text.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
            json!(root.unwrap_or(text))
        }
        Value::Array(list) => list.iter().map(with_account_ids).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), with_account_ids(value))).collect(),
        other => other.clone(),
    }
}

/// What somebody else has written, as people and services do: without Sids, with empty ones and the same one twice, in any
/// order, one without a list.
fn foreign(kind: Kind, name: &str) -> Value {
    let root = format!("arn:aws:iam::{}:root", LocalAws::running().account);
    match kind {
        Kind::Repository => json!({
            "Id": "by hand",
            "Version": "2008-10-17",
            "Statement": [
                { "Action": "ecr:BatchGetImage", "Sid": "", "Principal": { "Service": "codebuild.amazonaws.com" }, "Effect": "Allow" },
                { "Sid": "", "Effect": "Deny", "Principal": "*", "Action": ["ecr:DeleteRepository"] },
                { "Sid": "Pull", "Effect": "Allow", "Principal": { "AWS": ["333333333333", "arn:aws:iam::444444444444:root"] },
                  "Action": ["ecr:ListImages", "ecr:BatchGetImage"] },
            ],
        }),
        Kind::Key => json!({
            "Version": "2012-10-17",
            "Id": "by hand",
            "Statement": [
                { "Sid": "Enable IAM policies", "Effect": "Allow", "Principal": { "AWS": root }, "Action": "kms:*", "Resource": "*" },
                { "Resource": "*", "Effect": "Deny", "Principal": { "AWS": "333333333333" }, "Action": "kms:ScheduleKeyDeletion" },
            ],
        }),
        Kind::Bucket => json!({
            "Statement": {
                "Sid": "",
                "Condition": { "Bool": { "aws:SecureTransport": "false" } },
                "Resource": format!("arn:aws:s3:::{name}/*"),
                "Action": "s3:*",
                "Effect": "Deny",
                "Principal": "*",
            },
            "Version": "2012-10-17",
        }),
        Kind::Trust => json!({
            "Version": "2012-10-17",
            "Statement": [{ "Action": "sts:AssumeRole", "Effect": "Allow", "Principal": { "Service": "codepipeline.amazonaws.com" } }],
        }),
        Kind::Inline => json!({
            "Version": "2012-10-17",
            "Statement": [
                { "Effect": "Allow", "Resource": "*", "Action": "s3:ListAllMyBuckets" },
                { "Sid": "Do", "Effect": "Allow", "Action": ["sts:GetCallerIdentity"], "Resource": ["*"] },
            ],
        }),
    }
}
