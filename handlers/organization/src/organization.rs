//! Makes or adopts the organization, and switches on in it what the template wants and off what it wanted before.

use std::time::Duration;

use aws_sdk_organizations::{
    Client,
    types::{Organization as Described, OrganizationFeatureSet},
};
use custom_resource::{Claim, Error, Passing, Resource, Result, SdkConfig, SdkResult};
use organizations::{NEW_FOR, NOT_IN_USE, ORGANIZATIONS_BUSY_FOR, Organizations, PASSING, once};

use crate::{
    policy_types::PolicyTypes,
    properties::{Attributes, OrganizationId, Properties},
    services::{ServiceAccess, Services},
    stack_sets::{Access, StackSets},
};

/// How long a new organization may not be described yet.
const DESCRIBED_WITHIN: Duration = Duration::from_mins(2);

/// What Organizations says of an organization that was made a moment ago.
const NEW_ORGANIZATION: Passing = Passing { codes: &["AlreadyInOrganizationException"], within: DESCRIBED_WITHIN };

/// What RAM says to `EnableSharingWithAwsOrganization` while it is out of order, and of a management account that it doesn't know as one
/// yet.
const SHARING_PASSING: [Passing; 2] = [
    Passing { codes: &["ServerInternalException", "ServiceUnavailableException"], within: ORGANIZATIONS_BUSY_FOR },
    Passing { codes: &["OperationNotPermittedException"], within: NEW_FOR },
];

/// The service without whose trust RAM doesn't share inside the organization.
const SHARING: &str = "ram.amazonaws.com";

/// The organization of the function's account.
#[derive(Debug)]
pub(crate) struct Organization {
    organizations: Organizations,
    ram: aws_sdk_ram::Client,
    stack_sets: StackSets,
}

impl Organization {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        let of_stack_sets = aws.clone();
        Self {
            organizations: Organizations(Client::new(aws)),
            ram: aws_sdk_ram::Client::new(aws),
            stack_sets: StackSets::new(move || aws_sdk_cloudformation::Client::new(&of_stack_sets)),
        }
    }

    fn api(&self) -> &Client {
        &self.organizations.0
    }

    async fn described(&self) -> Result<Option<Described>> {
        let described = self.api().describe_organization().send().await;
        let described = described.none_if(&[NOT_IN_USE]).passing(&PASSING)?;
        Ok(described.and_then(|output| output.organization))
    }

    /// Makes the organization. Not tried again by the SDK: one whose answer was lost is there at the next look.
    async fn made(&self) -> Result<Described> {
        let request = self.api().create_organization().feature_set(OrganizationFeatureSet::All);
        let made = request.customize().config_override(once()).send().await;
        let made = made.passing(&PASSING).passing(&[NEW_ORGANIZATION])?;
        made.organization.ok_or_else(|| Error::not_yet_within(DESCRIBED_WITHIN, "the organization isn't described yet"))
    }

    /// RAM's own call makes the service-linked role as well, without which sharing fails in words that name neither.
    /// <https://docs.aws.amazon.com/ram/latest/APIReference/API_EnableSharingWithAwsOrganization.html>
    async fn share_resources(&self) -> Result<()> {
        let enabled = self.ram.enable_sharing_with_aws_organization().send().await;
        let enabled = enabled.passing(&SHARING_PASSING)?;
        if enabled.return_value() == Some(false) {
            return Err(Error::not_yet_within(
                ORGANIZATIONS_BUSY_FOR,
                "RAM has not switched sharing with the organization on yet",
            ));
        }
        Ok(())
    }
}

/// Only the management account of an organization with all features can be worked in.
fn check(organization: &Described, account: &str) -> Result<()> {
    let id = organization.id().unwrap_or_default();
    let management = organization.master_account_id().unwrap_or_default();
    if management != account {
        return Err(Error::refused(format!(
            "this account ({account}) is a member of the organization {id}; deploy the function and this stack into its management account {management}"
        )));
    }
    if organization.feature_set() != Some(&OrganizationFeatureSet::All) {
        return Err(Error::refused(format!(
            "the organization {id} has consolidated billing only; enable all features in the console of AWS Organizations, \
             have the member accounts accept, and deploy again"
        )));
    }
    Ok(())
}

impl Resource for Organization {
    type Properties = Properties;
    type Id = OrganizationId;
    type Attributes = Attributes;

    async fn warm_up(&self) {
        let _ = self.api().describe_organization().send().await;
    }

    async fn ensure(
        &self,
        desired: &Properties,
        previous: Option<&Properties>,
        claim: &Claim<OrganizationId>,
    ) -> Result<Attributes> {
        let organization = match self.described().await? {
            Some(organization) => organization,
            None => self.made().await?,
        };
        check(&organization, claim.invocation().account())?;
        let id = organization.id().unwrap_or_default();
        claim.hold(&id.parse().map_err(|_| Error::refused("Organizations answered with an id that is none"))?);

        let policy_types = |properties: &Properties| -> Vec<_> {
            properties.policy_types.iter().map(|policy_type| policy_type.0.clone()).collect()
        };
        let types_before = previous.map(policy_types);
        let mut services_before = previous.map(services);
        if desired.resource_sharing
            && let Some(before) = &mut services_before
        {
            before.retain(|service| *service != SHARING);
        }
        let organizations = &self.organizations;
        let trust = ServiceAccess { organizations };
        let services = services(desired);
        let access = Access::of(desired, previous);
        if let Some(before) = &mut services_before {
            access.forget(before, &services);
        }
        let trusted = async {
            let are_of_interest = !services.is_empty() || services_before.as_ref().is_some_and(|them| !them.is_empty());
            if are_of_interest { trust.trusted().await } else { Ok(Vec::new()) }
        };
        let status = async { if access == Access::Kept { Ok(None) } else { self.stack_sets.status().await.map(Some) } };
        let (root, trusted, status) = tokio::join!(organizations.root(), trusted, status);
        let (root, trusted, status) = (root?, trusted?, status?);
        let services = Services { desired: &services, previous: services_before.as_deref(), trusted: &trusted };
        // CloudFormation takes the trust away as well, which the template may want all the same.
        if let (Access::Off, Some(status)) = (access, &status) {
            self.stack_sets.shut_out(status, claim).await?;
        }
        // A policy type that belongs to a service can be on only while the service is trusted.
        trust.trust_new(&services, claim).await?;
        if let (Access::On { is_new }, Some(status)) = (access, &status) {
            self.stack_sets.let_in(is_new, status, claim).await?;
        }
        let types = policy_types(desired);
        PolicyTypes { organizations }.change(&root, &types, types_before.as_deref(), &services, claim).await?;
        trust.drop_old(&services, claim).await?;

        let was_shared = previous.is_some_and(|previous| previous.resource_sharing);
        if desired.resource_sharing && !was_shared {
            self.share_resources().await?;
        }
        Ok(Attributes {
            id: id.to_owned(),
            arn: organization.arn().unwrap_or_default().to_owned(),
            root_id: root.id.unwrap_or_default(),
            management_account_id: organization.master_account_id().unwrap_or_default().to_owned(),
        })
    }

    /// An organization holds everything else there is, so it outlives its stack, and so does what is switched on in it.
    async fn remove(&self, _: Option<&Properties>, _: &Claim<OrganizationId>) -> Result<()> {
        Ok(())
    }
}

fn services(properties: &Properties) -> Vec<&str> {
    properties.trusted_services.iter().map(|service| service.0.as_str()).collect()
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
