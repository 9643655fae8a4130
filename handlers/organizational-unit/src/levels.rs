//! The OUs on the way to an OU: found, made without a user, and deleted again while nobody uses them.

use archipelago::Users;
use custom_resource::{Claim, Result};
use organizations::{Departure, UnitId};

use crate::{
    properties::UnitLocation,
    tree::{Deleted, Tree, Unit},
};

/// The OUs on the way to others, in a tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Levels<'a> {
    pub(crate) tree: &'a Tree,
}

impl Levels<'_> {
    /// Where the way to a location begins: the OU that is named as its parent, or the root.
    async fn start(&self, location: &UnitLocation) -> Result<String> {
        match location {
            UnitLocation::Child { parent: Some(parent), .. } => Ok(parent.as_str().to_owned()),
            _ => self.tree.0.root_id().await,
        }
    }

    /// The id of what is to be the parent. Levels of a path that are missing are made; the claim leaves one that is its own OU
    /// until now, or that a template which failed made its own.
    pub(crate) async fn parent(
        &self,
        location: &UnitLocation,
        previous: Option<&UnitLocation>,
        claim: &Claim<UnitId>,
    ) -> Result<String> {
        let mut parent = self.start(location).await?;
        for (depth, name) in location.levels().iter().enumerate() {
            parent = if let Some(level) = self.named(&parent, name).await? {
                let is_it = |id: UnitId| id.as_str() == level.id;
                if claim.id().is_some_and(is_it) || previous.is_some_and(|last| last.is_level(depth, location)) {
                    self.tree.sharing().forget(&level.id, claim).await?;
                }
                level.id
            } else {
                let level = self.tree.create(&parent, name, &[Users::made(claim.owner())]).await?;
                claim.writes().add(&level.id);
                level.id
            };
        }
        Ok(parent)
    }

    /// The OUs that stand at a location now: the levels on the way, and the OU itself.
    pub(crate) async fn standing(
        &self,
        location: &UnitLocation,
        claim: &Claim<UnitId>,
    ) -> Result<(Vec<Unit>, Option<Unit>)> {
        let (levels, parent) = self.found(location).await?;
        let itself = match parent {
            Some(parent) => {
                let look = async || self.named(&parent, location.name()).await;
                claim.known().look(Option::is_some, look).await?
            }
            None => None,
        };
        Ok((levels, itself))
    }

    /// The levels that stand on the way to a location, and the id of what is right above it, if that is there. One that isn't found is
    /// looked for twice: a list may be behind, and a Create that made levels and nothing else has no id.
    pub(crate) async fn found(&self, location: &UnitLocation) -> Result<(Vec<Unit>, Option<String>)> {
        let mut parent = self.start(location).await?;
        let mut levels = Vec::new();
        for name in location.levels() {
            let level = match self.named(&parent, name).await? {
                None => self.named(&parent, name).await?,
                level => level,
            };
            let Some(level) = level else { return Ok((levels, None)) };
            parent.clone_from(&level.id);
            levels.push(level);
        }
        Ok((levels, Some(parent)))
    }

    async fn named(&self, parent: &str, name: &str) -> Result<Option<Unit>> {
        Ok(self.tree.children(parent).await?.into_iter().find(|unit| unit.name == name))
    }

    /// Deletes the levels that one of our resources made, deepest first, up to the first one that is used by now, be it by what
    /// is in it.
    pub(crate) async fn delete(&self, levels: &[Unit], claim: &Claim<UnitId>) -> Result<()> {
        for level in levels.iter().rev() {
            if !self.delete_one(&level.id, claim).await? {
                break;
            }
        }
        Ok(())
    }

    /// Deletes an OU that was made and that nobody uses, not even this claim. Says whether it is gone.
    pub(crate) async fn delete_one(&self, id: &str, claim: &Claim<UnitId>) -> Result<bool> {
        match self.tree.sharing().twice(id, |users| users.is_used() || !users.is_made()).await? {
            None => return Ok(true),
            Some(true) => return Ok(false),
            Some(false) => {}
        }
        match self.tree.sharing().leave_last(id, claim).await? {
            Departure::Nothing => Ok(true),
            Departure::Left => Ok(false),
            Departure::Last if self.tree.delete(id).await? == Deleted::Gone => Ok(true),
            Departure::Last => {
                self.tree.sharing().forget(id, claim).await?;
                Ok(false)
            }
        }
    }
}
