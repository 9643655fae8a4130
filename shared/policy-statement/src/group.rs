//! Which wishes of others one write carries out beside the holder's own.

use std::time::Duration;

use crate::{
    Document, PolicyStore, Statement, TargetLocation, claim_record::ClaimRecord, document::digest_of,
    grants::are_of_caller, ledger::Ledger, wish::Wish,
};

/// What one claim is to have in a policy from the next write on.
#[derive(Debug, Clone)]
pub(crate) struct Member<'a> {
    pub(crate) record: &'a ClaimRecord,
    pub(crate) statements: &'a [Statement],
}

impl Member<'_> {
    /// Whether a document that shows the write shows this claim's part of it as well: as it was written, or in other words than
    /// before. Those of a document that was replaced are no words for it.
    pub(crate) fn is_seen(&self, before: &Document, now: &Document, was_replaced: bool) -> bool {
        let mark = self.record.mark();
        now.has_own(&mark, self.statements)
            || now.has_sids(&mark, self.statements)
                && (self.record.is_known_to_show(self.statements, now)
                    || !was_replaced && digest_of(now.own(&mark)) != digest_of(before.own(&mark)))
    }
}

/// Who writes, and where.
pub(crate) struct Writer<'a, S: PolicyStore> {
    pub(crate) location: &'a TargetLocation<S::Target>,
    /// The key of the holder's own claim.
    pub(crate) own: &'a str,
    /// Its mark.
    pub(crate) mark: &'a str,
    pub(crate) role_arn: Option<&'a str>,
    /// With an `ExternalId`, which the ledger doesn't keep, nobody knows whether another stack knows it as well.
    pub(crate) has_external_id: bool,
    pub(crate) now: Duration,
}

impl<S: PolicyStore> Writer<'_, S> {
    /// Puts what fits of `records` into `after`, and says whose that is. `before` is the policy as it is.
    pub(crate) fn joined<'r>(
        &self,
        records: impl Iterator<Item = &'r ClaimRecord>,
        before: &Document,
        after: &mut Document,
    ) -> Vec<Member<'r>> {
        let mut members = Vec::new();
        for record in records {
            // The lease's own item is one of a transaction, and so is that of the holder's claim.
            if members.len() + 2 >= Ledger::most_together() {
                break;
            }
            let Some(wish) = record.wish.as_ref().filter(|wish| self.may_write(record, wish, before)) else { continue };
            if self.joins(record, &wish.statements, before, after, Self::fits) {
                members.push(Member { record, statements: &wish.statements });
            }
        }
        members
    }

    /// Makes `after` have what claims are to have, of which a late write of ours has made something else. It had room, so AWS says whether
    /// it has.
    pub(crate) fn healed(&self, lost: &[ClaimRecord], before: &Document, after: &mut Document) {
        for record in lost {
            let Some(due) = record.due().filter(|_| may_touch(record, before)) else { continue };
            if !self.joins(record, due, before, after, |_, _| true) {
                tracing::warn!("statements that a late write has lost can't be in the policy any more");
            }
        }
    }

    fn may_write(&self, record: &ClaimRecord, wish: &Wish, before: &Document) -> bool {
        record.key != self.own
            && !wish.is_alone
            && !wish.is_unchecked
            // Its author asks whose they are.
            && (record.caller.is_none() || !before.has_any(&record.mark()) || record.is_known_in(before))
            // What is there after its end is confirmed, as its author couldn't.
            && (wish.ends > self.now || record.shows_wish(before))
            && record.suspended.is_none()
            && record.location == self.location.to_string()
            && record.role_arn.as_deref() == self.role_arn
            && !record.has_external_id
            && !self.has_external_id
            && (wish.variable.is_none() || before.knows_variables())
    }

    /// Whether the policy can have the statements of a claim as well; then it has them. Marks are short enough for somebody to look for
    /// a name that has another's, and what has one mark is of one claim in a write.
    fn joins(
        &self,
        record: &ClaimRecord,
        statements: &[Statement],
        before: &Document,
        after: &mut Document,
        fits: impl Fn(&Document, &Document) -> bool,
    ) -> bool {
        let mark = record.mark();
        let mut joined = after.clone();
        joined.replace_own(&mark, statements);
        let is_taken = mark != self.mark
            && after.own(&mark).eq(before.own(&mark))
            && fits(after, &joined)
            && (S::DELETED_WHEN_EMPTY || !joined.is_empty())
            && S::guard(self.location, before, &joined).is_ok();
        if is_taken {
            *after = joined;
        }
        is_taken
    }

    fn fits(after: &Document, joined: &Document) -> bool {
        let grows = S::LIMIT.used_by(joined) > S::LIMIT.used_by(after);
        !grows || S::LIMIT.elsewhere + S::LIMIT.used_by(joined) <= S::LIMIT.size
    }
}

/// Whether what has the mark of a claim can be the claim's: a caller may have looked for a name with somebody else's mark.
pub(crate) fn may_touch(record: &ClaimRecord, before: &Document) -> bool {
    are_of_caller(record.caller().as_ref(), before, &record.mark())
}
