//! Gives shared subnets and their VPCs the tags that the template wants, and takes away those that it set.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::{
    Client,
    types::{Subnet, Vpc},
};
use custom_resource::{Claim, Error, Resource, Result, Tags};

use crate::{
    api::{Api, TagMap, VISIBLE_WITHIN, by_key},
    properties::{Properties, TagsId},
};

/// Subnets that other accounts share with the function's.
#[derive(Debug)]
pub(crate) struct SharedSubnets {
    api: Api,
}

/// What a template says of the tags of each subnet and each VPC, by their ids.
type Wishes<'a> = BTreeMap<&'a str, &'a Tags>;

/// The wishes of a template. VPCs are known only through the subnets that are seen.
fn wishes<'a>(properties: Option<&'a Properties>, subnets: &'a [Subnet]) -> Wishes<'a> {
    let Some(Properties { subnet_ids, tags, vpc_tags }) = properties else { return Wishes::new() };
    let named: Wishes<'_> = subnet_ids.iter().map(|id| (id.0.as_str(), tags)).collect();
    let seen = subnets.iter().filter(|subnet| subnet.subnet_id().is_some_and(|id| named.contains_key(id)));
    let vpcs: Vec<_> = seen.filter_map(Subnet::vpc_id).filter(|_| !vpc_tags.is_empty()).collect();
    named.into_iter().chain(vpcs.into_iter().map(|id| (id, vpc_tags))).collect()
}

fn owned<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<(String, String)> {
    pairs.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The same change of several things, by its tags: one call.
type Changes = BTreeMap<Vec<(String, String)>, Change>;

/// What is changed, and whether some of it isn't listed as wanted already.
#[derive(Debug, Default)]
struct Change {
    ids: Vec<String>,
    is_needed: bool,
}

/// Everything that is to be changed.
#[derive(Debug, Default)]
struct Plan {
    set: Changes,
    unset: Changes,
}

impl Plan {
    /// Adds what makes the tags of a thing those of `desired`, if they were said to be `previous` before. What the template
    /// changes is changed whatever is listed, which may be behind. A key that no template of ours set keeps its value, and
    /// one of ours that has another value by now isn't removed: EC2 compares it. `current` is `None` where nobody looked.
    fn add(&mut self, id: &str, current: Option<&TagMap>, desired: &Tags, previous: &Tags) -> Result<()> {
        let listed = |key: &str| current.and_then(|current| current.get(key));
        let differs =
            |(key, value): &(&String, &String)| listed(key) != Some(value) || previous.get(key) != Some(value);
        let set = owned(desired.pairs().filter(differs));
        let is_theirs =
            |key: &str, value: &String| listed(key).is_some_and(|there| there != value) && previous.get(key).is_none();
        if let Some((key, _)) = set.iter().find(|(key, value)| is_theirs(key, value)) {
            return Err(Error::refused(format!(
                "{id} has a tag {key} with another value already, which this resource did not set; remove that tag, or leave \
                 the key out"
            )));
        }
        let unset = owned(previous.pairs().filter(|(key, _)| desired.get(key).is_none()));
        let is_listed = |(key, value): &(String, String)| listed(key) == Some(value);
        let are_set = set.iter().all(is_listed);
        let are_unset = current.is_some() && !unset.iter().any(is_listed);
        for (tags, is_shown, changes) in [(set, are_set, &mut self.set), (unset, are_unset, &mut self.unset)] {
            if !tags.is_empty() {
                let change = changes.entry(tags).or_default();
                change.ids.push(id.to_owned());
                change.is_needed |= !is_shown;
            }
        }
        Ok(())
    }
}

impl SharedSubnets {
    pub(crate) fn new(ec2: Client) -> Self {
        Self { api: Api::new(ec2) }
    }

    /// What this account sees of the subnets that are wanted, and of those that only were. The latter may be gone, and their
    /// tags with them: who doesn't see one looks again, since what is behind must not have it keep them.
    async fn seen(&self, desired: Option<&Properties>, previous: Option<&Properties>) -> Result<Vec<Subnet>> {
        let ids = |properties: Option<&Properties>| -> BTreeSet<String> {
            properties.into_iter().flat_map(|it| &it.subnet_ids).map(|id| id.0.clone()).collect()
        };
        let (wanted, left) = (ids(desired), &ids(previous) - &ids(desired));
        let mut subnets = self.api.subnets(wanted.union(&left).cloned().collect()).await?;
        let seen: BTreeSet<_> = subnets.iter().filter_map(Subnet::subnet_id).collect();
        let unseen = left.into_iter().filter(|id| !seen.contains(id.as_str())).collect();
        subnets.extend(self.api.subnets(unseen).await?);
        Ok(subnets)
    }

    /// What has to change since the template says `desired` and said `previous` before.
    async fn plan(&self, desired: Option<&Properties>, previous: Option<&Properties>) -> Result<Plan> {
        let subnets = self.seen(desired, previous).await?;
        let (now, before) = (wishes(desired, &subnets), wishes(previous, &subnets));
        let in_vpcs: BTreeSet<_> = subnets.iter().filter_map(Subnet::vpc_id).collect();
        let wanted = in_vpcs.iter().filter(|id| now.contains_key(*id)).map(|id| (*id).to_owned());
        let vpcs = self.api.vpcs(wanted.collect()).await?;

        // What is only to lose its tags isn't looked at, or not believed.
        let left = in_vpcs.iter().filter(|id| before.contains_key(*id) && !now.contains_key(*id));
        let left = left.map(|id| (*id, None));
        let subnets = subnets.iter().map(|subnet| (subnet.subnet_id().unwrap_or_default(), by_key(subnet.tags())));
        let vpcs = vpcs.iter().map(|vpc: &Vpc| (vpc.vpc_id().unwrap_or_default(), by_key(vpc.tags())));
        let listed = subnets.chain(vpcs).map(|(id, tags)| (id, desired.is_some().then_some(tags)));
        let seen: BTreeMap<_, _> = listed.chain(left).collect();
        check_seen(&now, &seen)?;
        let none = Tags::default();
        let mut plan = Plan::default();
        for (id, current) in &seen {
            let [desired, previous] = [&now, &before].map(|wishes| wishes.get(id).copied().unwrap_or(&none));
            plan.add(id, current.as_ref(), desired, previous)?;
        }
        Ok(plan)
    }

    async fn carry_out(&self, plan: Plan, claim: &Claim<TagsId>) -> Result<()> {
        for (tags, Change { ids, is_needed }) in plan.set {
            let tagging = async || self.api.tag(ids.clone(), &tags).await;
            claim.change(&format!("tags of {}", ids.join(", ")), !is_needed, tagging).await?;
        }
        for (tags, Change { ids, is_needed }) in plan.unset {
            let untagging = async || self.api.untag(ids.clone(), &tags).await;
            claim.change(&format!("no tags of {}", ids.join(", ")), !is_needed, untagging).await?;
        }
        Ok(())
    }
}

/// A subnet isn't seen at once in the account that it is shared with.
fn check_seen(wishes: &Wishes<'_>, seen: &BTreeMap<&str, Option<TagMap>>) -> Result<()> {
    let unseen: Vec<_> = wishes.keys().filter(|id| !seen.contains_key(*id)).copied().collect();
    if unseen.is_empty() {
        return Ok(());
    }
    Err(Error::not_yet_within(
        VISIBLE_WITHIN,
        format!("this account doesn't see {}; have the owner share it with this account", unseen.join(", ")),
    ))
}

impl Resource for SharedSubnets {
    type Properties = Properties;
    type Id = TagsId;
    type Attributes = ();

    async fn warm_up(&self) {
        let _ = self.api.subnets(vec!["any".to_owned()]).await;
    }

    async fn ensure(&self, desired: &Properties, previous: Option<&Properties>, claim: &Claim<TagsId>) -> Result<()> {
        let plan = self.plan(Some(desired), previous).await?;
        // Not before anything is tagged: what was refused until then leaves no id, so that the Delete that follows takes away
        // nothing of others.
        claim.hold(&TagsId::of(claim.owner()));
        self.carry_out(plan, claim).await
    }

    async fn remove(&self, last: Option<&Properties>, claim: &Claim<TagsId>) -> Result<()> {
        if claim.made_nothing() {
            return Ok(());
        }
        self.carry_out(self.plan(None, last).await?, claim).await
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
