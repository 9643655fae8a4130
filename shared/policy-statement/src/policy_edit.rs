//! One policy, changed by one claim while it holds the lease.

use std::time::Duration;

use archipelago::caller;
use custom_resource::{AwsError, Claim, Error, Result};

use crate::{
    Document, Lookup, Objection, PolicyStore, Statement, StatementId, TargetLocation,
    acting::Acting,
    change::{check_caller, with_statements, without_statements},
    document::digest_of,
    lease::{Lease, Written},
    unknown::Unknown,
};

/// How long a principal that was made a moment ago may not be known.
pub(crate) const PRINCIPAL_SEEN_WITHIN: Duration = Duration::from_mins(2);

/// What a principal of ours that AWS doesn't know is.
const MAY_APPEAR: &str = "most likely a principal of the Statement doesn't exist; if it is made later, name its account's root, \
                          with a Condition on aws:PrincipalArn; an account is unknown, too, where it was closed or has not \
                          enabled this Region";

/// What somebody else's is, of which AWS once knew.
const UNKNOWN: &str =
    "AWS doesn't know a role or a user that was deleted, nor an account that was closed or has not enabled this Region";

/// One policy, under a lease.
pub(crate) struct PolicyEdit<'a, S: PolicyStore> {
    pub(crate) store: &'a Acting<S>,
    pub(crate) location: &'a TargetLocation<S::Target>,
    pub(crate) claim: &'a Claim<StatementId<S::Target>>,
    pub(crate) mark: &'a str,
    pub(crate) lease: &'a Lease<'a>,
    /// Whether deleted principals of others are taken out where AWS refuses a change for them.
    pub(crate) prune_orphans: bool,
}

impl<S: PolicyStore> PolicyEdit<'_, S> {
    /// Makes the policy have `wanted` as the claim's statements, and says what it is then. Holds the id once nothing but
    /// the write is left.
    ///
    /// `variable` is the path of an element with a policy variable, if there is one.
    pub(crate) async fn put_in(&self, wanted: &[Statement], variable: Option<&str>) -> Result<Document> {
        let before = match self.present().await? {
            Lookup::Found(before) => before,
            Lookup::Gone(error) => return Err(not_there::<S>(error, self.location)),
        };
        check_caller(caller(self.claim.invocation().function()), self.location, &before, self.mark)?;
        if self.shows(&before, wanted, true) {
            self.hold();
            return Ok(before);
        }
        let after = with_statements::<S>(self.location, &before, self.mark, wanted, variable)?;
        match self.write(&before, after.clone()).await? {
            Written::Done(after) => Ok(after),
            Written::NotDone(error) => {
                if error.is_refusal() && before.own(self.mark).next().is_none() {
                    self.claim.unhold();
                }
                Err(self.triaged(error, &before, &after).await)
            }
        }
    }

    fn hold(&self) {
        self.claim.hold(&StatementId { location: self.location.clone(), mark: self.mark.to_owned() });
    }

    /// Takes the claim's statements out; where there are none, nothing is written. `found` is called once there are some.
    pub(crate) async fn take_out(&self, found: impl FnOnce()) -> Result<()> {
        let before = match self.present().await? {
            Lookup::Found(before) if before.own(self.mark).next().is_some() => before,
            _ => return Ok(()),
        };
        check_caller(caller(self.claim.invocation().function()), self.location, &before, self.mark)?;
        found();
        let after = without_statements::<S>(self.location, &before, self.mark)?;
        match self.write(&before, after.clone()).await? {
            // The target may have gone in between.
            Written::NotDone(error) if matches!(self.store.read(self.location).await?, Lookup::Found(_)) => {
                Err(self.triaged(error, &before, &after).await)
            }
            Written::Done(_) | Written::NotDone(_) => Ok(()),
        }
    }

    /// The policy as it is, once it is no document that was replaced.
    async fn present(&self) -> Result<Lookup<Document>> {
        let read = self.store.read(self.location).await?;
        if let Lookup::Found(document) = &read
            && self.lease.check_replaced(&document.fingerprint())
        {
            return Err(Error::not_yet(format!("AWS still shows {} as it was before", self.location.policy())));
        }
        Ok(read)
    }

    /// Writes `after` in the place of `before` and sees it there. What AWS refuses for principals that were deleted is written
    /// without them, if the template wants it so; what it refuses for its size is written in fewer words.
    async fn write(&self, before: &Document, after: Document) -> Result<Written<Document>> {
        let mut after = after;
        let mut written = self.replace(before, &after).await?;
        while let Written::NotDone(error) = &written {
            let other = match S::objection(error) {
                Objection::Size => after.with_account_ids(),
                objection if objection.may_be_a_principal() && self.prune_orphans => after.without_orphans(self.mark),
                _ => break,
            };
            if other == after {
                break;
            }
            after = other;
            written = self.replace(before, &after).await?;
        }
        if let Written::NotDone(error) = written {
            return Ok(Written::NotDone(error));
        }
        self.lease.note_write(self.mark, digest_of(after.own(self.mark)), digest_of(before.own(self.mark)));
        self.seen(&after).await.map(|()| Written::Done(after))
    }

    /// Whether a document shows the claim's statements, in the words of `wanted` or in those that AWS makes of them. If the document
    /// was not replaced, AWS's words may be new: AWS has taken the write then, and its words are as good as ours. To write
    /// again would end the same, and hold everybody up.
    fn shows(&self, document: &Document, wanted: &[Statement], may_be_new: bool) -> bool {
        if document.has_own(self.mark, wanted) {
            self.lease.settle(self.mark);
            return true;
        }
        if !document.has_sids(self.mark, wanted) {
            return false;
        }
        let (wanted, shown) = (digest_of(wanted.iter()), digest_of(document.own(self.mark)));
        if may_be_new && self.lease.learns_wording(self.mark, &wanted, &shown) {
            tracing::warn!("AWS shows the statements in other words than they were written in");
            return true;
        }
        self.lease.is_wording(self.mark, &wanted, &shown)
    }

    async fn replace(&self, before: &Document, after: &Document) -> Result<Written<()>> {
        let write = async {
            // From here on the statements may be there, even if no answer comes.
            if after.own(self.mark).next().is_some() {
                self.hold();
            }
            if after.is_empty() && S::DELETED_WHEN_EMPTY {
                self.store.delete(self.location).await
            } else {
                self.store.put(self.location, &after.to_text()).await
            }
        };
        self.lease.writing(before.fingerprint(), after.fingerprint(), write).await
    }

    /// Looks whether what was written is there, with everybody else's statements.
    async fn seen(&self, after: &Document) -> Result<()> {
        let own: Vec<_> = after.own(self.mark).cloned().collect();
        match self.store.read(self.location).await? {
            Lookup::Found(now) if self.is_there(&now, &own) && now.keeps_foreign(after, self.mark) => {
                // In AWS's words it may be what was there two changes ago; it is current now.
                if after.keeps_foreign(&now, self.mark) {
                    self.lease.mark_current(&now.fingerprint());
                }
                Ok(())
            }
            Lookup::Gone(_) if own.is_empty() => Ok(()),
            _ => {
                let waiting_for = format!("{} doesn't show yet what was written", self.location.policy());
                Err(Error::not_yet_within(S::LAG, waiting_for))
            }
        }
    }

    fn is_there(&self, now: &Document, own: &[Statement]) -> bool {
        let is_replaced = self.lease.check_replaced(&now.fingerprint());
        self.shows(now, own, !is_replaced)
    }

    /// Why a write was refused, and who can do something about it: somebody else's statement stays as it is until somebody
    /// changes it, a principal of ours may appear.
    async fn triaged(&self, error: AwsError, before: &Document, after: &Document) -> Error {
        let objection = S::objection(&error);
        let policy = self.location.policy();
        if objection == Objection::Size {
            // AWS has refused it, whatever becomes of the question how much it would take.
            let limit = self.store.limit(self.location).await.unwrap_or(S::LIMIT);
            return Error::refused(error.advised(&limit.explained(&policy, after, self.mark)).to_string());
        }
        let not_taken = self.no_longer_taken(before);
        if objection.may_be_a_statement() && !not_taken.is_empty() {
            let advice = format!(
                "{policy} has statements of others that AWS doesn't take any more, so it takes no change of the policy \
                 ({not_taken}); correct them, or take them out"
            );
            return Error::refused(error.advised(&advice).to_string());
        }
        if !objection.may_be_a_principal() {
            return error.into();
        }
        match Unknown::of(&error, after, self.mark) {
            Unknown::Ours => error.advised(MAY_APPEAR).not_yet_within(PRINCIPAL_SEEN_WITHIN).into(),
            Unknown::Theirs(who) => {
                let advice = format!("{policy} names it ({who}); {UNKNOWN}; take it out");
                Error::refused(error.advised(&advice).to_string())
            }
            Unknown::Deleted(who) => {
                let instead = match after.own(self.mark).next() {
                    None => "; take them out",
                    Some(_) if self.prune_orphans => ", for all but whom a statement is; take it out",
                    Some(_) => "; take them out, or set PruneOrphans to true",
                };
                let advice = format!("{policy} names principals that were deleted ({who}){instead}");
                Error::refused(error.advised(&advice).to_string())
            }
            Unknown::OneOf(who) if after.own(self.mark).next().is_none() => {
                let one_of = if who.is_empty() { String::new() } else { format!(", one of: {who}") };
                let advice =
                    format!("a statement of somebody else in {policy} names it; {UNKNOWN}; take it out{one_of}");
                Error::refused(error.advised(&advice).to_string())
            }
            Unknown::OneOf(who) if who.is_empty() => {
                error.advised(MAY_APPEAR).not_yet_within(PRINCIPAL_SEEN_WITHIN).into()
            }
            Unknown::OneOf(who) => {
                let advice = format!("{MAY_APPEAR}; or else statements of others name it: {who}");
                error.advised(&advice).not_yet_within(PRINCIPAL_SEEN_WITHIN).into()
            }
        }
    }

    /// The statements of others that AWS doesn't take any more: "`Old` has no Action, `Odd` ..".
    fn no_longer_taken(&self, before: &Document) -> String {
        let not_taken = before.foreign(self.mark).filter_map(|statement| {
            S::no_longer_taken(statement).map(|why| format!("{} {why}", statement.called())) //
        });
        not_taken.collect::<Vec<_>>().join(", ")
    }
}

/// A target that isn't there, which may only not be visible yet.
pub(crate) fn not_there<S: PolicyStore>(error: AwsError, location: &TargetLocation<S::Target>) -> Error {
    let named = location.named();
    let error = error.advised(&format!("the {named} must be there before a statement can go into its policy"));
    match S::APPEARS_WITHIN {
        Some(window) => error.not_yet_within(window).into(),
        None => Error::refused(error.to_string()),
    }
}
