//! The inline policies of roles.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html>

use std::time::Duration;

use aws_sdk_iam::Client;
use custom_resource::{AwsError, Error, Passing, Result, SdkConfig, SdkResult};
use futures_util::{StreamExt, TryStreamExt, stream};
use percent_encoding::percent_decode_str;
use policy_statement::{Limit, Objection, Policy, PolicyStore, Resources, Rules, TargetLocation};

use crate::inline_policy::InlinePolicy;

/// What IAM says of a role and of a policy alike.
const NOT_THERE: &str = "NoSuchEntity";

/// "Maximum policy size of 10240 bytes exceeded for role .."
/// <https://github.com/aws-amplify/amplify-backend/issues/2615>
const TOO_LARGE: &str = "LimitExceeded";

/// What IAM says to a write that meets another one, or a role that was made a moment ago.
const PASSING: [Passing; 1] = [Passing {
    codes: &[NOT_THERE, "ConcurrentModification", "EntityTemporarilyUnmodifiable"],
    within: Duration::from_mins(2),
}];

/// How many policies are read at once: more at a time than IAM likes to be asked helps nobody.
const AT_ONCE: usize = 5;

/// IAM, as a store of inline policies.
#[derive(Debug)]
pub(crate) struct InlinePolicies(Client);

impl InlinePolicies {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        Self(Client::new(aws))
    }

    /// A policy's size as IAM counts it, in characters without white space; 0 if it has gone.
    async fn size(&self, role: &str, policy: &str) -> Result<usize, AwsError> {
        let got = self.0.get_role_policy().role_name(role).policy_name(policy).send().await.none_if(&[NOT_THERE])?;
        let size = |encoded: &str| {
            percent_decode_str(encoded).decode_utf8_lossy().chars().filter(|c| !c.is_ascii_whitespace()).count()
        };
        Ok(got.map_or(0, |got| size(&got.policy_document)))
    }
}

impl PolicyStore for InlinePolicies {
    type Target = InlinePolicy;
    const TYPE: &'static str = "Custom::IamPolicyStatement";
    const RULES: Rules = Rules {
        policy: "an inline policy of a role",
        services: &[],
        every_action: true,
        refused: &[],
        principals: false,
        canonical_users: false,
        resources: Resources::Any,
    };
    /// For all inline policies of a role together.
    const LIMIT: Limit = Limit {
        advice: "all inline policies of a role share that; use a managed policy for what doesn't change, or `*` for \
                 actions that begin alike",
        ..Limit::characters(10_240)
    };
    const DELETED_WHEN_EMPTY: bool = true;
    const FROM_OUTSIDE: bool = false;
    const APPEARS_WITHIN: Option<Duration> = Some(Duration::from_secs(30));
    const OPENED_BY: &'static str =
        "list the role in the parameter RoleArns of the functions' stack; without that the function changes none";

    async fn warm_up(&self) {
        let got = self.0.get_role_policy().role_name("any").policy_name("any").send();
        let _ = tokio::join!(got, self.0.list_role_policies().role_name("any").send());
    }

    async fn get(&self, TargetLocation { target, .. }: &TargetLocation<InlinePolicy>) -> Result<Policy> {
        let request = self.0.get_role_policy().role_name(&target.role).policy_name(&target.policy);
        match request.send().await.into_aws_error() {
            Ok(got) => {
                let text = percent_decode_str(&got.policy_document).decode_utf8();
                let text = text.map_err(|_| Error::refused("iam:GetRolePolicy gave a policy that isn't UTF-8"))?;
                Ok(Policy::Text(text.into_owned()))
            }
            // Only its words tell a policy that isn't there from a role that isn't; this call is about the role alone.
            Err(error) if error.code() == NOT_THERE => {
                match self.0.list_role_policies().role_name(&target.role).max_items(1).send().await.into_aws_error() {
                    Ok(_) => Ok(Policy::Absent),
                    Err(error) if error.code() == NOT_THERE => Ok(Policy::NoTarget(error)),
                    Err(error) => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn put(
        &self,
        TargetLocation { target, .. }: &TargetLocation<InlinePolicy>,
        text: &str,
    ) -> Result<(), AwsError> {
        let request = self.0.put_role_policy().role_name(&target.role).policy_name(&target.policy);
        request.policy_document(text).send().await.passing(&PASSING).map(drop)
    }

    async fn delete(&self, TargetLocation { target, .. }: &TargetLocation<InlinePolicy>) -> Result<(), AwsError> {
        let request = self.0.delete_role_policy().role_name(&target.role).policy_name(&target.policy);
        request.send().await.none_if(&[NOT_THERE]).passing(&PASSING).map(drop)
    }

    /// A role that is made anew has another id:
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
    async fn identity(&self, TargetLocation { target, .. }: &TargetLocation<InlinePolicy>) -> Option<String> {
        Some(self.0.get_role().role_name(&target.role).send().await.ok()?.role?.role_id)
    }

    /// It has no principals.
    fn objection(error: &AwsError) -> Objection {
        if error.code() == TOO_LARGE { Objection::Size } else { Objection::Other }
    }

    /// What is left of it by the role's other inline policies.
    async fn limit(&self, TargetLocation { target, .. }: &TargetLocation<InlinePolicy>) -> Result<Limit> {
        let names = self.0.list_role_policies().role_name(&target.role).into_paginator().items().send();
        let mut names = names.collect::<Result<Vec<_>, _>>().await.into_aws_error()?;
        names.retain(|name| *name != target.policy);
        let sizes = names.iter().map(|name| self.size(&target.role, name));
        let sizes = stream::iter(sizes).buffer_unordered(AT_ONCE);
        let sizes = sizes.try_collect::<Vec<_>>().await?;
        Ok(Limit { elsewhere: sizes.into_iter().sum(), ..Self::LIMIT })
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
