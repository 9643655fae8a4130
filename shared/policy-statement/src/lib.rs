//! Single statements in policies that somebody else owns, as custom resources.
//!
//! A service's policy is a [`PolicyStore`]; [`Statements`] makes a `custom_resource::Resource` of it. The statements of a
//! claim are those whose `Sid` ends in its mark; the rest of the document is kept to the byte.

mod acting;
mod administration;
mod change;
mod checks;
mod claim_record;
mod claimant;
mod claims;
mod document;
mod equivalent;
mod grant_check;
mod grants;
mod group;
mod item_update;
mod json;
mod lease;
mod ledger;
mod limits;
mod list;
mod orphans;
mod other_events;
mod pages;
mod plan;
mod policy_edit;
mod policy_history;
mod principals;
mod properties;
mod reconcile;
mod resolutions;
mod role;
#[cfg(feature = "schema")]
pub mod schema;
mod serve;
mod stand_ins;
mod statement;
mod statements;
mod store;
mod stores;
mod suspension;
mod target;
mod trail;
mod triage;
mod turn;
mod unknown;
mod visit;
mod wanted;
mod wish;
mod wish_note;
mod withdrawal;

pub use checks::{Resources, Rules};
pub use document::Document;
pub use limits::{Limit, Unit};
pub use properties::{Attributes, NotAStatementId, Properties, StatementId};
pub use serve::serve;
pub use statement::{Statement, StatementProperty};
pub use statements::Statements;
pub use store::{Lookup, Objection, Policy, PolicyStore};
pub use target::{Target, TargetLocation};
