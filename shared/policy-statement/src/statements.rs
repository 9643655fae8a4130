//! Makes a policy have the statements of a claim, and as if it had never had any, whoever else owns the rest of it.

use std::{
    cell::{Cell, RefCell},
    fmt,
};

use custom_resource::{AwsError, Claim, Error, Resource, Result, SdkConfig, Turn};

use crate::{
    Place, PolicyStore, Target,
    acting::Acting,
    checks::with_variable,
    grants::Grants,
    lease::{Lease, Leases},
    patch::{Patch, not_there},
    properties::{Attributes, Properties, StatementId},
    role::Role,
    store::{PRUNE_ORPHANS, ROLE_ARN},
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
    turn: Turn,
    named: Place<T>,
    place: Place<T>,
}

impl<S: PolicyStore> Statements<S> {
    /// Statements in the policies of the stores that `build` makes: one with the function's own credentials, and one with
    /// those of each role that a template names. The table of leases is named by the variable `LEASE_TABLE`; what other
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

    async fn acting_as(&self, role: Option<&Role>, claim: &Claim<StatementId<S::Target>>) -> Result<Acting<S>> {
        match (claim.caller(), role) {
            (Some(caller), Some(_)) => refused_to(caller, ROLE_ARN),
            // It could change what the functions' own roles may do, so their policies deny it, too.
            (None, Some(role)) if role.account() == claim.account() => Err(Error::refused(format!(
                "ResourceProperties.{ROLE_ARN}: is a role of the function's own account, which a function never acts as; leave it out"
            ))),
            _ => {
                let store = self.stores.acting_as(role, claim.account(), &claim.owner().mark()).await?;
                Ok(Acting { store, is_own: role.is_none() })
            }
        }
    }

    /// The place under its one name. What was resolved already is that, too.
    async fn resolve(
        &self,
        store: &Acting<S>,
        named: Place<S::Target>,
        turn: &Turn,
    ) -> Result<Result<Place<S::Target>, AwsError>> {
        if let Some(last) = &*self.resolved.borrow()
            && last.turn == *turn
            && [&last.named, &last.place].contains(&&named)
        {
            return Ok(Ok(last.place.clone()));
        }
        let resolved = store.resolve(named.clone()).await?;
        if let Ok(place) = &resolved {
            let resolved = Resolved { turn: turn.clone(), named, place: place.clone() };
            self.resolved.replace(Some(resolved));
        }
        Ok(resolved)
    }

    /// Takes the claim's statements out of a policy, if there still is one. The outer error comes before anybody could see
    /// the policy, or is about the lease; `found` is called once statements were seen.
    async fn take_out(
        &self,
        place: Place<S::Target>,
        last: Option<&Properties<S::Target>>,
        claim: &Claim<StatementId<S::Target>>,
        found: impl FnOnce(&Place<S::Target>),
    ) -> Result<Result<()>> {
        // A role of another account has no business there, and one of the function's own account is acted as by nobody.
        let is_there = |role: &&Role| {
            let is_own = claim.caller().is_none() && role.account() == claim.account();
            !is_own && place.account.as_deref().unwrap_or(claim.account()) == role.account()
        };
        let role = last.and_then(|properties| properties.role.as_ref()).filter(is_there);
        if let (Some(account), None, false) = (&place.account, role, S::FROM_OUTSIDE) {
            return Ok(Err(Error::refused(format!(
                "the statements are in {} of account {account}, and can't be taken out without a role there as RoleArn",
                place.policy()
            ))));
        }
        let store = match self.acting_as(role, claim).await {
            Ok(store) => store,
            Err(error) => return Ok(Err(error)),
        };
        let place = match self.resolve(&store, place, claim.turn()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        let mark = &claim.owner().mark();
        let prune_orphans = claim.caller().is_none() && last.is_some_and(|properties| properties.prune_orphans);
        let take_out = async |lease: &Lease<'_>| {
            let patch = Patch { store: &store, place: &place, claim, mark, lease, prune_orphans };
            patch.take_out(|| found(&place)).await
        };
        self.leases.holding(&place.named(), mark, claim.turn(), take_out).await
    }

    /// Takes out what a cancelled replacement may have left at `last`, unless that is `place` in other words. Where AWS
    /// doesn't let us see it nothing was written either, and a rollback must not fail for it. That is waited for as long as
    /// the replacement, which may still be at work, would wait for it.
    async fn take_back(
        &self,
        last: Place<S::Target>,
        place: &Place<S::Target>,
        cancelled: &Properties<S::Target>,
        claim: &Claim<StatementId<S::Target>>,
    ) -> Result<()> {
        let found = Cell::new(false);
        let taken_back = async {
            let store = self.acting_as(cancelled.role.as_ref(), claim).await?;
            match self.resolve(&store, last, claim.turn()).await? {
                Ok(last) if last != *place => Ok(Some(last)),
                _ => Ok(None),
            }
        };
        let taken_back = match taken_back.await {
            Ok(Some(last)) => self.take_out(last, Some(cancelled), claim, |_| found.set(true)).await?,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        match taken_back {
            Err(error) if !found.get() && shows_nothing(&error) && (claim.is_denied() || !may_pass(&error)) => {
                tracing::warn!(reason = %error, "a cancelled replacement was not looked after");
                Ok(())
            }
            other => other,
        }
    }

    async fn ensured(
        &self,
        desired: &Properties<S::Target>,
        previous: Option<&Properties<S::Target>>,
        claim: &Claim<StatementId<S::Target>>,
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
        let variable = with_variable(&desired.statement);
        let store = self.acting_as(desired.role.as_ref(), claim).await?;
        let named = place.clone();
        let place = self.resolve(&store, place, claim.turn()).await?.map_err(|error| not_there::<S>(error, &named))?;
        self.check_caller(desired, &place, claim)?;
        let put_in = async |lease: &Lease<'_>| {
            let prune_orphans = desired.prune_orphans;
            Patch { store: &store, place: &place, claim, mark, lease, prune_orphans }
                .put_in(&wanted, variable.as_deref())
                .await
        };
        let policy = self.leases.holding(&place.named(), mark, claim.turn(), put_in).await??;
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
        let limit = if used > S::LIMIT.size { store.limit(&place).await?.size } else { S::LIMIT.size };
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
        Error::Refused(_) => true,
        Error::NotYet(not_yet) => not_yet.is_denial(),
    }
}

fn may_pass(error: &Error) -> bool {
    matches!(error, Error::NotYet(_))
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

    async fn warm_up(&self) {
        tokio::join!(self.leases.warm_up(), self.stores.own().warm_up());
    }

    async fn ensure(
        &self,
        desired: &Self::Properties,
        previous: Option<&Self::Properties>,
        claim: &Claim<Self::Id>,
    ) -> Result<Attributes> {
        self.or_forget(self.ensured(desired, previous, claim).await)
    }

    async fn remove(&self, last: Option<&Self::Properties>, claim: &Claim<Self::Id>) -> Result<()> {
        let of_last = || last.and_then(|properties| properties.place(claim.account()).ok());
        let Some(place) = claim.id().map(|id| id.place).or_else(of_last) else { return Ok(()) };
        let found = |place: &Place<_>| claim.hold(&StatementId { place: place.clone(), mark: claim.owner().mark() });
        self.or_forget(self.take_out(place, last, claim, found).await.flatten())
    }
}
