//! The services that the organization trusts.
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnableAWSServiceAccess.html>

use aws_sdk_organizations::{
    operation::{
        disable_aws_service_access::DisableAWSServiceAccessError,
        list_aws_service_access_for_organization::ListAwsServiceAccessForOrganizationOutput as ListServicesOutput,
    },
    types::{ConstraintViolationExceptionReason as Constraint, EnabledServicePrincipal},
};
use custom_resource::{Claim, Result, SdkResult};
use organizations::{NEW_FOR, Organizations, PASSING, constraint};

use crate::properties::OrganizationId;

/// The services that a template wants, those that it wanted before, and those that are trusted.
#[derive(Debug)]
pub(crate) struct Services<'a> {
    pub(crate) desired: &'a [&'a str],
    pub(crate) previous: Option<&'a [&'a str]>,
    pub(crate) trusted: &'a [String],
}

impl Services<'_> {
    fn is_trusted(&self, service: &str) -> bool {
        self.trusted.iter().any(|trusted| trusted == service)
    }

    fn is_new(&self, service: &str) -> bool {
        self.previous.is_some_and(|them| !them.contains(&service))
    }
}

/// The services' access to an organization.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServiceAccess<'a> {
    pub(crate) organizations: &'a Organizations,
}

impl ServiceAccess<'_> {
    /// The services that are trusted.
    pub(crate) async fn trusted(&self) -> Result<Vec<String>> {
        let pages = self.organizations.0.list_aws_service_access_for_organization().into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.passing(&PASSING)?;
        let trusted = pages.iter().flat_map(ListServicesOutput::enabled_service_principals);
        Ok(trusted.filter_map(EnabledServicePrincipal::service_principal).map(ToOwned::to_owned).collect())
    }

    /// Trusts the services that are wanted and aren't trusted.
    pub(crate) async fn trust_new(&self, services: &Services<'_>, claim: &Claim<OrganizationId>) -> Result<()> {
        for service in services.desired {
            let is_trusted = services.is_trusted(service);
            if is_trusted && !services.is_new(service) {
                continue;
            }
            let request = self.organizations.0.enable_aws_service_access().service_principal(*service);
            let enabling = async || Ok(request.send().await.passing(&PASSING).map(drop)?);
            claim.writes().change(service, is_trusted, enabling).await?;
        }
        Ok(())
    }

    /// Trusts no more those that only were wanted before.
    pub(crate) async fn drop_old(&self, services: &Services<'_>, claim: &Claim<OrganizationId>) -> Result<()> {
        let dropped = services.previous.into_iter().flatten().filter(|service| !services.desired.contains(service));
        for service in dropped {
            claim
                .writes()
                .change(service, !services.is_trusted(service), async || self.distrust(service).await)
                .await?;
        }
        Ok(())
    }

    /// A policy type that was disabled a moment ago may still be seen.
    async fn distrust(&self, service: &str) -> Result<()> {
        let disabled = self.organizations.0.disable_aws_service_access().service_principal(service).send().await;
        let constraint = constraint(&disabled, |error| match error {
            DisableAWSServiceAccessError::ConstraintViolationException(violation) => violation.reason(),
            _ => None,
        });
        disabled.passing(&PASSING).map(drop).map_err(|error| match constraint {
            Some(Constraint::PolicyTypeEnabledForThisService) => {
                let advice = format!(
                    "a policy type of {service} is on: disable that as well, or leave {service} in `TrustedServices`"
                );
                error.advised(&advice).not_yet_within(NEW_FOR).into()
            }
            _ => error.into(),
        })
    }
}
