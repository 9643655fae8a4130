//! Who a share is shared with: the spellings of a template, and the one that RAM takes and lists.
//! <https://docs.aws.amazon.com/ram/latest/APIReference/API_AssociateResourceShare.html>

use archipelago::{is_organization_id, is_unit_id};
use custom_resource::{Error, Result, is_account_id, mangled_account_id};
use organizations::NEW_FOR;
use serde::Deserialize;

/// The same for those who read no Rust.
#[cfg(feature = "schema")]
const PATTERN: &str = "^(Organization|[0-9]{12}|o-[a-z0-9]{10,32}|ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|\
                       arn:[^:]*:(iam::[0-9]{12}:root|organizations::[0-9]{12}:(account|organization|ou)/.+))$";

/// An account (12 digits), an OU (`ou-...`), the organization (`o-...` or the word `Organization`), or the ARN of one of
/// these.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("pattern" = PATTERN)))]
#[serde(try_from = "String")]
pub enum Principal {
    /// The organization that the function's account is in.
    Organization,
    /// An organization by its id, `o-...`.
    OrganizationId(String),
    /// An OU by its id, `ou-...`.
    UnitId(String),
    /// An account by its 12 digits.
    Account(String),
    /// An OU or an organization by its ARN.
    Arn(String),
}

impl TryFrom<String> for Principal {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "Organization" => Ok(Self::Organization),
            id if is_account_id(id) => Ok(Self::Account(text)),
            id if is_organization_id(id) => Ok(Self::OrganizationId(text)),
            id if is_unit_id(id) => Ok(Self::UnitId(text)),
            arn => {
                let expected = "expected an account (12 digits), an OU (ou-...), an organization (o-... or the word Organization), \
                                or the ARN of one of these";
                of_arn(arn).ok_or_else(|| mangled_account_id(arn).unwrap_or(expected))
            }
        }
    }
}

impl Principal {
    /// Whether it takes the organization to say who is meant.
    #[must_use]
    pub fn needs_organization(&self) -> bool {
        !matches!(self, Self::Account(_))
    }

    /// The principal as RAM takes and lists it.
    ///
    /// # Errors
    /// Refused if it isn't in `organization`; `NotYet` without one, since an account that was just made doesn't know its own yet.
    pub fn entity(&self, organization: Option<&Organization>) -> Result<String> {
        let id = match self {
            Self::Account(account) => return Ok(account.clone()),
            Self::Organization => "Organization",
            Self::OrganizationId(id) | Self::UnitId(id) | Self::Arn(id) => id,
        };
        let Some(organization) = organization else {
            return Err(Error::not_yet_within(
                NEW_FOR,
                format!(
                    "this account is in no organization, so the principal {id} is nobody; name accounts by their 12 digits, or \
                     let the account join first"
                ),
            ));
        };
        match self {
            Self::UnitId(id) => Ok(organization.unit(id)),
            Self::OrganizationId(id) if id != organization.id() => Err(organization.outside(id)),
            Self::Arn(arn) if !arn.split('/').any(|part| part == organization.id()) => Err(organization.outside(arn)),
            Self::Arn(arn) => Ok(arn.clone()),
            _ => Ok(organization.0.clone()),
        }
    }
}

/// The organization of the function's account, by its ARN: the management account's id, which the ARNs of OUs carry too,
/// stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization(pub String);

impl Organization {
    fn id(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// RAM would say for ten minutes that it doesn't find another organization.
    fn outside(&self, principal: &str) -> Error {
        Error::refused(format!(
            "the principal {principal} is not in the organization of this account, which is {}; subnets can be shared inside the \
             organization alone",
            self.id()
        ))
    }

    /// The ARN of an OU by its id.
    fn unit(&self, id: &str) -> String {
        format!("{}/{id}", self.0.replace(":organization/", ":ou/"))
    }
}

/// Whom an ARN names. RAM lists accounts by their ids alone.
fn of_arn(arn: &str) -> Option<Principal> {
    let parts: Vec<_> = arn.split(':').collect();
    let ["arn", _, service, "", account, resource] = parts[..] else { return None };
    if !is_account_id(account) {
        return None;
    }
    let path: Vec<_> = resource.split('/').collect();
    match (service, &path[..]) {
        ("iam", ["root"]) => Some(Principal::Account(account.to_owned())),
        ("organizations", ["account", organization, member]) => (is_organization_id(organization)
            && is_account_id(member))
        .then(|| Principal::Account((*member).to_owned())),
        ("organizations", ["organization", organization]) => {
            is_organization_id(organization).then(|| Principal::Arn(arn.to_owned()))
        }
        ("organizations", ["ou", organization, unit]) => {
            (is_organization_id(organization) && is_unit_id(unit)).then(|| Principal::Arn(arn.to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORGANIZATION: &str = "arn:aws:organizations::999999999999:organization/o-exampleorgid";
    const UNIT: &str = "arn:aws:organizations::999999999999:ou/o-exampleorgid/ou-ab12-workload1";

    fn entity(written: &str, organization: Option<&Organization>) -> Result<String> {
        Principal::try_from(written.to_owned()).unwrap().entity(organization)
    }

    #[test]
    fn every_spelling_becomes_the_one_that_ram_lists_with_the_management_account_in_it() {
        let organization = Organization(ORGANIZATION.to_owned());
        for (written, listed) in [
            ("222222222222", "222222222222"),
            ("arn:aws:organizations::999999999999:account/o-exampleorgid/222222222222", "222222222222"),
            ("arn:aws:iam::222222222222:root", "222222222222"),
            ("ou-ab12-workload1", UNIT),
            (UNIT, UNIT),
            ("o-exampleorgid", ORGANIZATION),
            (ORGANIZATION, ORGANIZATION),
            ("Organization", ORGANIZATION),
        ] {
            assert_eq!(entity(written, Some(&organization)).unwrap(), listed, "{written}");
        }
    }

    #[test]
    fn the_partition_is_the_organization_s() {
        let organization =
            Organization("arn:aws-cn:organizations::999999999999:organization/o-exampleorgid".to_owned());
        let listed = entity("ou-ab12-workload1", Some(&organization)).unwrap();
        assert_eq!(listed, "arn:aws-cn:organizations::999999999999:ou/o-exampleorgid/ou-ab12-workload1");
    }

    #[test]
    fn all_but_accounts_take_the_organization_to_be_understood() {
        let needs = |written: &str| Principal::try_from(written.to_owned()).unwrap().needs_organization();
        assert!(needs("Organization") && needs("o-exampleorgid") && needs("ou-ab12-workload1"));
        assert!(needs(UNIT) && needs(ORGANIZATION));
        assert!(!needs("222222222222") && !needs("arn:aws:iam::222222222222:root"));
    }

    #[test]
    fn an_organization_that_is_none_or_another_is_refused_in_words() {
        let outside = entity("ou-ab12-workload1", None).unwrap_err().to_string();
        assert!(outside.contains("this account is in no organization"), "{outside}");
        let other = Organization("arn:aws:organizations::999999999999:organization/o-anotherone1".to_owned());
        for foreign in ["o-exampleorgid", ORGANIZATION, UNIT] {
            let refusal = entity(foreign, Some(&other)).unwrap_err();
            assert!(matches!(refusal, Error::Refused(_)), "{foreign}");
            let words = "which is o-anotherone1; subnets can be shared inside the organization alone";
            assert!(refusal.to_string().contains(words), "{refusal}");
        }
    }

    #[test]
    fn what_subnets_can_not_be_shared_with_is_refused() {
        for written in [
            "",
            "organization",
            "22222222222",
            "arn:aws:iam::222222222222:role/deploy",
            "arn:aws:organizations::999999999999:ou/o-exampleorgid",
            "arn:aws:organizations::mgmt:organization/o-exampleorgid",
            "ec2.amazonaws.com",
        ] {
            assert!(Principal::try_from(written.to_owned()).is_err(), "{written}");
        }
    }

    #[test]
    fn an_account_that_lost_its_leading_zero_is_told_to_be_quoted() {
        for (written, what) in [
            ("12345678901", "quote it in the template"),
            ("1234567890123", "quote it in the template"),
            ("1.2345678901E10", "quote the id in the template"),
            ("1111-2222-3333", "without hyphens"),
        ] {
            let refusal = Principal::try_from(written.to_owned()).unwrap_err();
            assert!(refusal.contains(what), "{refusal}");
        }
    }
}
