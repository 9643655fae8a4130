//! Makes a policy have the statements of a claim, and as if it had never had any, whoever else owns the rest of it.

use std::time::Duration;

use custom_resource::{AwsError, Claim, Error, Resource, Result};

use crate::{
    Document, Policy, PolicyStore, Target,
    properties::{Attributes, Properties, StatementId},
};

/// How long a read may lag behind a write.
const SEEN_WITHIN: Duration = Duration::from_mins(2);

/// Single statements in the policies that `S` keeps.
#[derive(Debug)]
pub struct Statements<S> {
    store: S,
}

impl<S: PolicyStore> Statements<S> {
    /// Statements in the policies of `store`.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self { store }
    }

    /// The policy, as far as there is one; without a target, what AWS says of it.
    async fn read(&self, target: &S::Target) -> Result<Result<Document, AwsError>> {
        match self.store.get(target).await? {
            Policy::Text(text) => {
                let unreadable = |error| Error::refused(format!("{} can't be read: {error}", policy_of(target)));
                Document::parse(&text).map(Ok).map_err(unreadable)
            }
            Policy::Absent => Ok(Ok(Document::empty())),
            Policy::NoTarget(error) => Ok(Err(error)),
        }
    }

    /// Writes `after` where the claim's statements are to change.
    async fn write(&self, target: &S::Target, after: &Document) -> Result<(), AwsError> {
        if after.is_empty() && S::DELETED_WHEN_EMPTY {
            self.store.delete(target).await
        } else {
            self.store.put(target, &after.to_text()).await
        }
    }

    /// Looks whether what was written is there, and all that was there before.
    async fn seen(&self, target: &S::Target, before: &Document, after: &Document, mark: &str) -> Result<()> {
        let own: Vec<_> = after.own(mark).cloned().collect();
        match self.read(target).await? {
            Ok(now) if now.has_own(mark, &own) && now.keeps_foreign(before, mark) => Ok(()),
            Err(_) if own.is_empty() => Ok(()),
            _ => {
                let waiting_for = format!("{} doesn't show yet what was written", policy_of(target));
                Err(Error::not_yet_within(SEEN_WITHIN, waiting_for))
            }
        }
    }

    /// Takes the claim's statements out of a policy; where there are none, nothing is written.
    async fn take_out(&self, target: &S::Target, mark: &str) -> Result<()> {
        let before = match self.read(target).await? {
            Ok(before) if before.own(mark).next().is_some() => before,
            _ => return Ok(()),
        };
        let mut after = before.clone();
        after.replace_own(mark, &[]);
        match self.write(target, &after).await {
            Ok(()) => self.seen(target, &before, &after, mark).await,
            // The target may have gone in between.
            Err(error) if self.read(target).await?.is_ok() => Err(error.into()),
            Err(_) => Ok(()),
        }
    }

    /// Takes out what a cancelled replacement may have left. Where AWS doesn't let us in nothing was written either, and
    /// a rollback must not fail for it.
    async fn take_back(&self, target: &S::Target, mark: &str) -> Result<()> {
        match self.take_out(target, mark).await {
            Err(Error::Refused(reason)) => tracing::warn!(%reason, "a cancelled replacement was not looked after"),
            Err(Error::NotYet(not_yet)) if not_yet.is_denial() => {
                tracing::warn!(reason = %not_yet, "a cancelled replacement was not looked after");
            }
            other => return other,
        }
        Ok(())
    }
}

fn policy_of<T: Target>(target: &T) -> String {
    format!("the policy of {} {target}", T::KIND)
}

impl<S: PolicyStore> Resource for Statements<S>
where
    S::Target: Clone + PartialEq,
{
    type Properties = Properties<S::Target>;
    type Id = StatementId<S::Target>;
    type Attributes = Attributes;

    async fn ensure(
        &self,
        desired: &Self::Properties,
        previous: Option<&Self::Properties>,
        claim: &Claim<Self::Id>,
    ) -> Result<Attributes> {
        S::RULES.check(&desired.statement, desired.allow_public)?;
        let account = claim.account();
        let target = &desired.target.seen_from(account);
        let mark = claim.owner().mark();
        let wanted = desired.statement.signed(claim.owner().logical_id(), &mark);
        let before = self.read(target).await?.map_err(|error| {
            let kind = S::Target::KIND;
            Error::refused(format!(
                "{error}; the {kind} {target} must be there before a statement can go into its policy"
            ))
        })?;
        let id = StatementId { target: target.clone(), mark: mark.clone() };
        let mut after = before.clone();
        if before.has_own(&mark, &wanted) {
            claim.hold(&id);
        } else {
            after.replace_own(&mark, &wanted);
            S::LIMIT.check(&policy_of(target), &before, &after, &mark)?;
            // From here on the statements may be there, even if no answer comes.
            claim.hold(&id);
            if let Err(error) = self.write(target, &after).await {
                if error.is_refusal() && before.own(&mark).next().is_none() {
                    claim.let_go();
                }
                return Err(error.into());
            }
            self.seen(target, &before, &after, &mark).await?;
        }
        // Back at the id that CloudFormation knows, with another target in the old properties: a replacement was cancelled,
        // and may have left its statements there. (At another id it is this that replaces, and CloudFormation cleans up.)
        let last = previous.map(|properties| properties.target.seen_from(account)).filter(|last| last != target);
        if let Some(cancelled) = last.filter(|_| claim.given().is_some_and(|given| given.target == *target)) {
            self.take_back(&cancelled, &mark).await?;
        }
        Ok(Attributes {
            sids: wanted.iter().filter_map(|statement| statement.sid()).collect::<Vec<_>>().join(","),
            policy_size: S::LIMIT.used_by(&after),
            policy_size_limit: S::LIMIT.size,
        })
    }

    async fn remove(&self, last: Option<&Self::Properties>, claim: &Claim<Self::Id>) -> Result<()> {
        let last = last.map(|properties| properties.target.seen_from(claim.account()));
        let Some(target) = claim.id().map(|id| id.target).or(last) else { return Ok(()) };
        self.take_out(&target, &claim.owner().mark()).await
    }
}
