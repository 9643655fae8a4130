//! What the resources of an organization have in common: its busy times, its root, and the tags of what is in it.
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/Welcome.html>

use std::{collections::BTreeMap, time::Duration};

use archipelago::TagChanges;
use aws_sdk_organizations::{
    Client,
    config::{Builder, Config, retry::RetryConfig},
    error::{BuildError, SdkError},
    operation::list_roots::ListRootsOutput,
    types::{ConstraintViolationExceptionReason, Parent, Root, Tag},
};
use custom_resource::{Error, Passing, Result, SdkResult};

mod ids;
mod sharing;

pub use ids::{NotAUnitId, ParentId, UnitId};
pub use sharing::{Departure, Sharing, Thing};

/// What a call says to which no organization is known: there is none, or it has just been made.
pub const NOT_IN_USE: &str = "AWSOrganizationsNotInUseException";

/// What a call about tags says to which no such account or OU is known.
const GONE: [&str; 3] = ["TargetNotFoundException", "OrganizationalUnitNotFoundException", "AccountNotFoundException"];

/// How long Organizations may be busy.
pub const ORGANIZATIONS_BUSY_FOR: Duration = Duration::from_mins(4);

/// How long a call may not know of what another one made, moved or allowed a moment ago.
pub const NEW_FOR: Duration = Duration::from_mins(2);

/// What Organizations says of any call while it is busy with another change or with itself, or doesn't know a new organization yet.
pub const PASSING: [Passing; 2] = [
    Passing {
        codes: &[
            "ConcurrentModificationException",
            "FinalizingOrganizationException",
            "PolicyChangesInProgressException",
            "ServiceException",
            "TooManyRequestsException",
        ],
        within: ORGANIZATIONS_BUSY_FOR,
    },
    Passing { codes: &[NOT_IN_USE], within: NEW_FOR },
];

/// For calls that the SDK mustn't repeat: what they made, though the answer was lost, is found by the next look.
#[must_use]
pub fn once() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

/// Organizations, for calls that several resources make.
#[derive(Debug, Clone)]
pub struct Organizations(pub Client);

impl Organizations {
    /// The organization's root.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn root(&self) -> Result<Root> {
        let pages = self.0.list_roots().into_paginator().send().collect::<Result<Vec<_>, _>>().await;
        let pages = pages.passing(&PASSING)?;
        let root = pages.iter().flat_map(ListRootsOutput::roots).next();
        root.cloned().ok_or_else(|| Error::not_yet_within(ORGANIZATIONS_BUSY_FOR, "the organization has no root yet"))
    }

    /// The id of the root.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn root_id(&self) -> Result<String> {
        Ok(self.root().await?.id.unwrap_or_default())
    }

    /// The parent of an account or of an OU; `None` for the root and for what isn't there.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn parent(&self, child: &str) -> Result<Option<Parent>> {
        let parents = self.0.list_parents().child_id(child).send().await;
        let parents = parents.none_if(&["ChildNotFoundException"]).passing(&PASSING)?;
        Ok(parents.and_then(|parents| parents.parents.unwrap_or_default().into_iter().next()))
    }

    /// The tags of an account, an OU or the root; `None` if it isn't there.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn tags(&self, id: &str) -> Result<Option<BTreeMap<String, String>>> {
        let pages = self.0.list_tags_for_resource().resource_id(id).into_paginator().items();
        let tags = pages.send().collect::<Result<Vec<_>, _>>().await;
        let pairs = |tags: Vec<Tag>| tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        Ok(tags.none_if(&GONE).passing(&PASSING)?.map(pairs))
    }

    /// The tags of what may be there; `None` if it isn't. What has no tags because it isn't there is looked for by another
    /// call: a list that is behind must not have a thing be left.
    ///
    /// # Errors
    /// What AWS said; `NotYet` if it is there after all.
    pub async fn tags_of_any(&self, id: &str) -> Result<Option<BTreeMap<String, String>>> {
        match self.tags(id).await? {
            None if self.parent(id).await?.is_some() => Err(not_listed(id)),
            tags => Ok(tags),
        }
    }

    /// Sets and removes tags of what is there; without changes nothing is called.
    ///
    /// # Errors
    /// What AWS said; `NotYet` if it isn't there (any more).
    pub async fn change_tags(&self, id: &str, changes: &TagChanges) -> Result<()> {
        if self.change_tags_of_any(id, changes).await? { Ok(()) } else { Err(not_listed(id)) }
    }

    /// The same of what may be there; says whether it is.
    ///
    /// # Errors
    /// What AWS said; `NotYet` if it is there after all.
    pub async fn change_tags_of_any(&self, id: &str, changes: &TagChanges) -> Result<bool> {
        let mut is_there = true;
        if !changes.set.is_empty() {
            let tagging = self.0.tag_resource().resource_id(id).set_tags(Some(tags(&changes.set)?));
            is_there = tagging.send().await.none_if(&GONE).passing(&PASSING)?.is_some();
        }
        if is_there && !changes.unset.is_empty() {
            let untagging = self.0.untag_resource().resource_id(id).set_tag_keys(Some(changes.unset.clone()));
            is_there = untagging.send().await.none_if(&GONE).passing(&PASSING)?.is_some();
        }
        if !is_there && self.parent(id).await?.is_some() {
            return Err(not_listed(id));
        }
        Ok(is_there)
    }
}

/// Which constraint was violated: one code stands for many, some of which pass.
pub fn constraint<'a, T, E, R>(
    answer: &'a Result<T, SdkError<E, R>>,
    reason: impl Fn(&'a E) -> Option<&'a ConstraintViolationExceptionReason>,
) -> Option<ConstraintViolationExceptionReason> {
    answer.as_ref().err().and_then(SdkError::as_service_error).and_then(reason).cloned()
}

fn not_listed(id: &str) -> Error {
    Error::not_yet_within(ORGANIZATIONS_BUSY_FOR, format!("the tags of {id} aren't listed yet"))
}

/// Tags as the SDK takes them.
///
/// # Errors
/// Refused without a key or a value, which `custom_resource::Tags` doesn't let through.
pub fn tags(pairs: &[(String, String)]) -> Result<Vec<Tag>> {
    let tags: Result<Vec<_>, BuildError> =
        pairs.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    tags.map_err(|error| Error::refused(error.to_string()))
}
