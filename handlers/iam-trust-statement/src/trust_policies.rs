//! The trust policies of roles.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html>

use std::{cell::RefCell, time::Duration};

use aws_sdk_iam::{Client, types::SummaryKeyType};
use custom_resource::{AwsError, Error, Passing, Result, SdkConfig, SdkResult};
use percent_encoding::percent_decode_str;
use policy_statement::{Limit, Objection, Policy, PolicyStore, Resources, Rules, TargetLocation};

use crate::role::Role;

const NO_ROLE: &str = "NoSuchEntity";
const MALFORMED: &str = "MalformedPolicyDocument";

/// "Cannot exceed quota for `ACLSizePerRole`: 2048"
const TOO_LARGE: &str = "LimitExceeded";

/// What IAM says of a principal that it doesn't know. Whatever else is malformed has other words and the same code.
const PRINCIPAL_UNSEEN: &str = "Invalid principal in policy";

/// What IAM says to a write that meets another one, or a role that was made a moment ago.
const PASSING: [Passing; 1] = [Passing {
    codes: &[NO_ROLE, "ConcurrentModification", "EntityTemporarilyUnmodifiable"],
    within: Duration::from_mins(2),
}];

/// IAM, as a store of trust policies, and the name and the id of the role that was read last.
#[derive(Debug)]
pub(crate) struct TrustPolicies(Client, RefCell<Option<(String, String)>>);

impl TrustPolicies {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        Self(Client::new(aws), RefCell::default())
    }
}

impl PolicyStore for TrustPolicies {
    type Target = Role;
    const TYPE: &'static str = "Custom::IamTrustStatement";
    const RULES: Rules = Rules {
        policy: "a trust policy",
        services: &["sts"],
        every_action: false,
        refused: &[],
        principals: true,
        canonical_users: false,
        resources: Resources::None,
    };
    /// By default; an account may have more, up to 8,192.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
    const LIMIT: Limit = Limit {
        advice: "grant an OU with aws:PrincipalOrgPaths instead of single accounts, or have the quota `Role trust policy \
                 length` of the role's account raised",
        ..Limit::characters(2_048)
    };
    const DELETED_WHEN_EMPTY: bool = false;
    const FROM_OUTSIDE: bool = false;
    const APPEARS_WITHIN: Option<Duration> = Some(Duration::from_secs(30));
    const OPENED_BY: &'static str =
        "list the role in the parameter RoleArns of the functions' stack; without that the function changes none";

    async fn warm_up(&self) {
        let _ = self.0.get_role().role_name("any").send().await;
    }

    async fn get(&self, TargetLocation { target, .. }: &TargetLocation<Role>) -> Result<Policy> {
        match self.0.get_role().role_name(&target.name).send().await.into_aws_error() {
            Ok(got) => {
                self.1.replace(got.role.as_ref().map(|role| (target.name.clone(), role.role_id.clone())));
                // None would be no JSON, which is left as it is: a role without a trust policy doesn't exist.
                let encoded = got.role.and_then(|role| role.assume_role_policy_document).unwrap_or_default();
                let text = percent_decode_str(&encoded).decode_utf8();
                let text = text.map_err(|_| Error::refused("iam:GetRole gave a trust policy that isn't UTF-8"))?;
                Ok(Policy::Text(text.into_owned()))
            }
            Err(error) if error.code() == NO_ROLE => Ok(Policy::NoTarget(error)),
            Err(error) => Err(error.into()),
        }
    }

    async fn put(&self, TargetLocation { target, .. }: &TargetLocation<Role>, text: &str) -> Result<(), AwsError> {
        let request = self.0.update_assume_role_policy().role_name(&target.name).policy_document(text);
        request.send().await.passing(&PASSING).map(drop)
    }

    /// What AWS would say to one without statements.
    async fn delete(&self, _location: &TargetLocation<Role>) -> Result<(), AwsError> {
        let instead = "a role can't be without a trust policy; delete the role";
        Err(AwsError::refused("iam:UpdateAssumeRolePolicy", MALFORMED, instead))
    }

    /// A role that is made anew has another id, which each read of its trust policy says:
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
    async fn identity(&self, TargetLocation { target, .. }: &TargetLocation<Role>) -> Option<String> {
        let latest = self.1.borrow();
        latest.as_ref().filter(|(name, _)| *name == target.name).map(|(_, id)| id.clone())
    }

    fn objection(error: &AwsError) -> Objection {
        match error.code() {
            MALFORMED if error.message().contains(PRINCIPAL_UNSEEN) => Objection::Principal,
            TOO_LARGE => Objection::Size,
            _ => Objection::Other,
        }
    }

    async fn limit(&self, _location: &TargetLocation<Role>) -> Result<Limit> {
        let summary = self.0.get_account_summary().send().await.into_aws_error().map_err(|error| {
            error.advised("it says whether the account may have a trust policy of more than 2,048 characters")
        })?;
        let quota = summary.summary_map.and_then(|map| map.get(&SummaryKeyType::AssumeRolePolicySizeQuota).copied());
        let size = quota.and_then(|quota| usize::try_from(quota).ok()).unwrap_or(Self::LIMIT.size);
        Ok(Limit { size, ..Self::LIMIT })
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
