//! Makes the tree of OUs look as a template says, and as if it had never been said.

use std::time::Duration;

use archipelago::{Tags, Users};
use aws_sdk_organizations::Client;
use custom_resource::{Claim, Error, LeftBehind, Resource, Result};
use organizations::{Departure, ORGANIZATIONS_BUSY_FOR, Organizations, Thing, UnitId};

use crate::{
    levels::Levels,
    properties::{Attributes, Properties, UnitLocation},
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

    fn levels(&self) -> Levels<'_> {
        Levels { tree: &self.tree }
    }

    /// The OU under `parent`: the claim's own, renamed where needed; or one of that name, adopted; or a new one.
    async fn unit(
        &self,
        parent: &str,
        desired: &Properties,
        previous: Option<&Properties>,
        claim: &Claim<UnitId>,
    ) -> Result<Unit> {
        let name = desired.location.name();
        let children = self.tree.children(parent).await?;
        if let Some(id) = claim.id() {
            if let Some(own) = children.iter().find(|unit| unit.id == id.as_str()) {
                let known = known(own);
                let thing = Thing { id: &own.id, name: &known };
                let users = self.tree.sharing().users_of(thing).await?;
                let is_shown = own.name == name;
                if !is_shown {
                    self.tree.sharing().check_alone(thing, "name", &users, claim).await?;
                }
                let previous_tags = previous.map(|previous| &previous.tags);
                let anew = previous.is_some_and(|previous| previous.location.is_elsewhere(&desired.location));
                self.tree.sharing().join(thing, &users, &desired.tags, previous_tags, anew, claim).await?;
                if !is_shown || previous.is_some_and(|previous| previous.location.name() != name) {
                    let is_taken = children.iter().any(|unit| unit.name == name && unit.id != own.id);
                    claim
                        .writes()
                        .change("name", is_shown, async || self.tree.rename(&own.id, name, is_taken).await)
                        .await?;
                }
                return Ok(Unit { name: name.to_owned(), ..own.clone() });
            }
            // Another one in the place of one that is only not listed would be a replacement.
            let is_here = previous.is_some_and(|previous| !previous.location.is_elsewhere(&desired.location));
            if is_here && self.tree.0.parent(id.as_str()).await?.and_then(|there| there.id).as_deref() == Some(parent) {
                return Err(Error::not_yet_within(ORGANIZATIONS_BUSY_FOR, format!("the OU {id} isn't listed yet")));
            }
        }
        if let Some(there) = children.into_iter().find(|unit| unit.name == name) {
            self.adopt(&there, desired, claim).await?;
            return Ok(there);
        }
        let tags = Users::of_made(claim.owner(), &format!("the OU {name}"), &desired.tags)?;
        let made = self.tree.create(parent, name, &tags).await?;
        hold(claim, &made)?;
        Ok(made)
    }

    /// Takes an OU over that has the name already. One that the claim uses, or that it made as a level, was made by it in a try
    /// whose answer was lost, or on the way to another OU.
    async fn adopt(&self, there: &Unit, desired: &Properties, claim: &Claim<UnitId>) -> Result<()> {
        let known = known(there);
        let thing = Thing { id: &there.id, name: &known };
        let users = self.tree.sharing().users_of(thing).await?;
        let is_own = users.includes(claim.owner()) || users.is_made_by(claim.owner()) && !users.is_used();
        if !desired.adopt_existing && !is_own {
            return Err(Error::refused(format!(
                "an OU named {} exists there already ({}); set `AdoptExisting` to true to take it over, or choose another name",
                there.name, there.id
            )));
        }
        hold(claim, there)?;
        self.tree.sharing().join(thing, &users, &desired.tags, None, false, claim).await
    }

    /// Takes the claim off its OU, and deletes that if it was the last one's; one that nobody made, or that is a level by now,
    /// stays. One with something inside is refused.
    async fn leave(&self, id: &str, tags: Option<&Tags>, claim: &Claim<UnitId>) -> Result<()> {
        match self.tree.sharing().leave(id, claim).await? {
            Departure::Nothing | Departure::Left => Ok(()),
            Departure::Last => match self.delete_unless_used(id).await {
                Ok(None) => Ok(()),
                Ok(Some(contents)) => {
                    let refusal = Error::refused(format!(
                        "the OU {id} is not empty, so it can't be deleted; it holds {contents}: move or remove these first"
                    ));
                    Err(self.tree.sharing().stay(id, tags, claim, refusal).await)
                }
                Err(error @ Error::Refused(_)) => Err(self.tree.sharing().stay(id, tags, claim, error).await),
                Err(error) => Err(error),
            },
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

/// How people know an OU.
fn known(unit: &Unit) -> String {
    format!("the OU {} ({})", unit.name, unit.id)
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
        let parent_id =
            self.levels().parent(&desired.location, previous.map(|previous| &previous.location), claim).await?;
        let unit = self.unit(&parent_id, desired, previous, claim).await?;
        let mut names = match &desired.location {
            UnitLocation::Child { parent: Some(_), .. } => self.tree.names_down_to(&parent_id).await?,
            location => location.levels().to_vec(),
        };
        names.push(unit.name.clone());
        Ok(Attributes { id: unit.id, arn: unit.arn, name: unit.name, path: names.join("/"), parent_id })
    }

    async fn remove(&self, last: Option<&Properties>, claim: &Claim<UnitId>) -> Result<()> {
        let tags = last.map(|last| &last.tags);
        let levels = match (last.map(|properties| &properties.location), claim.id()) {
            (Some(location @ UnitLocation::Path { .. }), Some(id)) => {
                let levels = self.levels();
                let (found, left) = tokio::join!(levels.found(location), self.leave(id.as_str(), tags, claim));
                left?;
                found?.0
            }
            (_, Some(id)) => {
                self.leave(id.as_str(), tags, claim).await?;
                Vec::new()
            }
            (Some(location), None) => {
                let (levels, itself) = self.levels().standing(location, claim).await?;
                if let Some(unit) = itself {
                    self.leave(&unit.id, tags, claim).await?;
                }
                levels
            }
            (None, None) => return Ok(()),
        };
        self.levels().delete(&levels, claim).await
    }

    /// Deletes the OU that a cancelled replacement made under another parent; where something is inside by now, it is left to people.
    async fn take_back(
        &self,
        cancelled: &Properties,
        desired: &Properties,
        _: &LeftBehind,
        claim: &Claim<UnitId>,
    ) -> Result<()> {
        let Some(now) = claim.id().filter(|_| cancelled.location.is_elsewhere(&desired.location)) else {
            return Ok(());
        };
        let (levels, made) = self.levels().standing(&cancelled.location, claim).await?;
        // One that is the OU itself again stays, and so do those above it.
        let first = levels.iter().position(|level| level.id == now.as_str()).map_or(0, |location| location + 1);
        if let Some(made) = made.filter(|made| made.id != now.as_str())
            && self.tree.sharing().leave(&made.id, claim).await? == Departure::Last
            && self.delete_unless_used(&made.id).await?.is_some()
        {
            return self.tree.sharing().forget(&made.id, claim).await;
        }
        self.levels().delete(&levels[first..], claim).await
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod tests;
