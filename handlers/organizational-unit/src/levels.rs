//! The OUs on the way to an OU: found, made, marked as such, and deleted again.

use std::collections::BTreeMap;

use custom_resource::{Claim, Error, Owner, Result, TagChanges};
use organizations::{BUSY_FOR, UnitId};

use crate::{
    properties::Place,
    tree::{Deleted, Unit},
    units::OrganizationalUnits,
};

/// The tag of an OU that was made on the way to another. It is apart from the owner's, so that a level which becomes
/// the OU itself (or the other way round) is told from what it was when CloudFormation cleans up.
pub(crate) const LEVEL_KEY: &str = "archipelago:level";

impl OrganizationalUnits {
    /// Where the way to a place begins: the OU that is named as its parent, or the root.
    async fn start(&self, place: &Place) -> Result<String> {
        match place {
            Place::Child { parent: Some(parent), .. } => Ok(parent.as_str().to_owned()),
            _ => self.tree.0.root_id().await,
        }
    }

    /// The id of what is to be the parent. Levels of a path that are missing are made; one that is the claim's own OU until
    /// now, or that a template which failed made its own, is a level from now on.
    pub(crate) async fn parent(
        &self,
        place: &Place,
        previous: Option<&Place>,
        claim: &Claim<UnitId>,
    ) -> Result<String> {
        let mut parent = self.start(place).await?;
        for (depth, name) in place.levels().iter().enumerate() {
            parent = match self.named(&parent, name).await? {
                Some(level) => {
                    let is_it = |id: UnitId| id.as_str() == level.id;
                    if claim.id().is_some_and(is_it) || previous.is_some_and(|last| last.is_level(depth, place)) {
                        self.mark_anew(&level.id, Owner::TAG_KEY, level_tag(claim.owner()), claim.owner()).await?;
                    }
                    level.id
                }
                None => self.tree.create(&parent, name, &[level_tag(claim.owner())]).await?.id,
            };
        }
        Ok(parent)
    }

    /// The OUs that stand at a place now: the levels on the way, and the OU itself.
    pub(crate) async fn standing(&self, place: &Place, claim: &Claim<UnitId>) -> Result<(Vec<Unit>, Option<Unit>)> {
        let (levels, parent) = self.levels(place, claim).await?;
        let itself = match parent {
            Some(parent) => self.looked_for(&parent, place.name(), claim).await?,
            None => None,
        };
        Ok((levels, itself))
    }

    /// The levels that stand on the way to a place, and the id of what is right above it, if that is there.
    pub(crate) async fn levels(&self, place: &Place, claim: &Claim<UnitId>) -> Result<(Vec<Unit>, Option<String>)> {
        let mut parent = self.start(place).await?;
        let mut levels = Vec::new();
        for name in place.levels() {
            let Some(level) = self.looked_for(&parent, name, claim).await? else { return Ok((levels, None)) };
            parent.clone_from(&level.id);
            levels.push(level);
        }
        Ok((levels, Some(parent)))
    }

    async fn looked_for(&self, parent: &str, name: &str, claim: &Claim<UnitId>) -> Result<Option<Unit>> {
        claim.look(Option::is_some, async || self.named(parent, name).await).await
    }

    async fn named(&self, parent: &str, name: &str) -> Result<Option<Unit>> {
        Ok(self.tree.children(parent).await?.into_iter().find(|unit| unit.name == name))
    }

    /// Gives an OU that carries the claim's mark under whichever key the tag `mark`, and takes `key` away.
    pub(crate) async fn mark_anew(&self, id: &str, key: &str, mark: (String, String), owner: &Owner) -> Result<()> {
        let tags = self.tree.0.tags_of_any(id).await?.unwrap_or_default();
        if ![Owner::TAG_KEY, LEVEL_KEY].iter().any(|key| tags.get(*key).is_some_and(|tag| owner.made(tag))) {
            return Ok(());
        }
        self.tree
            .0
            .change_tags(id, &TagChanges { set: vec![mark], unset: vec![key.to_owned()], ..TagChanges::default() })
            .await
    }

    /// Whether the claim made it, as the OU itself and not as a level.
    pub(crate) async fn is_own(&self, id: &str, owner: &Owner) -> Result<bool> {
        let tags = self.marks(id).await?.unwrap_or_default();
        Ok(tags.get(Owner::TAG_KEY).is_some_and(|tag| owner.made(tag)))
    }

    /// The tags of an OU. One that carries both marks is being made the one or the other, or the list is behind, so that it is
    /// looked at a second time: it must neither be left as a level nor be deleted as one.
    async fn marks(&self, id: &str) -> Result<Option<BTreeMap<String, String>>> {
        let tags = self.tree.0.tags_of_any(id).await?;
        let is_clear = |tags: &BTreeMap<_, _>| !(tags.contains_key(Owner::TAG_KEY) && tags.contains_key(LEVEL_KEY));
        if tags.as_ref().is_none_or(is_clear) { Ok(tags) } else { self.tree.0.tags_of_any(id).await }
    }

    /// Deletes the levels that the stack made, deepest first, up to the first one that others use by now. Whichever of its
    /// resources made a level, the last one to leave takes it along.
    pub(crate) async fn delete_levels(&self, levels: &[Unit], owner: &Owner) -> Result<()> {
        for level in levels.iter().rev() {
            let Some(tags) = self.marks(&level.id).await? else {
                // It was listed a moment ago: this is behind, or somebody else deletes it just now.
                return Err(Error::not_yet_within(BUSY_FOR, format!("the tags of {} aren't listed yet", level.id)));
            };
            let is_level = !tags.contains_key(Owner::TAG_KEY)
                && tags.get(LEVEL_KEY).is_some_and(|tag| owner.made_in_stack(tag).is_some());
            if !is_level || self.tree.delete(&level.id).await? == Deleted::NotEmpty {
                break;
            }
        }
        Ok(())
    }
}

fn level_tag(owner: &Owner) -> (String, String) {
    (LEVEL_KEY.to_owned(), owner.tag_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_of_a_level_says_whose_it_is_under_a_key_of_its_own() {
        let owner = Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", "Workloads");
        assert_eq!(level_tag(&owner), ("archipelago:level".to_owned(), "22a7aa3d94 landing/Workloads".to_owned()));
    }
}
