//! The policies of ECR's repositories.
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html>

use std::time::Duration;

use aws_sdk_ecr::Client;
use custom_resource::{AwsError, Result, SdkConfig, SdkResult};
use policy_statement::{Limit, Objection, Policy, PolicyStore, Resources, Rules, TargetLocation};

use crate::repository::Repository;

/// What ECR says of a principal that it doesn't know: the first in the words that it has for a policy it can't read at
/// all, which the checks before the call leave little room for.
const PRINCIPAL_UNSEEN: [&str; 2] = ["Invalid repository policy provided", "Principal not found"];

/// What is in its words for a policy that is longer than its model allows: `Invalid parameter at 'PolicyText' failed to satisfy
/// constraint: 'Member must have length less than or equal to 10240'`.
const TOO_LARGE: [&str; 2] = ["olicyText", "length"];

const NO_POLICY: &str = "RepositoryPolicyNotFoundException";
const NO_REPOSITORY: &str = "RepositoryNotFoundException";

/// ECR, as a store of policies.
#[derive(Debug)]
pub(crate) struct Repositories(Client);

impl Repositories {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        Self(Client::new(aws))
    }
}

impl PolicyStore for Repositories {
    type Target = Repository;
    const TYPE: &'static str = "Custom::EcrPolicyStatement";
    const RULES: Rules = Rules {
        policy: "an ECR repository policy",
        services: &["ecr"],
        every_action: true,
        refused: &[("ecr:GetAuthorizationToken", "allow it in the caller's own IAM policy, on Resource `*`")],
        principals: true,
        canonical_users: false,
        resources: Resources::None,
    };
    const LIMIT: Limit = Limit::characters(10_240);
    const DELETED_WHEN_EMPTY: bool = true;
    const FROM_OUTSIDE: bool = true;
    const APPEARS_WITHIN: Option<Duration> = None;
    const OPENED_BY: &'static str =
        "the parameter RepositoryArns of the functions' stack says which repositories the function may change";

    async fn warm_up(&self) {
        let _ = self.0.get_repository_policy().repository_name("any").send().await;
    }

    async fn get(&self, TargetLocation { account, target }: &TargetLocation<Repository>) -> Result<Policy> {
        let request = self.0.get_repository_policy().set_registry_id(account.clone()).repository_name(&target.name);
        match request.send().await.into_aws_error() {
            Ok(policy) => Ok(policy.policy_text.map_or(Policy::Absent, Policy::Text)),
            Err(error) if error.code() == NO_POLICY => Ok(Policy::Absent),
            Err(error) if error.code() == NO_REPOSITORY => Ok(Policy::NoTarget(error)),
            Err(error) => Err(error.into()),
        }
    }

    async fn put(
        &self,
        TargetLocation { account, target }: &TargetLocation<Repository>,
        text: &str,
    ) -> Result<(), AwsError> {
        let request = self.0.set_repository_policy().set_registry_id(account.clone()).repository_name(&target.name);
        request.policy_text(text).send().await.into_aws_error().map(drop)
    }

    async fn delete(&self, TargetLocation { account, target }: &TargetLocation<Repository>) -> Result<(), AwsError> {
        let request = self.0.delete_repository_policy().set_registry_id(account.clone()).repository_name(&target.name);
        request.send().await.none_if(&[NO_POLICY, NO_REPOSITORY]).map(drop)
    }

    /// When it was made: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html>
    async fn identity(&self, TargetLocation { account, target }: &TargetLocation<Repository>) -> Option<String> {
        let request = self.0.describe_repositories().set_registry_id(account.clone()).repository_names(&target.name);
        let made = request.send().await.ok()?.repositories?.first()?.created_at?;
        Some(made.to_string())
    }

    fn objection(error: &AwsError) -> Objection {
        let says = |words: &&str| error.message().contains(*words);
        if PRINCIPAL_UNSEEN.iter().any(says) {
            Objection::Principal
        } else if error.code() == "InvalidParameterException" && TOO_LARGE.iter().all(says) {
            Objection::Size
        } else {
            Objection::Other
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
