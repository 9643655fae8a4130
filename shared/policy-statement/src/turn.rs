//! One request's way to its statements in a policy: it leaves its wish in the ledger, and writes it when the lease is free, or
//! another request's holder of the lease does.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use custom_resource::{AwsError, Claim, Error, RequestOrder, Result, request_note::overtaken};
use tokio::time::timeout_at;

use crate::{
    Document, Lookup, PolicyStore, StatementId,
    claim_record::ClaimRecord,
    grant_check::RefusedCallers,
    item_update::ItemUpdate,
    lease::{Asked, LEASE_ITEM, Lease},
    ledger::Ledger,
    policy_edit::{Carried, Edited, PolicyEdit},
    wanted::Wanted,
    withdrawal::Waiting,
};

/// For how long others may carry a wish out after its author's latest try: the failure responder may have answered for whoever doesn't
/// try any more. A write with an open end is settled within that time, so that whoever writes next carries out its wishes as well.
const WISHED_FOR: Duration = Duration::from_mins(1);

/// For how long a process expects others to want the lease, after it found the lease held.
const CONTENDED_FOR: Duration = Duration::from_mins(1);

/// What a request is answered whose event comes again after it failed.
const WITHDRAWN: &str = "this request has failed before, so nothing was done";

/// What an event is answered that has the id of a request, and wishes something else.
const WISHED_OTHERWISE: &str = "this request has asked for other statements before, so nothing was done";

/// What the requests of this process have begun and not ended.
pub(crate) struct Turns {
    pub(crate) ledger: Rc<Ledger>,
    waiting: RefCell<Vec<Waiting>>,
    ended: RefCell<Vec<(Box<Lease>, Vec<ItemUpdate>)>>,
    refused: RefusedCallers,
    /// Until when others are likely to hold the lease, so that what is read before it is taken isn't believed.
    contended_until: Cell<Duration>,
}

impl Turns {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self {
            ledger: Rc::new(ledger),
            waiting: RefCell::default(),
            ended: RefCell::default(),
            refused: RefusedCallers::default(),
            contended_until: Cell::default(),
        }
    }

    /// Makes a policy have what is wanted. `found` is called once the claim's statements were seen in it, `unseen` where nobody looked.
    ///
    /// # Errors
    /// Not yet while somebody else holds the lease, and where what was written isn't seen; refused where a later request was noted.
    pub(crate) async fn carried_out<S: PolicyStore>(
        &self,
        wanted: &Wanted<'_, S>,
        found: impl FnOnce(),
        unseen: impl FnOnce(),
    ) -> Result<Carried> {
        // A try that went well, and was followed by one that didn't, has its lease still.
        self.settle().await;
        let policy = wanted.location.key();
        let key = ClaimRecord::key_of(wanted.claim);
        let waits = self.waits(&policy, &key, wanted.claim.invocation().order());
        let begun =
            if waits { self.continued(wanted, &policy, &key).await } else { self.begun(wanted, &policy, &key).await };
        let (record, lease, early) = match begun {
            Ok(Begun::Lease(record, lease, early)) => (record, lease, early),
            Ok(Begun::Done(carried)) => {
                found();
                return Ok(carried);
            }
            Err(error) => {
                unseen();
                return Err(error);
            }
        };
        if let Err(refusal) = wanted.check_suspended(&record) {
            // As a rollback does, which must not fail for it.
            let Some(written) = record.written.as_ref().filter(|_| record.has_written(wanted.statements)) else {
                let _ = lease.release(Vec::new()).await;
                return Err(refusal);
            };
            unseen();
            self.forget(&policy, &key);
            wanted.claim.hold(&wanted.id());
            self.ended.borrow_mut().push((lease, vec![ItemUpdate::left_as_it_is(&record)]));
            return Ok(Carried { policy_size: written.policy_size });
        }
        let ledger = &*self.ledger;
        let edit =
            PolicyEdit { wanted, ledger, policy: &policy, lease: &lease, record: &record, aside: RefCell::default() };
        let edited = timeout_at(lease.half_time(), Box::pin(edit.edit(early, found))).await.unwrap_or_else(|_| {
            let seconds = (ledger.lasts / 2).as_secs();
            let named = wanted.location.named();
            Err(Error::not_yet(format!("AWS took longer than {seconds} seconds to change the policy of {named}")))
        });
        let aside = edit.aside.take();
        match edited {
            Ok(Edited::Done(carried, confirmed)) => {
                self.forget(&policy, &key);
                let changes = confirmed.into_iter().chain(aside).collect();
                self.ended.borrow_mut().push((lease, changes));
                Ok(carried)
            }
            ended => {
                // A write that nobody knows the end of may still come to pass: then nobody else may write before the lease is over.
                if !lease.has_open_end() {
                    let _ = lease.release(aside).await;
                }
                match ended {
                    Err(error) => Err(error),
                    Ok(_) => self.done_by_another(wanted, &policy, &key).await,
                }
            }
        }
    }

    /// Notes that the claim has no statements in the policy of something that is gone.
    ///
    /// # Errors
    /// Refused where a later request was noted.
    pub(crate) async fn gone<S: PolicyStore>(&self, wanted: &Wanted<'_, S>) -> Result<()> {
        let (policy, key) = (wanted.location.key(), ClaimRecord::key_of(wanted.claim));
        let claimant = wanted.claimant(&policy, &key);
        let record = self.ledger.leave_wish(&claimant, &[], None, self.ledger.now()).await?;
        if !record.is_done() {
            self.ledger.change(&policy, &ItemUpdate::confirmed_removal(&record, self.ledger.now())).await?;
        }
        Ok(())
    }

    /// The end of a request whose caller isn't granted what it wishes: a rollback to what it has already must not fail for it.
    async fn left_as_it_is<S: PolicyStore>(
        &self,
        wanted: &Wanted<'_, S>,
        policy: &str,
        record: &ClaimRecord,
        refusal: Error,
    ) -> Result<Begun> {
        let written = record.written.as_ref().filter(|_| record.has_written(wanted.statements));
        let (Error::Refused(_), Some(written)) = (&refusal, written) else { return Err(refusal) };
        self.ledger.change(policy, &ItemUpdate::left_as_it_is(record)).await?;
        self.forget(policy, &record.key);
        wanted.claim.hold(&wanted.id());
        Ok(Begun::Done(Carried { policy_size: written.policy_size }))
    }

    /// Lets others write what the caller is known to be granted.
    async fn check_off<S: PolicyStore>(
        &self,
        wanted: &Wanted<'_, S>,
        policy: &str,
        record: &ClaimRecord,
    ) -> Result<()> {
        if record.wish.as_ref().is_some_and(|wish| wish.is_unchecked) {
            self.ledger.change(policy, &ItemUpdate::checked(record, wanted.statements)).await?;
        }
        Ok(())
    }

    /// The first time that this process works on the request: it leaves the wish, asks for the lease, reads the policy and what is granted
    /// to a caller, all at once.
    async fn begun<S: PolicyStore>(&self, wanted: &Wanted<'_, S>, policy: &str, key: &str) -> Result<Begun> {
        if wanted.grant_check.is_some_and(|check| self.refused.has(check.caller)) {
            self.refused.check(wanted.grant_check).await?;
        }
        let (invocation, claimant) = (wanted.claim.invocation(), wanted.claimant(policy, key));
        let began = self.ledger.now();
        // Before: whoever stops waiting for the answer takes back what may have been left.
        let id = (!wanted.statements.is_empty()).then(|| wanted.id().to_string());
        let order = invocation.order();
        self.forget_request(policy, key, order);
        self.waiting.borrow_mut().push(Waiting {
            policy: policy.to_owned(),
            key: key.to_owned(),
            order: order.clone(),
            id,
            is_left: false,
        });
        let is_contended = began < self.contended_until.get();
        let early = async { if is_contended { None } else { wanted.read().await.ok() } };
        let (left, asked, early, granted) = tokio::join!(
            Box::pin(self.ledger.leave_wish(
                &claimant,
                wanted.statements,
                wanted.variable,
                self.wish_ends(wanted, began)
            )),
            Box::pin(Lease::ask(&self.ledger, policy, wanted.mark, began)),
            Box::pin(early),
            Box::pin(self.refused.check(wanted.grant_check)),
        );
        let record = match left {
            Ok(record) => record,
            Err(error) => {
                if !may_have_had_its_effect(&error) {
                    self.forget_request(policy, key, order);
                }
                if let Ok(Asked::Taken(lease)) = asked {
                    let _ = lease.release(Vec::new()).await;
                }
                return Err(error);
            }
        };
        // Lambda may have handed over an event again that has ended.
        if let Some(ended) = self.outcome(wanted, &record, policy).transpose() {
            if let Ok(Asked::Taken(lease)) = asked {
                let _ = lease.release(Vec::new()).await;
            }
            return ended.map(Begun::Done);
        }
        let is_it = |waiting: &&mut Waiting| waiting.is_of(policy, key, order);
        self.waiting.borrow_mut().iter_mut().filter(is_it).for_each(|waiting| waiting.is_left = true);
        let is_as_wished = record.wish.as_ref().is_none_or(|wish| wish.statements == wanted.statements);
        let granted = if is_as_wished { granted } else { Err(Error::refused(WISHED_OTHERWISE)) };
        if let Err(error) = granted {
            if let Ok(Asked::Taken(lease)) = asked {
                let _ = lease.release(Vec::new()).await;
            }
            return self.left_as_it_is(wanted, policy, &record, error).await;
        }
        match asked? {
            Asked::Held => {
                self.contended_until.set(self.ledger.now() + CONTENDED_FOR);
                self.check_off(wanted, policy, &record).await?;
                Err(held(wanted))
            }
            Asked::Taken(lease) => {
                // What isn't there, or can't be read, is looked for again; and so is what others may have changed since.
                let early = match early {
                    Some(Lookup::Found(document)) => Some(document),
                    _ => None,
                };
                Ok(Begun::Lease(Box::new(record), lease, early))
            }
        }
    }

    /// When nobody else carries out a wish of now: before its author answers, so that no holder of the lease is at work on it then.
    fn wish_ends<S: PolicyStore>(&self, wanted: &Wanted<'_, S>, now: Duration) -> Duration {
        wanted.claim.invocation().ends().saturating_sub(2 * self.ledger.lasts).min(now + WISHED_FOR)
    }

    /// The wish was left before: whoever held the lease may have carried it out.
    async fn continued<S: PolicyStore>(&self, wanted: &Wanted<'_, S>, policy: &str, key: &str) -> Result<Begun> {
        let since = self.ledger.now();
        let (items, granted) = tokio::join!(
            self.ledger.two_items(policy, [key, LEASE_ITEM]),
            Box::pin(self.refused.check(wanted.grant_check))
        );
        let [claim, lease] = items?;
        let Some(record) = claim.map(ClaimRecord::read).transpose()? else {
            // Whoever deletes items from the table takes wishes with them.
            self.forget(policy, key);
            return Err(Error::not_yet("the ledger has lost what is wished"));
        };
        if let Some(carried) = self.outcome(wanted, &record, policy)? {
            return Ok(Begun::Done(carried));
        }
        if let Err(error) = granted {
            return self.left_as_it_is(wanted, policy, &record, error).await;
        }
        let ends = self.wish_ends(wanted, since);
        if record.wish.as_ref().is_some_and(|wish| wish.ends + WISHED_FOR / 2 < ends) {
            self.ledger.change(policy, &ItemUpdate::renewed(&record, ends)).await?;
        }
        if lease.is_some_and(|lease| Lease::is_held(&lease, self.ledger.now())) {
            self.check_off(wanted, policy, &record).await?;
            return Err(held(wanted));
        }
        match Lease::ask(&self.ledger, policy, wanted.mark, since).await? {
            Asked::Taken(lease) => Ok(Begun::Lease(Box::new(record), lease, None)),
            Asked::Held => Err(held(wanted)),
        }
    }

    async fn done_by_another<S: PolicyStore>(
        &self,
        wanted: &Wanted<'_, S>,
        policy: &str,
        key: &str,
    ) -> Result<Carried> {
        let record = self.ledger.record(policy, key).await?;
        let carried = record.map(|record| self.outcome(wanted, &record, policy)).transpose()?.flatten();
        carried.ok_or_else(|| {
            self.forget(policy, key);
            Error::not_yet("the ledger has lost what is wished")
        })
    }

    /// What became of the wish, if that is known.
    fn outcome<S: PolicyStore>(
        &self,
        wanted: &Wanted<'_, S>,
        record: &ClaimRecord,
        policy: &str,
    ) -> Result<Option<Carried>> {
        if !record.is_latest(wanted.claim.invocation().order()) {
            self.forget(policy, &record.key);
            return Err(overtaken());
        }
        if record.is_withdrawn() {
            self.forget(policy, &record.key);
            return Err(Error::refused(WITHDRAWN));
        }
        if !record.is_done() {
            return Ok(None);
        }
        self.forget(policy, &record.key);
        if !wanted.statements.is_empty() {
            wanted.claim.hold(&wanted.id());
        }
        let policy_size = record.written.as_ref().map_or(0, |written| written.policy_size);
        Ok(Some(Carried { policy_size }))
    }

    /// Takes back the wishes of a claim's request that fails: nobody is to carry them out after that is said. Where one may be carried out
    /// all the same, the claim holds its id.
    pub(crate) async fn give_up<T>(&self, claim: &Claim<StatementId<T>>)
    where
        StatementId<T>: std::str::FromStr + std::fmt::Display + Clone,
    {
        let (key, order) = (ClaimRecord::key_of(claim), claim.invocation().order());
        let is_of_request = |waiting: &Waiting| waiting.key == key && waiting.order == *order;
        let left: Vec<_> = self.waiting.borrow().iter().filter(|waiting| is_of_request(waiting)).cloned().collect();
        for waiting in left {
            let id: Option<StatementId<T>> = waiting.id.as_deref().and_then(|id| id.parse().ok());
            let is_held = claim.id().map(|id| id.to_string()) == waiting.id;
            if let Some(id) = id.filter(|_| !is_held) {
                claim.hold(&id);
            }
            let is_withdrawn = waiting.withdrawn(&self.ledger).await;
            if is_withdrawn && !is_held && waiting.id.is_some() {
                claim.unhold();
            }
            self.forget(&waiting.policy, &waiting.key);
        }
    }

    /// Gives back the leases of what has ended well, and confirms it. If that is lost the lease ends by itself, and its next holder finds
    /// the statements in the policy.
    pub(crate) async fn settle(&self) {
        let ended = self.ended.take();
        futures_util::future::join_all(ended.into_iter().map(async |(lease, changes)| {
            let _ = lease.release(changes).await;
        }))
        .await;
    }

    fn waits(&self, policy: &str, key: &str, order: &RequestOrder) -> bool {
        self.waiting.borrow().iter().any(|waiting| waiting.is_left && waiting.is_of(policy, key, order))
    }

    fn forget_request(&self, policy: &str, key: &str, order: &RequestOrder) {
        self.waiting.borrow_mut().retain(|waiting| !waiting.is_of(policy, key, order));
    }

    fn forget(&self, policy: &str, key: &str) {
        self.waiting.borrow_mut().retain(|waiting| waiting.policy != policy || waiting.key != key);
    }
}

/// Whether a call that ended like that may have had its effect all the same.
fn may_have_had_its_effect(error: &Error) -> bool {
    let Error::NotYet(not_yet) = error else { return false };
    let cause = std::error::Error::source(not_yet).and_then(|cause| cause.downcast_ref::<AwsError>());
    cause.is_some_and(|cause| !cause.is_refusal())
}

/// What a request has once it has begun.
enum Begun {
    /// The lease, and the policy if it was read early.
    Lease(Box<ClaimRecord>, Box<Lease>, Option<Document>),
    /// Another holder of the lease has carried the wish out.
    Done(Carried),
}

fn held<S: PolicyStore>(wanted: &Wanted<'_, S>) -> Error {
    let waiting_for = format!("the policy of {} is being changed by another request", wanted.location.named());
    Error::not_yet(waiting_for).counted_as("LeaseWaits")
}
