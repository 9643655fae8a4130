//! Makes an account be there once, where the template wants it, and ready to be used.

use aws_sdk_organizations::types::AccountState;
use custom_resource::{Claim, Error, Resource, Result, SdkConfig};
use organizations::{Departure, Thing};

use crate::{
    api::{Api, has_email},
    creation::{Creation, is_known_id},
    placement::Placement,
    properties::{AccountId, Attributes, Properties},
    state::{check_member, check_state, not_described, state},
};

/// Accounts of the organization that the function's account manages.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) api: Api,
}

impl Accounts {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        Self { api: Api::new(aws) }
    }

    /// Closes the account, and comes back until it is closed.
    async fn close(&self, id: &str) -> Result<()> {
        let Some(account) = self.api.described(id).await? else {
            // It is there, since its tags were read.
            return Err(not_described(id));
        };
        match state(&account) {
            Some(AccountState::Suspended | AccountState::Closed) => return Ok(()),
            // Everything in it still works.
            Some(AccountState::PendingClosure) => {}
            _ => self.api.close(id).await?,
        }
        Err(Error::not_yet(format!("the account {id} is being closed")))
    }
}

impl Resource for Accounts {
    type Properties = Properties;
    type Id = AccountId;
    type Attributes = Attributes;

    async fn warm_up(&self) {
        let _ = tokio::join!(self.api.described("any"), self.api.identity());
    }

    async fn ensure(
        &self,
        desired: &Properties,
        previous: Option<&Properties>,
        claim: &Claim<AccountId>,
    ) -> Result<Attributes> {
        let account = Creation { api: &self.api, desired, claim }.account().await?;
        let id = account.id().unwrap_or_default();
        check_member(id, claim)?;
        check_state(&account)?;
        if !has_email(&account, &desired.email) {
            return Err(Error::refused(format!(
                "the account {id} has another address than `Email`; Organizations can't change it from here: give the old one"
            )));
        }
        // One that was refused for its address has changed nothing that could be taken back.
        let previous = previous.filter(|previous| previous.email == desired.email);
        let known = format!("the account {id}");
        let thing = Thing { id, name: &known };
        let (to, before) = (desired.parent_id.as_ref(), previous.map(|previous| previous.parent_id.as_ref()));
        let is_placed = to.is_some() || before.flatten().is_some();
        let (placement, sharing) = (Placement { api: &self.api }, self.api.sharing());
        let parent = async { if is_placed { placement.parent(id).await.map(Some) } else { Ok(None) } };
        let (users, parent) = tokio::join!(sharing.users_of(thing), parent);
        let (users, parent) = (users?, parent?);
        let is_shown = account.name() == Some(&desired.name.0);
        if !is_shown {
            sharing.check_alone(thing, "name", &users, claim).await?;
        }
        // Before the account is relied on: whoever leaves it sees the user.
        let tags = previous.map(|previous| &previous.tags);
        sharing.join(thing, &users, &desired.tags, tags, false, claim).await?;
        if !is_shown || previous.is_some_and(|previous| previous.name != desired.name) {
            claim.writes().change("name", is_shown, async || self.api.rename(id, &desired.name.0).await).await?;
        }
        if let Some(parent) = parent {
            let check = async || sharing.check_alone(thing, "place", &users, claim).await;
            placement.relocate(id, &parent, desired, previous, claim, check).await?;
        }
        let was_ready = previous.is_some_and(|previous| previous.wait_until_ready) && is_known_id(id, claim);
        if desired.wait_until_ready && !was_ready {
            self.api.enter(&account, &desired.role_name.0).await?;
        }
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Ok(Attributes {
            account_id: id.to_owned(),
            arn: text(account.arn()),
            email: text(account.email()),
            name: desired.name.0.clone(),
            state: text(state(&account).as_ref().map(AccountState::as_str)),
        })
    }

    /// Leaves the account as it is, unless the template wants it closed, one of our resources made it, and nobody else uses it.
    async fn remove(&self, last: Option<&Properties>, claim: &Claim<AccountId>) -> Result<()> {
        let ids = match (last, claim.id()) {
            (Some(last), _) => Creation { api: &self.api, desired: last, claim }.accounts().await?,
            (None, Some(AccountId::Account(id))) => [id].into(),
            (None, _) => return Ok(()),
        };
        let sharing = self.api.sharing();
        for id in ids {
            if !last.is_some_and(|last| last.close_on_delete) {
                sharing.leave_behind(&id, claim).await?;
            } else if sharing.leave(&id, claim).await? == Departure::Last {
                return match self.close(&id).await {
                    Err(error @ Error::Refused(_)) => {
                        Err(sharing.stay(&id, last.map(|last| &last.tags), claim, error).await)
                    }
                    ended => ended,
                };
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod tests;
