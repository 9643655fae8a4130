//! Makes a policy have the statements of a claim, and as if it had never had any, whoever else owns the rest of it.

use std::time::Duration;

use custom_resource::{Claim, Error, Resource, Result};

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

    /// The policy, as far as there is one; `None` without a target.
    async fn read(&self, target: &S::Target) -> Result<Option<Document>> {
        match self.store.get(target).await? {
            Policy::Text(text) => {
                let unreadable = |error| Error::refused(format!("{} can't be read: {error}", policy_of(target)));
                Document::parse(&text).map(Some).map_err(unreadable)
            }
            Policy::Absent => Ok(Some(Document::empty())),
            Policy::NoTarget => Ok(None),
        }
    }

    /// Writes `after` where `before` was, and looks whether it is there.
    async fn write(&self, target: &S::Target, before: &Document, after: &Document, mark: &str) -> Result<()> {
        if after.is_empty() && S::DELETED_WHEN_EMPTY {
            self.store.delete(target).await?;
        } else {
            self.store.put(target, &after.to_text()).await?;
        }
        let own: Vec<_> = after.own(mark).cloned().collect();
        match self.read(target).await? {
            Some(now) if now.has_own(mark, &own) && now.keeps_foreign(before, mark) => Ok(()),
            None if own.is_empty() => Ok(()),
            _ => Err(Error::not_yet_within(
                SEEN_WITHIN,
                format!("{} doesn't show yet what was written", policy_of(target)),
            )),
        }
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
        _: Option<&Self::Properties>,
        claim: &Claim<Self::Id>,
    ) -> Result<Attributes> {
        S::RULES.check(&desired.statement, desired.allow_public)?;
        let target = &desired.target;
        let mark = claim.owner().mark();
        let wanted = desired.statement.signed(claim.owner().logical_id(), &mark);
        let Some(before) = self.read(target).await? else {
            return Err(Error::refused(format!("there is no {} {target}", S::Target::KIND)));
        };
        let id = StatementId { target: target.clone(), mark: mark.clone() };
        let mut after = before.clone();
        if before.has_own(&mark, &wanted) {
            claim.hold(&id);
        } else {
            after.replace_own(&mark, &wanted);
            S::LIMIT.check(&policy_of(target), &before, &after, &mark)?;
            // From here on the statements may be there, even if no answer comes.
            let held = claim.id();
            claim.hold(&id);
            let written = self.write(target, &before, &after, &mark).await;
            if let (Err(Error::Refused(_)), Some(held)) = (&written, held) {
                claim.hold(&held);
            }
            written?;
        }
        Ok(Attributes {
            sids: wanted.iter().filter_map(|statement| statement.sid()).collect::<Vec<_>>().join(","),
            policy_size: S::LIMIT.used_by(&after),
            policy_size_limit: S::LIMIT.size,
        })
    }

    async fn remove(&self, last: Option<&Self::Properties>, claim: &Claim<Self::Id>) -> Result<()> {
        let id = claim.id();
        let Some(target) = id.as_ref().map(|id| &id.target).or(last.map(|properties| &properties.target)) else {
            return Ok(());
        };
        let mark = claim.owner().mark();
        match self.read(target).await? {
            Some(before) if before.own(&mark).next().is_some() => {
                let mut after = before.clone();
                after.replace_own(&mark, &[]);
                self.write(target, &before, &after, &mark).await
            }
            _ => Ok(()),
        }
    }
}
