//! What a request wants a policy to have.

use archipelago::Caller;
use custom_resource::{Claim, Error, Result};

use crate::{
    Document, Lookup, PolicyStore, Statement, StatementId, Target, TargetLocation, acting::Acting,
    claim_record::ClaimRecord, claimant::Claimant, grant_check::GrantCheck, ledger::Ledger, role::Role,
};

/// What a request wants a policy to have.
pub(crate) struct Wanted<'a, S: PolicyStore> {
    pub(crate) store: &'a Acting<S>,
    pub(crate) location: &'a TargetLocation<S::Target>,
    pub(crate) claim: &'a Claim<StatementId<S::Target>>,
    pub(crate) mark: &'a str,
    /// None where the claim is to have none.
    pub(crate) statements: &'a [Statement],
    /// The path of an element with a policy variable, if there is one.
    pub(crate) variable: Option<&'a str>,
    /// Whether deleted principals of others are taken out where AWS refuses a change for them.
    pub(crate) prune_orphans: bool,
    pub(crate) role: Option<&'a Role>,
    /// What a caller's statements need; none where nobody has to grant anything.
    pub(crate) grant_check: Option<&'a GrantCheck<'a>>,
}

impl<S: PolicyStore> Wanted<'_, S> {
    pub(crate) fn id(&self) -> StatementId<S::Target> {
        StatementId { location: self.location.clone(), mark: self.mark.to_owned() }
    }

    /// Who wants that, for the item with that range key in the partition of that policy.
    pub(crate) fn claimant<'b>(&'b self, policy: &'b str, key: &'b str) -> Claimant<'b> {
        let invocation = self.claim.invocation();
        Claimant {
            policy,
            key,
            owner: self.claim.owner(),
            order: invocation.order(),
            caller: self.caller().map(|caller| caller.name().to_owned()),
            is_unchecked: self.grant_check.is_some(),
            location: self.location.to_string(),
            role_arn: self.role.map(|role| &*role.arn),
            has_external_id: self.role.is_some_and(|role| role.external_id.is_some()),
        }
    }

    pub(crate) fn caller(&self) -> Option<Caller> {
        Caller::of(self.claim.invocation().function(), self.claim.owner().stack_id())
    }

    pub(crate) async fn read(&self) -> Result<Lookup<Document>> {
        self.store.read(self.location).await
    }

    /// Lets nobody but an administrator give a claim its statements back that an administrator has taken.
    ///
    /// # Errors
    /// Refused where the claim is suspended.
    pub(crate) fn check_suspended(&self, record: &ClaimRecord) -> Result<()> {
        if record.suspended.is_none() || self.statements.is_empty() {
            return Ok(());
        }
        Err(suspended_in(self.location))
    }
}

/// What the request of a suspended claim is refused with.
pub(crate) fn suspended_in<T: Target>(location: &TargetLocation<T>) -> Error {
    Error::refused(format!(
        "an administrator has suspended this resource's statements in {}; Resume lets them in again",
        location.policy()
    ))
}

/// Keeps a claim that is suspended in one policy from going to another one, but back to where it has the statements still.
///
/// # Errors
/// Refused where it is suspended.
pub(crate) async fn check_left<T: Target>(
    ledger: &Ledger,
    location: &TargetLocation<T>,
    wanted: &[Statement],
    claim: &Claim<StatementId<T>>,
) -> Result<()> {
    let Some(left) = claim.known().id().map(|id| &id.location).filter(|left| *left != location) else {
        return Ok(());
    };
    let key = ClaimRecord::key_of(claim);
    let is_suspended = ledger.record(&left.key(), &key).await?.is_some_and(|left| left.suspended.is_some());
    if is_suspended && !ledger.record(&location.key(), &key).await?.is_some_and(|there| there.has_written(wanted)) {
        return Err(suspended_in(left));
    }
    Ok(())
}
