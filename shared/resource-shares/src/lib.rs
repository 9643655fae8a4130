//! What the resources of AWS RAM have in common: shares, their associations, their principals, and RAM's busy times.
//! <https://docs.aws.amazon.com/ram/latest/APIReference/Welcome.html>

mod additions;
mod api;
mod association_changes;
mod associations;
mod ids;
mod passing;
mod principals;
mod tags;

pub use additions::{ADDITIONS_LEFT_WITHIN, Addition, AdditionState, Additions, TAKEN_BACK_WITHIN};
pub use api::ResourceShares;
pub use association_changes::{AssociationChanges, FAILED_FOR, SETTLED_WITHIN};
pub use associations::{Association, Associations, Entity, batches};
pub use ids::{NotAShareArn, ShareArn};
pub use passing::{PASSING, RAM_BUSY_FOR, SHARE_LISTED_WITHIN, SharingResult};
pub use principals::{Organization, Principal};
pub use tags::{pairs, tags};
