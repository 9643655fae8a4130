//! The organization that an OU is in.

use archipelago::{Unit, is_organization_id};
use aws_sdk_organizations::{Client, operation::describe_organization::DescribeOrganizationOutput};
use custom_resource::{Error, Result, SdkResult};
use organizations::{NEW_FOR, NOT_IN_USE, PASSING};

/// What Organizations says to those who may not ask.
const DENIED: &str = "AccessDeniedException";

/// Organizations, as far as the function's account may ask.
#[derive(Debug)]
pub(crate) struct Organization(pub(crate) Client);

impl Organization {
    /// The OU of that id, in the organization that the template names, or else in that of the function's account.
    ///
    /// # Errors
    /// Refused if it is in another one, or in none.
    pub(crate) async fn unit(&self, id: &str, named: Option<&str>) -> Result<Unit> {
        let (organization, ()) = tokio::try_join!(self.id(named), self.check(id))?;
        let Some(organization) = organization else {
            return Err(Error::not_yet_within(
                NEW_FOR,
                "ResourceProperties.OrganizationalUnitId: the function's account is in no organization; let it join the OU's first, or \
                 name that as `OrganizationId`",
            ));
        };
        if named.is_some_and(|named| named != organization) {
            return Err(Error::refused(format!(
                "ResourceProperties.OrganizationId: the function's account is in another organization, {organization}; name that one, \
                 or leave it out"
            )));
        }
        Unit::new(&organization, id)
            .ok_or_else(|| Error::refused("Organizations answered without the id of the organization"))
    }

    /// The organization's id; without one, or where nobody may ask for it, what the template says.
    ///
    /// "This operation can be called from any account in the organization."
    /// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html>
    pub(crate) async fn id(&self, named: Option<&str>) -> Result<Option<String>> {
        let described = self.0.describe_organization().send().await;
        let described = match named {
            Some(_) => described.none_if(&[NOT_IN_USE, DENIED]),
            None => described.none_if(&[NOT_IN_USE]),
        };
        let id = |output: DescribeOrganizationOutput| output.organization.and_then(|organization| organization.id);
        let id = described.passing(&PASSING)?.and_then(id).filter(|id| is_organization_id(id));
        Ok(id.or_else(|| named.map(ToOwned::to_owned)))
    }

    /// That there is such an OU, where that can be asked: "This operation can be called only from the organization's management account or
    /// by a member account that is a delegated administrator", which the functions' account isn't, as a rule.
    /// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganizationalUnit.html>
    async fn check(&self, id: &str) -> Result<()> {
        let described = self.0.describe_organizational_unit().organizational_unit_id(id).send().await;
        let described = described.into_aws_error();
        if described.as_ref().is_err_and(|error| error.code() == "OrganizationalUnitNotFoundException") {
            return Err(Error::not_yet_within(
                NEW_FOR,
                "ResourceProperties.OrganizationalUnitId: the OU isn't in the organization of the function's account",
            ));
        }
        described.none_if(&[NOT_IN_USE, DENIED]).passing(&PASSING)?;
        Ok(())
    }
}
