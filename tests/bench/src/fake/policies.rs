//! ECR, KMS, S3 and IAM as far as a policy goes.

use std::collections::BTreeMap;

use archipelago_tests::call::Call;
use archipelago_tests::http::{Headers, Reply, Request};
use serde_json::{Value, json};

use super::ACCOUNT;
use super::wire::{DATE, encoded, json as answer, query, text};

/// The policies by the service that they lie in, since each has one.
#[derive(Clone)]
pub(super) struct FakePolicies {
    by_service: BTreeMap<&'static str, String>,
}

/// What stands in every policy before we come: a statement of somebody else's, and of a key's the one it needs.
impl Default for FakePolicies {
    fn default() -> Self {
        let root = json!({ "AWS": format!("arn:aws:iam::{ACCOUNT}:root") });
        let policy = |sid: &str, action: &str, principal: Option<&Value>, resource: Option<&str>| {
            let mut statement = json!({ "Sid": sid, "Effect": "Allow", "Action": action });
            if let Some(principal) = principal {
                statement["Principal"] = principal.clone();
            }
            if let Some(resource) = resource {
                statement["Resource"] = json!(resource);
            }
            json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
        };
        let by_service = BTreeMap::from([
            ("ecr", policy("Theirs", "ecr:BatchGetImage", Some(&root), None)),
            ("kms", policy("Root", "kms:*", Some(&root), Some("*"))),
            ("s3", policy("Theirs", "s3:GetObject", Some(&root), Some("arn:aws:s3:::artifacts/*"))),
            ("trust", policy("Theirs", "sts:AssumeRole", Some(&root), None)),
            ("inline", policy("Theirs", "s3:ListAllMyBuckets", None, Some("*"))),
        ]);
        Self { by_service }
    }
}

impl FakePolicies {
    pub(super) fn answer(&mut self, service: &str, call: &Call, request: &Request) -> Option<Reply> {
        match service {
            "ecr" => self.ecr(call),
            "kms" => self.kms(call),
            "s3" => self.s3(call, request),
            _ => self.iam(call),
        }
    }

    fn policy(&self, service: &str) -> &str {
        self.by_service.get(service).map(String::as_str).unwrap_or_default()
    }

    fn ecr(&mut self, call: &Call) -> Option<Reply> {
        let shown = match call.operation.as_str() {
            "GetRepositoryPolicy" => self.policy("ecr").to_owned(),
            "SetRepositoryPolicy" => {
                self.by_service.insert("ecr", text(call, "policyText").to_owned());
                self.policy("ecr").to_owned()
            }
            "DeleteRepositoryPolicy" => self.by_service.remove("ecr").unwrap_or_default(),
            "DescribeRepositories" => {
                let repository = &call.input["repositoryNames"][0];
                let made = json!({ "repositoryName": repository, "createdAt": 1_767_225_600 });
                return Some(answer(&json!({ "repositories": [made] })));
            }
            _ => return None,
        };
        if shown.is_empty() {
            return Some(call.error(400, "RepositoryPolicyNotFoundException", "Repository policy does not exist"));
        }
        let repository = &call.input["repositoryName"];
        Some(answer(&json!({ "registryId": ACCOUNT, "repositoryName": repository, "policyText": shown })))
    }

    fn kms(&mut self, call: &Call) -> Option<Reply> {
        Some(answer(&match call.operation.as_str() {
            "DescribeKey" => json!({ "KeyMetadata": {
                "AWSAccountId": ACCOUNT, "KeyId": call.input["KeyId"], "KeyManager": "CUSTOMER", "KeyState": "Enabled",
            } }),
            "GetKeyPolicy" => json!({ "Policy": self.policy("kms"), "PolicyName": "default" }),
            "PutKeyPolicy" => {
                self.by_service.insert("kms", text(call, "Policy").to_owned());
                json!({})
            }
            _ => return None,
        }))
    }

    fn s3(&mut self, call: &Call, request: &Request) -> Option<Reply> {
        match call.operation.as_str() {
            "GetBucketPolicy" => match self.policy("s3") {
                "" => Some(call.error(404, "NoSuchBucketPolicy", "The bucket policy does not exist")),
                policy => Some(Reply::Http(200, Headers::default(), policy.as_bytes().to_vec())),
            },
            "PutBucketPolicy" => {
                self.by_service.insert("s3", String::from_utf8_lossy(&request.body).into_owned());
                Some(Reply::status(204))
            }
            "DeleteBucketPolicy" => {
                self.by_service.remove("s3");
                Some(Reply::status(204))
            }
            _ => None,
        }
    }

    fn iam(&mut self, call: &Call) -> Option<Reply> {
        let (role, policy) = (text(call, "RoleName"), text(call, "PolicyName"));
        let document = || text(call, "PolicyDocument").to_owned();
        Some(match call.operation.as_str() {
            "GetRole" => {
                let document = encoded(self.policy("trust"));
                query(
                    call,
                    &format!(
                        "<Role><Path>/</Path><RoleName>{role}</RoleName><RoleId>AROAEXAMPLEEXAMPLEEX</RoleId>\
                         <Arn>arn:aws:iam::{ACCOUNT}:role/{role}</Arn><CreateDate>{DATE}</CreateDate>\
                         <AssumeRolePolicyDocument>{document}</AssumeRolePolicyDocument></Role>"
                    ),
                )
            }
            "UpdateAssumeRolePolicy" => {
                self.by_service.insert("trust", document());
                query(call, "")
            }
            "GetRolePolicy" => match self.policy("inline") {
                "" => call.error(404, "NoSuchEntity", "The role policy cannot be found."),
                shown => query(
                    call,
                    &format!(
                        "<RoleName>{role}</RoleName><PolicyName>{policy}</PolicyName>\
                         <PolicyDocument>{}</PolicyDocument>",
                        encoded(shown)
                    ),
                ),
            },
            "PutRolePolicy" => {
                self.by_service.insert("inline", document());
                query(call, "")
            }
            "DeleteRolePolicy" => {
                self.by_service.remove("inline");
                query(call, "")
            }
            "ListRolePolicies" => {
                query(call, "<PolicyNames><member>deployments</member></PolicyNames><IsTruncated>false</IsTruncated>")
            }
            _ => return None,
        })
    }
}
