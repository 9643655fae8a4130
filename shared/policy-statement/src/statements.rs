//! Makes a policy have the statements of a claim, and as if it had never had any, whoever else owns the rest of it.

use std::{
    cell::{Cell, RefCell},
    fmt,
    time::Duration,
};

use archipelago::caller;
use custom_resource::{Claim, Error, LeftBehind, RequestOrder, Resource, Result, SdkConfig};

use crate::{
    Lookup, PolicyStore, Target, TargetLocation,
    acting::Acting,
    checks::with_variable,
    grants::Grants,
    lease::{Lease, Leases},
    policy_edit::{PolicyEdit, not_there},
    properties::{Attributes, PRUNE_ORPHANS, Properties, ROLE_ARN, StatementId},
    role::Role,
    stores::Stores,
};

/// Single statements in the policies that `S` keeps.
pub struct Statements<S: PolicyStore> {
    stores: Stores<S>,
    leases: Leases,
    grants: Grants,
    /// What was resolved last, for which request: it is tried again for each wait, and names don't change meanwhile.
    resolved: RefCell<Option<Resolved<S::Target>>>,
}

struct Resolved<T> {
    order: RequestOrder,
    named: TargetLocation<T>,
    location: TargetLocation<T>,
}

impl<S: PolicyStore> Statements<S> {
    /// Statements in the policies of the stores that `build` makes: one with the function's own credentials, and one with
    /// those of each role that a template names. The table of leases is named by the variable `LEDGER_TABLE`; what other
    /// accounts may have is said by `GRANT_TARGETS` and `GRANT_ACTIONS`.
    #[must_use]
    pub fn new(aws: &SdkConfig, build: impl Fn(&SdkConfig) -> S + 'static) -> Self {
        Self {
            stores: Stores::new(aws, build),
            leases: Leases::new(aws, S::LAG),
            grants: Grants::from_environment(),
            resolved: RefCell::default(),
        }
    }

    /// The same with a given client and name of the table of leases.
    #[must_use]
    pub fn with_leases(self, client: aws_sdk_dynamodb::Client, table: &str) -> Self {
        Self { leases: Leases::of(client, Some(table.to_owned()), S::LAG), ..self }
    }

    /// The same by a clock that says the time since 1970.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> Duration + 'static) -> Self {
        Self { leases: self.leases.by(clock), ..self }
    }

    /// The same with these bounds for other accounts: ARNs of targets and actions, each with commas between them.
    #[must_use]
    pub fn with_grants(self, targets: &str, actions: &str) -> Self {
        Self { grants: Grants::of(targets, actions), ..self }
    }

    /// Lets another account have what is open to it.
    fn check_caller(
        &self,
        desired: &Properties<S::Target>,
        location: &TargetLocation<S::Target>,
        claim: &Claim<StatementId<S::Target>>,
    ) -> Result<()> {
        let Some(caller) = caller(claim.invocation().function()) else { return Ok(()) };
        if desired.prune_orphans {
            return refused_to(caller, PRUNE_ORPHANS);
        }
        self.grants.check(caller, &location.arn(claim.invocation().function()), S::RULES.resources, &desired.statement)
    }

    async fn acting_as(&self, role: Option<&Role>, claim: &Claim<StatementId<S::Target>>) -> Result<Acting<S>> {
        match (caller(claim.invocation().function()), role) {
            (Some(caller), Some(_)) => refused_to(caller, ROLE_ARN),
            // It could change what the functions' own roles may do, so their policies deny it, too.
            (None, Some(role)) if role.account() == claim.invocation().account() => Err(Error::refused(format!(
                "ResourceProperties.{ROLE_ARN}: is a role of the function's own account, which a function never acts as; leave it out"
            ))),
            _ => {
                let store = self.stores.acting_as(role, claim.invocation().account(), &claim.owner().mark()).await?;
                Ok(Acting { store, is_own: role.is_none() })
            }
        }
    }

    /// The location under the target's one name. What was resolved for this request before is kept.
    async fn resolve(
        &self,
        store: &Acting<S>,
        named: TargetLocation<S::Target>,
        order: &RequestOrder,
    ) -> Result<Lookup<TargetLocation<S::Target>>> {
        if let Some(last) = &*self.resolved.borrow()
            && last.order == *order
            && [&last.named, &last.location].contains(&&named)
        {
            return Ok(Lookup::Found(last.location.clone()));
        }
        let resolved = store.resolve(named.clone()).await?;
        if let Lookup::Found(location) = &resolved {
            let resolved = Resolved { order: order.clone(), named, location: location.clone() };
            self.resolved.replace(Some(resolved));
        }
        Ok(resolved)
    }

    /// Takes the claim's statements out of a policy, if there still is one. `found` is called once statements were seen, `unseen` where
    /// the lease kept everybody from looking.
    async fn take_out(
        &self,
        location: TargetLocation<S::Target>,
        last: Option<&Properties<S::Target>>,
        claim: &Claim<StatementId<S::Target>>,
        found: impl FnOnce(&TargetLocation<S::Target>),
        unseen: impl FnOnce(),
    ) -> Result<()> {
        // A role of another account has no business there, and one of the function's own account is acted as by nobody.
        let is_there = |role: &&Role| {
            let is_own =
                caller(claim.invocation().function()).is_none() && role.account() == claim.invocation().account();
            !is_own && location.account.as_deref().unwrap_or(claim.invocation().account()) == role.account()
        };
        let role = last.and_then(|properties| properties.role.as_ref()).filter(is_there);
        if let (Some(account), None, false) = (&location.account, role, S::FROM_OUTSIDE) {
            return Err(Error::refused(format!(
                "the statements are in {} of account {account}, and can't be taken out without a role there as RoleArn",
                location.policy()
            )));
        }
        let store = self.acting_as(role, claim).await?;
        let Lookup::Found(location) = self.resolve(&store, location, claim.invocation().order()).await? else {
            return Ok(());
        };
        let mark = &claim.owner().mark();
        let prune_orphans =
            caller(claim.invocation().function()).is_none() && last.is_some_and(|properties| properties.prune_orphans);
        let has_begun = Cell::new(false);
        let take_out = async |lease: &Lease<'_>| {
            has_begun.set(true);
            let edit = PolicyEdit { store: &store, location: &location, claim, mark, lease, prune_orphans };
            edit.take_out(|| found(&location)).await
        };
        let ended = self.leases.holding(&location.named(), mark, claim.invocation().order(), take_out).await;
        if !has_begun.get() {
            unseen();
        }
        ended
    }

    /// Takes out what a cancelled replacement may have left at `last`, unless that is the claim's own location in other words.
    async fn taken_back(
        &self,
        last: TargetLocation<S::Target>,
        cancelled: &Properties<S::Target>,
        left: &LeftBehind,
        claim: &Claim<StatementId<S::Target>>,
    ) -> Result<()> {
        let store = self.acting_as(cancelled.role.as_ref(), claim).await?;
        match self.resolve(&store, last, claim.invocation().order()).await? {
            Lookup::Found(last) if claim.id().is_some_and(|id| id.location != last) => {
                self.take_out(last, Some(cancelled), claim, |_| left.is_there(), || left.is_there()).await
            }
            _ => Ok(()),
        }
    }

    async fn ensured(
        &self,
        desired: &Properties<S::Target>,
        claim: &Claim<StatementId<S::Target>>,
    ) -> Result<Attributes> {
        S::RULES.check(&desired.statement, desired.allow_public)?;
        let location = desired.location(claim.invocation().account())?;
        if let (Some(account), None, false) = (&location.account, &desired.role, S::FROM_OUTSIDE) {
            let kind = S::Target::KIND;
            return Err(Error::refused(format!(
                "the {kind} belongs to account {account}, and AWS takes changes of its policy from there alone; name a \
                 role of that account as RoleArn"
            )));
        }
        let mark = &claim.owner().mark();
        let wanted = desired.statement.signed(claim.owner().logical_id(), mark);
        let variable = with_variable(&desired.statement);
        let store = self.acting_as(desired.role.as_ref(), claim).await?;
        let named = location.clone();
        let location = match self.resolve(&store, location, claim.invocation().order()).await? {
            Lookup::Found(location) => location,
            Lookup::Gone(error) => return Err(not_there::<S>(error, &named)),
        };
        self.check_caller(desired, &location, claim)?;
        let put_in = async |lease: &Lease<'_>| {
            let prune_orphans = desired.prune_orphans;
            PolicyEdit { store: &store, location: &location, claim, mark, lease, prune_orphans }
                .put_in(&wanted, variable.as_deref())
                .await
        };
        let policy = self.leases.holding(&location.named(), mark, claim.invocation().order(), put_in).await?;
        let used = S::LIMIT.used_by(&policy);
        let limit = if used > S::LIMIT.size { store.limit(&location).await?.size } else { S::LIMIT.size };
        Ok(Attributes {
            sids: wanted.iter().filter_map(|statement| statement.sid()).collect::<Vec<_>>().join(","),
            policy_size: used,
            policy_size_limit: limit,
        })
    }

    /// What a session isn't good for any more is tried again with another.
    fn or_forget<T>(&self, ended: Result<T>) -> Result<T> {
        if ended.as_ref().is_err_and(shows_nothing) {
            self.stores.forget_sessions();
        }
        ended
    }
}

impl<S: PolicyStore> fmt::Debug for Statements<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statements").field("stores", &self.stores).field("leases", &self.leases).finish_non_exhaustive()
    }
}

/// Whether AWS doesn't show what it was asked for.
fn shows_nothing(error: &Error) -> bool {
    match error {
        Error::NotYet(not_yet) => not_yet.is_denial(),
        _ => true,
    }
}

fn refused_to<T>(caller: &str, property: &str) -> Result<T> {
    Err(Error::refused(format!("ResourceProperties.{property}: stacks of account {caller} may not have it")))
}

impl<S: PolicyStore> Resource for Statements<S> {
    type Properties = Properties<S::Target>;
    type Id = StatementId<S::Target>;
    type Attributes = Attributes;
    async fn warm_up(&self) {
        tokio::join!(self.leases.warm_up(), self.stores.own().warm_up());
    }

    async fn ensure(
        &self,
        desired: &Self::Properties,
        _: Option<&Self::Properties>,
        claim: &Claim<Self::Id>,
    ) -> Result<Attributes> {
        self.or_forget(self.ensured(desired, claim).await)
    }

    async fn remove(&self, last: Option<&Self::Properties>, claim: &Claim<Self::Id>) -> Result<()> {
        let of_last = || last.and_then(|properties| properties.location(claim.invocation().account()).ok());
        let Some(location) = claim.id().map(|id| id.location).or_else(of_last) else { return Ok(()) };
        let found = |location: &TargetLocation<_>| {
            claim.hold(&StatementId { location: location.clone(), mark: claim.owner().mark() });
        };
        self.or_forget(self.take_out(location, last, claim, found, || {}).await)
    }

    async fn take_back(
        &self,
        cancelled: &Self::Properties,
        desired: &Self::Properties,
        left: &LeftBehind,
        claim: &Claim<Self::Id>,
    ) -> Result<()> {
        let location = |properties: &Self::Properties| properties.location(claim.invocation().account()).ok();
        let is_elsewhere = |last: &TargetLocation<S::Target>| {
            location(desired).as_ref() != Some(last) && claim.id().is_some_and(|id| id.location != *last)
        };
        match location(cancelled).filter(is_elsewhere) {
            Some(last) => self.or_forget(self.taken_back(last, cancelled, left, claim).await),
            None => Ok(()),
        }
    }
}
