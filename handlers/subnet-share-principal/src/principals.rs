//! Adds a principal to a share and takes it back, beside other stacks that do the same.

use std::collections::BTreeMap;

use archipelago::TagChanges;
use aws_sdk_ram::types::{ResourceShare, ResourceShareStatus as Status};
use custom_resource::{AwsError, Claim, Error, LeftBehind, Resource, Result, SdkConfig, SdkResult};
use resource_shares::{
    Addition, AdditionState, Additions, AssociationChanges, Entity, ResourceShares, SHARE_LISTED_WITHIN, ShareArn,
    pairs,
};

use crate::properties::{PlacedPrincipal, Properties};

/// What RAM says of a share that has gone, and with it all that is to be taken back.
const GONE: &[&str] = &["UnknownResourceException"];

/// Principals on shares that the function's account owns.
#[derive(Debug)]
pub(crate) struct SharePrincipals {
    shares: ResourceShares,
}

impl SharePrincipals {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        Self { shares: ResourceShares::new(aws) }
    }

    async fn placed(&self, properties: &Properties) -> Result<PlacedPrincipal> {
        let Properties { share_arn, principal } = properties;
        let organization = self.shares.organization(&[principal]).await?;
        Ok(PlacedPrincipal { share: share_arn.clone(), principal: principal.entity(organization.as_ref())? })
    }

    /// The same of an earlier template. One whose principal can't be found out was never added.
    async fn placed_by_earlier_template(&self, properties: &Properties) -> Result<Option<PlacedPrincipal>> {
        let Properties { share_arn, principal } = properties;
        let organization = self.shares.organization(&[principal]).await?;
        let entity = principal.entity(organization.as_ref()).ok();
        Ok(entity.map(|principal| PlacedPrincipal { share: share_arn.clone(), principal }))
    }

    /// The tags of a share that can be added to.
    async fn tags(&self, share: &ShareArn) -> Result<BTreeMap<String, String>> {
        let Some(found) = self.shares.share(share.as_str()).await? else {
            return Err(Error::not_yet_within(
                SHARE_LISTED_WITHIN,
                format!("there is no share {share} that the account of this function owns"),
            ));
        };
        check(share, &found)?;
        Ok(pairs(&found))
    }

    /// Writes the addition as a tag of the share. Before the principal is associated: whoever finds it there finds the tag.
    async fn write_tag(&self, share: &ShareArn, addition: &Addition) -> Result<(), AwsError> {
        let changes = TagChanges { set: vec![addition.tag()], ..TagChanges::default() };
        self.shares.change_tags(share.as_str(), &changes).await
    }

    /// How the claim's addition under `key` stands.
    async fn state_of(
        &self,
        share: &ShareArn,
        key: &str,
        claim: &Claim<PlacedPrincipal>,
    ) -> Result<Option<AdditionState>> {
        let state = async || {
            let found = self.shares.share(share.as_str()).await?.map(|share| pairs(&share)).unwrap_or_default();
            Ok(Additions::among(&found).under(key).map(|addition| addition.state))
        };
        claim.known().look(Option::is_some, state).await
    }

    async fn forget(&self, share: &ShareArn, addition: &Addition) -> Result<()> {
        let changes = TagChanges { unset: vec![addition.key.clone()], ..TagChanges::default() };
        self.shares.change_tags(share.as_str(), &changes).await.none_if(GONE)?;
        Ok(())
    }

    /// Takes out what this claim added, unless somebody else wants it there. The tag goes last: until then, another try
    /// knows what there is to be done.
    async fn leave(&self, placed: &PlacedPrincipal, left: &LeftBehind, claim: &Claim<PlacedPrincipal>) -> Result<()> {
        let PlacedPrincipal { share, principal } = placed;
        let own = Addition::new(claim.owner(), principal, AdditionState::Leaving);
        let Some(state) = self.state_of(share, &own.key, claim).await? else { return Ok(()) };
        if state == AdditionState::Before {
            return self.forget(share, &own).await;
        }
        left.is_there();
        if state == AdditionState::Added && self.write_tag(share, &own).await.none_if(GONE)?.is_none() {
            return Ok(());
        }
        // Looked for only now that they can see that this one is leaving: of two that leave at once, one doesn't rely on
        // the other.
        let others = self.shares.share(share.as_str()).await?.map(|share| pairs(&share)).unwrap_or_default();
        if !Additions::among(&others).is_wanted(principal, &own.key) {
            let now = self.shares.principals(share.as_str()).await?;
            let principal = Entity::Principal(principal.clone());
            let changes = AssociationChanges { shares: &self.shares, arn: share.as_str(), now: &now, claim };
            changes.ensure_disassociated(&[&principal]).await?;
        }
        self.forget(share, &own).await
    }
}

fn advised(error: AwsError) -> Error {
    match error.code() {
        "TagLimitExceededException" => error
            .advised(
                "a share has at most 50 tags and each added principal takes one, so share with an OU instead of its single \
                 accounts",
            )
            .into(),
        _ => error.into(),
    }
}

/// Whether a share can be added to, or may be soon.
fn check(arn: &ShareArn, share: &ResourceShare) -> Result<()> {
    match share.status() {
        Some(Status::Active) => Ok(()),
        Some(Status::Pending) => {
            Err(Error::not_yet_within(SHARE_LISTED_WITHIN, format!("the share {arn} isn't ACTIVE yet")))
        }
        other => Err(Error::refused(format!(
            "the share {arn} is {}, so nobody can be added to it",
            other.map_or("in no state", Status::as_str)
        ))),
    }
}

impl Resource for SharePrincipals {
    type Properties = Properties;
    type Id = PlacedPrincipal;
    type Attributes = ();

    async fn warm_up(&self) {
        let _ = self.shares.share("any").await;
    }

    async fn ensure(&self, desired: &Properties, _: Option<&Properties>, claim: &Claim<PlacedPrincipal>) -> Result<()> {
        let (placed, now) = tokio::join!(self.placed(desired), self.shares.principals(desired.share_arn.as_str()));
        let (placed, now) = (placed?, now?);
        let PlacedPrincipal { share, principal } = &placed;
        let entity = Entity::Principal(principal.clone());
        // After the associations: who sees a principal that another stack has just added, sees its tag too.
        let mut additions = Additions::among(&self.tags(share).await?);
        let key = Addition::new(claim.owner(), principal, AdditionState::Added).key;
        // Who finds no tag of its own looks again, before it takes the principal for one that somebody else wants there.
        if additions.under(&key).is_none() && now.gives_access(&entity) {
            additions = Additions::among(&self.tags(share).await?);
        }
        let state = match additions.under(&key).map(|addition| addition.state) {
            Some(AdditionState::Added | AdditionState::Before) => None,
            None if now.gives_access(&entity) => Some(additions.state_of_another(principal)),
            Some(AdditionState::Leaving) | None => {
                claim.writes().add(&key);
                Some(AdditionState::Added)
            }
        };
        if let Some(state) = state {
            self.write_tag(share, &Addition::new(claim.owner(), principal, state)).await.map_err(advised)?;
            additions = Additions::among(&self.tags(share).await?);
        }
        claim.hold(&placed);
        additions.check_nobody_takes_back(&[principal], &key)?;
        // What wasn't there or was being taken out when this request came is new, even if a list that is behind shows it.
        let new = claim.writes().includes(&key).then_some(&entity);
        let changes = AssociationChanges { shares: &self.shares, arn: share.as_str(), now: &now, claim };
        changes.ensure_associated(&[&entity], new.as_slice()).await
    }

    async fn remove(&self, last: Option<&Properties>, claim: &Claim<PlacedPrincipal>) -> Result<()> {
        let placed = match (claim.id(), last) {
            (Some(placed), _) => Some(placed),
            (None, Some(last)) => self.placed_by_earlier_template(last).await?,
            (None, None) => None,
        };
        match placed {
            Some(placed) => self.leave(&placed, &LeftBehind::default(), claim).await,
            None => Ok(()),
        }
    }

    async fn take_back(
        &self,
        cancelled: &Properties,
        desired: &Properties,
        left: &LeftBehind,
        claim: &Claim<PlacedPrincipal>,
    ) -> Result<()> {
        if cancelled == desired {
            return Ok(());
        }
        match self.placed_by_earlier_template(cancelled).await? {
            Some(placed) if claim.id().is_some_and(|now| now != placed) => self.leave(&placed, left, claim).await,
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
