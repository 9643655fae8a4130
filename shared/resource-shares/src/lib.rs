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

pub use additions::{Addition, AdditionState, Additions};
pub use api::ResourceShares;
pub use association_changes::AssociationChanges;
pub use associations::{Association, Associations, Entity, batches};
pub use ids::{NotAShareArn, ShareArn};
pub use passing::{PASSING, SharingResult};
pub use principals::{Organization, Principal};
pub use tags::{pairs, tags};
