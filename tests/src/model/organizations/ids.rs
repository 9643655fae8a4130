//! Ids that are the same in each life.

/// The id of the root.
pub const ROOT: &str = "r-ab12";
/// The id of the organization.
pub const ORGANIZATION: &str = "o-exampleorgid";
/// The id of the management account.
pub const MANAGEMENT: &str = "111111111111";
