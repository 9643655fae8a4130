//! The policy types of the root: switched on and off, which AWS does in the background.
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnablePolicyType.html>

use std::time::Duration;

use aws_sdk_organizations::{
    operation::enable_policy_type::EnablePolicyTypeError,
    types::{ConstraintViolationExceptionReason as Constraint, PolicyType, PolicyTypeStatus, Root},
};
use custom_resource::{Claim, Error, Passing, Result, SdkResult};
use organizations::{NEW_FOR, Organizations, PASSING, constraint};

use crate::{properties::OrganizationId, services::Services};

/// How long a policy type may take to be switched on or off: as long as Terraform's provider waits for it.
pub(crate) const TYPES_SWITCHED_WITHIN: Duration = Duration::from_mins(5);

/// What Organizations says of the root of an organization that was made a moment ago.
pub(crate) const NEW_ROOT: Passing = Passing { codes: &["RootNotFoundException"], within: NEW_FOR };

/// The policy types of an organization.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PolicyTypes<'a> {
    pub(crate) organizations: &'a Organizations,
}

impl PolicyTypes<'_> {
    /// Enables the policy types that are wanted and aren't, and disables those that only were wanted before; then comes back until
    /// all are as they should be: until then policies can't be attached, and a service can't be dropped.
    pub(crate) async fn change(
        &self,
        root: &Root,
        desired: &[PolicyType],
        previous: Option<&[PolicyType]>,
        services: &Services<'_>,
        claim: &Claim<OrganizationId>,
    ) -> Result<()> {
        let root_id = root.id().unwrap_or_default();
        let mut is_asked = false;
        for policy_type in desired {
            let now = status(root, policy_type);
            match now {
                Some(PolicyTypeStatus::Enabled) if previous.is_none_or(|them| them.contains(policy_type)) => continue,
                Some(PolicyTypeStatus::PendingEnable | PolicyTypeStatus::PendingDisable) => {
                    return Err(being_changed(policy_type));
                }
                _ => {}
            }
            let enabling = async || {
                is_asked = true;
                self.enable(root_id, policy_type, services).await
            };
            claim.writes().change(policy_type.as_str(), now.is_some(), enabling).await?;
        }
        let dropped = || previous.into_iter().flatten().filter(|policy_type| !desired.contains(policy_type));
        for policy_type in dropped() {
            let now = status(root, policy_type);
            // While it is being enabled it can't be disabled, and would stay on.
            if let Some(PolicyTypeStatus::PendingEnable | PolicyTypeStatus::PendingDisable) = now {
                return Err(being_changed(policy_type));
            }
            let disabling = async || {
                is_asked = true;
                let request =
                    self.organizations.0.disable_policy_type().root_id(root_id).policy_type(policy_type.clone());
                let request = request.send().await.none_if(&["PolicyTypeNotEnabledException"]);
                Ok(request.passing(&PASSING).passing(&[NEW_ROOT]).map(drop)?)
            };
            claim.writes().change(policy_type.as_str(), now.is_none(), disabling).await?;
        }
        let root = if is_asked { &self.organizations.root().await? } else { root };
        let is_off = |policy_type: &&PolicyType| status(root, policy_type) != Some(&PolicyTypeStatus::Enabled);
        let is_on = |policy_type: &&PolicyType| status(root, policy_type).is_some();
        let unsettled = desired.iter().find(is_off).or_else(|| dropped().find(is_on));
        unsettled.map_or(Ok(()), |policy_type| Err(being_changed(policy_type)))
    }

    /// A service that was trusted a moment ago may not be seen yet.
    async fn enable(&self, root_id: &str, policy_type: &PolicyType, services: &Services<'_>) -> Result<()> {
        let enabled =
            self.organizations.0.enable_policy_type().root_id(root_id).policy_type(policy_type.clone()).send().await;
        let constraint = constraint(&enabled, |error| match error {
            EnablePolicyTypeError::ConstraintViolationException(violation) => violation.reason(),
            _ => None,
        });
        let enabled = enabled.none_if(&["PolicyTypeAlreadyEnabledException"]).passing(&PASSING);
        enabled.passing(&[NEW_ROOT]).map(drop).map_err(|error| match constraint {
            Some(Constraint::ServiceAccessNotEnabled) => {
                let error = error.advised(&format!(
                    "{policy_type} belongs to a service: list that in `TrustedServices`, such as securityhub.amazonaws.com \
                     for SECURITYHUB_POLICY"
                ));
                if services.desired.is_empty() { error } else { error.not_yet_within(NEW_FOR) }.into()
            }
            _ => error.into(),
        })
    }
}

fn status<'a>(root: &'a Root, policy_type: &PolicyType) -> Option<&'a PolicyTypeStatus> {
    root.policy_types().iter().find(|summary| summary.r#type() == Some(policy_type))?.status()
}

fn being_changed(policy_type: &PolicyType) -> Error {
    Error::not_yet_within(TYPES_SWITCHED_WITHIN, format!("the policy type {policy_type} is being changed"))
}
