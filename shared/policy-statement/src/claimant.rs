//! Who claims what on a policy, as the item of the claim says it.

use custom_resource::{Owner, RequestOrder};

/// Who claims what on a policy, for the item of the claim.
#[derive(Debug)]
pub(crate) struct Claimant<'a> {
    /// The key of the policy.
    pub(crate) policy: &'a str,
    /// The range key of the claim's item.
    pub(crate) key: &'a str,
    pub(crate) owner: &'a Owner,
    pub(crate) order: &'a RequestOrder,
    /// The caller's name, if it isn't the function's own account.
    pub(crate) caller: Option<String>,
    /// Whether nobody knows yet whether the caller may have what it wishes.
    pub(crate) is_unchecked: bool,
    pub(crate) location: String,
    pub(crate) role_arn: Option<&'a str>,
    pub(crate) has_external_id: bool,
}
