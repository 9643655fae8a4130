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

/// The same change of several things: one call.
type Changes = BTreeMap<Vec<(String, String)>, Vec<String>>;

/// Everything that is to be changed.
#[derive(Debug, Default)]
struct Plan {
    set: Changes,
    unset: Changes,
}

impl Plan {
    /// Adds what makes the tags of a thing those of `desired`, if they were said to be `previous` before. What the template
    /// changes is changed whatever is listed, which may be behind. A key that no template of ours set keeps its value, and
    /// one of ours that has another value by now isn't removed: EC2 compares it.
    fn add(&mut self, id: &str, current: &TagMap, desired: &Tags, previous: Option<&Tags>) -> Result<()> {
        let before = |key: &str| previous.and_then(|previous| previous.get(key));
        let differs = |(key, value): &(&String, &String)| {
            current.get(*key) != Some(value) || previous.is_some() && before(key) != Some(value)
        };
        let set = owned(desired.pairs().filter(differs));
        let is_theirs =
            |key: &str, value: &String| current.get(key).is_some_and(|there| there != value) && before(key).is_none();
        if let Some((key, _)) = set.iter().find(|(key, value)| is_theirs(key, value)) {
            return Err(Error::refused(format!(
                "{id} has a tag {key} with another value already, which this resource did not set; remove that tag, or leave \
                 the key out"
            )));
        }
        let dropped = previous.into_iter().flat_map(Tags::pairs).filter(|(key, _)| desired.get(key).is_none());
        let unset = owned(dropped);
        for (tags, changes) in [(set, &mut self.set), (unset, &mut self.unset)] {
            if !tags.is_empty() {
                changes.entry(tags).or_default().push(id.to_owned());
            }
        }
        Ok(())
    }
}

impl SharedSubnets {
    pub(crate) fn new(ec2: Client) -> Self {
        Self { api: Api::new(ec2) }
    }

    /// What has to change since the template says `desired` and said `previous` before. What is wanted has to be seen; what
    /// only was wanted may be gone, and its tags with it.
    async fn plan(&self, desired: Option<&Properties>, previous: Option<&Properties>) -> Result<Plan> {
        let named = [desired, previous].into_iter().flatten().flat_map(|properties| &properties.subnet_ids);
        let named: BTreeSet<_> = named.map(|id| id.0.clone()).collect();
        let subnets = self.api.subnets(named.into_iter().collect()).await?;
        let (now, before) = (wishes(desired, &subnets), wishes(previous, &subnets));
        let in_vpcs: BTreeSet<_> = subnets.iter().filter_map(Subnet::vpc_id).collect();
        let wanted = in_vpcs.iter().filter(|id| now.contains_key(*id)).map(|id| (*id).to_owned());
        let vpcs = self.api.vpcs(wanted.collect()).await?;

        // What is only to lose its tags isn't looked at.
        let left = in_vpcs.iter().filter(|id| before.contains_key(*id) && !now.contains_key(*id));
        let left = left.map(|id| (*id, TagMap::new()));
        let subnets = subnets.iter().map(|subnet| (subnet.subnet_id().unwrap_or_default(), by_key(subnet.tags())));
        let vpcs = vpcs.iter().map(|vpc: &Vpc| (vpc.vpc_id().unwrap_or_default(), by_key(vpc.tags())));
        let seen: BTreeMap<_, _> = subnets.chain(vpcs).chain(left).collect();
        check_seen(&now, &seen)?;
        let none = Tags::default();
        let mut plan = Plan::default();
        for (id, current) in &seen {
            let said = |wishes: &Wishes<'_>| wishes.get(id).copied().unwrap_or(&none).clone();
            plan.add(id, current, &said(&now), previous.map(|_| said(&before)).as_ref())?;
        }
        Ok(plan)
    }

    async fn carry_out(&self, plan: Plan) -> Result<()> {
        for (tags, ids) in plan.set {
            self.api.tag(ids, &tags).await?;
        }
        for (tags, ids) in plan.unset {
            self.api.untag(ids, &tags).await?;
        }
        Ok(())
    }
}

/// A subnet isn't seen at once in the account that it is shared with.
fn check_seen(wishes: &Wishes<'_>, seen: &BTreeMap<&str, TagMap>) -> Result<()> {
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
        // From the start: the event may be delivered twice, and one delivery fail where the other tags.
        claim.hold(&TagsId::of(claim.owner()));
        let plan = self.plan(Some(desired), previous).await;
        // A refusal before anything is tagged leaves no id, so that the Delete that follows takes away nothing of others.
        if matches!(plan, Err(Error::Refused(_))) || plan.is_err() && claim.is_denied() {
            claim.let_go();
        }
        self.carry_out(plan?).await
    }

    async fn remove(&self, last: Option<&Properties>, claim: &Claim<TagsId>) -> Result<()> {
        if claim.made_nothing() {
            return Ok(());
        }
        self.carry_out(self.plan(None, last).await?).await
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
