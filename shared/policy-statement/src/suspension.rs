//! Claims whose statements an administrator takes out of their policies and keeps out, and lets in again.

use std::collections::BTreeMap;

use archipelago::Caller;
use custom_resource::{Error, Result, is_account_id};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    PolicyStore, Statement, StatementId, Target,
    administration::{Administration, without},
    claim_record::ClaimRecord,
    claims::{Claims, sorted},
    item_update::ItemUpdate,
    ledger::Changed,
    pages::{AT_ONCE, NEXT, Pages},
    principals::{is_in_account, principals},
};

/// How long nobody looks whether a policy can be changed that somebody else changes.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

/// Whether statements are taken out or let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Suspend,
    Resume,
}

/// Whose claims.
enum Whose {
    /// Those of stacks of the account, and those for it.
    Account(String),
    /// Those of stacks of the caller of that name.
    Caller(String),
    /// Those with these marks on these policies, and their physical ids.
    Ids(BTreeMap<String, Vec<(String, String)>>),
}

/// What becomes of one claim: a word and perhaps a sentence.
struct Outcome {
    done: bool,
    sentence: Option<String>,
}

impl Outcome {
    const DONE: Self = Self { done: true, sentence: None };

    fn done_but(reason: &Error) -> Self {
        Self { done: true, sentence: Some(reason.to_string()) }
    }

    fn failed(reason: &Error) -> Self {
        Self { done: false, sentence: Some(reason.to_string()) }
    }
}

/// One event that suspends or resumes.
pub(crate) struct Suspension<'a, S: PolicyStore> {
    pub(crate) administration: &'a Administration<'a, S>,
    pub(crate) access: Access,
}

impl<S: PolicyStore> Suspension<'_, S> {
    /// Suspends or resumes the claims that the event names, and says of each what became of it.
    ///
    /// # Errors
    /// Refused where the event doesn't say whose; where the ledger can't be read.
    pub(crate) async fn answer(&self, event: &Value) -> Result<Value> {
        let pages = Pages::of(event)?;
        let (whose, mut claims) = whose::<S::Target>(event)?;
        let policies = match &whose {
            Whose::Account(_) | Whose::Caller(_) => self.administration.ledger.policies(pages.after(), None).await?,
            Whose::Ids(ids) => {
                ids.keys().filter(|policy| pages.after().is_none_or(|after| policy.as_str() > after)).cloned().collect()
            }
        };
        let mut next = None;
        for some in policies.chunks(AT_ONCE) {
            if pages.is_over(Instant::now()) {
                break;
            }
            let of_some = join_all(some.iter().map(|policy| self.policy(policy, &whose, &pages))).await;
            claims.extend(of_some.into_iter().flatten());
            next = some.last();
        }
        let mut answer = json!({ "Claims": claims });
        if let Some(next) = next.filter(|next| policies.last() != Some(next)) {
            answer[NEXT] = next.as_str().into();
        }
        Ok(answer)
    }

    async fn policy(&self, policy: &str, whose: &Whose, pages: &Pages<'_>) -> Vec<Value> {
        let unread = |reason: &Error| json!({ "Policy": policy, "Error": reason.to_string() });
        let (mut records, unreadable) = match self.administration.ledger.readable_records(policy).await {
            Ok(read) => read,
            Err(reason) => return vec![unread(&reason)],
        };
        let mut answers: Vec<_> = unreadable.iter().map(unread).collect();
        if let Whose::Ids(ids) = whose {
            let is_claimed = |mark: &str| records.iter().any(|record| !record.has_nothing() && record.mark() == mark);
            let all = ids.get(policy).into_iter().flatten();
            answers.extend(all.filter(|(mark, _)| !is_claimed(mark)).map(|(_, id)| no_claim(id)));
        }
        records.retain(|record| {
            !record.has_nothing()
                && whose.are(policy, record)
                && (self.access == Access::Suspend || record.suspended.is_some())
        });
        let mut outcomes = Vec::new();
        if let (Access::Suspend, Whose::Account(_)) = (self.access, whose) {
            let denies = Error::refused(
                "the resource also has a statement that denies something, which would go with the others; give its physical id in \
                 Ids if all of them are to go",
            );
            records.retain(|record| {
                if record.denies() {
                    outcomes.push((record.clone(), Outcome::failed(&denies)));
                }
                !record.denies()
            });
        }
        if self.access == Access::Suspend {
            // First of all: from here on nobody puts them in, and what is in after a failure is taken out by the next sweep.
            let marked = join_all(records.iter().map(|record| self.mark(policy, record))).await;
            let mut marked = marked.into_iter();
            records.retain(|record| match marked.next() {
                Some(Err(reason)) => {
                    outcomes.push((record.clone(), Outcome::failed(&reason)));
                    false
                }
                _ => true,
            });
        }
        let (all, nowhere) = sorted::<S::Target>(policy, records);
        let unreadable = Error::refused("the ledger's location of the claim can't be read");
        outcomes.extend(nowhere.into_iter().map(|record| (record, Outcome::failed(&unreadable))));
        for claims in all {
            let of_claims = self.of_claims(&claims, pages).await;
            outcomes.extend(claims.records.into_iter().zip(of_claims));
        }
        answers.extend(outcomes.iter().map(|(record, outcome)| self.shown(policy, record, outcome)));
        answers
    }

    async fn mark(&self, policy: &str, record: &ClaimRecord) -> Result<()> {
        let ledger = self.administration.ledger;
        match ledger.change(policy, &ItemUpdate::suspended(record, ledger.now())).await? {
            Changed::Done => Ok(()),
            Changed::NotSo => Err(Error::refused("the claim has no statements any more, or is changing; ask again")),
        }
    }

    /// What becomes of each of the claims, in their order.
    async fn of_claims(&self, claims: &Claims<S::Target>, pages: &Pages<'_>) -> Vec<Outcome> {
        let ended = loop {
            let ended = match self.access {
                Access::Suspend => self.taken_out(claims).await,
                Access::Resume => self.let_in(claims).await,
            };
            match ended {
                Err(Error::NotYet(_)) if !pages.is_over(Instant::now()) => sleep(PAUSE).await,
                ended => break ended,
            }
        };
        match ended {
            Ok(outcomes) => outcomes,
            Err(reason) => claims.records.iter().map(|_| Outcome::failed(&reason)).collect(),
        }
    }

    async fn taken_out(&self, claims: &Claims<S::Target>) -> Result<Vec<Outcome>> {
        let work = self.administration.visit(claims, async |visit, shown| {
            let there: Vec<_> = match &shown.document {
                Some(document) => {
                    let is_there = |record: &&ClaimRecord| {
                        record.suspended.is_some() && document.has_any(&record.mark()) //
                    };
                    shown.records.iter().filter(is_there).collect()
                }
                None => Vec::new(),
            };
            let mut ended = Vec::new();
            if let Some(document) = &shown.document {
                let change = |before: &_, record: &_| without::<S>(&claims.location, before, record);
                ended = visit.changed(document, &there, change).await?;
            }
            let outcome = |record: &ClaimRecord| {
                let index = there.iter().position(|other| other.key == record.key);
                match index.map(|index| &ended[index]) {
                    Some(Err(reason)) => Outcome::failed(reason),
                    _ => Outcome::DONE,
                }
            };
            Ok((claims.records.iter().map(outcome).collect(), Vec::new()))
        });
        work.await
    }

    async fn let_in(&self, claims: &Claims<S::Target>) -> Result<Vec<Outcome>> {
        if let Err(reason @ Error::Refused(_)) = self.administration.acting_for(claims).await {
            // Nobody but the stack reaches the policy. From now on it may.
            let resumed = claims.records.iter().map(async |record| {
                match self.administration.ledger.change(&claims.policy, &ItemUpdate::resumed(record)).await {
                    Ok(_) => Outcome::done_but(&reason),
                    Err(error) => Outcome::failed(&error),
                }
            });
            return Ok(join_all(resumed).await);
        }
        let work = self.administration.visit(claims, async |visit, shown| {
            let identity = visit.store.identity(&claims.location).await;
            let is_out = |record: &&ClaimRecord| record.suspended.is_some() && record.written.is_some();
            let out: Vec<_> = shown.records.iter().filter(is_out).collect();
            let granted = self.administration.grants_of(&out).await;
            let with = |before: &_, record: &_| {
                self.administration.with_written(&claims.location, before, record, identity.as_deref(), &granted)
            };
            let mut changes = Vec::new();
            let mut outcomes = BTreeMap::new();
            let mut wanted = Vec::new();
            for record in out {
                let reason = match &shown.document {
                    Some(document) => with(document, record).err(),
                    None => Some(Error::refused(format!("there is no {}", claims.location.named()))),
                };
                match reason {
                    None => wanted.push(record),
                    Some(error @ Error::NotYet(_)) => return Err(error),
                    // Nobody keeps it out any more, and its stack's next request may put it in.
                    Some(reason) => drop(outcomes.insert(record.key.clone(), Outcome::done_but(&reason))),
                }
            }
            if let Some(document) = &shown.document {
                let ended = visit.changed(document, &wanted, with).await?;
                for (record, ended) in wanted.iter().zip(ended) {
                    if let Err(reason) = ended {
                        outcomes.insert(record.key.clone(), Outcome::failed(&reason));
                    }
                }
            }
            for record in shown.records.iter().filter(|record| record.suspended.is_some()) {
                match outcomes.get(&record.key) {
                    None if record.written.is_some() => changes.push(ItemUpdate::let_in(record, visit.ledger.now())),
                    None | Some(Outcome { done: true, .. }) => changes.push(ItemUpdate::resumed(record)),
                    Some(_) => {}
                }
            }
            let outcome = |record: &ClaimRecord| outcomes.remove(&record.key).unwrap_or(Outcome::DONE);
            Ok((claims.records.iter().map(outcome).collect(), changes))
        });
        work.await
    }

    fn shown(&self, policy: &str, record: &ClaimRecord, outcome: &Outcome) -> Value {
        let mut shown = json!({
            "Policy": policy,
            "PhysicalId": record.physical_id(),
            "StackId": record.owner.stack_id(),
            "LogicalId": record.owner.logical_id(),
        });
        if outcome.done {
            shown["Result"] = if self.access == Access::Suspend { "suspended" } else { "resumed" }.into();
        }
        if let Some(sentence) = &outcome.sentence {
            shown[if outcome.done { "But" } else { "Error" }] = sentence.as_str().into();
        }
        shown
    }
}

impl Whose {
    fn are(&self, policy: &str, record: &ClaimRecord) -> bool {
        match self {
            Self::Account(account) => {
                let written = record.written.iter().flat_map(|written| &written.statements);
                let wished = record.wish.iter().flat_map(|wish| &wish.statements);
                // Taking out what denies it something would give it more.
                let names = |statement: &Statement| {
                    statement.allows()
                        && principals(statement).iter().any(|principal| is_in_account(principal, account))
                };
                record.caller().is_some_and(|caller| caller.account() == account) || written.chain(wished).any(names)
            }
            Self::Caller(name) => record.caller.as_ref() == Some(name),
            Self::Ids(ids) => {
                ids.get(policy).is_some_and(|ids| ids.iter().any(|(mark, _)| *mark == record.mark())) //
            }
        }
    }
}

/// Whose claims the event means, and what is said of ids that can't be a claim's.
///
/// # Errors
/// Refused where it doesn't say.
fn whose<T: Target>(event: &Value) -> Result<(Whose, Vec<Value>)> {
    match (event.get("AccountId"), event.get("Caller"), event.get("Ids")) {
        (Some(Value::String(account)), None, None) if is_account_id(account) => {
            Ok((Whose::Account(account.clone()), Vec::new()))
        }
        (None, Some(Value::String(caller)), None) if Caller::named(caller, "").is_understood() => {
            Ok((Whose::Caller(caller.clone()), Vec::new()))
        }
        (None, None, Some(Value::Array(ids))) if ids.iter().all(Value::is_string) => {
            let (mut by_policy, mut wrong) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
            for id in ids.iter().filter_map(Value::as_str) {
                match id.parse::<StatementId<T>>() {
                    Ok(StatementId { location, mark }) => {
                        by_policy.entry(location.key()).or_default().push((mark, id.to_owned()));
                    }
                    Err(_) => wrong.push(no_claim(id)),
                }
            }
            Ok((Whose::Ids(by_policy), wrong))
        }
        _ => Err(Error::refused(
            "give AccountId, 12 digits in a string, or Caller, what follows caller- in an alias, or Ids, a list of physical ids",
        )),
    }
}

fn no_claim(id: &str) -> Value {
    json!({ "PhysicalId": id, "Error": "the ledger has no claim with this id" })
}
