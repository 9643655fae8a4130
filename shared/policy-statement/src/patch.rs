//! One policy, changed by one claim while it holds the lease.

use std::time::Duration;

use custom_resource::{AwsError, Error, Result};

use crate::{Document, Place, Policy, PolicyStore, Statement, grants::is_of_caller, lease::Lease};

/// How long a read may lag behind a write.
const SEEN_WITHIN: Duration = Duration::from_mins(2);

/// How long a principal that was made a moment ago may not be known.
const PRINCIPAL_SEEN_WITHIN: Duration = Duration::from_mins(2);

/// One policy, under a lease.
pub(crate) struct Patch<'a, S: PolicyStore> {
    pub(crate) store: &'a S,
    pub(crate) place: &'a Place<S::Target>,
    pub(crate) mark: &'a str,
    pub(crate) lease: &'a Lease,
    /// The other account whose claim it is.
    pub(crate) caller: Option<&'a str>,
    /// Whether deleted principals of others are taken out with every change.
    pub(crate) prune_orphans: bool,
}

impl<S: PolicyStore> Patch<'_, S> {
    /// Makes the policy have `wanted` as the claim's statements, and says what it is then. `before_writing` is called
    /// once nothing but the write is left; `refused` when AWS refused to put what the policy didn't have.
    pub(crate) async fn put_in(
        &self,
        wanted: &[Statement],
        before_writing: impl FnOnce(),
        refused: impl FnOnce(),
    ) -> Result<Document> {
        let before = self.present().await?.map_err(|error| not_there::<S>(error, self.place))?;
        self.check_caller(&before)?;
        if before.has_own(self.mark, wanted) {
            before_writing();
            return Ok(before);
        }
        let kept = if self.prune_orphans { before.without_orphans(self.mark) } else { before.clone() };
        let mut after = kept.clone();
        after.replace_own(self.mark, wanted);
        let limit = self.store.limit(self.place, S::LIMIT.used_by(&after)).await?;
        limit.check(&self.place.policy(), &before, &after, self.mark)?;
        S::guard(self.place, &before, &after)?;
        // From here on the statements may be there, even if no answer comes.
        before_writing();
        if let Err(error) = self.write(&before, &after).await {
            if error.is_refusal() && before.own(self.mark).next().is_none() {
                refused();
            }
            return Err(self.triaged(error, &kept));
        }
        self.seen(&kept, &after).await?;
        Ok(after)
    }

    /// Takes the claim's statements out; where there are none, nothing is written.
    pub(crate) async fn take_out(&self) -> Result<()> {
        let before = match self.present().await? {
            Ok(before) if before.own(self.mark).next().is_some() => before,
            _ => return Ok(()),
        };
        self.check_caller(&before)?;
        let kept = if self.prune_orphans { before.without_orphans(self.mark) } else { before.clone() };
        let mut after = kept.clone();
        after.replace_own(self.mark, &[]);
        if after.is_empty() && !S::DELETED_WHEN_EMPTY {
            let (policy, kind) = (self.place.policy(), <S::Target as crate::Target>::KIND);
            return Err(Error::refused(format!(
                "{policy} would have no statement left, which AWS doesn't take; give it another one, or delete the {kind}"
            )));
        }
        S::guard(self.place, &before, &after)?;
        match self.write(&before, &after).await {
            Ok(()) => self.seen(&kept, &after).await,
            // The target may have gone in between.
            Err(error) if self.read().await?.is_ok() => Err(self.triaged(error, &kept)),
            Err(_) => Ok(()),
        }
    }

    /// Lets another account touch only what it can have put there.
    fn check_caller(&self, before: &Document) -> Result<()> {
        match self.caller {
            Some(caller) if !before.own(self.mark).all(|statement| is_of_caller(caller, statement)) => {
                Err(Error::refused(format!(
                    "{} has statements with the mark of this resource that are not for account {caller} alone; they are not \
                     touched",
                    self.place.policy()
                )))
            }
            _ => Ok(()),
        }
    }

    /// The policy as it is, as far as there is one; without a target, what AWS says of it.
    async fn read(&self) -> Result<Result<Document, AwsError>> {
        match self.store.get(self.place).await? {
            Policy::Text(text) => {
                let unreadable = |error| Error::refused(format!("{} can't be read: {error}", self.place.policy()));
                Document::parse(&text).map(Ok).map_err(unreadable)
            }
            Policy::Absent => Ok(Ok(Document::empty())),
            Policy::NoTarget(error) => Ok(Err(error)),
        }
    }

    /// The same, once it isn't one that was replaced lately.
    async fn present(&self) -> Result<Result<Document, AwsError>> {
        let read = self.read().await?;
        if read.as_ref().is_ok_and(|document| self.lease.is_past(&document.fingerprint())) {
            return Err(Error::not_yet(format!("AWS still shows {} as it was before", self.place.policy())));
        }
        Ok(read)
    }

    async fn write(&self, before: &Document, after: &Document) -> Result<(), AwsError> {
        let write = async {
            if after.is_empty() && S::DELETED_WHEN_EMPTY {
                self.store.delete(self.place).await
            } else {
                self.store.put(self.place, &after.to_text()).await
            }
        };
        self.lease.writing(before.fingerprint(), &after.fingerprint(), write).await
    }

    /// Looks whether what was written is there, and all that was to be kept.
    async fn seen(&self, kept: &Document, after: &Document) -> Result<()> {
        let own: Vec<_> = after.own(self.mark).cloned().collect();
        match self.read().await? {
            Ok(now) if now.has_own(self.mark, &own) && now.keeps_foreign(kept, self.mark) => Ok(()),
            Err(_) if own.is_empty() => Ok(()),
            _ => {
                let waiting_for = format!("{} doesn't show yet what was written", self.place.policy());
                Err(Error::not_yet_within(SEEN_WITHIN, waiting_for))
            }
        }
    }

    /// Whose principal a write was refused for: a deleted one of somebody else's stays deleted, one of ours may appear.
    fn triaged(&self, error: AwsError, kept: &Document) -> Error {
        if !S::is_about_principals(&error) {
            return error.into();
        }
        let orphans = kept.orphans(self.mark);
        if orphans.is_empty() {
            let advice = "most likely a principal of the Statement doesn't exist; if it is made later, name its account's \
                          root, with a Condition on aws:PrincipalArn";
            return error.advised(advice).not_yet_within(PRINCIPAL_SEEN_WITHIN).into();
        }
        let advice = format!(
            "{} names principals that were deleted ({}); take them out, or set PruneOrphans to true",
            self.place.policy(),
            orphans.join(", ")
        );
        Error::refused(error.advised(&advice).to_string())
    }
}

/// A target that isn't there, which may only not be visible yet.
pub(crate) fn not_there<S: PolicyStore>(error: AwsError, place: &Place<S::Target>) -> Error {
    let named = place.named();
    let error = error.advised(&format!("the {named} must be there before a statement can go into its policy"));
    match S::APPEARS_WITHIN {
        Some(window) => error.not_yet_within(window).into(),
        None => Error::refused(error.to_string()),
    }
}
