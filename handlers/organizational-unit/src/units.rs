//! Makes the tree of OUs look as a template says, and as if it had never been said.

use std::time::Duration;

use aws_sdk_organizations::Client;
use custom_resource::{Claim, Error, Owner, Resource, Result, TagChanges, Tags};
use organizations::{BUSY_FOR, Organizations, UnitId};

use crate::{
    properties::{Attributes, Place, Properties},
    tree::{Deleted, Tree, Unit},
};

/// The tag of an OU that was made on the way to another. It is apart from the owner's, so that a level which becomes
/// the OU itself (or the other way round) is told from what it was when CloudFormation cleans up.
const LEVEL_KEY: &str = "archipelago:level";

/// How long Organizations may believe an OU not to be empty whose last account has left.
const EMPTIED_WITHIN: Duration = Duration::from_mins(2);

/// OUs in the organization that the function's account manages.
#[derive(Debug)]
pub(crate) struct OrganizationalUnits {
    tree: Tree,
}

impl OrganizationalUnits {
    pub(crate) fn new(organizations: Client) -> Self {
        Self { tree: Tree(Organizations(organizations)) }
    }

    /// Where the way to a place begins: the OU that is named as its parent, or the root.
    async fn start(&self, place: &Place) -> Result<String> {
        match place {
            Place::Child { parent: Some(parent), .. } => Ok(parent.as_str().to_owned()),
            _ => self.tree.0.root_id().await,
        }
    }

    /// The id of what is to be the parent. Levels of a path that are missing are made; one that was the claim's own OU until
    /// now is a level from now on.
    async fn parent(&self, place: &Place, claim: &Claim<UnitId>) -> Result<String> {
        let mut parent = self.start(place).await?;
        for name in place.levels() {
            parent = match self.named(&parent, name).await? {
                Some(level) => {
                    if claim.id().is_some_and(|id| id.as_str() == level.id) {
                        self.mark_anew(&level.id, Owner::TAG_KEY, level_tag(claim.owner()), claim.owner()).await?;
                    }
                    level.id
                }
                None => self.tree.create(&parent, name, &[level_tag(claim.owner())]).await?.id,
            };
        }
        Ok(parent)
    }

    /// The OU under `parent`: the claim's own, renamed where needed; or one of that name, adopted; or a new one.
    async fn unit(&self, parent: &str, desired: &Properties, previous: &Tags, claim: &Claim<UnitId>) -> Result<Unit> {
        let name = desired.place.name();
        let children = self.tree.children(parent).await?;
        let held = claim.id();
        if let Some(own) = children.iter().find(|unit| held.as_ref().is_some_and(|id| id.as_str() == unit.id)) {
            if own.name != name {
                self.tree.rename(&own.id, name).await?;
            }
            self.tree.0.keep_tags(&own.id, &desired.tags, previous).await?;
            return Ok(Unit { name: name.to_owned(), ..own.clone() });
        }
        if let Some(there) = children.into_iter().find(|unit| unit.name == name) {
            self.adopt(&there, desired, claim).await?;
            return Ok(there);
        }
        let made = self.tree.create(parent, name, &desired.tags.with(claim.owner().tag())).await?;
        hold(claim, &made)?;
        Ok(made)
    }

    /// Takes an OU over that has the name already. One that carries our mark was made by this claim, in a try whose
    /// answer was lost; a level that this claim made becomes its own; any other is left behind on delete.
    async fn adopt(&self, there: &Unit, desired: &Properties, claim: &Claim<UnitId>) -> Result<()> {
        let tags = self.tree.0.tags(&there.id).await?.unwrap_or_default();
        let made_as = |key: &str| tags.get(key).is_some_and(|tag| claim.owner().made(tag));
        let own_level = made_as(LEVEL_KEY);
        let maker = tags.get(Owner::TAG_KEY).and_then(|tag| claim.owner().made_in_stack(tag));
        if let Some(sibling) = maker.filter(|maker| *maker != claim.owner().logical_id()) {
            return Err(Error::refused(format!(
                "the OU {} ({}) is that of {sibling} in this stack, and would go with it; refer to that resource, or keep its logical id",
                there.name, there.id
            )));
        }
        if !desired.adopt_existing && !own_level && !made_as(Owner::TAG_KEY) {
            return Err(Error::refused(format!(
                "an OU named {} exists there already ({}); set `AdoptExisting` to true to take it over, or choose another name",
                there.name, there.id
            )));
        }
        let mut changes = desired.tags.changes(&tags, &Tags::default());
        if own_level {
            changes.set.push(claim.owner().tag());
        }
        if tags.contains_key(LEVEL_KEY) {
            // Whoever made it on the way to another OU would take it away with that.
            changes.unset.push(LEVEL_KEY.to_owned());
        }
        self.tree.0.change_tags(&there.id, &changes).await?;
        hold(claim, there)
    }

    /// The OUs that stand at a place now: the levels on the way, and the OU itself.
    async fn standing(&self, place: &Place) -> Result<(Vec<Unit>, Option<Unit>)> {
        let (levels, parent) = self.levels(place).await?;
        let itself = match parent {
            Some(parent) => self.named(&parent, place.name()).await?,
            None => None,
        };
        Ok((levels, itself))
    }

    /// The levels that stand on the way to a place, and the id of what is right above it, if that is there.
    async fn levels(&self, place: &Place) -> Result<(Vec<Unit>, Option<String>)> {
        let mut parent = self.start(place).await?;
        let mut levels = Vec::new();
        for name in place.levels() {
            let Some(level) = self.named(&parent, name).await? else { return Ok((levels, None)) };
            parent.clone_from(&level.id);
            levels.push(level);
        }
        Ok((levels, Some(parent)))
    }

    async fn named(&self, parent: &str, name: &str) -> Result<Option<Unit>> {
        Ok(self.tree.children(parent).await?.into_iter().find(|unit| unit.name == name))
    }

    /// Deletes what a cancelled replacement made; where something is inside by now, or where Organizations doesn't let us,
    /// it is left to people: a rollback must not fail for it.
    async fn take_back(&self, place: &Place, now: &Unit, claim: &Claim<UnitId>) -> Result<()> {
        // It may have made a level of the OU that is the OU itself again.
        self.mark_anew(&now.id, LEVEL_KEY, claim.owner().tag(), claim.owner()).await?;
        let (levels, made) = match self.standing(place).await {
            Err(Error::Refused(reason)) => {
                tracing::warn!(%reason, "a cancelled replacement was not looked after");
                return Ok(());
            }
            standing => standing?,
        };
        if let Some(made) = made.filter(|made| made.id != now.id)
            && self.tree.0.carries(&made.id, Owner::TAG_KEY, claim.owner()).await?
            && self.tree.delete(&made.id).await? == Deleted::NotEmpty
        {
            return Ok(());
        }
        self.delete_levels(&levels, claim.owner()).await
    }

    /// Gives an OU that carries the claim's mark under `key` the tag `mark` instead.
    async fn mark_anew(&self, id: &str, key: &str, mark: (String, String), owner: &Owner) -> Result<()> {
        if !self.tree.0.carries(id, key, owner).await? {
            return Ok(());
        }
        self.tree.0.change_tags(id, &TagChanges { set: vec![mark], unset: vec![key.to_owned()] }).await
    }

    /// Deletes the levels that the stack made, deepest first, up to the first one that others use by now. Whichever of its
    /// resources made a level, the last one to leave takes it along.
    async fn delete_levels(&self, levels: &[Unit], owner: &Owner) -> Result<()> {
        for level in levels.iter().rev() {
            let Some(tags) = self.tree.0.tags(&level.id).await? else {
                // It was listed a moment ago: this is behind, or somebody else deletes it just now.
                return Err(Error::not_yet_within(BUSY_FOR, format!("the tags of {} aren't listed yet", level.id)));
            };
            let is_ours = tags.get(LEVEL_KEY).is_some_and(|tag| owner.made_in_stack(tag).is_some());
            if !is_ours || self.tree.delete(&level.id).await? == Deleted::NotEmpty {
                break;
            }
        }
        Ok(())
    }

    /// Deletes the claim's own OU; one that it adopted, or that is a level by now, stays. One with something inside is
    /// refused.
    async fn delete_own(&self, id: &str, owner: &Owner) -> Result<()> {
        if !self.tree.0.carries(id, Owner::TAG_KEY, owner).await? || self.tree.delete(id).await? == Deleted::Gone {
            return Ok(());
        }
        match self.tree.contents(id).await?.as_str() {
            "" => Err(Error::not_yet_within(EMPTIED_WITHIN, format!("the OU {id} is said not to be empty, but is"))),
            contents => Err(Error::refused(format!(
                "the OU {id} is not empty, so it can't be deleted; it holds {contents}: move or remove these first"
            ))),
        }
    }
}

fn level_tag(owner: &Owner) -> (String, String) {
    (LEVEL_KEY.to_owned(), owner.tag_value())
}

fn hold(claim: &Claim<UnitId>, unit: &Unit) -> Result<()> {
    let id = unit.id.parse().map_err(|_| Error::refused("Organizations answered with an id that is no OU's"))?;
    claim.hold(&id);
    Ok(())
}

impl Resource for OrganizationalUnits {
    type Properties = Properties;
    type Id = UnitId;
    type Attributes = Attributes;

    async fn warm_up(&self) {
        let _ = self.tree.0.root_id().await;
    }

    async fn ensure(
        &self,
        desired: &Properties,
        previous: Option<&Properties>,
        claim: &Claim<UnitId>,
    ) -> Result<Attributes> {
        let parent_id = self.parent(&desired.place, claim).await?;
        let no_tags = Tags::default();
        let previous_tags = previous.map_or(&no_tags, |previous| &previous.tags);
        let unit = self.unit(&parent_id, desired, previous_tags, claim).await?;
        // Back at the id that CloudFormation knows, with another parent in the old properties: a replacement was cancelled.
        // (At another id it is this that replaces, and CloudFormation cleans up.)
        let last = previous.map(|previous| &previous.place).filter(|last| last.is_elsewhere(&desired.place));
        if let Some(cancelled) = last.filter(|_| claim.given().is_some_and(|given| given.as_str() == unit.id)) {
            self.take_back(cancelled, &unit, claim).await?;
        }
        let mut names = match &desired.place {
            Place::Child { parent: Some(_), .. } => self.tree.names_down_to(&parent_id).await?,
            place => place.levels().to_vec(),
        };
        names.push(unit.name.clone());
        Ok(Attributes { id: unit.id, arn: unit.arn, name: unit.name, path: names.join("/"), parent_id })
    }

    async fn remove(&self, last: Option<&Properties>, claim: &Claim<UnitId>) -> Result<()> {
        let owner = claim.owner();
        let (levels, id) = match (last.map(|properties| &properties.place), claim.id()) {
            (Some(place @ Place::Path { .. }), Some(id)) => (self.levels(place).await?.0, Some(id.to_string())),
            (_, Some(id)) => (Vec::new(), Some(id.to_string())),
            (Some(place), None) => {
                let (mut levels, mut itself) = self.standing(place).await?;
                // Something may have been made a moment ago, whose answer was lost and which isn't listed yet.
                if itself.is_none() && !claim.made_nothing() {
                    (levels, itself) = self.standing(place).await?;
                }
                (levels, itself.map(|unit| unit.id))
            }
            (None, None) => return Ok(()),
        };
        if let Some(id) = id {
            self.delete_own(&id, owner).await?;
        }
        self.delete_levels(&levels, owner).await
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
