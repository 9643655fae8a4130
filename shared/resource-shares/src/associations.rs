//! What is associated with a share, and getting it there and away.
//! <https://docs.aws.amazon.com/ram/latest/APIReference/API_ResourceShareAssociation.html>

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
    str::FromStr,
    time::Duration,
};

use aws_sdk_ram::types::{
    ResourceShareAssociation, ResourceShareAssociationStatus as Status, ResourceShareAssociationType,
};
use custom_resource::{Claim, Error, Result};

use crate::api::ResourceShares;

/// How long RAM may take to associate, or to take an association back.
const SETTLED_WITHIN: Duration = Duration::from_mins(5);

/// How long an association may fail that is tried anew: one that failed for an earlier request is listed just so.
const FAILED_FOR: Duration = Duration::from_secs(30);

/// What RAM takes in one call.
const PER_CALL: usize = 100;

/// Something that can be associated with a share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entity {
    /// The ARN of a resource.
    Resource(String),
    /// A principal, as RAM lists it.
    Principal(String),
}

impl Entity {
    /// The principal, if it is one.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        match self {
            Self::Principal(principal) => Some(principal),
            Self::Resource(_) => None,
        }
    }
}

/// The end of an ARN is what people know a thing by.
impl Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Resource(whole) | Self::Principal(whole)) = self;
        f.write_str(whole.rsplit('/').next().unwrap_or(whole))
    }
}

/// The parameters that RAM takes for `entities`, call by call: ARNs of resources, and principals; `None` rather than empty.
pub fn batches(entities: &[&Entity]) -> impl Iterator<Item = (Option<Vec<String>>, Option<Vec<String>>)> {
    entities.chunks(PER_CALL).map(|chunk| {
        let (mut resources, mut principals) = (Vec::new(), Vec::new());
        for entity in chunk {
            match entity {
                Entity::Resource(arn) => resources.push(arn.clone()),
                Entity::Principal(principal) => principals.push(principal.clone()),
            }
        }
        let some = |list: Vec<_>| (!list.is_empty()).then_some(list);
        (some(resources), some(principals))
    })
}

/// How something stands to a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    status: Status,
    message: String,
}

/// All associations of a share. What RAM lists as DISASSOCIATED, as it does for a while, isn't there.
#[derive(Debug, Default)]
pub struct Associations(BTreeMap<Entity, Association>);

impl<'a> FromIterator<&'a ResourceShareAssociation> for Associations {
    /// Of two of the same entity the one that isn't FAILED: it was made after the other had.
    fn from_iter<I: IntoIterator<Item = &'a ResourceShareAssociation>>(listed: I) -> Self {
        let mut associations = BTreeMap::<_, Association>::new();
        for item in listed {
            let (Some(entity), Some(status)) = (item.associated_entity(), item.status()) else { continue };
            let entity = match item.association_type() {
                Some(ResourceShareAssociationType::Principal) => Entity::Principal(entity.to_owned()),
                _ => Entity::Resource(entity.to_owned()),
            };
            let message = item.status_message().unwrap_or_default().to_owned();
            let association = Association { status: status.clone(), message };
            let is_known = associations.get(&entity).is_some_and(|known| known.status != Status::Failed);
            if *status != Status::Disassociated && !is_known {
                associations.insert(entity, association);
            }
        }
        Self(associations)
    }
}

impl Associations {
    fn status(&self, entity: &Entity) -> Option<&Status> {
        self.0.get(entity).map(|association| &association.status)
    }

    /// Whether it gives, or is about to give, access.
    #[must_use]
    pub fn holds(&self, entity: &Entity) -> bool {
        self.status(entity).is_some_and(|status| !matches!(status, Status::Failed | Status::Disassociating))
    }

    /// All that have, or are about to have, access.
    #[must_use]
    pub fn held(&self) -> BTreeSet<Entity> {
        self.0.keys().filter(|entity| self.holds(entity)).cloned().collect()
    }

    /// Those of `entities` whose status is one of `statuses`.
    fn in_status<'a>(&self, entities: &[&'a Entity], statuses: &[Status]) -> Vec<&'a Entity> {
        let is_so = |entity: &&&Entity| self.status(entity).is_some_and(|status| statuses.contains(status));
        entities.iter().filter(is_so).copied().collect()
    }

    /// What RAM says of the associations of `entities`, as a sentence that may go on; empty without any.
    fn said_of(&self, entities: &[&Entity]) -> String {
        let sentences = entities.iter().filter_map(|entity| {
            let Association { status, message } = self.0.get(entity)?;
            let words = if message.is_empty() { "AWS doesn't say why" } else { message.trim_end_matches('.') };
            Some(format!("the association of {entity} with the share is {status}: {words}"))
        });
        sentences.collect::<Vec<_>>().join("; ")
    }
}

fn named(entities: &[&Entity]) -> String {
    entities.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Under which a claim notes that it has written the association of `entity` with a share.
fn association(arn: &str, entity: &Entity) -> String {
    format!("{arn} {entity:?}")
}

impl ResourceShares {
    /// Associates those of `wanted` that `now` doesn't have, and is done when RAM has associated all of them. Those that are
    /// `new` to the template are associated once in each invocation, whatever is listed.
    ///
    /// # Errors
    /// What AWS said of the call or of an association; `NotYet` while RAM is at it.
    pub async fn ensure_associated<Id: FromStr + Display>(
        &self,
        arn: &str,
        wanted: &[&Entity],
        new: &[&Entity],
        now: &Associations,
        claim: &Claim<Id>,
    ) -> Result<()> {
        let suspended = now.in_status(wanted, &[Status::Suspended, Status::Suspending]);
        if !suspended.is_empty() {
            return Err(Error::refused(now.said_of(&suspended)));
        }
        let missing: Vec<_> = wanted.iter().filter(|entity| now.status(entity).is_none()).copied().collect();
        if !missing.is_empty() {
            self.associate(arn, &missing).await?;
            for entity in &missing {
                claim.writes().add(association(arn, entity));
            }
        }
        let listed = now.in_status(new, &[Status::Associated]).into_iter();
        let doubtful: Vec<_> = listed.filter(|entity| !claim.writes().includes(&association(arn, entity))).collect();
        if !doubtful.is_empty() {
            let what = format!("{arn} {doubtful:?}");
            claim.writes().change(&what, true, async || self.associate(arn, &doubtful).await).await?;
            for entity in &doubtful {
                claim.writes().add(association(arn, entity));
            }
        }
        let failed = now.in_status(wanted, &[Status::Failed]);
        if !failed.is_empty() {
            let said = now.said_of(&failed);
            return Err(match self.associate(arn, &failed).await {
                Err(not_yet @ Error::NotYet(_)) => not_yet,
                // Why it failed says more than why it can't be tried anew.
                Err(_) => Error::refused(said),
                Ok(()) => Error::not_yet_within(FAILED_FOR, said),
            });
        }
        let is_settled =
            |entity: &&Entity| now.status(entity) == Some(&Status::Associated) && !doubtful.contains(entity);
        let unsettled: Vec<_> = wanted.iter().copied().filter(|entity| !is_settled(entity)).collect();
        if unsettled.is_empty() {
            return Ok(());
        }
        let sentence = format!("RAM is still associating {} with the share", named(&unsettled));
        Err(Error::not_yet_within(SETTLED_WITHIN, sentence))
    }

    /// Disassociates those of `unwanted` that `now` has, and is done when none of them is there. What isn't listed, or as
    /// FAILED, is disassociated once in each invocation all the same: a list that is behind must not have anybody keep access.
    ///
    /// # Errors
    /// What AWS said; `NotYet` while RAM is at it.
    pub async fn ensure_disassociated<Id: FromStr + Display>(
        &self,
        arn: &str,
        unwanted: &[&Entity],
        now: &Associations,
        claim: &Claim<Id>,
    ) -> Result<()> {
        let held: Vec<_> = unwanted.iter().filter(|entity| now.holds(entity)).copied().collect();
        if !held.is_empty() && self.disassociate(arn, &held).await? {
            for entity in &held {
                claim.writes().add(association(arn, entity));
            }
        }
        let leaving = now.in_status(unwanted, &[Status::Disassociating]);
        let mut left: Vec<_> = held.into_iter().chain(leaving).collect();
        let doubtful = unwanted.iter().copied().filter(|entity| !left.contains(entity));
        for entity in doubtful.collect::<Vec<_>>() {
            let disassociating = async || {
                match self.disassociate(arn, &[entity]).await {
                    // It gives nothing to anybody, so whether RAM takes it off its list isn't waited for.
                    Err(error) if now.status(entity) == Some(&Status::Failed) => {
                        tracing::warn!(%error, "an association that failed stays listed");
                        return Ok(());
                    }
                    was_there => left.extend(was_there?.then_some(entity)),
                }
                Ok(())
            };
            claim.writes().change(&association(arn, entity), true, disassociating).await?;
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(Error::not_yet_within(
            SETTLED_WITHIN,
            format!(
                "RAM is still disassociating {} from the share; network interfaces that participants have in the subnets \
                 are left alone, and may have to be deleted first",
                named(&left)
            ),
        ))
    }
}

#[cfg(test)]
mod tests;
