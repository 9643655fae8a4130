//! The calls that several resources make. Each is one question or one change; nothing here decides.

use archipelago::{OWNER_TAG, TagChanges, has_owner_tag};
use aws_sdk_organizations as orgs;
use aws_sdk_ram::{
    Client,
    operation::{
        get_resource_share_associations::GetResourceShareAssociationsOutput as AssociationsOutput,
        get_resource_shares::GetResourceSharesOutput as SharesOutput,
    },
    types::{ResourceOwner, ResourceShare, ResourceShareAssociationType, ResourceShareStatus, TagFilter},
};
use custom_resource::{AwsError, Owner, Result, SdkConfig, SdkResult};

use crate::{
    associations::{Associations, Entity, batches},
    passing::{PASSING, SharingResult},
    principals::{Organization, Principal},
    tags::{pairs, tags},
};

/// The shares that the function's account owns in the function's Region.
#[derive(Debug, Clone)]
pub struct ResourceShares {
    /// RAM.
    pub ram: Client,
    /// Organizations, which lets every account of an organization ask about it.
    pub organizations: orgs::Client,
}

impl ResourceShares {
    /// Both clients with the configuration of the function.
    #[must_use]
    pub fn new(aws: &SdkConfig) -> Self {
        Self { ram: Client::new(aws), organizations: orgs::Client::new(aws) }
    }

    /// The share; `None` if there is none, or none any more. RAM lists deleted ones for a while.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn share(&self, arn: &str) -> Result<Option<ResourceShare>> {
        let request = self.ram.get_resource_shares().resource_owner(ResourceOwner::SelfValue).resource_share_arns(arn);
        let pages = request.into_paginator().send().collect::<Result<Vec<_>, _>>().await;
        let pages = pages.none_if(&["UnknownResourceException"]).passing(&PASSING)?.unwrap_or_default();
        let is_it = |share: &&ResourceShare| share.resource_share_arn() == Some(arn) && is_there(share);
        Ok(pages.iter().flat_map(SharesOutput::resource_shares).find(is_it).cloned())
    }

    /// The share that carries `owner`'s mark. Of several, one that isn't being deleted.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn marked(&self, owner: &Owner) -> Result<Option<ResourceShare>> {
        let mark = TagFilter::builder().tag_key(OWNER_TAG).tag_values(owner.signature()).build();
        let request = self.ram.get_resource_shares().resource_owner(ResourceOwner::SelfValue).tag_filters(mark);
        let pages = request.into_paginator().send().collect::<Result<Vec<_>, _>>().await.passing(&PASSING)?;
        let shares = pages.iter().flat_map(SharesOutput::resource_shares).filter(|share| is_there(share));
        let marked = shares.filter(|share| has_owner_tag(&pairs(share), owner));
        Ok(marked.min_by_key(|share| share.status() == Some(&ResourceShareStatus::Deleting)).cloned())
    }

    /// What is associated with the share.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn associations(&self, arn: &str) -> Result<Associations> {
        let (resources, principals) = tokio::join!(
            self.associated(arn, ResourceShareAssociationType::Resource),
            self.associated(arn, ResourceShareAssociationType::Principal)
        );
        let pages = [resources?, principals?].concat();
        Ok(pages.iter().flat_map(AssociationsOutput::resource_share_associations).collect())
    }

    /// Who is associated with the share.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn principals(&self, arn: &str) -> Result<Associations> {
        let pages = self.associated(arn, ResourceShareAssociationType::Principal).await?;
        Ok(pages.iter().flat_map(AssociationsOutput::resource_share_associations).collect())
    }

    async fn associated(&self, arn: &str, kind: ResourceShareAssociationType) -> Result<Vec<AssociationsOutput>> {
        let request = self.ram.get_resource_share_associations().resource_share_arns(arn).association_type(kind);
        let pages = request.into_paginator().send().collect::<Result<Vec<_>, _>>().await;
        Ok(pages.none_if(&["UnknownResourceException"]).passing(&PASSING)?.unwrap_or_default())
    }

    /// Adds to a share. Without a client token: what is associated twice is associated once, whereas a token would have a
    /// second try be answered with the outcome of the first.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn associate(&self, arn: &str, entities: &[&Entity]) -> Result<()> {
        for (resources, principals) in batches(entities) {
            let request = self.ram.associate_resource_share().resource_share_arn(arn);
            let request = request.set_resource_arns(resources).set_principals(principals);
            request.send().await.unless_onboarding()?;
        }
        Ok(())
    }

    /// Takes out of a share, and says whether there was anything to take: what isn't in it is out of it. RAM doesn't document
    /// what it says of that; [Terraform](https://github.com/hashicorp/terraform-provider-aws) counts on this code.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn disassociate(&self, arn: &str, entities: &[&Entity]) -> Result<bool> {
        let mut was_there = false;
        for (resources, principals) in batches(entities) {
            let request = self.ram.disassociate_resource_share().resource_share_arn(arn);
            let sent = request.set_resource_arns(resources).set_principals(principals).send().await;
            was_there |= sent.none_if(&["UnknownResourceException"]).unless_in_use()?.is_some();
        }
        Ok(was_there)
    }

    /// Sets and removes tags, one by one: no other tag is touched. Without changes nothing is called.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn change_tags(&self, arn: &str, changes: &TagChanges) -> Result<(), AwsError> {
        if !changes.set.is_empty() {
            let tagging = self.ram.tag_resource().resource_share_arn(arn).set_tags(Some(tags(&changes.set)));
            tagging.send().await.passing(&PASSING)?;
        }
        if !changes.unset.is_empty() {
            let untagging = self.ram.untag_resource().resource_share_arn(arn).set_tag_keys(Some(changes.unset.clone()));
            untagging.send().await.passing(&PASSING)?;
        }
        Ok(())
    }

    /// The organization, if it takes it to say who `principals` are and if there is one.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn organization(&self, principals: &[&Principal]) -> Result<Option<Organization>> {
        if !principals.iter().any(|principal| principal.needs_organization()) {
            return Ok(None);
        }
        let described = self.organizations.describe_organization().send().await;
        let described = described.none_if(&["AWSOrganizationsNotInUseException"]);
        let described = described.passing(&organizations::PASSING)?;
        let arn = described.and_then(|output| output.organization).and_then(|organization| organization.arn);
        Ok(arn.map(Organization))
    }
}

/// Whether a share that RAM lists is there.
fn is_there(share: &ResourceShare) -> bool {
    share.status() != Some(&ResourceShareStatus::Deleted)
}
