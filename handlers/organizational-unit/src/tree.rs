//! The tree of OUs, as far as the calls of Organizations let it be seen and changed.
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/Welcome.html>

use std::time::Duration;

use aws_sdk_organizations::{
    Client,
    operation::{
        list_accounts_for_parent::ListAccountsForParentOutput,
        list_organizational_units_for_parent::ListOrganizationalUnitsForParentOutput as ListUnitsOutput,
    },
    types::{Account, OrganizationalUnit},
};
use custom_resource::{Error, Passing, Result, SdkResult};
use organizations::{NEW_FOR, Organizations, PASSING, Sharing, once};

/// What Organizations says of a name that another OU under the parent has.
const TAKEN: &str = "DuplicateOrganizationalUnitException";

/// What Organizations says of a parent that isn't there.
const NO_PARENT: &str = "ParentNotFoundException";

/// What Organizations says of an OU that isn't there.
const NO_UNIT: &str = "OrganizationalUnitNotFoundException";

/// A list that doesn't show an OU yet which stands in the way of its name.
pub(crate) const UNIT_LISTED_WITHIN: Duration = Duration::from_mins(1);

/// What Organizations says of an OU that is to be made, where a list is behind.
pub(crate) const CREATING: [Passing; 2] =
    [Passing { codes: &[TAKEN], within: UNIT_LISTED_WITHIN }, Passing { codes: &[NO_PARENT], within: NEW_FOR }];

/// What Organizations says of an OU that was made a moment ago.
pub(crate) const NEW_UNIT: Passing = Passing { codes: &[NO_UNIT], within: NEW_FOR };

/// How deep the tree is at most, the root included.
const DEPTH: usize = 6;

/// An OU as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) name: String,
}

impl From<&OrganizationalUnit> for Unit {
    fn from(unit: &OrganizationalUnit) -> Self {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Self { id: text(unit.id()), arn: text(unit.arn()), name: text(unit.name()) }
    }
}

/// How an attempt to delete an OU ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    Gone,
    NotEmpty,
}

/// The calls. Each is one question or one change; nothing here decides.
#[derive(Debug, Clone)]
pub(crate) struct Tree(pub(crate) Organizations);

impl Tree {
    fn client(&self) -> &Client {
        &self.0.0
    }

    pub(crate) fn sharing(&self) -> Sharing<'_> {
        Sharing(&self.0)
    }

    /// The OUs right below `parent`; none where it isn't there.
    pub(crate) async fn children(&self, parent: &str) -> Result<Vec<Unit>> {
        let pages = self.client().list_organizational_units_for_parent().parent_id(parent).into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.none_if(&[NO_PARENT]);
        let pages = pages.passing(&PASSING)?.unwrap_or_default();
        Ok(pages.iter().flat_map(ListUnitsOutput::organizational_units).map(Unit::from).collect())
    }

    /// Makes an OU. Not tried again by the SDK: an answer that was lost is found by the next look at the parent. A parent may have been
    /// made a moment ago; one that is a level of a path may have gone since it was looked for, and is made again by the next try.
    pub(crate) async fn create(&self, parent: &str, name: &str, tags: &[(String, String)]) -> Result<Unit> {
        let request = self
            .client()
            .create_organizational_unit()
            .parent_id(parent)
            .name(name)
            .set_tags(Some(organizations::tags(tags)?));
        let made = request.customize().config_override(once()).send().await;
        let made = made.passing(&PASSING).passing(&CREATING)?;
        made.organizational_unit().map(Unit::from).ok_or_else(|| Error::not_yet("the new OU has no description yet"))
    }

    /// Renames an OU. The SDK may ask again after an answer that was lost, and is told then that the name is taken: by the
    /// OU itself. So is who gives it the name that it has. Where that of another is listed (`is_taken`), it is refused.
    pub(crate) async fn rename(&self, id: &str, name: &str, is_taken: bool) -> Result<()> {
        let renamed = self.client().update_organizational_unit().organizational_unit_id(id).name(name).send().await;
        match renamed.passing(&PASSING).passing(&[NEW_UNIT]) {
            Err(error) if error.code() == TAKEN && self.name(id).await? == name => Ok(()),
            Err(error) if error.code() == TAKEN && !is_taken => Err(error.not_yet_within(UNIT_LISTED_WITHIN).into()),
            renamed => Ok(renamed.map(drop)?),
        }
    }

    async fn name(&self, id: &str) -> Result<String> {
        let described = self.client().describe_organizational_unit().organizational_unit_id(id).send().await;
        let described = described.passing(&PASSING).passing(&[NEW_UNIT])?;
        Ok(described.organizational_unit.and_then(|unit| unit.name).unwrap_or_default())
    }

    /// Deletes an OU. One that the call doesn't know is gone, or was made a moment ago: another call says which.
    pub(crate) async fn delete(&self, id: &str) -> Result<Deleted> {
        let deleted = self.client().delete_organizational_unit().organizational_unit_id(id).send().await;
        match deleted.none_if(&[NO_UNIT]) {
            Ok(None) if self.0.parent(id).await?.is_some() => {
                Err(Error::not_yet_within(NEW_FOR, format!("the OU {id} is there, and can't be deleted yet")))
            }
            Err(error) if error.code() == "OrganizationalUnitNotEmptyException" => Ok(Deleted::NotEmpty),
            deleted => Ok(deleted.passing(&PASSING).map(|_| Deleted::Gone)?),
        }
    }

    /// The names on the way from below the root to `id`, `id`'s own included; empty for the root.
    pub(crate) async fn names_down_to(&self, id: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut id = id.to_owned();
        for _ in 0..DEPTH {
            if id.starts_with("r-") {
                break;
            }
            let (name, parent) = tokio::join!(self.name(&id), self.0.parent(&id));
            names.push(name?);
            let parent = parent?.and_then(|parent| parent.id);
            id = parent.ok_or_else(|| {
                Error::not_yet_within(UNIT_LISTED_WITHIN, format!("the parent of {id} isn't listed yet"))
            })?;
        }
        names.reverse();
        Ok(names)
    }

    /// What is inside an OU, for people: `accounts 111111111111, 222222222222; OUs Production`.
    pub(crate) async fn contents(&self, id: &str) -> Result<String> {
        let pages = self.client().list_accounts_for_parent().parent_id(id).into_paginator().send();
        let (pages, units) = tokio::join!(pages.collect::<Result<Vec<_>, _>>(), self.children(id));
        let pages = pages.none_if(&[NO_PARENT]).passing(&PASSING)?.unwrap_or_default();
        let accounts = pages.iter().flat_map(ListAccountsForParentOutput::accounts).filter_map(Account::id).collect();
        let units = units?;
        let units: Vec<_> = units.iter().map(|unit| unit.name.as_str()).collect();
        let kinds = [("accounts", accounts), ("OUs", units)];
        let named = kinds.iter().filter(|(_, names)| !names.is_empty());
        Ok(named.map(|(kind, names)| format!("{kind} {}", names.join(", "))).collect::<Vec<_>>().join("; "))
    }
}
