//! Whether StackSets with service-managed permissions work in the organization, which CloudFormation keeps: that the
//! organization trusts their service isn't enough.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html>

use std::{cell::LazyCell, time::Duration};

use aws_sdk_cloudformation::{Client, types::OrganizationStatus};
use custom_resource::{AwsError, Claim, Error, Passing, Result, SdkResult};
use organizations::NEW_FOR;

use crate::properties::{OrganizationId, Properties};

/// The service of StackSets. CloudFormation trusts it when it switches the access on, and no more when it switches that off:
/// both need the same permissions of the function as if it did so itself.
/// <https://github.com/aws-samples/orgs-prescriptive-guidance/blob/main/template.yml>
pub(crate) const SERVICE: &str = "member.org.stacksets.cloudformation.amazonaws.com";

/// Said to an account that is no management account: to CloudFormation, a new one isn't yet. Also said of a change that can't
/// be made.
const INVALID: &str = "InvalidOperationException";

/// What CloudFormation says to a management account that it doesn't know as one yet.
pub(crate) const NEW_MANAGEMENT_ACCOUNT: Passing = Passing { codes: &[INVALID], within: NEW_FOR };

/// How long the access may take to be switched. AWS doesn't say; others wait for six minutes at most.
pub(crate) const ACCESS_SWITCHED_WITHIN: Duration = Duration::from_mins(5);

/// What a claim writes.
const ACCESS: &str = "ActivateOrganizationsAccess";

/// What a template makes of the access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It is as it was.
    Kept,
    /// It is on. Where the template before said otherwise, it is new.
    On { is_new: bool },
    /// It is off, and was on by the template before.
    Off,
}

impl Access {
    pub(crate) fn of(desired: &Properties, previous: Option<&Properties>) -> Self {
        let before = previous.map(|previous| previous.activate_organizations_access);
        match desired.activate_organizations_access {
            Some(true) => Self::On { is_new: before.is_some_and(|before| before != Some(true)) },
            Some(false) if before == Some(Some(true)) => Self::Off,
            Some(false) | None => Self::Kept,
        }
    }

    /// What the services of the template before are without that of StackSets, where it isn't to be dropped or has gone with the
    /// access.
    pub(crate) fn forget(self, before: &mut Vec<&str>, desired: &[&str]) {
        let is_listed = desired.contains(&SERVICE);
        let is_kept = match self {
            Self::Kept => true,
            // What isn't listed any more is needed all the same.
            Self::On { .. } => is_listed,
            // What is listed has to be trusted again.
            Self::Off => !is_listed,
        };
        before.retain(|service| is_kept || *service != SERVICE);
    }
}

/// CloudFormation, which lets StackSets in. Its client is made for the few templates that say something of that: each of the SDK's
/// clients reads a table of all Regions first.
#[derive(Debug)]
pub(crate) struct StackSets(LazyCell<Client, Box<dyn FnOnce() -> Client>>);

impl StackSets {
    pub(crate) fn new(client: impl FnOnce() -> Client + 'static) -> Self {
        Self(LazyCell::new(Box::new(client)))
    }

    /// How CloudFormation calls the state of the access.
    pub(crate) async fn status(&self) -> Result<OrganizationStatus> {
        let described = self.0.describe_organizations_access().send().await;
        let described = described.passing(&[NEW_MANAGEMENT_ACCOUNT])?;
        described.status.ok_or_else(|| Error::refused("CloudFormation answered without the state of the access"))
    }

    /// Switches the access on, where it isn't or is new, and comes back until it is.
    pub(crate) async fn let_in(
        &self,
        is_new: bool,
        status: &OrganizationStatus,
        claim: &Claim<OrganizationId>,
    ) -> Result<()> {
        let is_on = *status == OrganizationStatus::Enabled;
        if is_on && !is_new {
            return Ok(());
        }
        if *status == OrganizationStatus::DisabledPermanently {
            return Err(Error::refused(format!(
                "CloudFormation says of the access of StackSets to the organization that it is {status}: leave \
                 `ActivateOrganizationsAccess` out, or ask AWS Support to switch it on"
            )));
        }
        let activating = async || {
            let activated = self.0.activate_organizations_access().send().await;
            Ok(activated.into_aws_error().map(drop).map_err(|error| passing_if(error, !is_on))?)
        };
        claim.writes().change(ACCESS, is_on, activating).await?;
        if self.status().await? == OrganizationStatus::Enabled { Ok(()) } else { Err(being_switched()) }
    }

    /// Switches the access off, and comes back until it is.
    pub(crate) async fn shut_out(&self, status: &OrganizationStatus, claim: &Claim<OrganizationId>) -> Result<()> {
        let is_on = *status == OrganizationStatus::Enabled;
        let deactivating = async || {
            let deactivated = self.0.deactivate_organizations_access().send().await;
            Ok(deactivated.into_aws_error().map(drop).map_err(|error| passing_if(with_advice(error), is_on))?)
        };
        claim.writes().change(ACCESS, !is_on, deactivating).await?;
        if self.status().await? == OrganizationStatus::Enabled { Err(being_switched()) } else { Ok(()) }
    }
}

/// A change may be invalid for as long as the organization, or another change, isn't known everywhere. Of one that is shown as made
/// (not `is_needed`) it says nothing.
fn passing_if(error: AwsError, is_needed: bool) -> AwsError {
    if is_needed && error.code() == INVALID { error.not_yet_within(NEW_FOR) } else { error }
}

/// Delegated administrators need the access: as long as there are any, it can't be switched off.
fn with_advice(error: AwsError) -> AwsError {
    if error.code() == INVALID {
        error.advised(&format!(
            "deregister the delegated administrators of {SERVICE}, if there are any, and deploy again"
        ))
    } else {
        error
    }
}

fn being_switched() -> Error {
    Error::not_yet_within(ACCESS_SWITCHED_WITHIN, "the access of StackSets to the organization is being switched")
}
