//! Who claims what on a policy, as the item of the claim says it.

use archipelago::caller;
use custom_resource::{Owner, RequestOrder};

use crate::{PolicyStore, wanted::Wanted};

/// Who claims what on a policy, for the item of the claim.
#[derive(Debug)]
pub(crate) struct Claimant<'a> {
    /// The key of the policy.
    pub(crate) policy: &'a str,
    /// The range key of the claim's item.
    pub(crate) key: &'a str,
    pub(crate) owner: &'a Owner,
    pub(crate) order: &'a RequestOrder,
    pub(crate) caller: Option<&'a str>,
    pub(crate) location: String,
    pub(crate) role_arn: Option<&'a str>,
    pub(crate) has_external_id: bool,
}

impl<'a> Claimant<'a> {
    /// Who wants that of the policy with that key, and has the item with that range key.
    pub(crate) fn of<S: PolicyStore>(wanted: &Wanted<'a, S>, policy: &'a str, key: &'a str) -> Self {
        let invocation = wanted.claim.invocation();
        Self {
            policy,
            key,
            owner: wanted.claim.owner(),
            order: invocation.order(),
            caller: caller(invocation.function()),
            location: wanted.location.to_string(),
            role_arn: wanted.role.map(|role| &*role.arn),
            has_external_id: wanted.role.is_some_and(|role| role.external_id.is_some()),
        }
    }
}
