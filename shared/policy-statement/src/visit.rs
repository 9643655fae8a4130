//! One policy under a lease, looked at and changed on nobody's request.

use custom_resource::{Error, Result};

use crate::{
    Document, Lookup, PolicyStore,
    acting::Acting,
    claim_record::ClaimRecord,
    claims::{Claims, found_in},
    group::may_touch,
    lease::{Lease, Written},
    ledger::Ledger,
    policy_history::Reading,
    triage::Triage,
};

/// The right to change one policy, for some of its claims.
pub(crate) struct Visit<'a, S: PolicyStore> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) claims: &'a Claims<S::Target>,
    pub(crate) store: &'a Acting<S>,
    pub(crate) lease: &'a Lease,
}

/// A policy that is believed, and its claims of that moment.
pub(crate) struct Shown {
    /// None where there is no target.
    pub(crate) document: Option<Document>,
    /// The claims for which the same role acts.
    pub(crate) records: Vec<ClaimRecord>,
    /// Whether a late write of ours may have lost what is missing, and AWS doesn't take it back.
    pub(crate) is_overdue: bool,
}

impl<S: PolicyStore> Visit<'_, S> {
    /// Reads the policy.
    ///
    /// # Errors
    /// Not yet where it may be as it was before a write of ours.
    pub(crate) async fn look(&self) -> Result<Shown> {
        let policy = &self.claims.policy;
        let (read, records) =
            tokio::join!(self.store.read(&self.claims.location), self.ledger.readable_records(policy));
        let (records, _) = records?;
        let Lookup::Found(document) = read? else {
            let records = records.into_iter().filter(|record| self.claims.has(record)).collect();
            return Ok(Shown { document: None, records, is_overdue: false });
        };
        let now = self.ledger.now();
        let reading = self.lease.history().borrow_mut().judge(&document.fingerprint(), now);
        let is_stale = match reading {
            Reading::Stale | Reading::Unless(_) => true,
            Reading::New(_) => records.iter().any(|record| record.may_be_older_than(now, self.ledger.lag, &document)),
            Reading::AsLeft | Reading::Overdue => false,
        };
        if is_stale {
            let policy = self.claims.location.policy();
            return Err(Error::not_yet(format!("AWS still shows {policy} as it was before")));
        }
        if let Reading::New(unclear) = &reading {
            let (lacking, unclear) = found_in(&document, &records, unclear);
            self.lease.note_found(&document, &lacking, &unclear).await?;
        }
        let (document, is_overdue) = match reading {
            Reading::Overdue => match self.healed(&document, &records).await? {
                Some(healed) => (healed, false),
                None => (document, true),
            },
            _ => (document, false),
        };
        let records = records.into_iter().filter(|record| self.claims.has(record)).collect();
        Ok(Shown { document: Some(document), records, is_overdue })
    }

    /// Writes the policy as it was before a write of ours that came late, if AWS takes that.
    async fn healed(&self, document: &Document, records: &[ClaimRecord]) -> Result<Option<Document>> {
        self.lease.history().borrow_mut().note_gone(self.ledger.now());
        let mut healed = document.clone();
        for record in records {
            let due = record.due().filter(|_| may_touch(record, document));
            if let Some(due) = due.filter(|due| !record.is_shown_as(due, document)) {
                healed.replace_own(&record.mark(), due);
            }
        }
        let is_possible =
            (S::DELETED_WHEN_EMPTY || !healed.is_empty()) && S::guard(&self.claims.location, document, &healed).is_ok();
        if healed == *document || !is_possible {
            return Ok(is_possible.then_some(healed));
        }
        match self.replaced(document, &healed, &[]).await? {
            Ok(()) => Ok(Some(healed)),
            Err(refusal) => {
                tracing::warn!(%refusal, "AWS refuses to have it again as it was before a late write");
                Ok(None)
            }
        }
    }

    /// Makes a change for each claim: all in one write, or, where AWS refuses that, each in a write of its own. Says of each what became of it.
    ///
    /// # Errors
    /// Where nobody knows.
    pub(crate) async fn changed(
        &self,
        before: &Document,
        records: &[&ClaimRecord],
        change: impl Fn(&Document, &ClaimRecord) -> Result<Document>,
    ) -> Result<Vec<Result<()>>> {
        let mut after = before.clone();
        let mut ended = Vec::new();
        for &record in records {
            ended.push(change(&after, record).map(|changed| after = changed));
        }
        let members: Vec<_> = (0..records.len()).filter(|&index| ended[index].is_ok()).collect();
        if after == *before {
            return Ok(ended);
        }
        let together: Vec<_> = members.iter().map(|&index| records[index]).collect();
        let Err(refusal) = self.replaced(before, &after, &together).await? else { return Ok(ended) };
        if let [alone] = members[..] {
            ended[alone] = Err(refusal);
            return Ok(ended);
        }
        let mut before = before.clone();
        for index in members {
            let record = records[index];
            let after = match change(&before, record) {
                Ok(after) => after,
                Err(reason) => {
                    ended[index] = Err(reason);
                    continue;
                }
            };
            ended[index] = match self.replaced(&before, &after, &[record]).await {
                Ok(Ok(())) => {
                    before = after;
                    Ok(())
                }
                Ok(Err(refusal)) => Err(refusal),
                Err(error) if self.lease.has_open_end() => return Err(error),
                // What became of those before is known all the same.
                Err(error) => Err(error),
            };
        }
        Ok(ended)
    }

    /// Replaces the policy. The inner error is AWS's refusal, explained.
    async fn replaced(&self, before: &Document, after: &Document, records: &[&ClaimRecord]) -> Result<Result<()>> {
        let (store, location) = (self.store, &self.claims.location);
        let claims = records.iter().map(|record| record.short_key()).collect();
        match self
            .lease
            .writing([before.fingerprint(), after.fingerprint()], claims, Vec::new(), store.write(location, after))
            .await?
        {
            Written::Done(()) => {
                // In AWS's words it may be what was there two changes ago; it is current now.
                if let Ok(Lookup::Found(now)) = store.read(location).await
                    && now.keeps_others(after, &[])
                    && after.keeps_others(&now, &[])
                {
                    self.lease.history().borrow_mut().note_current(&now.fingerprint());
                }
                Ok(Ok(()))
            }
            Written::NotDone(error) if !error.is_refusal() => Err(error.into()),
            Written::NotDone(error) => {
                let mark = records.first().map(|record| record.mark()).unwrap_or_default();
                let triage = Triage { store, location, mark: &mark, prune_orphans: false };
                Ok(Err(triage.of(error, before, after).await))
            }
            Written::NotBegun => Err(Error::not_yet("the claims on the policy are changing")),
        }
    }
}
