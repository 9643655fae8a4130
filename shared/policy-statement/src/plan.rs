//! What a request would make of a policy, from one read without the lease.

use archipelago::Caller;
use custom_resource::{Claim, Error, Result};
use serde_json::{Value, json};

use crate::{
    Document, Lookup, PolicyStore, Statement, StatementId, TargetLocation,
    acting::Acting,
    change::{check_caller, with_statements, without_statements},
    claim_record::ClaimRecord,
    ledger::Ledger,
    triage::not_there,
    wanted::suspended_in,
};

/// A policy that a claim would change.
pub(crate) struct PolicyPlan<'a, S: PolicyStore> {
    pub(crate) store: &'a Acting<S>,
    pub(crate) location: &'a TargetLocation<S::Target>,
    pub(crate) claim: &'a Claim<StatementId<S::Target>>,
    pub(crate) ledger: &'a Ledger,
}

impl<S: PolicyStore> PolicyPlan<'_, S> {
    /// What there is once `wanted` is in it. The policy that the claim's statements are in now, if that is another one, loses them afterwards.
    pub(crate) async fn put_in(&self, wanted: &[Statement], variable: Option<&str>) -> Result<Value> {
        let before = match self.store.read(self.location).await? {
            Lookup::Found(before) => before,
            // The same stack may make it first.
            Lookup::Gone(error) => return Err(Error::not_yet(not_there::<S>(error, self.location).to_string())),
        };
        let mark = self.mark_of(&before)?;
        let record = self.ledger.record(&self.location.key(), &ClaimRecord::key_of(self.claim)).await?;
        if record.as_ref().is_some_and(|record| record.suspended.is_some()) {
            let is_kept_out = record.is_some_and(|record| record.has_written(wanted));
            return if is_kept_out { Ok(nothing()) } else { Err(suspended_in(self.location)) };
        }
        let is_there = record.is_some_and(|record| record.is_shown_as(wanted, &before));
        let after = if is_there || before.has_own(&mark, wanted) {
            before.clone()
        } else {
            with_statements::<S>(self.location, &before, &mark, wanted, variable)?
        };
        let mut plan = self.shown(&before, &after).await?;
        if let Some(id) = self.claim.known().id().filter(|id| id.location != *self.location) {
            plan["ThenLeaves"] = id.location.named().into();
        }
        Ok(plan)
    }

    /// What there is once the claim's statements are out of it.
    pub(crate) async fn take_out(&self) -> Result<Value> {
        let Lookup::Found(before) = self.store.read(self.location).await? else { return Ok(nothing()) };
        let mark = self.mark_of(&before)?;
        if !before.has_any(&mark) {
            return Ok(nothing());
        }
        self.shown(&before, &without_statements::<S>(self.location, &before, &mark)?).await
    }

    fn mark_of(&self, before: &Document) -> Result<String> {
        let mark = self.claim.owner().mark();
        let caller = Caller::of(self.claim.invocation().function(), self.claim.owner().stack_id());
        check_caller(caller.as_ref(), self.location, before, &mark)?;
        Ok(mark)
    }

    async fn shown(&self, before: &Document, after: &Document) -> Result<Value> {
        let used = S::LIMIT.used_by(after);
        let limit = if used > S::LIMIT.size { self.store.limit(self.location).await?.size } else { S::LIMIT.size };
        Ok(json!({
            "Policy": self.location.named(),
            "Before": document(before),
            "After": document(after),
            "Size": used,
            "SizeLimit": limit,
        }))
    }
}

/// A plan that changes nothing.
pub(crate) fn nothing() -> Value {
    json!({ "Changes": "none" })
}

/// The document, or null where there is no statement and so most often no policy. What no value can hold, such as half a character, is shown
/// as text.
fn document(document: &Document) -> Value {
    if document.is_empty() {
        return Value::Null;
    }
    let text = document.to_text();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}
