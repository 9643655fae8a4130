//! Makes the tree of OUs look as a template says, and as if it had never been said.

use std::time::Duration;

use aws_sdk_organizations::Client;
use custom_resource::{Claim, Error, Owner, Resource, Result};
use organizations::{BUSY_FOR, Organizations, UnitId};

use crate::{
    levels::LEVEL_KEY,
    properties::{Attributes, Place, Properties},
    tree::{Deleted, Tree, Unit},
};

/// How long Organizations may believe an OU not to be empty whose last account has left.
const EMPTIED_WITHIN: Duration = Duration::from_mins(2);

/// OUs in the organization that the function's account manages.
#[derive(Debug)]
pub(crate) struct OrganizationalUnits {
    pub(crate) tree: Tree,
}

impl OrganizationalUnits {
    pub(crate) fn new(organizations: Client) -> Self {
        Self { tree: Tree(Organizations(organizations)) }
    }

    /// The OU under `parent`: the claim's own, renamed where needed; or one of that name, adopted; or a new one.
    async fn unit(
        &self,
        parent: &str,
        desired: &Properties,
        previous: Option<&Properties>,
        claim: &Claim<UnitId>,
    ) -> Result<Unit> {
        let name = desired.place.name();
        let children = self.tree.children(parent).await?;
        if let Some(id) = claim.id() {
            if let Some(own) = children.iter().find(|unit| unit.id == id.as_str()) {
                let is_shown = own.name == name;
                let named = async {
                    if is_shown && previous.is_none_or(|previous| previous.place.name() == name) {
                        return Ok(());
                    }
                    let is_taken = children.iter().any(|unit| unit.name == name && unit.id != own.id);
                    claim.change("name", is_shown, async || self.tree.rename(&own.id, name, is_taken).await).await
                };
                let previous_tags = previous.map(|previous| &previous.tags);
                let changes = self.tree.0.tag_changes(&own.id, &desired.tags, previous_tags);
                let (named, changes) = tokio::join!(named, changes);
                named?;
                let changes = changes?;
                let tagging = async || self.tree.0.change_tags(&own.id, &changes).await;
                claim.change("tags", changes.are_shown, tagging).await?;
                return Ok(Unit { name: name.to_owned(), ..own.clone() });
            }
            // Another one in the place of one that is only not listed would be a replacement.
            let is_here = previous.is_some_and(|previous| !previous.place.is_elsewhere(&desired.place));
            if is_here && self.tree.0.parent(id.as_str()).await?.and_then(|there| there.id).as_deref() == Some(parent) {
                return Err(Error::not_yet_within(BUSY_FOR, format!("the OU {id} isn't listed yet")));
            }
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
        let mut changes = desired.tags.changes(&tags, None);
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

    /// Deletes what a cancelled replacement made; where something is inside by now, or where Organizations doesn't let us,
    /// it is left to people: a rollback must not fail for it.
    async fn take_back(&self, place: &Place, now: &Unit, claim: &Claim<UnitId>) -> Result<()> {
        let (levels, made) = self.standing(place, claim).await?;
        if levels.iter().any(|level| level.id == now.id) {
            // It is the OU itself again.
            self.mark_anew(&now.id, LEVEL_KEY, claim.owner().tag(), claim.owner()).await?;
        }
        if let Some(made) = made.filter(|made| made.id != now.id)
            && self.is_own(&made.id, claim.owner()).await?
            && self.delete_unless_used(&made.id).await?.is_some()
        {
            return Ok(());
        }
        self.delete_levels(&levels, claim.owner()).await
    }

    /// Deletes the claim's own OU; one that it adopted, or that is a level by now, stays. One with something inside is
    /// refused.
    async fn delete_own(&self, id: &str, owner: &Owner) -> Result<()> {
        if !self.is_own(id, owner).await? {
            return Ok(());
        }
        match self.delete_unless_used(id).await? {
            None => Ok(()),
            Some(contents) => Err(Error::refused(format!(
                "the OU {id} is not empty, so it can't be deleted; it holds {contents}: move or remove these first"
            ))),
        }
    }

    /// Deletes an OU, or says what is inside.
    async fn delete_unless_used(&self, id: &str) -> Result<Option<String>> {
        if self.tree.delete(id).await? == Deleted::Gone {
            return Ok(None);
        }
        match self.tree.contents(id).await? {
            contents if contents.is_empty() => {
                Err(Error::not_yet_within(EMPTIED_WITHIN, format!("the OU {id} is said not to be empty, but is")))
            }
            contents => Ok(Some(contents)),
        }
    }
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
        let parent_id = self.parent(&desired.place, previous.map(|previous| &previous.place), claim).await?;
        let unit = self.unit(&parent_id, desired, previous, claim).await?;
        // Back at the id that CloudFormation knows, with another parent in the old properties: a replacement was cancelled.
        // (At another id it is this that replaces, and CloudFormation cleans up.)
        let last = previous.map(|previous| &previous.place).filter(|last| last.is_elsewhere(&desired.place));
        if let Some(cancelled) = last.filter(|_| claim.given().is_some_and(|given| given.as_str() == unit.id)) {
            match self.take_back(cancelled, &unit, claim).await {
                Err(Error::Refused(reason)) => {
                    tracing::warn!(%reason, "a cancelled replacement was not looked after");
                }
                taken_back => taken_back?,
            }
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
        let levels = match (last.map(|properties| &properties.place), claim.id()) {
            (Some(place @ Place::Path { .. }), Some(id)) => {
                let (levels, deleted) = tokio::join!(self.levels(place, claim), self.delete_own(id.as_str(), owner));
                deleted?;
                levels?.0
            }
            (_, Some(id)) => {
                self.delete_own(id.as_str(), owner).await?;
                Vec::new()
            }
            (Some(place), None) => {
                let (levels, itself) = self.standing(place, claim).await?;
                if let Some(unit) = itself {
                    self.delete_own(&unit.id, owner).await?;
                }
                levels
            }
            (None, None) => return Ok(()),
        };
        self.delete_levels(&levels, owner).await
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
