//! The services that the organization trusts.
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnableAWSServiceAccess.html>

use aws_sdk_organizations::{
    operation::{
        disable_aws_service_access::DisableAWSServiceAccessError,
        list_aws_service_access_for_organization::ListAwsServiceAccessForOrganizationOutput as ListServicesOutput,
    },
    types::{ConstraintViolationExceptionReason as Constraint, EnabledServicePrincipal},
};
use custom_resource::{Answer, Claim, Result};
use organizations::{NEW_FOR, PASSING, constraint};

use crate::{organization::Organization, properties::OrganizationId};

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

impl Organization {
    pub(crate) async fn trusted_services(&self) -> Result<Vec<String>> {
        let pages = self.api().list_aws_service_access_for_organization().into_paginator().send();
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
            let request = self.api().enable_aws_service_access().service_principal(*service);
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
        let disabled = self.api().disable_aws_service_access().service_principal(service).send().await;
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
