//! Makes a policy have the statements of a claim, and as if it had never had any, whoever else owns the rest of it.

use std::{fmt, time::Duration};

use archipelago::{Caller, CallerTable};
use custom_resource::{Claim, Error, FunctionArn, LeftBehind, Resource, Result, SdkConfig, Work};
use serde_json::Value;

use crate::{
    Lookup, PolicyStore, StatementProperty, Target, TargetLocation,
    acting::Acting,
    administration::Administration,
    checks::with_variable,
    grant_check::GrantCheck,
    grants::{bounded, called},
    ledger::Ledger,
    other_events::answered,
    plan::{PolicyPlan, nothing},
    properties::{Attributes, PRUNE_ORPHANS, Properties, ROLE_ARN, StatementId},
    reconcile::Reconcile,
    resolutions::Resolutions,
    role::Role,
    stand_ins::{StandIns, can_stand_in},
    stores::Stores,
    trail::own_role,
    triage::not_there,
    turn::Turns,
    wanted::{Wanted, check_left},
};

/// Single statements in the policies that `S` keeps.
pub struct Statements<S: PolicyStore> {
    stores: Stores<S>,
    turns: Turns,
    callers: CallerTable,
    reconcile: Reconcile,
    role: Option<String>,
    resolutions: Resolutions<S::Target>,
}

impl<S: PolicyStore> Statements<S> {
    /// Statements in the policies of the stores that `build` makes: one with the function's own credentials, and one with
    /// those of each role that a template names. The ledger's table is named by the variable `LEDGER_TABLE`, that of what callers may have
    /// by `CALLER_TABLE`.
    #[must_use]
    pub fn new(aws: &SdkConfig, build: impl Fn(&SdkConfig) -> S + 'static) -> Self {
        Self {
            stores: Stores::new(aws, build),
            turns: Turns::new(Ledger::new(aws, S::TYPE, S::LAG)),
            callers: CallerTable::from_environment(aws),
            reconcile: Reconcile::from_environment(),
            role: own_role(),
            resolutions: Resolutions::default(),
        }
    }

    /// The same with the ledger in that table of that client, by a clock that says the time since 1970.
    #[must_use]
    pub fn with_ledger(
        self,
        client: aws_sdk_dynamodb::Client,
        table: &str,
        clock: impl Fn() -> Duration + 'static,
    ) -> Self {
        let ledger = Ledger::of(client, Some(table.to_owned()), S::TYPE, S::LAG).by(clock);
        Self { turns: Turns::new(ledger), ..self }
    }

    /// The same with that table of callers.
    #[must_use]
    pub fn with_callers(self, callers: CallerTable) -> Self {
        Self { callers, ..self }
    }

    /// The same that does this about statements which others have taken out (`Off`, `Report` or `Repair`), with that role as the function's own.
    #[must_use]
    pub fn with_reconcile(self, mode: &str, role: &str) -> Self {
        Self { reconcile: Reconcile::read(mode), role: Some(role.to_owned()), ..self }
    }

    /// What a caller's statements at `location` need to be granted.
    fn grant_check<'c>(
        &'c self,
        caller: Option<&'c Caller>,
        statements: &'c StatementProperty,
        location: &TargetLocation<S::Target>,
        claim: &Claim<StatementId<S::Target>>,
    ) -> Option<GrantCheck<'c>> {
        let target = location.arn(claim.invocation().function());
        let (table, resource_type, resources) = (&self.callers, S::TYPE, S::RULES.resources);
        caller.map(|caller| GrantCheck { table, caller, resource_type, target, resources, statements })
    }

    async fn acting_as(&self, role: Option<&Role>, claim: &Claim<StatementId<S::Target>>) -> Result<Acting<S>> {
        match (caller_of(claim), role) {
            (Some(caller), Some(_)) => refused_to(&caller, ROLE_ARN),
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

    /// The store that takes the claim's statements out of the policy at `location`, and the role that it acts as.
    async fn acting_on<'p>(
        &self,
        location: &TargetLocation<S::Target>,
        last: Option<&'p Properties<S::Target>>,
        claim: &Claim<StatementId<S::Target>>,
    ) -> Result<(Acting<S>, Option<&'p Role>)> {
        // A role of another account has no business there, and one of the function's own account is acted as by nobody.
        let is_there = |role: &&Role| {
            let is_own = caller_of(claim).is_none() && role.account() == claim.invocation().account();
            !is_own && location.account.as_deref().unwrap_or(claim.invocation().account()) == role.account()
        };
        let role = last.and_then(|properties| properties.role.as_ref()).filter(is_there);
        if let (Some(account), None, false) = (&location.account, role, S::FROM_OUTSIDE) {
            return Err(Error::refused(format!(
                "the statements are in {} of account {account}, and can't be taken out without a role there as RoleArn",
                location.policy()
            )));
        }
        Ok((self.acting_as(role, claim).await?, role))
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
        let (store, role) = self.acting_on(&location, last, claim).await?;
        let resolved = self.resolutions.resolve(&store, location.clone(), claim.invocation().order()).await?;
        let is_gone = matches!(resolved, Lookup::Gone(_));
        let location = match resolved {
            Lookup::Found(location) => location,
            // In the words of the id it is in the ledger.
            Lookup::Gone(_) if claim.id().is_some_and(|id| id.location == location) => location,
            Lookup::Gone(_) => return Ok(()),
        };
        let mark = &claim.owner().mark();
        let prune_orphans = caller_of(claim).is_none() && last.is_some_and(|properties| properties.prune_orphans);
        let (location, store) = (&location, &store);
        let wanted = Wanted {
            store,
            location,
            claim,
            mark,
            statements: &[],
            variable: None,
            prune_orphans,
            role,
            // What a caller has it may give back, whatever was taken away from it since.
            grant_check: None,
        };
        if is_gone {
            return self.turns.gone(&wanted).await;
        }
        self.turns.carried_out(&wanted, || found(location), unseen).await.map(drop)
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
        match self.resolutions.resolve(&store, last, claim.invocation().order()).await? {
            Lookup::Found(last) if claim.id().is_some_and(|id| id.location != last) => {
                self.take_out(last, Some(cancelled), claim, |_| left.is_there(), || left.is_there()).await
            }
            _ => Ok(()),
        }
    }

    /// Where `desired` is to be, and what acts there, once all is checked that needs no look at the policy.
    async fn located(
        &self,
        desired: &Properties<S::Target>,
        claim: &Claim<StatementId<S::Target>>,
    ) -> Result<(Acting<S>, TargetLocation<S::Target>)> {
        S::RULES.check(&desired.statement, desired.allow_public)?;
        if let Some(caller) = caller_of(claim).filter(|_| desired.prune_orphans) {
            return refused_to(&caller, PRUNE_ORPHANS);
        }
        let location = desired.location(claim.invocation().account())?;
        if let (Some(account), None, false) = (&location.account, &desired.role, S::FROM_OUTSIDE) {
            let kind = S::Target::KIND;
            return Err(Error::refused(format!(
                "the {kind} belongs to account {account}, and AWS takes changes of its policy from there alone; name a \
                 role of that account as RoleArn"
            )));
        }
        let store = self.acting_as(desired.role.as_ref(), claim).await?;
        let named = location.clone();
        let location = match self.resolutions.resolve(&store, location, claim.invocation().order()).await? {
            Lookup::Found(location) => location,
            Lookup::Gone(error) => return Err(not_there::<S>(error, &named)),
        };
        Ok((store, location))
    }

    /// What a request would make of a policy. It is checked with something known in the places of what isn't, and shown as it is.
    async fn planned(
        &self,
        work: &Work<Properties<S::Target>>,
        claim: &Claim<StatementId<S::Target>>,
    ) -> Result<Value> {
        match work {
            Work::Ensure { desired, .. } => {
                let function = claim.invocation().function();
                let target = desired.location(claim.invocation().account())?.arn(function);
                let caller = caller_of(claim);
                let stand_ins = StandIns { caller: caller.as_ref().map(Caller::account), target: &target };
                let statement = desired.statement.with_each(|statement| stand_ins.known(statement));
                let known = bounded(caller.as_ref(), &statement);
                let (store, location) = self.located(&Properties { statement, ..desired.clone() }, claim).await?;
                if let Some(check) = self.grant_check(caller.as_ref(), &known, &location, claim) {
                    check.check().await?;
                }
                let statements = bounded(caller.as_ref(), &desired.statement);
                let wanted = statements.signed(claim.owner().logical_id(), &claim.owner().mark());
                check_left(&self.turns.ledger, &location, &wanted, claim).await?;
                let variable = with_variable(&desired.statement);
                let plan = PolicyPlan { store: &store, location: &location, claim, ledger: &self.turns.ledger };
                plan.put_in(&wanted, variable.as_deref()).await
            }
            Work::Remove { last } => {
                let last = last.as_ref();
                let Some(location) = last_location(last, claim) else { return Ok(nothing()) };
                let (store, _) = self.acting_on(&location, last, claim).await?;
                match self.resolutions.resolve(&store, location, claim.invocation().order()).await? {
                    Lookup::Found(location) => {
                        PolicyPlan { store: &store, location: &location, claim, ledger: &self.turns.ledger }
                            .take_out()
                            .await
                    }
                    Lookup::Gone(_) => Ok(nothing()),
                }
            }
        }
    }

    async fn ensured(
        &self,
        desired: &Properties<S::Target>,
        claim: &Claim<StatementId<S::Target>>,
    ) -> Result<Attributes> {
        let (store, location) = self.located(desired, claim).await?;
        let mark = &claim.owner().mark();
        let caller = caller_of(claim);
        let statements = bounded(caller.as_ref(), &desired.statement);
        let grant_check = self.grant_check(caller.as_ref(), &statements, &location, claim);
        let wanted = statements.signed(claim.owner().logical_id(), mark);
        check_left(&self.turns.ledger, &location, &wanted, claim).await?;
        let variable = with_variable(&desired.statement);
        let wanted_here = Wanted {
            store: &store,
            location: &location,
            claim,
            mark,
            statements: &wanted,
            variable: variable.as_deref(),
            prune_orphans: desired.prune_orphans,
            role: desired.role.as_ref(),
            grant_check: grant_check.as_ref(),
        };
        let used = self.turns.carried_out(&wanted_here, || {}, || {}).await?.policy_size;
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
        f.debug_struct("Statements")
            .field("stores", &self.stores)
            .field("ledger", &self.turns.ledger)
            .finish_non_exhaustive()
    }
}

/// Whether AWS doesn't show what it was asked for.
fn shows_nothing(error: &Error) -> bool {
    match error {
        Error::NotYet(not_yet) => not_yet.is_denial(),
        _ => true,
    }
}

/// Where a claim's statements are, as far as anybody knows.
fn last_location<T: Target>(last: Option<&Properties<T>>, claim: &Claim<StatementId<T>>) -> Option<TargetLocation<T>> {
    let of_last = || last.and_then(|properties| properties.location(claim.invocation().account()).ok());
    claim.id().map(|id| id.location).or_else(of_last)
}

fn caller_of<I>(claim: &Claim<I>) -> Option<Caller> {
    Caller::of(claim.invocation().function(), claim.owner().stack_id())
}

fn refused_to<T>(caller: &Caller, property: &str) -> Result<T> {
    Err(Error::refused(format!("ResourceProperties.{property}: stacks of {} may not have it", called(caller))))
}

impl<S: PolicyStore> Resource for Statements<S> {
    type Properties = Properties<S::Target>;
    type Id = StatementId<S::Target>;
    type Attributes = Attributes;
    /// In the items of the claims.
    const KEEPS_ORDER: bool = true;

    async fn warm_up(&self) {
        tokio::join!(self.turns.ledger.warm_up(), self.stores.own().warm_up());
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
        let Some(location) = last_location(last, claim) else { return Ok(()) };
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

    async fn give_up(&self, claim: &Claim<Self::Id>) {
        self.turns.give_up(claim).await;
    }

    async fn settle(&self) {
        self.turns.settle().await;
    }

    async fn plan(
        &self,
        work: &Work<Self::Properties>,
        unknown: &[String],
        claim: &Claim<Self::Id>,
    ) -> Option<Result<Value>> {
        if !can_stand_in(unknown) {
            return None;
        }
        Some(self.or_forget(self.planned(work, claim).await))
    }

    async fn other_event(&self, event: &Value, function: &FunctionArn) -> Option<Result<Value>> {
        let (ledger, stores, callers) = (&self.turns.ledger, &self.stores, &self.callers);
        let administration = &Administration { ledger, stores, callers, function };
        // The role of a session may have been deleted, and made again.
        self.stores.forget_sessions();
        answered(administration, self.reconcile, self.role.as_deref(), event).await
    }
}
