//! Gives shared subnets and their VPCs the tags that the template wants, and takes away those that it set.

use std::collections::{BTreeMap, BTreeSet};

use archipelago::{TagChanges, Tags, Users};
use custom_resource::{Claim, Error, Known, Resource, Result};
use ec2::{Client, Subnet, Vpc};

use crate::{
    api::{Api, VISIBLE_WITHIN, by_key},
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
    let seen = subnets.iter().filter(|subnet| named.contains_key(subnet.subnet_id.as_str()));
    let vpcs: Vec<_> = seen.map(|subnet| subnet.vpc_id.as_str()).filter(|_| !vpc_tags.is_empty()).collect();
    named.into_iter().chain(vpcs.into_iter().map(|id| (id, vpc_tags))).collect()
}

fn owned<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<(String, String)> {
    pairs.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Tags of several things, by their ids.
type Seen = BTreeMap<String, Users>;

fn listed(subnets: &[Subnet], vpcs: &[Vpc]) -> Seen {
    let subnets = subnets.iter().map(|subnet| (&subnet.subnet_id, &subnet.tags));
    let vpcs = vpcs.iter().map(|vpc| (&vpc.vpc_id, &vpc.tags));
    subnets.chain(vpcs).map(|(id, tags)| (id.clone(), Users::among(by_key(tags)))).collect()
}

/// The same change of several things, by its tags: one call.
type Changes = BTreeMap<Vec<(String, String)>, Change>;

/// What is changed, and whether some of it isn't listed as wanted already.
#[derive(Debug, Default)]
struct Change {
    ids: Vec<String>,
    is_needed: bool,
}

/// Adds a change of a thing, if it is one.
fn add(changes: &mut Changes, tags: Vec<(String, String)>, id: &str, is_shown: bool) {
    if !tags.is_empty() {
        let change = changes.entry(tags).or_default();
        change.ids.push(id.to_owned());
        change.is_needed |= !is_shown;
    }
}

/// What gives a thing with `users` the tags `desired`, if they were said to be `previous` before. What the template changes is
/// changed whatever is listed, which may be behind. A key that no template of ours set keeps its value, and so does one that
/// another user wants.
fn set(
    changes: &mut Changes,
    id: &str,
    users: &Users,
    desired: &Tags,
    previous: &Tags,
    claim: &Claim<TagsId>,
) -> Result<()> {
    let owner = claim.owner();
    let listed = |key: &str| users.value(key);
    let differs = |(key, value): &(&String, &String)| listed(key) != Some(value) || previous.get(key) != Some(value);
    let mut set = owned(desired.pairs().filter(differs));
    users.check_tags(owner, id, desired)?;
    let is_theirs =
        |key: &str, value: &String| listed(key).is_some_and(|there| there != value) && previous.get(key).is_none();
    if let Some((key, _)) = set.iter().find(|(key, value)| is_theirs(key, value)) {
        return Err(Error::refused(format!(
            "{id} has a tag {key} with another value already, which this resource did not set; remove that tag, or leave \
             the key out"
        )));
    }
    let own = Users::tag(owner, desired);
    let is_known = listed(&own.0) == Some(&own.1) && desired == previous;
    if !desired.is_empty() && !is_known {
        set.push(own);
    }
    users.check_room(id, &TagChanges { set: set.clone(), ..TagChanges::default() })?;
    let are_set = set.iter().all(|(key, value)| listed(key) == Some(value));
    add(changes, set, id, are_set);
    Ok(())
}

/// What takes the tags `dropped` from a thing with `users`, but for the keys that another user wants. EC2 leaves a tag that has
/// another value by now.
fn unset(changes: &mut Changes, id: &str, users: &Users, dropped: &[(String, String)], claim: &Claim<TagsId>) {
    let is_kept = |key: &str| users.is_claimed_beside(claim.owner(), key);
    let unset: Vec<_> = dropped.iter().filter(|(key, _)| !is_kept(key)).cloned().collect();
    add(changes, unset, id, false);
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
        let seen: BTreeSet<_> = subnets.iter().map(|subnet| &subnet.subnet_id).collect();
        let unseen = left.into_iter().filter(|id| !seen.contains(id)).collect();
        subnets.extend(self.api.subnets(unseen).await?);
        Ok(subnets)
    }

    /// The users of the things that `wanted` and `left` name, as far as they are seen.
    async fn users(&self, subnets: &[Subnet], wanted: &Wishes<'_>, left: &Wishes<'_>) -> Result<Seen> {
        let is_named = |id: &&str| wanted.contains_key(id) || left.contains_key(id);
        let vpcs: BTreeSet<_> = subnets.iter().map(|subnet| subnet.vpc_id.as_str()).filter(is_named).collect();
        let vpcs = self.api.vpcs(vpcs.into_iter().map(ToOwned::to_owned).collect()).await?;
        Ok(listed(subnets, &vpcs))
    }

    /// The users of these things, looked for once more.
    async fn users_again(&self, ids: &[&String]) -> Result<Seen> {
        let of_kind = |is_vpc: bool| {
            ids.iter().filter(|id| id.starts_with("vpc-") == is_vpc).map(|id| (*id).clone()).collect::<Vec<_>>()
        };
        let subnets = self.api.subnets(of_kind(false)).await?;
        let vpcs = self.api.vpcs(of_kind(true)).await?;
        Ok(listed(&subnets, &vpcs))
    }

    /// Takes away what the template said `before` and doesn't say `now`, from things that the claim uses. Who comes meanwhile
    /// sees in the claim's tag that it is leaving, and is seen by it.
    async fn leave(&self, now: &Wishes<'_>, before: &Wishes<'_>, seen: &Seen, claim: &Claim<TagsId>) -> Result<()> {
        let none = Tags::default();
        let (owner, mark) = (claim.owner(), Users::leaving(claim.owner()));
        let mut left: BTreeMap<&String, Vec<(String, String)>> = BTreeMap::new();
        for (id, tags) in before.iter().filter_map(|(id, tags)| Some((seen.get_key_value(*id)?.0, *tags))) {
            let wanted = now.get(id.as_str()).copied().unwrap_or(&none);
            let dropped = owned(tags.pairs().filter(|(key, _)| wanted.get(key).is_none()));
            if !dropped.is_empty() && !claim.writes().includes(&format!("no tags of {id}")) {
                left.insert(id, dropped);
            }
        }
        let is_user = |seen: &Seen, id: &String| seen.get(id).is_some_and(|users| users.includes(owner));
        if left.keys().any(|id| !is_user(seen, id)) {
            // A list may be behind and hide the claim itself.
            let again = self.users_again(&left.keys().copied().collect::<Vec<_>>()).await?;
            left.retain(|id, _| is_user(seen, id) || is_user(&again, id));
        }
        if left.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = left.keys().copied().collect();
        self.api.tag(ids.iter().map(|id| (*id).clone()).collect(), std::slice::from_ref(&mark)).await?;
        let mut looks = [Changes::new(), Changes::new()];
        for changes in &mut looks {
            let users = self.users_again(&ids).await?;
            for (id, dropped) in &left {
                let is_wanted = now.get(id.as_str()).is_some_and(|tags| !tags.is_empty());
                let own = (!is_wanted).then(|| mark.clone());
                let dropped: Vec<_> = dropped.iter().cloned().chain(own).collect();
                unset(changes, id, users.get(*id).unwrap_or(&Users::default()), &dropped, claim);
            }
        }
        let [unset, again] = looks;
        if !unset.keys().eq(again.keys()) {
            return Err(not_listed(&ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ")));
        }
        for (tags, Change { ids, .. }) in unset {
            self.api.untag(ids, &tags).await?;
        }
        for id in ids {
            claim.writes().add(format!("no tags of {id}"));
        }
        Ok(())
    }

    /// Gives things their tags, and makes the claim a user of them.
    async fn carry_out(&self, changes: Changes, claim: &Claim<TagsId>) -> Result<()> {
        for (tags, Change { ids, is_needed }) in changes {
            let tagging = async || self.api.tag(ids.clone(), &tags).await;
            claim.writes().change(&format!("tags of {}", ids.join(", ")), !is_needed, tagging).await?;
        }
        Ok(())
    }

    /// That nobody is leaving, or has just left, who looked for others before the claim came.
    async fn check_nobody_leaves(&self, now: &Wishes<'_>, seen: &Seen, claim: &Claim<TagsId>) -> Result<()> {
        let owner = claim.owner();
        let used = seen.iter().filter(|(id, _)| now.get(id.as_str()).is_some_and(|tags| !tags.is_empty()));
        let is_known = |(id, users): &(&String, &Users)| users.own_tag(owner, now[id.as_str()]).is_none();
        let (known, new): (Vec<_>, Vec<_>) = used.partition(is_known);
        let again = self.users_again(&new.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await?;
        let known = known.into_iter().filter(|_| claim.known().id().is_none());
        for (id, users) in known.chain(&again) {
            users.check_nobody_leaves(owner, id)?;
            let is_there = |(key, value): (&String, &String)| users.value(key) == Some(value);
            if !now.get(id.as_str()).is_some_and(|tags| tags.pairs().all(is_there)) {
                return Err(not_listed(id));
            }
        }
        Ok(())
    }
}

fn not_listed(ids: &str) -> Error {
    Error::not_yet_within(VISIBLE_WITHIN, format!("the tags of {ids} aren't listed yet"))
}

/// A subnet isn't seen at once in the account that it is shared with.
fn check_seen(wishes: &Wishes<'_>, seen: &Seen) -> Result<()> {
    let unseen: Vec<_> = wishes.keys().filter(|id| !seen.contains_key(**id)).copied().collect();
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
        let subnets = self.seen(Some(desired), previous).await?;
        let (now, before) = (wishes(Some(desired), &subnets), wishes(previous, &subnets));
        let seen = self.users(&subnets, &now, &before).await?;
        check_seen(&now, &seen)?;
        let none = Tags::default();
        let mut changes = Changes::new();
        for (id, desired) in &now {
            let previous = before.get(id).copied().unwrap_or(&none);
            set(&mut changes, id, &seen[*id], desired, previous, claim)?;
        }
        // Not before anything is tagged: what was refused until then leaves no id, so that the Delete that follows takes away
        // nothing of others.
        claim.hold(&TagsId::of(claim.owner()));
        self.leave(&now, &before, &seen, claim).await?;
        self.carry_out(changes, claim).await?;
        self.check_nobody_leaves(&now, &seen, claim).await
    }

    async fn remove(&self, last: Option<&Properties>, claim: &Claim<TagsId>) -> Result<()> {
        if matches!(claim.known(), Known::Nothing) {
            return Ok(());
        }
        let subnets = self.seen(None, last).await?;
        let (now, before) = (Wishes::new(), wishes(last, &subnets));
        let seen = self.users(&subnets, &now, &before).await?;
        self.leave(&now, &before, &seen, claim).await
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod tests;
