//! Getting principals and resources into a share, and out of it.
//! <https://docs.aws.amazon.com/ram/latest/APIReference/API_ResourceShareAssociation.html>

use std::{fmt::Display, str::FromStr, time::Duration};

use aws_sdk_ram::types::ResourceShareAssociationStatus as Status;
use custom_resource::{Claim, Error, Result};

use crate::{
    api::ResourceShares,
    associations::{Associations, Entity},
};

/// How long RAM may take to make a share, to associate, to take an association back, or to delete a share.
pub const SETTLED_WITHIN: Duration = Duration::from_mins(5);

/// How long an association may fail that is tried anew: one that failed for an earlier request is listed just so.
pub const FAILED_FOR: Duration = Duration::from_secs(30);

fn named(entities: &[&Entity]) -> String {
    entities.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Under which a claim notes that it has written the association of `entity` with a share.
fn association(arn: &str, entity: &Entity) -> String {
    format!("{arn} {entity:?}")
}

/// The changes of a share's associations for a claim.
#[derive(Debug)]
pub struct AssociationChanges<'a, Id> {
    /// RAM.
    pub shares: &'a ResourceShares,
    /// The share.
    pub arn: &'a str,
    /// What is associated with it now.
    pub now: &'a Associations,
    /// Who changes it.
    pub claim: &'a Claim<Id>,
}

impl<Id: FromStr + Display> AssociationChanges<'_, Id> {
    /// Associates those of `wanted` that aren't, and is done when RAM has associated all of them. Those that are
    /// `new` to the template are associated once in each invocation, whatever is listed.
    ///
    /// # Errors
    /// What AWS said of the call or of an association; `NotYet` while RAM is at it.
    pub async fn ensure_associated(&self, wanted: &[&Entity], new: &[&Entity]) -> Result<()> {
        let Self { shares, arn, now, claim } = *self;
        let suspended = now.in_status(wanted, &[Status::Suspended, Status::Suspending]);
        if !suspended.is_empty() {
            return Err(Error::refused(now.sentence_of(&suspended)));
        }
        let missing: Vec<_> = wanted.iter().filter(|entity| now.status(entity).is_none()).copied().collect();
        if !missing.is_empty() {
            shares.associate(arn, &missing).await?;
            for entity in &missing {
                claim.writes().add(association(arn, entity));
            }
        }
        let listed = now.in_status(new, &[Status::Associated]).into_iter();
        let doubtful: Vec<_> = listed.filter(|entity| !claim.writes().includes(&association(arn, entity))).collect();
        if !doubtful.is_empty() {
            let what = format!("{arn} {doubtful:?}");
            claim.writes().change(&what, true, async || shares.associate(arn, &doubtful).await).await?;
            for entity in &doubtful {
                claim.writes().add(association(arn, entity));
            }
        }
        let failed = now.in_status(wanted, &[Status::Failed]);
        if !failed.is_empty() {
            let sentence = now.sentence_of(&failed);
            return Err(match shares.associate(arn, &failed).await {
                Err(not_yet @ Error::NotYet(_)) => not_yet,
                // Why it failed says more than why it can't be tried anew.
                Err(_) => Error::refused(sentence),
                Ok(()) => Error::not_yet_within(FAILED_FOR, sentence),
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

    /// Disassociates those of `unwanted` that are, and is done when none of them is there. What isn't listed, or as
    /// FAILED, is disassociated once in each invocation all the same: a list that is behind must not have anybody keep access.
    ///
    /// # Errors
    /// What AWS said; `NotYet` while RAM is at it.
    pub async fn ensure_disassociated(&self, unwanted: &[&Entity]) -> Result<()> {
        let Self { shares, arn, now, claim } = *self;
        let held: Vec<_> = unwanted.iter().filter(|entity| now.gives_access(entity)).copied().collect();
        if !held.is_empty() && shares.disassociate(arn, &held).await? {
            for entity in &held {
                claim.writes().add(association(arn, entity));
            }
        }
        let leaving = now.in_status(unwanted, &[Status::Disassociating]);
        let mut left: Vec<_> = held.into_iter().chain(leaving).collect();
        let doubtful = unwanted.iter().copied().filter(|entity| !left.contains(entity));
        for entity in doubtful.collect::<Vec<_>>() {
            let disassociating = async || {
                match shares.disassociate(arn, &[entity]).await {
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
