//! Where a policy is kept: the three calls that a service offers for it, and what it takes.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use custom_resource::{AwsError, Result};

use crate::{Limit, Rules};

/// One kind of policy that belongs to one kind of thing.
#[expect(async_fn_in_trait, reason = "one event at a time on a current-thread runtime: nothing has to be Send")]
pub trait PolicyStore {
    /// The thing that the policy belongs to.
    type Target: Target;
    /// What a statement has to be.
    const RULES: Rules;
    /// How large the policy may be.
    const LIMIT: Limit;
    /// Whether the service keeps no policy where there are no statements.
    const DELETED_WHEN_EMPTY: bool;

    /// The policy as it is.
    async fn get(&self, target: &Self::Target) -> Result<Policy>;

    /// Replaces the policy.
    ///
    /// # Errors
    /// What AWS said, marked as passing where it may pass: a principal, say, that was made a moment ago.
    async fn put(&self, target: &Self::Target, text: &str) -> Result<(), AwsError>;

    /// Deletes the policy; called only where there may be none.
    ///
    /// # Errors
    /// What AWS said, but nothing where the policy or the target is gone.
    async fn delete(&self, target: &Self::Target) -> Result<(), AwsError>;
}

/// What there is of a policy.
pub enum Policy {
    /// This document.
    Text(String),
    /// The target has none.
    Absent,
    /// There is no such target, or it is being deleted: AWS said so.
    NoTarget(AwsError),
}

/// The thing that a policy belongs to. Displayed, it is the first part of a physical id, from which it is read again.
pub trait Target: FromStr + Display {
    /// What it is called in a sentence: `repository`.
    const KIND: &'static str;
    /// The names of its properties, with those of the statement: made by [`properties`].
    const PROPERTIES: &'static [&'static str];

    /// Reads it from those of its properties that the template gives.
    ///
    /// # Errors
    /// What is wrong with them, without saying their values.
    fn read(properties: &BTreeMap<String, String>) -> Result<Self, String>;

    /// The same target without what goes without saying in `account`, so that one thing has one name, one id.
    #[must_use]
    fn seen_from(&self, account: &str) -> Self;
}

/// The properties of a statement type: those of its target, `own`, and those that all have.
///
/// ```
/// const PROPERTIES: &[&str] = &policy_statement::properties::<2, 4>(["RepositoryName", "RegistryId"]);
/// assert_eq!(PROPERTIES, ["RepositoryName", "RegistryId", "Statement", "AllowPublic"]);
/// ```
///
/// # Panics
/// If `ALL` isn't the length of both together, which the compiler says where it is used for a constant.
#[must_use]
pub const fn properties<const OWN: usize, const ALL: usize>(own: [&'static str; OWN]) -> [&'static str; ALL] {
    assert!(ALL == OWN + COMMON.len());
    let mut all = [""; ALL];
    let mut next = 0;
    while next < ALL {
        all[next] = if next < OWN { own[next] } else { COMMON[next - OWN] };
        next += 1;
    }
    all
}

/// The properties that all statement types have.
pub(crate) const COMMON: [&str; 2] = [STATEMENT, ALLOW_PUBLIC];
pub(crate) const STATEMENT: &str = "Statement";
pub(crate) const ALLOW_PUBLIC: &str = "AllowPublic";
