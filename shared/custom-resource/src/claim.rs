//! One resource of one stack, as a handler sees it.

use std::{
    cell::{Cell, RefCell},
    fmt::Display,
    str::FromStr,
};

use crate::{Invocation, Known, LeftBehind, Owner, Result, Writes, digest::digest_of};

/// Who asks for a thing, in which invocation, and which thing it is.
#[derive(Debug)]
pub struct Claim<Id> {
    owner: Owner,
    invocation: Invocation,
    known: Known<Id>,
    held: RefCell<Option<Id>>,
    writes: Writes,
    left_behind: LeftBehind,
    masks: Cell<bool>,
}

impl<Id> Claim<Id> {
    /// Who claims.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// What is being worked on, and where.
    #[must_use]
    pub fn invocation(&self) -> &Invocation {
        &self.invocation
    }

    /// What CloudFormation knows: what it will clean up itself if another id is held in the end.
    #[must_use]
    pub fn known(&self) -> &Known<Id> {
        &self.known
    }

    /// Takes `hold` back: what was to be made is known not to be there.
    pub fn unhold(&self) {
        self.held.replace(None);
    }

    /// What this invocation has written.
    #[must_use]
    pub fn writes(&self) -> &Writes {
        &self.writes
    }

    /// Has CloudFormation mask the attributes of this answer (`NoEcho`). They are kept nowhere, so an answer that can't be delivered
    /// is lost.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html>
    pub fn mask_attributes(&self) {
        self.masks.set(true);
    }

    /// A token for a call that AWS does once however often it is sent: 32 lower-case hexadecimal digits, the same for the
    /// same `parameters` while this request of CloudFormation is worked on, and others for any other request.
    #[must_use]
    pub fn client_token(&self, parameters: &str) -> String {
        digest_of([self.invocation.order().request(), &self.owner.mark(), parameters]).chars().take(32).collect()
    }

    /// Notes that this is the latest request for the resource. The lifecycle does so before each attempt; a handler does so
    /// once more right before what nobody can take back.
    ///
    /// # Errors
    /// Refused once CloudFormation has made a later request, and where the table of requests can't be used.
    pub async fn check_latest(&self) -> Result<()> {
        self.invocation.check_latest(&self.owner).await
    }

    /// What a cancelled replacement left, as far as this invocation has seen it.
    pub(crate) fn left_behind(&self) -> &LeftBehind {
        &self.left_behind
    }

    /// Whether the attributes are to be masked.
    pub(crate) fn masks_attributes(&self) -> bool {
        self.masks.get()
    }
}

impl<Id: FromStr + Display + Clone> Claim<Id> {
    /// The claim of `owner` in that invocation, with the physical id that CloudFormation sent, and what an earlier invocation held.
    pub(crate) fn of(owner: Owner, invocation: Invocation, physical_id: Option<&str>, held: Option<&str>) -> Self {
        let held = RefCell::new(held.and_then(|held| Known::read(Some(held)).id().cloned()));
        let known = Known::read(physical_id);
        Self {
            owner,
            invocation,
            known,
            held,
            writes: Writes::default(),
            left_behind: LeftBehind::default(),
            masks: Cell::default(),
        }
    }

    /// The id held so far, or else the one that CloudFormation knows.
    #[must_use]
    pub fn id(&self) -> Option<Id> {
        self.held.borrow().as_ref().or(self.known.id()).cloned()
    }

    /// Holds `id` from now on: whatever happens next, CloudFormation is told this id.
    pub fn hold(&self, id: &Id) {
        self.held.replace(Some(id.clone()));
    }

    /// The id held so far, as text.
    pub(crate) fn held_id(&self) -> Option<String> {
        self.held.borrow().as_ref().map(ToString::to_string)
    }

    /// Whether the id is the one that CloudFormation knows.
    pub(crate) fn is_at_known_id(&self) -> bool {
        self.known.id().map(ToString::to_string).is_some_and(|known| self.held_id().is_none_or(|held| held == known))
    }
}

#[cfg(any(test, feature = "testing"))]
impl<Id: FromStr + Display + Clone> Claim<Id> {
    /// A claim of `owner` with the physical id that CloudFormation sent, if any, on a function of the stack's account. A test calls a
    /// resource with it, without the lifecycle.
    #[must_use]
    pub fn new(owner: Owner, physical_id: Option<&str>) -> Self {
        let invocation = Invocation::in_account_of(&owner, physical_id.is_some());
        Self::of(owner, invocation, physical_id, None)
    }

    /// The claim, in that invocation.
    #[must_use]
    pub fn in_invocation(self, change: impl FnOnce(Invocation) -> Invocation) -> Self {
        Self { invocation: change(self.invocation), ..self }
    }

    /// The claim, for which something that AWS denies is denied for good.
    #[must_use]
    pub fn denied(self) -> Self {
        self.writes.deny();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RequestOrder;

    fn owner() -> Owner {
        Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", "Workloads")
    }

    #[test]
    fn what_turned_out_not_to_be_there_is_not_held() {
        let replacing: Claim<u32> = Claim::new(owner(), Some("1"));
        replacing.hold(&2);
        assert!(!replacing.is_at_known_id());
        replacing.unhold();
        assert_eq!(replacing.id(), Some(1));
        assert!(replacing.is_at_known_id());
    }

    #[test]
    fn an_id_that_does_not_parse_was_never_ours() {
        let invented: Claim<u32> = Claim::new(owner(), Some("landing-Workloads-1ABCDEF"));
        assert_eq!(invented.id(), None);
        invented.hold(&7);
        assert_eq!(invented.id(), Some(7));
        assert!(!invented.is_at_known_id());
    }

    #[test]
    fn what_an_earlier_invocation_held_is_held_and_what_it_did_not_know_is_not() {
        let invocation = || Invocation::in_account_of(&owner(), false);
        let resumed = |held| Claim::<String>::of(owner(), invocation(), None, Some(held)).id();
        assert_eq!(resumed("7").as_deref(), Some("7"));
        assert_eq!(resumed("something-may-have-been-made"), None);
    }

    #[test]
    fn a_client_token_is_the_same_for_the_same_call_of_the_same_request_alone() {
        let claim = |owner, request_id| {
            let order = RequestOrder::new(0, false, request_id);
            Claim::<u32>::new(owner, None).in_invocation(|invocation| invocation.ordered(order))
        };
        let token = claim(owner(), "5a7e").client_token("name=a");
        assert_eq!(token, claim(owner(), "5a7e").client_token("name=a"));
        assert_eq!(token.len(), 32);
        let other_owner = Owner::new(owner().stack_id(), "Sandbox");
        assert_ne!(token, claim(owner(), "5a7e").client_token("name=b"));
        assert_ne!(token, claim(owner(), "5a7f").client_token("name=a"));
        assert_ne!(token, claim(other_owner, "5a7e").client_token("name=a"));
    }
}
