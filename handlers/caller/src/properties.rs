//! What a template says of a caller, and what it reads back.

use std::{collections::BTreeSet, fmt, str::FromStr};

use archipelago::{Grant, Unit, is_organization_id, is_token, is_unit_id};
use custom_resource::{Error, FunctionArn, Owner, Result, is_account_id, mangled_account_id};
use serde::{Deserialize, Serialize};

use crate::{
    statement_type::{ALL, StatementType},
    target::Target,
};

/// The properties of `Custom::Caller`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "RawProperties"))]
#[serde(try_from = "RawProperties")]
pub(crate) struct Properties {
    pub(crate) who: Who,
    pub(crate) types: BTreeSet<StatementType>,
    targets: Vec<Target>,
    actions: Vec<Action>,
    services: Vec<Service>,
}

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    Account(String),
    /// An OU, perhaps with its organization.
    Unit(String, Option<String>),
}

/// The properties as a template has them.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("oneOf" = [
    {"required": ["AccountId"], "not": {"required": ["OrganizationId"]}},
    {"required": ["OrganizationalUnitId"]},
])))]
#[serde(rename_all = "PascalCase")]
struct RawProperties {
    /// The account whose stacks may call: 12 digits, and not those of the function's own account.
    #[cfg_attr(test, schemars(extend("x-update" = "Replacement")))]
    account_id: Option<AccountId>,
    /// The OU (`ou-...`) whose accounts' stacks may call, those of the OUs in it as well.
    #[cfg_attr(test, schemars(extend("x-update" = "Replacement")))]
    organizational_unit_id: Option<OrganizationalUnitId>,
    /// The organization (`o-...`) that the OU is in: that of the function's account by default.
    #[cfg_attr(test, schemars(extend("x-update" = "Replacement if it is another one than the function's account is in")))]
    organization_id: Option<OrganizationId>,
    /// The types that their stacks may have, without `Custom::`.
    #[serde(default = "usual")]
    #[cfg_attr(test, schemars(with = "Vec<StatementType>", length(min = 1), extend("default" = USUAL.map(StatementType::name))))]
    types: OneOrMore<StatementType>,
    /// What the statements may be on: ARNs of repositories, keys, buckets and roles of the function's account and Region. In a name
    /// `*` and `?` stand for anything, also for a `/`.
    #[cfg_attr(test, schemars(with = "Vec<Target>", length(min = 1)))]
    targets: OneOrMore<Target>,
    /// The actions that the statements may allow, each in full: `ecr:BatchGetImage`. All of them may be had on all of the targets.
    #[cfg_attr(test, schemars(with = "Vec<Action>", length(min = 1)))]
    actions: OneOrMore<Action>,
    /// Principals of services, such as `codebuild.amazonaws.com`, which the statements may name with a condition on the account that
    /// calls.
    #[serde(default)]
    services: Vec<Service>,
}

/// Trust in roles is opened by name alone.
const USUAL: [StatementType; 3] = [StatementType::Ecr, StatementType::Kms, StatementType::S3];

fn usual() -> OneOrMore<StatementType> {
    OneOrMore(USUAL.to_vec())
}

/// A list that isn't empty.
#[derive(Deserialize)]
#[serde(try_from = "Vec<T>")]
struct OneOrMore<T>(Vec<T>);

impl<T> TryFrom<Vec<T>> for OneOrMore<T> {
    type Error = &'static str;

    fn try_from(list: Vec<T>) -> Result<Self, &'static str> {
        if list.is_empty() { Err("the list is empty, so it opens nothing; name at least one") } else { Ok(Self(list)) }
    }
}

impl TryFrom<RawProperties> for Properties {
    type Error = String;

    fn try_from(raw: RawProperties) -> Result<Self, String> {
        let who = match (raw.account_id, raw.organizational_unit_id, raw.organization_id) {
            (Some(account), None, None) => Who::Account(account.0),
            (None, Some(unit), organization) => Who::Unit(unit.0, organization.map(|id| id.0)),
            (None, None, _) => return Err("either `AccountId` or `OrganizationalUnitId` is required".to_owned()),
            (Some(_), Some(_), _) => {
                return Err(
                    "`AccountId` stands instead of `OrganizationalUnitId`, not beside it; write a resource for each"
                        .to_owned(),
                );
            }
            (Some(_), None, Some(_)) => {
                return Err("`OrganizationId` belongs to `OrganizationalUnitId`; an account needs none".to_owned());
            }
        };
        let RawProperties { types, targets, actions, services, .. } = raw;
        Ok(Self { who, types: types.0.into_iter().collect(), targets: targets.0, actions: actions.0, services })
    }
}

impl Properties {
    /// That the function can open all of it.
    ///
    /// # Errors
    /// Refused with the path of what it can't.
    pub(crate) fn check(&self, function: &FunctionArn) -> Result<()> {
        if matches!(&self.who, Who::Account(account) if *account == function.account) {
            let wrong = "it is the function's own account, whose stacks need no alias: leave the resource out";
            return Err(refused("AccountId", wrong));
        }
        for (index, target) in self.targets.iter().enumerate() {
            let lacks = || self.lacks(target.of, &format!("a {}", target.of.thing()));
            let wrong = target.wrong_for(function).or_else(lacks);
            wrong.map_or(Ok(()), |wrong| Err(refused(&format!("Targets[{index}]"), &wrong)))?;
        }
        for (index, action) in self.actions.iter().enumerate() {
            let wrong = self.lacks(action.of, &format!("an action of {}", action.of.actions()));
            wrong.map_or(Ok(()), |wrong| Err(refused(&format!("Actions[{index}]"), &wrong)))?;
        }
        Ok(())
    }

    fn lacks(&self, needed: StatementType, what: &str) -> Option<String> {
        let is_missing = !self.types.contains(&needed);
        is_missing.then(|| format!("it is {what}, and `Types` has no {}", needed.name()))
    }

    /// What it opens, in an order that doesn't depend on the template's.
    pub(crate) fn grant(&self) -> Grant {
        Grant {
            types: sorted(self.types.iter().map(|of| of.name())),
            targets: sorted(self.targets.iter().map(|target| target.pattern.as_str())),
            actions: sorted(self.actions.iter().map(|action| action.name.as_str())),
            services: sorted(self.services.iter().map(|service| service.0.as_str())),
        }
    }
}

fn sorted<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut sorted: Vec<_> = texts.map(ToOwned::to_owned).collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

fn refused(property: &str, wrong: &str) -> Error {
    Error::refused(format!("ResourceProperties.{property}: {wrong}"))
}

/// The id of an account.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("pattern" = "^[0-9]{12}$")))]
#[serde(try_from = "String")]
struct AccountId(String);

impl TryFrom<String> for AccountId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let expected = "expected the id of an account, which has 12 digits";
        match &*text {
            id if is_account_id(id) => Ok(Self(text)),
            id if is_unit_id(id) => {
                Err("expected the id of an account, and it is that of an OU; write it as `OrganizationalUnitId`")
            }
            id if id.starts_with("arn:") => Err(expected),
            id => Err(mangled_account_id(id).unwrap_or(expected)),
        }
    }
}

/// The id of an OU.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("pattern" = "^ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}$")))]
#[serde(try_from = "String")]
struct OrganizationalUnitId(String);

impl TryFrom<String> for OrganizationalUnitId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match &*text {
            id if is_unit_id(id) => Ok(Self(text)),
            id if is_account_id(id) => {
                Err("expected the id of an OU (ou-...), and it is that of an account; write it as `AccountId`")
            }
            id if is_root_id(id) => Err(
                "expected the id of an OU (ou-...), and it is that of the root; name the OUs below it whose accounts may call",
            ),
            id if is_organization_id(id) => Err(
                "expected the id of an OU (ou-...), and it is that of an organization; name the OUs in it whose accounts may call",
            ),
            _ => Err("expected the id of an OU (ou-...)"),
        }
    }
}

/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Root.html>
fn is_root_id(text: &str) -> bool {
    text.strip_prefix("r-").is_some_and(|rest| is_token(rest, 4))
}

/// The id of an organization.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("pattern" = "^o-[a-z0-9]{10,32}$")))]
#[serde(try_from = "String")]
struct OrganizationId(String);

impl TryFrom<String> for OrganizationId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if is_organization_id(&text) { Ok(Self(text)) } else { Err("expected the id of an organization (o-...)") }
    }
}

/// An action of one of the services.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(with = "String", extend("pattern" = "^(ecr|kms|s3|sts):[A-Za-z0-9]+$")))]
#[serde(try_from = "String")]
pub(crate) struct Action {
    name: String,
    of: StatementType,
}

impl TryFrom<String> for Action {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.contains(['*', '?']) {
            return Err("each action is written in full, without * and ?, such as ecr:BatchGetImage");
        }
        let of = |(service, action): (&str, &str)| {
            let is_name = !action.is_empty() && action.bytes().all(|byte| byte.is_ascii_alphanumeric());
            ALL.into_iter().find(|of| is_name && of.actions() == service)
        };
        match text.split_once(':').and_then(of) {
            Some(of) => Ok(Self { name: text, of }),
            None => Err("expected an action of ecr, kms, s3 or sts in full, such as ecr:BatchGetImage"),
        }
    }
}

/// The principal of a service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(with = "String", extend("pattern" = r"^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?$")))]
#[serde(try_from = "String")]
pub(crate) struct Service(String);

impl TryFrom<String> for Service {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let name = text.strip_suffix(".cn").unwrap_or(&text).strip_suffix(".amazonaws.com").unwrap_or_default();
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if name.split('.').all(is_label) {
            Ok(Self(text))
        } else {
            Err("expected the principal of a service in full, such as codebuild.amazonaws.com")
        }
    }
}

/// `caller-<account or organization and OU>#<mark>`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(with = "String"))]
pub(crate) struct CallerId {
    /// What stands between.
    pub(crate) name: String,
    mark: String,
}

impl CallerId {
    pub(crate) fn of(name: &str, owner: &Owner) -> Self {
        Self { name: name.to_owned(), mark: owner.mark() }
    }
}

/// The alias of a caller: what follows the ARN of a function in its `ServiceToken`.
pub(crate) fn qualifier(name: &str) -> String {
    format!("caller-{name}")
}

impl FromStr for CallerId {
    type Err = NotACallerId;

    fn from_str(text: &str) -> Result<Self, NotACallerId> {
        let (name, mark) = text.strip_prefix("caller-").and_then(|rest| rest.split_once('#')).ok_or(NotACallerId)?;
        let is_mark = mark.len() == 10 && mark.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_caller = is_account_id(name) || Unit::read(name).is_some();
        if is_mark && is_caller { Ok(Self { name: name.to_owned(), mark: mark.to_owned() }) } else { Err(NotACallerId) }
    }
}

impl fmt::Display for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", qualifier(&self.name), self.mark)
    }
}

/// Some other text.
#[derive(Debug)]
pub(crate) struct NotACallerId;

/// What `!GetAtt` reads.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attributes {
    /// The alias by which the caller's stacks name the functions: a `ServiceToken` is the ARN of a function, `:` and this.
    pub(crate) qualifier: String,
}

#[cfg(test)]
mod tests;
