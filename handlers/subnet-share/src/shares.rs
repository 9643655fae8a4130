//! Makes a share be there once, with the subnets and principals that the template wants and those that others added.

use std::collections::BTreeSet;

use archipelago::{TagChanges, has_owner_tag, owner_tag};
use aws_sdk_ram::types::{ResourceShare, ResourceShareStatus as Status};
use custom_resource::{Claim, Error, Known, RequestType, Resource, Result, SdkConfig, SdkResult};
use resource_shares::{
    Additions, AssociationChanges, Entity, PASSING, ResourceShares, SETTLED_WITHIN, SHARE_LISTED_WITHIN, ShareArn,
    SharingResult, batches, pairs, tags,
};

use crate::properties::{Attributes, Properties};

/// Whether principals outside of the organization may be associated: RAM shares subnets inside of it alone.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html>
const OUTSIDERS: bool = false;

/// Shares of subnets that the function's account owns.
#[derive(Debug)]
pub(crate) struct SubnetShares {
    shares: ResourceShares,
}

impl SubnetShares {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        Self { shares: ResourceShares::new(aws) }
    }

    /// The share: the one held, or the one that carries the mark.
    async fn share(&self, claim: &Claim<ShareArn>) -> Result<Option<ResourceShare>> {
        if let Some(id) = claim.id() {
            match self.shares.share(id.as_str()).await?.filter(is_staying) {
                Some(share) => return Ok(Some(share)),
                None if claim.known().id() != Some(&id) => {
                    return Err(Error::not_yet_within(
                        SHARE_LISTED_WITHIN,
                        format!("the new share {id} isn't listed yet"),
                    ));
                }
                // Somebody deleted it; it is made anew, under another ARN.
                None => {}
            }
        }
        let marked = self.shares.marked(claim.owner()).await?.filter(is_staying);
        if let Some(share) = &marked {
            hold(claim, share)?;
        }
        Ok(marked)
    }

    /// Makes the share. Its list may be behind and not show what a lost answer made: the client token, which is the same
    /// for the same wishes of the same request, has RAM answer with that one then.
    async fn make(
        &self,
        desired: &Properties,
        wanted: &BTreeSet<Entity>,
        claim: &Claim<ShareArn>,
    ) -> Result<ResourceShare> {
        let wanted: Vec<_> = wanted.iter().collect();
        let (subnets, principals) = batches(&wanted).next().unwrap_or_default();
        let marked = desired.tags.with(owner_tag(claim.owner()));
        let token = format!("{:?}", (&desired.name, &subnets, &principals, &marked));
        let request = self.shares.ram.create_resource_share().name(&desired.name);
        let request = request.allow_external_principals(OUTSIDERS).set_tags(Some(tags(&marked)));
        let request = request.set_resource_arns(subnets).set_principals(principals);
        let made = request.client_token(claim.client_token(&token)).send().await.unless_onboarding()?;
        made.resource_share
            .ok_or_else(|| Error::not_yet_within(SHARE_LISTED_WITHIN, "the new share isn't described yet"))
    }

    /// The share that a Delete is about. One that isn't found is looked for once more, by its mark, unless nothing was made
    /// for sure: a list that is behind must not have it be left.
    async fn last(&self, claim: &Claim<ShareArn>) -> Result<Option<ResourceShare>> {
        let id = claim.id();
        let found = match &id {
            Some(id) => self.shares.share(id.as_str()).await?,
            None => self.shares.marked(claim.owner()).await?,
        };
        if found.is_some() || matches!(claim.known(), Known::Nothing) {
            return Ok(found);
        }
        let is_it = |share: &ResourceShare| id.is_none_or(|id| share.resource_share_arn() == Some(id.as_str()));
        Ok(self.shares.marked(claim.owner()).await?.filter(is_it))
    }

    /// Gives the share its name and its tags, and closes it to outsiders.
    async fn describe(
        &self,
        share: &ResourceShare,
        desired: &Properties,
        previous: Option<&Properties>,
        claim: &Claim<ShareArn>,
    ) -> Result<()> {
        let arn = share.resource_share_arn().unwrap_or_default();
        let wanted = (desired.name.as_str(), OUTSIDERS);
        let listed = (share.name().unwrap_or_default(), share.allow_external_principals().unwrap_or_default());
        if listed != wanted || previous.is_some_and(|previous| previous.name != desired.name) {
            let request = self.shares.ram.update_resource_share().resource_share_arn(arn).name(&desired.name);
            let request = request.allow_external_principals(OUTSIDERS);
            let describing = async || Ok(request.send().await.passing(&PASSING).map(drop)?);
            claim.writes().change("description", listed == wanted, describing).await?;
        }
        let changes = desired.tags.changes(&pairs(share), previous.map(|previous| &previous.tags));
        let tagging = async || Ok(self.shares.change_tags(arn, &changes).await?);
        claim.writes().change("tags", changes.are_shown, tagging).await
    }

    /// Associates what is wanted, and then only takes away what was wanted `before` and what no other stack added. A Create may
    /// find the share that an earlier resource of its logical id left: then all that is there was wanted before.
    async fn associate(
        &self,
        share: &ResourceShare,
        wanted: &BTreeSet<Entity>,
        before: Option<&BTreeSet<Entity>>,
        claim: &Claim<ShareArn>,
    ) -> Result<()> {
        let arn = share.resource_share_arn().unwrap_or_default();
        let now = self.shares.associations(arn).await?;
        let mut additions = Additions::among(&pairs(share));
        let is_create = claim.invocation().request_type() == RequestType::Create;
        let found = before.is_none().then(|| now.with_access()).filter(|found| is_create && !found.is_subset(wanted));
        if found.is_some() {
            // Who adds a principal notes that first: whoever sees the principal sees the note.
            additions = Additions::among(&self.shares.share(arn).await?.map(|share| pairs(&share)).unwrap_or_default());
        }
        let before = before.or(found.as_ref());
        let is_added = |entity: &&Entity| entity.principal().is_some_and(|it| additions.is_wanted(it, ""));
        let new = before.iter().flat_map(|before| wanted.difference(before));
        let new: Vec<_> = new.filter(|entity| !is_added(entity)).collect();
        let dropped: Vec<_> = before.iter().flat_map(|before| before.difference(wanted)).collect();
        let wanted: Vec<_> = wanted.iter().collect();
        additions.check_nobody_takes_back(&principals(&wanted), "")?;
        let set = additions.retagged(&principals(&wanted), &principals(&dropped));
        self.shares.change_tags(arn, &TagChanges { set, ..TagChanges::default() }).await?;
        let changes = AssociationChanges { shares: &self.shares, arn, now: &now, claim };
        changes.ensure_associated(&wanted, &new).await?;
        let unwanted: Vec<_> = dropped.into_iter().filter(|entity| !is_added(entity)).collect();
        changes.ensure_disassociated(&unwanted).await
    }
}

fn principals<'a>(entities: &[&'a Entity]) -> Vec<&'a str> {
    entities.iter().filter_map(|entity| entity.principal()).collect()
}

fn hold(claim: &Claim<ShareArn>, share: &ResourceShare) -> Result<()> {
    let arn = share.resource_share_arn().unwrap_or_default();
    claim.hold(&arn.parse().map_err(|_| Error::refused("RAM answered with an ARN that is no share's"))?);
    Ok(())
}

/// Whether a share isn't being deleted.
fn is_staying(share: &ResourceShare) -> bool {
    share.status() != Some(&Status::Deleting)
}

/// Only an active share can be worked on.
fn check(share: &ResourceShare) -> Result<()> {
    let name = share.name().unwrap_or_default();
    match share.status() {
        Some(Status::Active) => Ok(()),
        Some(Status::Failed) => Err(Error::refused(format!(
            "RAM could not make the share {name}, it is FAILED: {}",
            share.status_message().unwrap_or("AWS doesn't say why").trim_end_matches('.')
        ))),
        _ => Err(Error::not_yet_within(SETTLED_WITHIN, format!("the share {name} isn't ACTIVE yet"))),
    }
}

impl Resource for SubnetShares {
    type Properties = Properties;
    type Id = ShareArn;
    type Attributes = Attributes;

    async fn warm_up(&self) {
        let _ = self.shares.share("any").await;
    }

    async fn ensure(
        &self,
        desired: &Properties,
        previous: Option<&Properties>,
        claim: &Claim<ShareArn>,
    ) -> Result<Attributes> {
        let named: Vec<_> = [Some(desired), previous].into_iter().flatten().flat_map(|it| &it.principals).collect();
        let (organization, share) = tokio::join!(self.shares.organization(&named), self.share(claim));
        let (organization, share) = (organization?, share?);
        let wanted = desired.entities(claim.invocation().function(), organization.as_ref())?;
        let before = previous.map(|previous| {
            previous.entities_of_earlier_template(claim.invocation().function(), organization.as_ref())
        });
        let Some(share) = share else {
            let made = self.make(desired, &wanted, claim).await?;
            hold(claim, &made)?;
            return Err(Error::not_yet_within(SETTLED_WITHIN, "RAM is making the share"));
        };
        check(&share)?;
        self.describe(&share, desired, previous, claim).await?;
        self.associate(&share, &wanted, before.as_ref(), claim).await?;
        let subnets = wanted.iter().filter_map(|entity| match entity {
            Entity::Resource(arn) => Some(arn.as_str()),
            Entity::Principal(_) => None,
        });
        Ok(Attributes {
            arn: share.resource_share_arn().unwrap_or_default().to_owned(),
            subnet_arns: subnets.collect::<Vec<_>>().join(","),
        })
    }

    async fn remove(&self, _: Option<&Properties>, claim: &Claim<ShareArn>) -> Result<()> {
        let is_ours = |share: &ResourceShare| has_owner_tag(&pairs(share), claim.owner());
        let Some(share) = self.last(claim).await?.filter(is_ours) else { return Ok(()) };
        let arn = share.resource_share_arn().unwrap_or_default();
        if is_staying(&share) {
            Additions::among(&pairs(&share)).check_nobody_stays(arn)?;
            let deleted = self.shares.ram.delete_resource_share().resource_share_arn(arn).send().await;
            if deleted.none_if(&["UnknownResourceException"]).unless_in_use()?.is_none() {
                return Ok(());
            }
        }
        Err(Error::not_yet_within(
            SETTLED_WITHIN,
            format!(
                "the share {arn} is being deleted; network interfaces that participants have in its subnets are left alone"
            ),
        ))
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
