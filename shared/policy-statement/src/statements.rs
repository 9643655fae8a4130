//! Makes a policy have the statements of a claim, and as if it had never had any, whoever else owns the rest of it.

use std::rc::Rc;

use custom_resource::{Claim, Error, Resource, Result, SdkConfig};

use crate::{
    Place, PolicyStore, Target,
    grants::Grants,
    lease::Leases,
    patch::{Patch, not_there},
    properties::{Attributes, Properties, StatementId},
    role::Role,
    store::{PRUNE_ORPHANS, ROLE_ARN},
    stores::Stores,
};

/// Single statements in the policies that `S` keeps.
#[derive(Debug)]
pub struct Statements<S> {
    stores: Stores<S>,
    leases: Leases,
    grants: Grants,
}

impl<S: PolicyStore> Statements<S> {
    /// Statements in the policies of the stores that `build` makes: one with the function's own credentials, and one with
    /// those of each role that a template names. The table of leases is named by the variable `LEASE_TABLE`; what other
    /// accounts may have is said by `GRANT_TARGETS` and `GRANT_ACTIONS`.
    #[must_use]
    pub fn new(aws: &SdkConfig, build: impl Fn(&SdkConfig) -> S + 'static) -> Self {
        Self { stores: Stores::new(aws, build), leases: Leases::new(aws), grants: Grants::from_environment() }
    }

    /// The same with a given client and name of the table of leases.
    #[must_use]
    pub fn with_leases(self, client: aws_sdk_dynamodb::Client, table: &str) -> Self {
        Self { leases: Leases::of(client, Some(table.to_owned())), ..self }
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
        place: &Place<S::Target>,
        claim: &Claim<StatementId<S::Target>>,
    ) -> Result<()> {
        let Some(caller) = claim.caller() else { return Ok(()) };
        if desired.prune_orphans {
            return refused_to(caller, PRUNE_ORPHANS);
        }
        self.grants.check(caller, &place.arn(claim.function()), S::RULES.resources, &desired.statement)
    }

    async fn acting_as(&self, role: Option<&Role>, claim: &Claim<StatementId<S::Target>>) -> Result<Rc<S>> {
        match (claim.caller(), role) {
            (Some(caller), Some(_)) => refused_to(caller, ROLE_ARN),
            _ => self.stores.acting_as(role, claim.account(), &claim.owner().mark()).await,
        }
    }

    /// Takes the claim's statements out of a policy, if there still is one.
    async fn take_out(
        &self,
        place: Place<S::Target>,
        last: Option<&Properties<S::Target>>,
        claim: &Claim<StatementId<S::Target>>,
    ) -> Result<()> {
        // A role of another account has no business there.
        let is_there = |role: &&Role| place.account.as_deref().unwrap_or(claim.account()) == role.account();
        let role = last.and_then(|properties| properties.role.as_ref()).filter(is_there);
        let store = self.acting_as(role, claim).await?;
        let Ok(place) = store.resolve(place).await? else { return Ok(()) };
        let mark = &claim.owner().mark();
        let take_out = async |lease: &_| {
            let prune_orphans = claim.caller().is_none() && last.is_some_and(|properties| properties.prune_orphans);
            Patch { store: &*store, place: &place, mark, lease, caller: claim.caller(), prune_orphans }.take_out().await
        };
        self.leases.holding(&place.named(), mark, take_out).await
    }

    /// Takes out what a cancelled replacement may have left at `last`, unless that is `place` in other words. Where AWS
    /// doesn't let us in nothing was written either, and a rollback must not fail for it.
    async fn take_back(
        &self,
        last: Place<S::Target>,
        place: &Place<S::Target>,
        cancelled: &Properties<S::Target>,
        claim: &Claim<StatementId<S::Target>>,
    ) -> Result<()> {
        let taken_back = async {
            let store = self.acting_as(cancelled.role.as_ref(), claim).await?;
            match store.resolve(last).await? {
                Ok(last) if last != *place => self.take_out(last, Some(cancelled), claim).await,
                _ => Ok(()),
            }
        };
        match taken_back.await {
            Err(Error::Refused(reason)) => tracing::warn!(%reason, "a cancelled replacement was not looked after"),
            Err(Error::NotYet(not_yet)) if not_yet.is_denial() => {
                tracing::warn!(reason = %not_yet, "a cancelled replacement was not looked after");
            }
            other => return other,
        }
        Ok(())
    }
}

fn refused_to<T>(caller: &str, property: &str) -> Result<T> {
    Err(Error::refused(format!("ResourceProperties.{property}: stacks of account {caller} may not have it")))
}

impl<S: PolicyStore> Resource for Statements<S> {
    type Properties = Properties<S::Target>;
    type Id = StatementId<S::Target>;
    type Attributes = Attributes;
    /// A policy without principals grants the role that it is of, which another account can't be.
    const TAKES_CALLERS: bool = S::RULES.principals;

    async fn ensure(
        &self,
        desired: &Self::Properties,
        previous: Option<&Self::Properties>,
        claim: &Claim<Self::Id>,
    ) -> Result<Attributes> {
        S::RULES.check(&desired.statement, desired.allow_public)?;
        let place = desired.place(claim.account())?;
        if let (Some(account), None, false) = (&place.account, &desired.role, S::FROM_OUTSIDE) {
            let kind = S::Target::KIND;
            return Err(Error::refused(format!(
                "the {kind} belongs to account {account}, and AWS takes changes of its policy from there alone; name a \
                 role of that account as RoleArn"
            )));
        }
        let mark = &claim.owner().mark();
        let wanted = desired.statement.signed(claim.owner().logical_id(), mark);
        let store = self.acting_as(desired.role.as_ref(), claim).await?;
        let named = place.clone();
        let place = store.resolve(place).await?.map_err(|error| not_there::<S>(error, &named))?;
        self.check_caller(desired, &place, claim)?;
        let id = StatementId { place: place.clone(), mark: mark.clone() };
        let put_in = async |lease: &_| {
            let prune_orphans = desired.prune_orphans;
            let patch = Patch { store: &*store, place: &place, mark, lease, caller: claim.caller(), prune_orphans };
            patch.put_in(&wanted, || claim.hold(&id), || claim.let_go()).await
        };
        let policy = self.leases.holding(&place.named(), mark, put_in).await?;
        // Back at the id that CloudFormation knows, with another target in the old properties: a replacement was cancelled,
        // and may have left its statements there. (At another id it is this that replaces, and CloudFormation cleans up.)
        if let Some(previous) = previous.filter(|_| claim.given().is_some_and(|given| given.place == place))
            && let Ok(last) = previous.place(claim.account())
            && last != named
            && last != place
        {
            self.take_back(last, &place, previous, claim).await?;
        }
        let used = S::LIMIT.used_by(&policy);
        let limit = if used > S::LIMIT.size { store.limit(&place, used).await?.size } else { S::LIMIT.size };
        Ok(Attributes {
            sids: wanted.iter().filter_map(|statement| statement.sid()).collect::<Vec<_>>().join(","),
            policy_size: used,
            policy_size_limit: limit,
        })
    }

    async fn remove(&self, last: Option<&Self::Properties>, claim: &Claim<Self::Id>) -> Result<()> {
        let of_last = || last.and_then(|properties| properties.place(claim.account()).ok());
        match claim.id().map(|id| id.place).or_else(of_last) {
            Some(place) => self.take_out(place, last, claim).await,
            None => Ok(()),
        }
    }
}
