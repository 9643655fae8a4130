//! Keeps what callers may have, and the aliases by which they ask for it.

use std::{
    collections::BTreeSet,
    env, fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use archipelago::{CallerTable, Grant, Unit};
use aws_sdk_lambda::Client;
use custom_resource::{Claim, Error, FunctionArn, LeftBehind, Resource, Result, SdkConfig, Work};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    alias::{Alias, User},
    organization::Organization,
    plan::GrantPlan,
    properties::{Attributes, CallerId, Properties, Who, qualifier},
    statement_type::{StatementType, types_of},
};

/// How long nobody else changes the aliases and grants of a caller after somebody began to.
pub(crate) const LEASE: Duration = Duration::from_mins(1);

/// How long that takes at most. What was sent by then has had its effect before the lease ends.
const WORK: Duration = Duration::from_secs(30);

/// The variable with the name of the functions' stack, with which the names of functions begin.
const STACK: &str = "STACK_NAME";

/// The variable with the ARN of the queue for what functions didn't answer.
const FAILURES: &str = "FAILURES_QUEUE";

/// The installation that the function belongs to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Installation {
    pub(crate) stack: String,
    pub(crate) failures: String,
}

impl Installation {
    fn from_environment() -> Self {
        let variable = |name| env::var(name).unwrap_or_default();
        Self { stack: variable(STACK), failures: variable(FAILURES) }
    }

    fn check(&self) -> Result<()> {
        for (name, value) in [(STACK, &self.stack), (FAILURES, &self.failures)] {
            if value.is_empty() {
                return Err(Error::refused(format!("the function has no variable {name}; deploy the functions anew")));
            }
        }
        Ok(())
    }
}

/// The callers of an installation.
pub(crate) struct Callers {
    table: CallerTable,
    lambda: Client,
    organization: Organization,
    installation: Installation,
    /// The time since 1970.
    clock: Box<dyn Fn() -> Duration>,
    /// What tells this process from others that work on the same request.
    process: u64,
}

impl fmt::Debug for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callers").field("installation", &self.installation).finish_non_exhaustive()
    }
}

/// What a resource opens to a caller; nothing once it is deleted.
enum Wanted<'a> {
    Open(&'a Properties),
    Nothing(&'a LeftBehind),
}

impl Wanted<'_> {
    fn types(&self) -> BTreeSet<StatementType> {
        match self {
            Self::Open(desired) => desired.types.clone(),
            Self::Nothing(_) => BTreeSet::new(),
        }
    }
}

impl Callers {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        let organizations = aws_sdk_organizations::Client::new(aws);
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let table = CallerTable::from_environment(aws);
        Self::of(table, Client::new(aws), organizations, Installation::from_environment(), clock)
    }

    pub(crate) fn of(
        table: CallerTable,
        lambda: Client,
        organizations: aws_sdk_organizations::Client,
        installation: Installation,
        clock: impl Fn() -> Duration + 'static,
    ) -> Self {
        Self {
            table,
            lambda,
            organization: Organization(organizations),
            installation,
            clock: Box::new(clock),
            process: fastrand::u64(..),
        }
    }

    /// Whom a template means, once that is sure.
    async fn user(&self, who: &Who) -> Result<User> {
        Ok(match who {
            // An account that leaves the organization can't call any more.
            Who::Account(id) => User::Account { id: id.clone(), organization: self.organization.id(None).await? },
            Who::Unit(id, organization) => User::Unit(self.organization.unit(id, organization.as_deref()).await?),
        })
    }

    /// Whom an earlier template meant. Without an organization nothing was ever opened to its OUs.
    async fn user_of_earlier_template(&self, who: &Who) -> Result<Option<User>> {
        Ok(match who {
            Who::Account(id) => Some(User::named(id)),
            Who::Unit(id, Some(organization)) => Unit::new(organization, id).map(User::Unit),
            Who::Unit(id, None) => {
                let organization = self.organization.id(None).await?;
                organization.and_then(|organization| Unit::new(&organization, id)).map(User::Unit)
            }
        })
    }

    /// Whom a Delete is about: an id says so, whatever the template said last.
    async fn user_to_leave(&self, last: Option<&Properties>, claim: &Claim<CallerId>) -> Result<Option<User>> {
        match (claim.id(), last) {
            (Some(id), _) => Ok(Some(User::named(&id.name))),
            (None, Some(last)) => self.user_of_earlier_template(&last.who).await,
            (None, None) => Ok(None),
        }
    }

    /// The name of the function of a type.
    fn function(&self, of: StatementType) -> String {
        format!("{}-{}", self.installation.stack, of.function())
    }

    fn alias<'a>(&'a self, of: StatementType, user: &'a User, function: &FunctionArn) -> Alias<'a> {
        let function = FunctionArn { name: self.function(of), qualifier: None, ..function.clone() };
        Alias { lambda: &self.lambda, function, name: qualifier(&user.name()), user }
    }

    /// What a request would change. It reads alone.
    async fn planned(&self, work: &Work<Properties>, claim: &Claim<CallerId>) -> Result<Value> {
        let (user, grant) = match work {
            Work::Ensure { desired, .. } => {
                desired.check(claim.invocation().function())?;
                (Some(self.user(&desired.who).await?), Some(desired.grant()))
            }
            Work::Remove { last } => (self.user_to_leave(last.as_ref(), claim).await?, None),
        };
        let nothing = json!({ "Changes": "none" });
        let Some(user) = user else { return Ok(nothing) };
        let name = user.name();
        let (own, others) = self.table.grants_by(&name, claim.owner()).await?;
        if grant.is_none() && own.is_none() {
            return Ok(nothing);
        }
        let left = claim.known().id().filter(|known| known.name != name).map(|known| qualifier(&known.name));
        let mut plan = GrantPlan { name, own: [own, grant], others }.shown(|of| self.function(of));
        if let Some(left) = left {
            plan["ThenLeaves"] = left.into();
        }
        Ok(plan)
    }

    /// Makes the grant and the aliases of a caller what they have to be, while nobody else does.
    async fn settle(&self, user: &User, wanted: Wanted<'_>, claim: &Claim<CallerId>) -> Result<()> {
        let name = user.name();
        // A try of the same request goes on with the lease that the one before couldn't give back.
        let holder = format!("{} {:016x} {}", claim.owner().mark(), self.process, claim.client_token("lease"));
        self.table.lease(&name, &holder, (self.clock)(), LEASE).await?;
        let work = async {
            // Whoever waited for the lease may have been overtaken meanwhile.
            claim.check_latest().await?;
            self.settle_alone(user, &name, wanted, claim).await
        };
        // A call that was given up may have its effect later: until then nobody else has the lease.
        let slow = |_| Error::not_yet("AWS was slow to answer while the aliases of this caller were changed");
        let settled = timeout(WORK, work).await.map_err(slow)?;
        if let Err(reason) = self.table.release(&name, &holder).await {
            tracing::warn!(%reason, "the lease on a caller's aliases ends by itself");
        }
        settled
    }

    /// The grant names all types of which there may be an alias because of it, those that are about to go as well: until they are gone,
    /// another try knows what there is to be done.
    async fn settle_alone(&self, user: &User, name: &str, wanted: Wanted<'_>, claim: &Claim<CallerId>) -> Result<()> {
        let owner = claim.owner();
        let (own, others) = self.table.grants_by(name, owner).await?;
        let types = wanted.types();
        let needed: BTreeSet<_> = types_of(&others).union(&types).copied().collect();
        let left: Vec<_> = types_of(&own).difference(&needed).copied().collect();
        let grant = match &wanted {
            Wanted::Open(desired) => desired.grant(),
            Wanted::Nothing(_) if own.is_none() => return Ok(()),
            Wanted::Nothing(there) => {
                there.is_there();
                Grant::default()
            }
        };
        let with_left = Grant { types: names(left.iter().chain(&types)), ..grant.clone() };
        if own.as_ref() != Some(&with_left) {
            self.table.grant(name, owner, &with_left).await?;
        }
        if matches!(wanted, Wanted::Open(_)) {
            claim.hold(&CallerId::of(name, owner));
        }
        let function = claim.invocation().function();
        let closed = join_all(left.iter().map(async |of| self.alias(*of, user, function).close().await));
        let open = async |of: &StatementType| {
            self.alias(*of, user, function).open(&self.installation.failures, claim.writes()).await
        };
        let opened = join_all(types.iter().map(open));
        let (closed, opened) = tokio::join!(closed, opened);
        closed.into_iter().chain(opened).collect::<Result<()>>()?;
        match wanted {
            Wanted::Nothing(_) => self.table.take_away(name, owner).await,
            Wanted::Open(_) if with_left != grant => self.table.grant(name, owner, &grant).await,
            Wanted::Open(_) => Ok(()),
        }
    }
}

fn names<'a>(types: impl Iterator<Item = &'a StatementType>) -> Vec<String> {
    let names: BTreeSet<_> = types.map(|of| of.name().to_owned()).collect();
    names.into_iter().collect()
}

impl Resource for Callers {
    type Properties = Properties;
    type Id = CallerId;
    type Attributes = Attributes;

    async fn warm_up(&self) {
        let alias = self.lambda.get_alias().function_name(self.function(StatementType::Ecr)).name("any").send();
        let _ = tokio::join!(self.table.grants("any"), alias);
    }

    async fn ensure(
        &self,
        desired: &Properties,
        _: Option<&Properties>,
        claim: &Claim<CallerId>,
    ) -> Result<Attributes> {
        desired.check(claim.invocation().function())?;
        self.installation.check()?;
        let user = self.user(&desired.who).await?;
        self.settle(&user, Wanted::Open(desired), claim).await?;
        Ok(Attributes { qualifier: qualifier(&user.name()) })
    }

    async fn remove(&self, last: Option<&Properties>, claim: &Claim<CallerId>) -> Result<()> {
        match self.user_to_leave(last, claim).await? {
            Some(user) => self.settle(&user, Wanted::Nothing(&LeftBehind::default()), claim).await,
            None => Ok(()),
        }
    }

    async fn take_back(
        &self,
        cancelled: &Properties,
        desired: &Properties,
        left: &LeftBehind,
        claim: &Claim<CallerId>,
    ) -> Result<()> {
        if cancelled.who == desired.who {
            return Ok(());
        }
        match self.user_of_earlier_template(&cancelled.who).await? {
            Some(user) if claim.id().is_some_and(|now| now.name != user.name()) => {
                self.settle(&user, Wanted::Nothing(left), claim).await
            }
            _ => Ok(()),
        }
    }

    async fn plan(
        &self,
        work: &Work<Properties>,
        unknown: &[String],
        claim: &Claim<CallerId>,
    ) -> Option<Result<Value>> {
        if unknown.is_empty() { Some(self.planned(work, claim).await) } else { None }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
