//! A look at the policies on nobody's request: whether what was written is still there, and what is done where it isn't.

use std::{ops::AddAssign, time::Duration};

use archipelago::{count_fought_repairs, count_missing_statements};
use custom_resource::{Error, Result};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::{
    Document, Lookup, PolicyStore,
    administration::{Administration, without},
    claim_record::ClaimRecord,
    claims::{Claims, sorted},
    item_update::{ItemUpdate, Seen},
    orphans::orphans,
    pages::AT_ONCE,
    visit::{Shown, Visit},
};

/// The variable that says what is done about statements that somebody else has taken out.
const MODE: &str = "RECONCILE";

/// How long a sweep takes at most. The functions for statements run for five minutes, and the work on a policy takes as long as half a lease.
const LONGEST: Duration = Duration::from_mins(4);

/// More than the clocks of functions are apart.
const A_MOMENT: Duration = Duration::from_secs(2);

/// What is done about statements that somebody else has taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reconcile {
    Off,
    Report,
    Repair,
}

impl Reconcile {
    pub(crate) fn from_environment() -> Self {
        Self::read(&std::env::var(MODE).unwrap_or_default())
    }

    pub(crate) fn read(text: &str) -> Self {
        match text {
            "Off" => Self::Off,
            "Repair" => Self::Repair,
            _ => Self::Report,
        }
    }
}

/// What a look has found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Found {
    /// Statements that are missing still.
    missing: u64,
    /// Statements that were put back.
    repaired: u64,
    /// Groups of claims that could not be looked at.
    unread: u64,
}

impl AddAssign for Found {
    fn add_assign(&mut self, other: Self) {
        self.missing += other.missing;
        self.repaired += other.repaired;
        self.unread += other.unread;
    }
}

/// How a look at a policy ends.
enum Look {
    Done(Found),
    /// Somebody is changing it, or AWS may show it as it was before.
    NotYet(Found),
}

/// What there is to do about one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    /// It is suspended, and its statements are in the policy.
    NotOut,
    /// The policy shows its wish, which nobody has confirmed.
    Unconfirmed,
    /// So many of its statements are missing.
    Missing(usize),
    /// Somebody else has changed so many of its statements.
    Changed(usize),
    /// What was noted as missing is there again.
    Again,
}

impl Finding {
    fn of(record: &ClaimRecord, document: &Document, now: Duration) -> Option<Self> {
        if record.suspended.is_some() {
            return document.has_any(&record.mark()).then_some(Self::NotOut);
        }
        if record.shows_wish(document) {
            return Some(Self::Unconfirmed);
        }
        // Of a deleted principal AWS changes the name by itself.
        let is_changed =
            || !record.is_there(document) && document.own(&record.mark()).all(|own| orphans(own).is_empty());
        match (record.lacking_in(document), &record.written) {
            // A request is at work on it.
            _ if record.wish.as_ref().is_some_and(|wish| wish.ends > now) => None,
            (0, Some(written)) if is_changed() => Some(Self::Changed(written.statements.len())),
            (0, _) => record.missing.map(|_| Self::Again),
            (missing, _) => Some(Self::Missing(missing)),
        }
    }
}

/// A look at policies.
pub(crate) struct Sweep<'a, S: PolicyStore> {
    pub(crate) administration: &'a Administration<'a, S>,
    pub(crate) mode: Reconcile,
    /// Whether somebody has just changed the policy.
    pub(crate) is_by_event: bool,
}

impl<S: PolicyStore> Sweep<'_, S> {
    /// Looks at all policies of the type, as far as it comes.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub(crate) async fn all(&self) -> Result<Value> {
        if self.mode == Reconcile::Off {
            return Ok(off());
        }
        let mut policies = self.administration.ledger.policies(None, None).await?;
        // If the time runs out, the next sweep begins elsewhere.
        fastrand::shuffle(&mut policies);
        let ends = Instant::now() + LONGEST;
        let (looked_at, found) = self.looked_at(&policies, ends).await;
        let all = policies.len();
        if looked_at == all || found.missing > 0 {
            count_missing_statements(found.missing);
        }
        if looked_at < all {
            tracing::warn!(looked_at, all, "the time ran out before all policies were looked at");
        }
        let Found { missing, repaired, unread } = found;
        tracing::info!(looked_at, all, missing, repaired, unread, "looked whether all statements are there");
        Ok(json!({
            "Policies": all, "LookedAt": looked_at, "Missing": missing, "Repaired": repaired, "Unread": unread,
        }))
    }

    /// Looks at some policies.
    pub(crate) async fn some(&self, policies: &[String]) -> Value {
        if self.mode == Reconcile::Off {
            return off();
        }
        let (_, found) = self.looked_at(policies, Instant::now() + LONGEST).await;
        if found.missing > 0 {
            count_missing_statements(found.missing);
        }
        json!({ "Policies": policies.len(), "Missing": found.missing, "Repaired": found.repaired, "Unread": found.unread })
    }

    /// At how many of the policies it looked, and what was found. Those that could not be told yet are looked at once more after as long as a read
    /// may lag behind, if there is time: who does again what was undone before leaves a document that looks like a stale read.
    async fn looked_at(&self, policies: &[String], ends: Instant) -> (usize, Found) {
        let (mut looked_at, mut found, mut again) = (0, Found::default(), Vec::new());
        for some in policies.chunks(AT_ONCE) {
            if Instant::now() >= ends {
                break;
            }
            for (policy, of_policy) in some.iter().zip(join_all(some.iter().map(|policy| self.policy(policy))).await) {
                match of_policy {
                    Look::Done(of_policy) => found += of_policy,
                    Look::NotYet(of_policy) => again.push((policy, of_policy)),
                }
            }
            looked_at += some.len();
        }
        let later = Instant::now() + self.administration.ledger.lag + A_MOMENT;
        let is_time = later < ends;
        if is_time && !again.is_empty() {
            sleep_until(later).await;
        }
        for (policy, of_first) in again {
            let look =
                if is_time && Instant::now() < ends { self.policy(policy).await } else { Look::NotYet(of_first) };
            match look {
                Look::Done(of_policy) => found += of_policy,
                Look::NotYet(of_policy) => {
                    found += of_policy;
                    found.unread += 1;
                }
            }
        }
        (looked_at, found)
    }

    async fn policy(&self, policy: &str) -> Look {
        let mut found = Found::default();
        let mut unread = |reason: &Error| {
            found.unread += 1;
            tracing::warn!(policy, %reason, "claims on a policy could not be looked at");
        };
        let records = match self.administration.ledger.readable_records(policy).await {
            Ok((records, unreadable)) => {
                unreadable.iter().for_each(&mut unread);
                records
            }
            Err(reason) => {
                unread(&reason);
                return Look::Done(found);
            }
        };
        let (all, nowhere) = sorted::<S::Target>(policy, records);
        for _ in nowhere {
            unread(&Error::refused("the ledger's location of a claim can't be read"));
        }
        let mut is_done = true;
        for claims in &all {
            let ended = self.claims(claims).await;
            if ended.is_err() {
                // As far as anybody knows.
                found.missing += claims
                    .records
                    .iter()
                    .filter(|record| record.missing.is_some())
                    .map(ClaimRecord::statements)
                    .sum::<usize>() as u64;
            }
            match ended {
                Ok(of_claims) => found += of_claims,
                Err(Error::NotYet(reason)) if !reason.is_denial() => {
                    is_done = false;
                    tracing::info!(policy, %reason, "claims on a policy can't be told yet");
                }
                Err(reason) => {
                    found.unread += 1;
                    tracing::warn!(policy, %reason, "claims on a policy could not be looked at");
                }
            }
        }
        if is_done { Look::Done(found) } else { Look::NotYet(found) }
    }

    async fn claims(&self, claims: &Claims<S::Target>) -> Result<Found> {
        let store = self.administration.acting_for(claims).await?;
        let document = match store.read(&claims.location).await? {
            Lookup::Found(document) => document,
            Lookup::Gone(reason) => {
                let policy = &*claims.policy;
                tracing::warn!(policy, %reason, "claims are on the policy of something that is gone");
                return Ok(Found::default());
            }
        };
        let now = self.administration.ledger.now();
        // Without the lease, so that nobody has to wait where all is well.
        if !claims.records.iter().any(|record| Finding::of(record, &document, now).is_some()) {
            return Ok(Found::default());
        }
        self.administration.visit(claims, async |visit, shown| self.visited(visit, shown).await).await
    }

    /// Looks again, and does what there is to do.
    async fn visited(&self, visit: &Visit<'_, S>, shown: Shown) -> Result<(Found, Vec<ItemUpdate>)> {
        let Shown { document: Some(document), records, is_overdue } = shown else {
            return Ok((Found::default(), Vec::new()));
        };
        let claims = visit.claims;
        let (policy, location) = (&*claims.policy, &claims.location);
        let now = visit.ledger.now();
        let findings: Vec<_> =
            records.iter().filter_map(|record| Some((record, Finding::of(record, &document, now)?))).collect();
        let identity = if findings.is_empty() { None } else { visit.store.identity(location).await };
        let is_undone = |finding: &Finding| matches!(finding, Finding::Missing(_) | Finding::Changed(_));
        let repairs = findings.iter().any(|(_, finding)| is_undone(finding)) && self.repairs(visit, now);

        let (mut found, mut changes, mut wanted) = (Found::default(), Vec::new(), Vec::new());
        for &(record, finding) in &findings {
            match finding {
                Finding::NotOut => wanted.push(record),
                Finding::Unconfirmed => {
                    let wished = record.wish.as_ref().map(|wish| &*wish.statements).unwrap_or_default();
                    let policy_size = S::LIMIT.used_by(&document);
                    let seen = Seen { document: &document, policy_size, identity: identity.as_deref() };
                    changes.push(ItemUpdate::confirmed(record, wished, seen, now));
                }
                Finding::Again => changes.push(ItemUpdate::put_back(record, now)),
                Finding::Changed(statements) => {
                    tracing::warn!(policy, owner = record.owner.name(), statements, "statements were changed");
                    if repairs {
                        wanted.push(record);
                    } else {
                        found.missing += statements as u64;
                    }
                }
                Finding::Missing(statements) => {
                    tracing::warn!(policy, owner = record.owner.name(), statements, "statements are missing");
                    // What a late write of ours has lost is put back whoever looks, what somebody else has taken out if that is wished.
                    if repairs || is_overdue && record.missing.is_none() {
                        wanted.push(record);
                    } else {
                        found.missing += statements as u64;
                        changes.extend(record.missing.is_none().then(|| ItemUpdate::missing(record, now)));
                    }
                }
            }
        }
        let granted = self.administration.grants_of(&wanted).await;
        let ended = visit.changed(&document, &wanted, |before, record| match record.suspended {
            Some(_) => without::<S>(location, before, record),
            None => self.administration.with_written(location, before, record, identity.as_deref(), &granted),
        });
        let mut is_repaired = false;
        for (record, ended) in wanted.iter().zip(ended.await?) {
            let lacking = record.lacking_in(&document);
            let statements = if lacking > 0 { lacking } else { record.statements() } as u64;
            let owner = record.owner.name();
            match (ended, record.suspended) {
                (Ok(()), Some(_)) => tracing::warn!(policy, owner, "suspended statements were taken out again"),
                (Err(reason), Some(_)) => {
                    // For the alarm: what an administrator has cut off isn't cut off.
                    found.missing += document.own(&record.mark()).count() as u64;
                    tracing::warn!(policy, owner, %reason, "suspended statements are there still");
                }
                (Ok(()), None) => {
                    is_repaired = true;
                    found.repaired += statements;
                    changes.push(ItemUpdate::put_back(record, visit.ledger.now()));
                    tracing::info!(policy, owner, statements, "missing statements were put back");
                }
                (Err(reason), None) => {
                    found.missing += statements;
                    let is_new = lacking > 0 && record.missing.is_none();
                    changes.extend(is_new.then(|| ItemUpdate::missing(record, now)));
                    tracing::warn!(policy, owner, %reason, "missing statements were not put back");
                }
            }
        }
        if is_repaired && !is_overdue {
            visit.lease.history().borrow_mut().note_repair(now);
        }
        Ok((found, changes))
    }

    /// Whether what somebody else has taken out is put back now.
    fn repairs(&self, visit: &Visit<'_, S>, now: Duration) -> bool {
        if self.mode != Reconcile::Repair {
            return false;
        }
        let mut history = visit.lease.history().borrow_mut();
        if !self.is_by_event {
            history.end_fight();
            return true;
        }
        if history.is_fought(now) {
            let policy = &*visit.claims.policy;
            tracing::warn!(policy, "somebody takes out what is put back, so nothing is put back before the next sweep");
            count_fought_repairs(1);
            return false;
        }
        true
    }
}

fn off() -> Value {
    json!({ "Reconcile": "Off" })
}
