//! What is Archipelago's own about all of its functions: the tags by which things are known, who may call and what they may have, where metrics go.
//!
//! The protocol of CloudFormation is in [`custom_resource`], which knows nothing of this.

mod caller;
mod caller_table;
mod callers;
mod grant;
mod missing;
mod owner_tag;
#[cfg(feature = "schema")]
pub mod schema;
mod serve;
mod tags;
mod unit;
mod users;

pub use caller::Caller;
pub use caller_table::CallerTable;
pub use grant::Grant;
pub use missing::{count_fought_repairs, count_missing_statements};
pub use owner_tag::{OWNER_TAG, has_owner_tag, owner_tag};
pub use serve::{METRICS_NAMESPACE, serve, serve_callers};
pub use tags::{TagChanges, Tags};
pub use unit::{Unit, is_organization_id, is_token, is_unit_id};
pub use users::{USERS_LEFT_WITHIN, Users};
