//! One policy, changed by one claim while it holds the lease, together with what others wish.

use std::cell::RefCell;

use custom_resource::{AwsError, Error, Result};

use crate::{
    Document, Lookup, Objection, PolicyStore,
    change::{check_caller, with_statements, without_statements},
    claim_record::ClaimRecord,
    claims::found_in,
    document::digest_of,
    group::{Member, Writer},
    item_update::{ItemUpdate, Seen},
    lease::{Lease, Written},
    ledger::Ledger,
    policy_history::Reading,
    triage::{Triage, not_there},
    wanted::Wanted,
    wish::Put,
};

/// What the policy has of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carried {
    /// The size of the whole policy, in the unit of its limit.
    pub(crate) policy_size: usize,
}

/// How an edit ends that doesn't fail.
pub(crate) enum Edited {
    /// The policy has what is wanted. These changes of the ledger say so.
    Done(Carried, Vec<ItemUpdate>),
    /// Another holder of the lease has dealt with the wish meanwhile: the claim's item says how.
    ByAnother,
}

/// One policy, under a lease.
pub(crate) struct PolicyEdit<'a, S: PolicyStore> {
    pub(crate) wanted: &'a Wanted<'a, S>,
    pub(crate) ledger: &'a Ledger,
    /// The key of the policy in the ledger.
    pub(crate) policy: &'a str,
    pub(crate) lease: &'a Lease,
    pub(crate) record: &'a ClaimRecord,
    /// Changes of the ledger that are to be made when the lease ends, even if the edit failed.
    pub(crate) aside: RefCell<Vec<ItemUpdate>>,
}

/// The policy before the edit, and what is known of it.
struct Before {
    document: Document,
    /// Claims of which a late write of ours has made something else.
    lost: Vec<ClaimRecord>,
    /// Claims without whose wishes nothing may be written, by the beginnings of their keys' digests.
    needed: Vec<String>,
    /// Claims whose wishes may have been carried out and undone.
    unclear: Vec<String>,
}

impl<S: PolicyStore> PolicyEdit<'_, S> {
    /// Makes the policy have what is wanted. `early` is the policy as it was read since nobody else held the lease. `found` is called once the
    /// claim's statements were seen. Holds the id once nothing but the write is left.
    pub(crate) async fn edit(&self, early: Option<Document>, found: impl FnOnce()) -> Result<Edited> {
        let (read, wishes) = if self.lease.is_contended() {
            let (read, wishes) = tokio::join!(self.wanted.read(), self.ledger.wishes(self.policy));
            let wishes = wishes?;
            let is_own =
                |record: &ClaimRecord| record.key == self.record.key && record.latest() == self.record.latest();
            let Some(own) = wishes.iter().find(|record| is_own(record)) else { return Ok(Edited::ByAnother) };
            self.wanted.check_suspended(own)?;
            (read?, wishes)
        } else if let Some(early) = early {
            (Lookup::Found(early), Vec::new())
        } else {
            (self.wanted.read().await?, Vec::new())
        };
        let wanted = self.wanted.statements;
        let read = match read {
            Lookup::Found(read) => read,
            Lookup::Gone(_) if wanted.is_empty() => return Ok(self.removed()),
            Lookup::Gone(error) => return Err(not_there::<S>(error, self.wanted.location)),
        };
        let before = self.judged(read).await?;
        self.check_caller(&before.document).await?;
        let has_own = before.document.has_any(self.wanted.mark);
        if has_own {
            found();
        }
        let has_lost = !before.lost.is_empty();
        if wanted.is_empty() && !has_own && !has_lost {
            return Ok(self.removed());
        }
        if !wanted.is_empty() && !has_lost && self.shows(&before.document, true) {
            self.hold();
            return Ok(self.confirmed(&before.document, &before.document, self.known_identity(), &[]));
        }
        self.written(before, &wishes).await
    }

    /// Lets a caller touch only what is of a claim of its own.
    async fn check_caller(&self, document: &Document) -> Result<()> {
        let Some(caller) = self.wanted.caller() else { return Ok(()) };
        let Wanted { location, mark, .. } = *self.wanted;
        check_caller(Some(&caller), location, document, mark)?;
        if !document.has_any(mark) || self.record.is_known_in(document) {
            return Ok(());
        }
        let records = self.ledger.records(self.policy).await?;
        let is_another =
            |record: &ClaimRecord| record.key != self.record.key && !record.has_nothing() && record.mark() == mark;
        if records.iter().any(is_another) {
            return Err(Error::refused(format!(
                "{} has statements with the mark of this resource that are of another resource, or that this one made through another \
                 alias; they are not touched",
                location.policy()
            )));
        }
        Ok(())
    }

    /// What a document is that was read: whether it is believed, and what it lacks.
    async fn judged(&self, document: Document) -> Result<Before> {
        let reading = self.lease.history().borrow_mut().judge(&document.fingerprint(), self.ledger.now());
        let stale = || Error::not_yet(format!("AWS still shows {} as it was before", self.wanted.location.policy()));
        let mut before = Before { document, lost: Vec::new(), needed: Vec::new(), unclear: Vec::new() };
        let unclear = match reading {
            Reading::AsLeft => return Ok(before),
            Reading::Stale => return Err(stale()),
            Reading::Unless(needed) => {
                if needed.contains(&self.record.short_key()) {
                    // What is wanted may be there already, or may not be there any more.
                    return Err(stale());
                }
                before.needed = needed;
                return Ok(before);
            }
            Reading::New(unclear) => Some(unclear),
            Reading::Overdue => None,
        };
        // Nobody had claims before somebody held the lease.
        let mut records = if self.lease.was_held { self.ledger.records(self.policy).await? } else { Vec::new() };
        let Some(unclear) = unclear else {
            self.lease.history().borrow_mut().note_gone(self.ledger.now());
            tracing::warn!("a write that was given up came to pass; what it has changed is written as it was");
            records.retain(|record| {
                let due = record.due().filter(|_| record.key != self.record.key);
                due.is_some_and(|due| !record.is_shown_as(due, &before.document))
            });
            before.lost = records;
            return Ok(before);
        };
        // What is about to be written is in nobody's way.
        records.retain(|record| record.key != self.record.key || self.wanted.statements.is_empty());
        let (now, lag) = (self.ledger.now(), self.ledger.lag);
        if records.iter().any(|record| record.may_be_older_than(now, lag, &before.document)) {
            return Err(stale());
        }
        let (lacking, others) = found_in(&before.document, &records, &unclear);
        self.lease.note_found(&before.document, &lacking, &others).await?;
        before.unclear = unclear;
        Ok(before)
    }

    /// Writes what is wanted, and what others wish with it.
    async fn written(&self, before: Before, wishes: &[ClaimRecord]) -> Result<Edited> {
        let Before { document: before, lost, needed, unclear } = before;
        let wanted = self.wanted;
        let (location, mark) = (wanted.location, wanted.mark);
        let mut alone = self.with_own(&before)?;
        let writer = Writer::<S> {
            location,
            own: &self.record.key,
            mark,
            role_arn: wanted.role.map(|role| &*role.arn),
            has_external_id: wanted.role.is_some_and(|role| role.external_id.is_some()),
            now: self.ledger.now(),
        };
        let own = alone.clone();
        writer.healed(&lost, &before, &mut alone);
        let mut together = alone.clone();
        let members = if self.record.wish.as_ref().is_some_and(|wish| wish.is_alone) {
            Vec::new()
        } else {
            let is_clear = |record: &&ClaimRecord| !unclear.contains(&record.short_key());
            writer.joined(wishes.iter().filter(is_clear), &before, &mut together)
        };
        let is_member = |needed: &String| members.iter().any(|member| member.record.short_key() == *needed);
        let has_needed = needed.iter().all(is_member);
        if !members.is_empty() {
            match self.replace(&before, &together, &members).await? {
                Written::Done(()) => return self.seen(&before, together, &members).await,
                Written::NotDone(error) if !error.is_refusal() || error.may_pass() => return Err(error.into()),
                // One of them has another request by now.
                Written::NotBegun => {}
                // AWS refuses one of them. Each is written by its author from now on.
                Written::NotDone(_) => {
                    self.aside.borrow_mut().extend(members.iter().map(|member| ItemUpdate::alone(member.record)));
                }
            }
        }
        if !has_needed || !needed.is_empty() && !members.is_empty() {
            return Err(Error::not_yet(format!("AWS still shows {} as it was before", wanted.location.policy())));
        }
        if alone == own {
            return self.written_alone(&before, own).await;
        }
        if self.is_taken(&before, &alone).await? {
            return self.seen(&before, alone, &[]).await;
        }
        // AWS refuses one of them.
        let mut before = before;
        for record in &lost {
            let mut healed = before.clone();
            writer.healed(std::slice::from_ref(record), &before, &mut healed);
            if healed != before && self.is_taken(&before, &healed).await? {
                before = healed;
            }
        }
        let own = self.with_own(&before)?;
        if own != before {
            return self.written_alone(&before, own).await;
        }
        Ok(if wanted.statements.is_empty() {
            self.removed()
        } else {
            self.hold();
            self.confirmed(&before, &before, self.known_identity(), &[])
        })
    }

    /// The document with what is wanted and nothing else of the claim.
    fn with_own(&self, before: &Document) -> Result<Document> {
        let Wanted { location, mark, statements, variable, .. } = *self.wanted;
        if statements.is_empty() {
            without_statements::<S>(location, before, mark)
        } else {
            with_statements::<S>(location, before, mark, statements, variable)
        }
    }

    /// Whether AWS takes the policy as it was before a late write.
    async fn is_taken(&self, before: &Document, healed: &Document) -> Result<bool> {
        match self.replace(before, healed, &[]).await? {
            Written::Done(()) => Ok(true),
            Written::NotDone(error) if error.is_refusal() => {
                tracing::warn!("AWS refuses to have it again as it was before a late write");
                Ok(false)
            }
            Written::NotDone(error) => Err(error.into()),
            Written::NotBegun => Err(Error::not_yet("the claims on the policy are changing")),
        }
    }

    /// Writes `after`. What AWS refuses for principals that were deleted is written without them, if the template wants it so; what
    /// it refuses for its size is written in fewer words.
    async fn written_alone(&self, before: &Document, after: Document) -> Result<Edited> {
        let mut after = after;
        let mut written = self.replace(before, &after, &[]).await?;
        while let Written::NotDone(error) = &written {
            let other = match S::objection(error) {
                Objection::Size => after.with_account_ids(),
                objection if objection.may_be_a_principal() && self.wanted.prune_orphans => {
                    after.without_orphans(self.wanted.mark)
                }
                _ => break,
            };
            if other == after {
                break;
            }
            after = other;
            written = self.replace(before, &after, &[]).await?;
        }
        match written {
            Written::Done(()) => self.seen(before, after, &[]).await,
            Written::NotBegun => Err(Error::not_yet("the claims on the policy are changing")),
            Written::NotDone(error) => self.refused(error, before, &after).await,
        }
    }

    async fn refused(&self, error: AwsError, before: &Document, after: &Document) -> Result<Edited> {
        let Wanted { mark, statements, .. } = *self.wanted;
        if error.is_refusal() && !statements.is_empty() && !before.has_any(mark) {
            self.wanted.claim.unhold();
        }
        // The target may have gone in between.
        if statements.is_empty() && matches!(self.wanted.read().await?, Lookup::Gone(_)) {
            return Ok(self.removed());
        }
        if error.is_refusal() && !error.may_pass() {
            // What AWS refuses of one it refuses of all who write it.
            self.aside.borrow_mut().push(ItemUpdate::alone(self.record));
        }
        let Wanted { store, location, prune_orphans, .. } = *self.wanted;
        Err(Triage { store, location, mark, prune_orphans }.of(error, before, after).await)
    }

    async fn replace(&self, before: &Document, after: &Document, members: &[Member<'_>]) -> Result<Written<()>> {
        let until = self.lease.until();
        let (claims, taken_up) = members
            .iter()
            .map(|member| (member.record.short_key(), ItemUpdate::taken_up(member.record, until)))
            .unzip::<_, _, Vec<_>, Vec<_>>();
        let claims = [self.record.short_key()].into_iter().chain(claims).collect();
        let write = async {
            // From here on the statements may be there, even if no answer comes.
            if after.has_any(self.wanted.mark) {
                self.hold();
            }
            self.wanted.store.write(self.wanted.location, after).await
        };
        self.lease.writing([before.fingerprint(), after.fingerprint()], claims, taken_up, write).await
    }

    fn hold(&self) {
        self.wanted.claim.hold(&self.wanted.id());
    }

    /// Looks whether what was written is there, with everybody else's statements.
    async fn seen(&self, before: &Document, after: Document, members: &[Member<'_>]) -> Result<Edited> {
        let shown_before = digest_of(before.own(self.wanted.mark));
        let known = self.record.wish.as_ref().and_then(|wish| wish.put.clone());
        let is_again = known.is_some_and(|put| put.before == shown_before);
        let put = Put { before: shown_before, at: self.ledger.now(), is_again };
        let (now, identity) = tokio::join!(self.wanted.read(), self.wanted.store.identity(self.wanted.location));
        let marks: Vec<_> =
            members.iter().map(|member| member.record.mark()).chain([self.wanted.mark.to_owned()]).collect();
        match now? {
            Lookup::Found(now) if self.is_there(&now, &put) && now.keeps_others(&after, &marks) => {
                let was_replaced = self.lease.history().borrow().was_replaced(&now.fingerprint());
                let is_seen = |member: &&Member<'_>| member.is_seen(before, &now, was_replaced);
                let (seen, unclear) = members.iter().partition::<Vec<_>, _>(is_seen);
                // In AWS's words it may be what was there two changes ago; it is current now.
                if after.keeps_others(&now, &marks) && unclear.is_empty() {
                    self.lease.history().borrow_mut().note_current(&now.fingerprint());
                }
                self.aside.borrow_mut().extend(unclear.iter().map(|member| ItemUpdate::alone(member.record)));
                Ok(self.confirmed(&after, &now, identity.as_deref(), &seen))
            }
            Lookup::Gone(_) if self.wanted.statements.is_empty() => Ok(self.removed()),
            now => {
                if let Lookup::Found(now) = now {
                    self.lease.history().borrow_mut().doubt(&now.fingerprint(), put.at);
                }
                self.aside.borrow_mut().push(ItemUpdate::put(self.record, &put.text()));
                let waiting_for = format!("{} doesn't show yet what was written", self.wanted.location.policy());
                Err(Error::not_yet_within(S::LAG, waiting_for))
            }
        }
    }

    fn is_there(&self, now: &Document, put: &Put) -> bool {
        if self.wanted.statements.is_empty() {
            return !now.has_any(self.wanted.mark);
        }
        let was_replaced = self.lease.history().borrow().was_replaced(&now.fingerprint());
        self.shows(now, false) || (!was_replaced && self.is_made_of_it(now, put))
    }

    /// Whether a document shows the claim's statements: in the words that are wanted, in those that AWS is known to have for them, or, if the
    /// document may be believed, in words that AWS has to have made of a write that it took.
    fn shows(&self, document: &Document, is_believed: bool) -> bool {
        let Wanted { mark, statements, .. } = *self.wanted;
        let put = self.record.wish.as_ref().and_then(|wish| wish.put.as_ref());
        document.has_own(mark, statements)
            || document.has_sids(mark, statements)
                && (self.record.is_known_to_show(statements, document)
                    || is_believed && put.is_some_and(|put| self.is_made_of_it(document, put)))
    }

    /// To write again would end the same, and hold everybody up.
    fn is_made_of_it(&self, document: &Document, put: &Put) -> bool {
        let Wanted { mark, statements, .. } = *self.wanted;
        let is_made = document.has_sids(mark, statements)
            && put.made(&digest_of(document.own(mark)), self.ledger.now(), self.ledger.lag);
        if is_made {
            tracing::warn!("AWS shows the statements in other words than they were written in");
        }
        is_made
    }

    fn removed(&self) -> Edited {
        let change = ItemUpdate::confirmed_removal(self.record, self.ledger.now());
        Edited::Done(Carried { policy_size: 0 }, vec![change])
    }

    fn known_identity(&self) -> Option<&str> {
        self.record.written.as_ref()?.identity.as_deref()
    }

    /// `after` is the policy as it was written, `now` as it is shown.
    fn confirmed(&self, after: &Document, now: &Document, identity: Option<&str>, members: &[&Member<'_>]) -> Edited {
        let (at, policy_size) = (self.ledger.now(), S::LIMIT.used_by(after));
        let own = Member { record: self.record, statements: self.wanted.statements };
        let seen = Seen { document: now, policy_size, identity };
        let change = |member: &Member<'_>| ItemUpdate::confirmed(member.record, member.statements, seen, at);
        Edited::Done(Carried { policy_size }, [&own].into_iter().chain(members.iter().copied()).map(change).collect())
    }
}
