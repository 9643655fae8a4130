//! Where an account is, and where the template wants it.

use aws_sdk_organizations::types::{Parent, ParentType};
use custom_resource::{Claim, Error, Result};
use organizations::{NEW_FOR, ParentId};

use crate::{
    api::Api,
    properties::{AccountId, Properties},
};

/// In which OU each account is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement<'a> {
    pub(crate) api: &'a Api,
}

impl Placement<'_> {
    /// Where the account is.
    pub(crate) async fn parent(&self, id: &str) -> Result<Parent> {
        let parent = self.api.organizations.parent(id).await?;
        parent.ok_or_else(|| Error::not_yet_within(NEW_FOR, format!("the account {id} has no parent yet")))
    }

    /// Moves the account where the template wants it, if that may be (`check`); back to the root, if it is where the template
    /// wanted it before.
    pub(crate) async fn relocate(
        &self,
        id: &str,
        parent: &Parent,
        desired: &Properties,
        previous: Option<&Properties>,
        claim: &Claim<AccountId>,
        check: impl AsyncFn() -> Result<()>,
    ) -> Result<()> {
        let from = parent.id().unwrap_or_default();
        let id_of = async |parent_id: Option<&ParentId>| match parent_id {
            Some(parent_id) => Ok(parent_id.as_str().to_owned()),
            None if parent.r#type() == Some(&ParentType::Root) => Ok(from.to_owned()),
            None => self.api.organizations.root_id().await,
        };
        let to = id_of(desired.parent_id.as_ref()).await?;
        let was_placed = |previous: &Properties| previous.parent_id.as_ref().is_some_and(|it| it.as_str() == from);
        if from != to && (desired.parent_id.is_some() || previous.is_some_and(was_placed)) {
            check().await?;
            let moving = async || {
                if self.api.relocate(id, from, &to).await? { Ok(()) } else { Err(not_there(id)) }
            };
            return claim.writes().change("parent", false, moving).await;
        }
        let Some(previous) = previous.filter(|previous| previous.parent_id != desired.parent_id) else { return Ok(()) };
        let moving = async || {
            let before = id_of(previous.parent_id.as_ref()).await?;
            if before == to || self.api.relocate(id, &before, &to).await? || self.parent(id).await?.id() == Some(from) {
                return Ok(());
            }
            Err(not_there(id))
        };
        claim.writes().change("parent", true, moving).await
    }
}

fn not_there(id: &str) -> Error {
    Error::not_yet_within(NEW_FOR, format!("the account {id} isn't where it is said to be"))
}
