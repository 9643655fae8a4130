//! What one application is built with, in the tooling account: four policies that other accounts' statements join.

use std::collections::BTreeMap;

use archipelago_tests::local_aws::LocalAws;
use serde_json::{Value, json};

use super::account::Account;

/// The stack `tooling` of an application.
#[derive(Debug)]
pub(super) struct Tooling {
    account: Account,
    application: &'static str,
    outputs: BTreeMap<String, String>,
}

/// The text of each policy: of the repository, of its key, of the bucket and of its key.
pub(super) type ToolingPolicies = [String; 4];

impl Tooling {
    /// The stack of an application's tooling, which opens it to the callers that the parameters name.
    pub(super) async fn create(account: &Account, application: &'static str, callers: &[(&str, &str)]) -> Self {
        let stack = format!("{application}-tooling");
        let parameters = [&[("Application", application)], callers].concat();
        account.create(&stack, "stacks/tooling.yaml", &parameters).await;
        Self { account: account.clone(), application, outputs: account.outputs(&stack).await }
    }

    pub(super) fn output(&self, name: &str) -> &str {
        &self.outputs[name]
    }

    /// What the stack `workload` of another account is told of it.
    pub(super) fn handed(&self) -> [(&str, &str); 5] {
        [
            ("Application", self.application),
            ("ToolingAccountId", &self.account.0),
            ("ArtifactBucketName", self.output("ArtifactBucketName")),
            ("ArtifactKeyArn", self.output("ArtifactKeyArn")),
            ("ImagesKeyArn", self.output("ImagesKeyArn")),
        ]
    }

    pub(super) async fn policies(&self) -> ToolingPolicies {
        let [repository, images_key, bucket, artifact_key] = self.commands();
        let text = |output: Value, name: &str| output[name].as_str().map(str::to_owned);
        let outputs = tokio::join!(
            self.account.aws(&repository),
            self.account.aws(&images_key),
            self.account.aws(&bucket),
            self.account.aws(&artifact_key)
        );
        [text(outputs.0, "policyText"), text(outputs.1, "Policy"), text(outputs.2, "Policy"), text(outputs.3, "Policy")]
            .map(Option::unwrap)
    }

    /// What shows each policy.
    fn commands(&self) -> [Vec<&str>; 4] {
        let key = |output| vec!["kms", "get-key-policy", "--policy-name", "default", "--key-id", self.output(output)];
        [
            vec!["ecr", "get-repository-policy", "--repository-name", self.application],
            key("ImagesKeyArn"),
            vec!["s3api", "get-bucket-policy", "--bucket", self.output("ArtifactBucketName")],
            key("ArtifactKeyArn"),
        ]
    }

    /// Whether one of the policies, of which there may be none, names an account.
    pub(super) async fn names(&self, Account(account): &Account) -> bool {
        let local = LocalAws::running();
        for command in self.commands() {
            let policy = local.aws_at(&local.endpoint, &self.account.0, &command).await;
            if policy.is_ok_and(|policy| policy.to_string().contains(account)) {
                return true;
            }
        }
        false
    }

    /// Adds a statement to the repository's policy and to the bucket's, as a person does it who knows nothing of us.
    pub(super) async fn edit(&self, policies: &ToolingPolicies) {
        let [repository, _, bucket, _] = policies.each_ref().map(|text| serde_json::from_str::<Value>(text).unwrap());
        let principal = json!({ "AWS": "arn:aws:iam::999999999999:root" });
        let mut pulls = repository.clone();
        let pull =
            json!({ "Principal": principal, "Action": ["ecr:DescribeImages"], "Effect": "Allow", "Sid": "by hand" });
        pulls["Statement"].as_array_mut().unwrap().insert(0, pull);
        let mut reads = bucket.clone();
        let everything = format!("arn:aws:s3:::{}/*", self.output("ArtifactBucketName"));
        let read =
            json!({ "Resource": everything, "Principal": principal, "Action": "s3:GetObject", "Effect": "Allow" });
        reads["Statement"].as_array_mut().unwrap().push(read);
        let (pulls, reads) = (pulls.to_string(), reads.to_string());
        let repository = ["--repository-name", self.application, "--policy-text", &pulls];
        self.account.aws(&[&["ecr", "set-repository-policy"][..], &repository].concat()).await;
        let bucket = ["--bucket", self.output("ArtifactBucketName"), "--policy", &reads];
        self.account.aws(&[&["s3api", "put-bucket-policy"][..], &bucket].concat()).await;
    }

    /// What the policies grant to the accounts that have the stack `workload`, and nothing else: statements without the mark
    /// that ends a Sid of ours, in the order of `policies`.
    pub(super) fn granted(&self, accounts: &[&Account]) -> [Vec<Value>; 4] {
        self.granted_to(None, accounts)
    }

    /// The same to accounts of a unit, which have it while they are in the unit with those paths.
    pub(super) fn granted_to(&self, paths: Option<&str>, accounts: &[&Account]) -> [Vec<Value>; 4] {
        let root = format!("arn:aws:iam::{}:root", self.account.0);
        let administration = json!({
            "Sid": "Administration", "Effect": "Allow", "Principal": { "AWS": root }, "Action": "kms:*", "Resource": "*"
        });
        let bucket = format!("arn:aws:s3:::{}", self.output("ArtifactBucketName"));
        let objects = format!("{bucket}/*");
        let deny = json!({
            "Sid": "DenyInsecureTransport", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [bucket, objects], "Condition": { "Bool": { "aws:SecureTransport": "false" } }
        });
        let decrypt = json!(["kms:Decrypt", "kms:DescribeKey"]);
        let mut granted = [vec![], vec![administration.clone()], vec![deny], vec![administration]];
        for Account(account) in accounts {
            let to = |role: &str| {
                let role = format!("arn:aws:iam::{account}:role/{}-{role}", self.application);
                let mut condition = json!({ "ArnEquals": { "aws:PrincipalArn": role } });
                if let Some(paths) = paths {
                    condition["ForAnyValue:StringLike"] = json!({ "aws:PrincipalOrgPaths": paths });
                }
                condition
            };
            let (pulls, deploys) = (to("task-execution"), to("deploy"));
            let mut by_ecr = pulls.clone();
            by_ecr["StringEquals"] = json!({ "kms:ViaService": "ecr.us-east-1.amazonaws.com" });
            let statement = |sid: &str, actions: &Value, condition: &Value| {
                json!({
                    "Sid": sid, "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
                    "Action": actions, "Condition": condition
                })
            };
            let on = |resource: &str, mut statement: Value| {
                statement["Resource"] = json!(resource);
                statement
            };
            let pull = json!(["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]);
            let (read, find) = (["s3:GetObject", "s3:GetObjectVersion"], ["s3:GetBucketLocation", "s3:ListBucket"]);
            granted[0].push(statement("Pull1", &pull, &pulls));
            granted[1].push(on("*", statement("DecryptLayers1", &decrypt, &by_ecr)));
            granted[2].push(on(&objects, statement("ReadArtifacts1", &json!(read), &deploys)));
            granted[2].push(on(&bucket, statement("FindArtifacts1", &json!(find), &deploys)));
            granted[3].push(on("*", statement("DecryptArtifacts1", &decrypt, &deploys)));
        }
        granted.map(sorted)
    }
}

/// The statements of each policy, without the marks.
pub(super) fn statements(policies: &ToolingPolicies) -> [Vec<Value>; 4] {
    policies.each_ref().map(|text| {
        let mut statements = serde_json::from_str::<Value>(text).unwrap()["Statement"].as_array().unwrap().clone();
        for statement in &mut statements {
            let unmarked = statement["Sid"].as_str().and_then(|sid| sid.split_at_checked(sid.len().checked_sub(10)?));
            let is_mark = |end: &str| end.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if let Some((name, _)) = unmarked.filter(|(_, end)| is_mark(end)) {
                statement["Sid"] = json!(name);
            }
        }
        sorted(statements)
    })
}

/// In an order that doesn't depend on who came first.
fn sorted(mut statements: Vec<Value>) -> Vec<Value> {
    statements.sort_by_key(|statement| format!("{} {}", statement["Principal"], statement["Sid"]));
    statements
}
