//! The policies of KMS's keys.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html>

use std::time::Duration;

use aws_sdk_kms::{
    Client,
    config::Region,
    types::{KeyManagerType, KeyState},
};
use custom_resource::{AwsError, Error, Passing, Result, SdkConfig, SdkResult};
use policy_statement::{
    Document, Limit, Lookup, Objection, Policy, PolicyStore, Resources, Rules, Statement, TargetLocation,
};

use crate::{element, key::Key, root};

/// The only name that a policy of ours has; others are of AWS's own services.
const POLICY_NAME: &str = "default";

const NOT_FOUND: &str = "NotFoundException";
/// "If the key policy exceeds the length constraint, KMS returns a `LimitExceededException`."
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>
const TOO_LARGE: &str = "LimitExceededException";
const MALFORMED: &str = "MalformedPolicyDocumentException";

/// What KMS says, with the code of a malformed policy, of one that takes its own right from who writes it.
const LOCKOUT: &str = "The new key policy will not allow you to update the key policy in the future";

/// How long a key that was made a moment ago may not be known to all of KMS.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/accessing-kms.html#programming-eventual-consistency>
const SEEN_WITHIN: Duration = Duration::from_mins(2);

/// What KMS says of such a key to a write.
const NEW_KEY: Passing = Passing { codes: &[NOT_FOUND], within: SEEN_WITHIN };

/// KMS, as a store of policies.
#[derive(Debug)]
pub(crate) struct Keys(Client);

impl Keys {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        Self(Client::new(aws))
    }

    fn region(&self) -> Option<&str> {
        Client::config(&self.0).region().map(Region::as_ref)
    }
}

impl PolicyStore for Keys {
    type Target = Key;
    const TYPE: &'static str = "Custom::KmsPolicyStatement";
    const RULES: Rules = Rules {
        policy: "a key policy",
        services: &["kms"],
        every_action: true,
        refused: &[],
        principals: true,
        canonical_users: false,
        resources: Resources::Star,
    };
    const LIMIT: Limit = Limit::bytes(32_768);
    const DELETED_WHEN_EMPTY: bool = false;
    const FROM_OUTSIDE: bool = false;
    const APPEARS_WITHIN: Option<Duration> = Some(Duration::from_secs(30));
    /// As long as Terraform waits for a key policy (`KeyPolicyPropagationTimeout`), which first was five minutes.
    /// <https://github.com/hashicorp/terraform-provider-aws/tree/main/internal/service/kms>
    const LAG: Duration = Duration::from_mins(10);
    const OPENED_BY: &'static str = "the parameter KeyArns of the functions' stack says which keys the function may change, if the key's own \
                                     policy leaves that to IAM policies";

    async fn warm_up(&self) {
        let _ = self.0.describe_key().key_id("any").send().await;
    }

    /// The key by its id, whichever name it has in the template.
    async fn resolve(&self, location: TargetLocation<Key>) -> Result<Lookup<TargetLocation<Key>>> {
        if let Some(region) = location.target.region.as_deref()
            && self.region() != Some(region)
        {
            let own = self.region().unwrap_or_default();
            return Err(Error::refused(format!(
                "the key {location} is in Region {region}, and this function changes the keys of {own} alone; use the function \
                 in {region}, or the ARN that the key has here if it is a multi-Region key"
            )));
        }
        let described = match self.0.describe_key().key_id(&location.target.name).send().await.into_aws_error() {
            Ok(described) => described.key_metadata,
            Err(error) if error.code() == NOT_FOUND => return Ok(Lookup::Gone(error)),
            Err(error) => return Err(error.into()),
        };
        let key =
            described.ok_or_else(|| Error::refused(format!("kms:DescribeKey says nothing of the key {location}")))?;
        if key.key_manager == Some(KeyManagerType::Aws) {
            return Err(Error::refused(format!(
                "the key {location} is an AWS managed key, whose policy AWS alone changes; use a customer managed key"
            )));
        }
        if let Some(state @ (KeyState::PendingDeletion | KeyState::PendingReplicaDeletion)) = &key.key_state {
            let error = AwsError::refused("kms:DescribeKey", state.as_str(), "the key is being deleted");
            return Ok(Lookup::Gone(error));
        }
        if let Some(KeyState::Creating | KeyState::Updating) = &key.key_state {
            return Err(Error::not_yet_within(SEEN_WITHIN, format!("the key {location} is still being made")));
        }
        let owner = key.aws_account_id.or_else(|| location.account.clone());
        Ok(Lookup::Found(TargetLocation {
            account: location.account,
            target: Key { name: key.key_id, region: None, owner },
        }))
    }

    async fn get(&self, location: &TargetLocation<Key>) -> Result<Policy> {
        let request = self.0.get_key_policy().key_id(&location.target.name).policy_name(POLICY_NAME);
        match request.send().await.into_aws_error() {
            // A key always has a policy, so one that isn't shown isn't one to be written anew.
            Ok(policy) => match policy.policy {
                Some(text) => Ok(Policy::Text(text)),
                None => Err(Error::refused(format!("kms:GetKeyPolicy shows no policy of the key {location}"))),
            },
            Err(error) if error.code() == NOT_FOUND => Ok(Policy::NoTarget(error)),
            Err(error) => Err(error.into()),
        }
    }

    async fn put(&self, location: &TargetLocation<Key>, text: &str) -> Result<(), AwsError> {
        let request = self.0.put_key_policy().key_id(&location.target.name).policy_name(POLICY_NAME).policy(text);
        match request.send().await.passing(&[NEW_KEY]) {
            Ok(_) => Ok(()),
            Err(error) if is_lockout(&error) => Err(error.advised(
                "the policy must let the role that writes it call kms:PutKeyPolicy again; allow that role to, or the root of \
                 the key's account kms:*",
            )),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, _location: &TargetLocation<Key>) -> Result<(), AwsError> {
        Err(AwsError::refused("kms:PutKeyPolicy", MALFORMED, "a key always has a policy"))
    }

    /// Its words name principals, and otherwise a statement is malformed; there may be no words.
    /// <https://repost.aws/knowledge-center/kms-policy-error-invalid-principals>
    fn objection(error: &AwsError) -> Objection {
        match error.message() {
            _ if error.code() == TOO_LARGE => Objection::Size,
            _ if error.code() != MALFORMED || is_lockout(error) => Objection::Other,
            "" => Objection::PrincipalOrStatement,
            words if words.to_ascii_lowercase().contains("principal") => Objection::Principal,
            _ => Objection::Statement,
        }
    }

    /// Until August 2025 it took such statements, which do nothing.
    fn no_longer_taken(statement: &Statement) -> Option<&'static str> {
        element::missing_in(statement)
    }

    /// The root of the key's account stays in, once it is.
    fn guard(location: &TargetLocation<Key>, before: &Document, after: &Document) -> Result<()> {
        match &location.target.owner {
            Some(owner) if root::is_allowed_everything(before, owner) && !root::is_allowed_everything(after, owner) => {
                Err(Error::refused(format!(
                    "the policy of key {location} would not allow the root of account {owner} kms:* any more, without which the \
                     key may become unmanageable; allow it in another statement first"
                )))
            }
            _ => Ok(()),
        }
    }
}

fn is_lockout(error: &AwsError) -> bool {
    error.code() == MALFORMED && error.message().contains(LOCKOUT)
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
