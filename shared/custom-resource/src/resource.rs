//! What a handler implements, and all that it sees of CloudFormation.

use std::{
    collections::BTreeSet,
    fmt::Display,
    marker::PhantomData,
    str::FromStr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{Error, FunctionArn, Requests, Result, Turn, response::NOTHING_MADE};

/// One kind of custom resource.
///
/// Both verbs read the world before they change it. They may be dropped at any `.await` and run again from the start:
/// CloudFormation delivers an event twice, a Create may follow its own lost answer, and a Delete may overtake the
/// Create that it takes back.
#[expect(async_fn_in_trait, reason = "one event at a time on a current-thread runtime: nothing has to be Send")]
pub trait Resource {
    /// What the template says. Every scalar may arrive as a string, and unknown names are refused.
    type Properties: DeserializeOwned;
    /// What `!Ref` reads. A text that doesn't parse was never an id of ours.
    type Id: FromStr + Display;
    /// What `!GetAtt` reads; serialises as an object, with the same names each time. Numbers and booleans in it are answered as
    /// strings.
    type Attributes: Serialize;
    /// Whether CloudFormation is to mask the attributes.
    const NO_ECHO: bool = false;
    /// Whether stacks of other accounts may have it. Each of them invokes the function by an alias of its own; what such a
    /// [`Claim::caller`] may ask for is then for the resource to bound.
    const TAKES_CALLERS: bool = false;

    /// Makes a call to each service that every request needs, before the first one. It goes as far as to the connection:
    /// nothing of it is sent, and it ends with an error that says nothing.
    async fn warm_up(&self) {}

    /// Makes the world look like `desired`, whatever it looks like now, and holds the id as soon as the thing exists.
    ///
    /// `previous` is what the template said before; `None` on Create, and where it can't be read any more.
    async fn ensure(
        &self,
        desired: &Self::Properties,
        previous: Option<&Self::Properties>,
        claim: &Claim<Self::Id>,
    ) -> Result<Self::Attributes>;

    /// Makes the world look as if this claim had never been. Nothing left is success.
    ///
    /// `last` is what the template said last, where it can be read: a Delete is never refused for its properties.
    /// Without `claim.id()` there may still be a thing that carries the owner's mark.
    async fn remove(&self, last: Option<&Self::Properties>, claim: &Claim<Self::Id>) -> Result<()>;
}

/// One resource of one stack, as a handler sees it.
#[derive(Debug)]
pub struct Claim<Id> {
    owner: Owner,
    function: FunctionArn,
    turn: Turn,
    requests: Option<Requests>,
    given: Option<String>,
    held: Mutex<Option<String>>,
    denied: AtomicBool,
    written: Mutex<BTreeSet<String>>,
    id: PhantomData<fn() -> Id>,
}

impl<Id: FromStr + Display> Claim<Id> {
    /// A claim of `owner` with the physical id that CloudFormation gave, if any, on a function of the stack's account.
    #[must_use]
    pub fn new(owner: Owner, given: Option<String>) -> Self {
        // A stack's ARN and a function's have the same first parts.
        let function = FunctionArn::read(owner.stack_id.split('/').next().unwrap_or_default());
        let turn = Turn::new(0, false, "");
        let (held, denied, written) = (Mutex::new(given.clone()), AtomicBool::default(), Mutex::default());
        Self { owner, function, turn, requests: None, given, held, denied, written, id: PhantomData }
    }

    /// The claim, on that function.
    #[must_use]
    pub fn on(self, function: FunctionArn) -> Self {
        Self { function, ..self }
    }

    /// The claim, in the turn of that request, a Delete or not, which CloudFormation made at `made`, in milliseconds since
    /// 1970.
    #[must_use]
    pub fn asked(self, request: &str, made: u64, is_delete: bool) -> Self {
        Self { turn: Turn::new(made, is_delete, request), ..self }
    }

    /// The claim, whose requests are noted in that table.
    #[must_use]
    pub fn noted_in(self, requests: Option<Requests>) -> Self {
        Self { requests, ..self }
    }

    /// Notes that this is the latest request for the resource. The lifecycle does so before each attempt; a handler does so
    /// once more right before what nobody can take back.
    ///
    /// # Errors
    /// Refused once CloudFormation has made a later request, and where the table of requests can't be used.
    pub async fn check_latest(&self) -> Result<()> {
        match &self.requests {
            Some(requests) => requests.admit(&self.owner, &self.turn).await,
            None => Ok(()),
        }
    }

    /// The claim, for which something that AWS denies is denied for good.
    #[must_use]
    pub fn denied(self) -> Self {
        Self { denied: AtomicBool::new(true), ..self }
    }

    /// The claim, holding what an earlier invocation held.
    pub(crate) fn resumed(self, held: Option<String>) -> Self {
        let held = held.or_else(|| self.held());
        Self { held: Mutex::new(held), ..self }
    }

    /// The function that was invoked.
    #[must_use]
    pub fn function(&self) -> &FunctionArn {
        &self.function
    }

    /// Which request for it is being worked on.
    #[must_use]
    pub fn turn(&self) -> &Turn {
        &self.turn
    }

    /// The 12-digit id of the account that the function runs in. The stack may be another's.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.function.account
    }

    /// The other account whose stack it is; `None` if it is the function's own.
    #[must_use]
    pub fn caller(&self) -> Option<&str> {
        self.function.caller()
    }

    /// A token for a call that AWS does once however often it is sent: 32 lower-case hexadecimal digits, the same for the
    /// same `parameters` while this request of CloudFormation is worked on, and others for any other request.
    #[must_use]
    pub fn client_token(&self, parameters: &str) -> String {
        let whose = Sha256::new().chain_update(self.turn.request()).chain_update("\n").chain_update(self.owner.mark());
        let digest = whose.chain_update("\n").chain_update(parameters).finalize();
        let first_bytes = digest.iter().take(16).fold(0_u128, |bytes, byte| bytes << 8 | u128::from(*byte));
        format!("{first_bytes:032x}")
    }

    /// Who claims.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The id that CloudFormation gave: what it will clean up itself if another is held in the end. `None` as for `id`.
    #[must_use]
    pub fn given(&self) -> Option<Id> {
        self.given.as_ref()?.parse().ok()
    }

    /// The id held so far. `None` if there is none, or if it isn't one of ours: CloudFormation invents ids when it
    /// cancels a Create.
    #[must_use]
    pub fn id(&self) -> Option<Id> {
        self.held()?.parse().ok()
    }

    /// Whether an earlier answer said that nothing was made. An id that CloudFormation invented says nothing.
    #[must_use]
    pub fn made_nothing(&self) -> bool {
        self.given.as_deref() == Some(NOTHING_MADE)
    }

    /// What `look` finds; a second time if that isn't all (`is_all`), since a list may be behind, and nothing must be left that it
    /// hides. Where nothing was made for sure, once is enough.
    ///
    /// # Errors
    /// Those of `look`.
    pub async fn look<T>(&self, is_all: impl Fn(&T) -> bool, look: impl AsyncFn() -> Result<T>) -> Result<T> {
        let found = look().await?;
        if is_all(&found) || self.made_nothing() { Ok(found) } else { look().await }
    }

    /// Holds `id` from now on: whatever happens next, CloudFormation is told this id.
    pub fn hold(&self, id: &Id) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.to_string());
    }

    /// Takes `hold` back: what was to be made is known not to be there.
    pub fn let_go(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&self.given);
    }

    /// Makes the template's change to `what`. A read may be behind, and show a rollback what was before the template that
    /// failed: so where it shows what is wanted (`is_shown`), that is written all the same, once in each invocation. What AWS
    /// refuses then isn't needed, or was refused to the template that failed.
    ///
    /// # Errors
    /// Those of `write`.
    pub async fn change(&self, what: &str, is_shown: bool, write: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        if is_shown && self.has_written(what) {
            return Ok(());
        }
        match write().await {
            Err(Error::Refused(reason)) if is_shown => tracing::warn!(%reason, "what is there was not written again"),
            Err(Error::NotYet(not_yet)) if is_shown && not_yet.is_denial() && self.is_denied() => {
                tracing::warn!(reason = %not_yet, "what is there was not written again");
            }
            written => written?,
        }
        self.wrote(what);
        Ok(())
    }

    /// Notes that `what` was written. A Create that fails then doesn't say that nothing was made.
    pub fn wrote(&self, what: impl Into<String>) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(what.into());
    }

    /// Whether this invocation has written `what`.
    #[must_use]
    pub fn has_written(&self, what: &str) -> bool {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).contains(what)
    }

    /// Whether this invocation has written anything.
    pub(crate) fn has_written_anything(&self) -> bool {
        !self.written.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether AWS has denied something for longer than it does to a fresh role. Who can do without it has one more try.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.denied.load(Ordering::Relaxed)
    }

    /// Notes that; says whether it is news.
    pub(crate) fn deny(&self) -> bool {
        !self.denied.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn held(&self) -> Option<String> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A logical resource of a stack: what things are marked with, so that they can be found again without a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    stack_id: String,
    logical_id: String,
}

impl Owner {
    /// The key of the tag that carries the mark; keys that start like it belong to us.
    pub const TAG_KEY: &str = "archipelago:owner";

    /// The resource `logical_id` of the stack `stack_id` (an ARN).
    #[must_use]
    pub fn new(stack_id: impl Into<String>, logical_id: impl Into<String>) -> Self {
        Self { stack_id: stack_id.into(), logical_id: logical_id.into() }
    }

    /// Ten lower-case hexadecimal digits of the SHA-256 of stack id and logical id.
    #[must_use]
    pub fn mark(&self) -> String {
        let digest = Sha256::new().chain_update(&self.stack_id).chain_update("\n").chain_update(&self.logical_id);
        let first_bytes = digest.finalize().iter().take(5).fold(0_u64, |bytes, byte| bytes << 8 | u64::from(*byte));
        format!("{first_bytes:010x}")
    }

    /// The tag that marks a thing as ours.
    #[must_use]
    pub fn tag(&self) -> (String, String) {
        (Self::TAG_KEY.to_owned(), self.tag_value())
    }

    /// The value of the tag that marks a thing as ours: the mark, then the names for people, in at most 256 characters.
    #[must_use]
    pub fn tag_value(&self) -> String {
        format!("{} {}", self.mark(), self.name()).chars().take(256).collect()
    }

    /// Whether `tag_value` was made by this owner.
    #[must_use]
    pub fn made(&self, tag_value: &str) -> bool {
        tag_value.split(' ').next() == Some(self.mark().as_str())
    }

    /// `stack-name/LogicalId`, for people.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.stack_name(), self.logical_id)
    }

    /// The stack's ARN.
    pub(crate) fn stack_id(&self) -> &str {
        &self.stack_id
    }

    /// The logical id in the template.
    #[must_use]
    pub fn logical_id(&self) -> &str {
        &self.logical_id
    }

    /// The stack's name, which stands in the middle of its ARN.
    fn stack_name(&self) -> &str {
        self.stack_id.split('/').nth(1).unwrap_or(&self.stack_id)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicU32, time::Duration};

    use super::*;
    use crate::AwsError;

    const SECOND: Duration = Duration::from_secs(1);

    fn owner() -> Owner {
        Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", "Workloads")
    }

    #[test]
    fn the_mark_of_a_claim_never_changes_between_versions() {
        // Things in the world carry it: another hash would make them foreign.
        assert_eq!(owner().mark(), "22a7aa3d94");
    }

    #[test]
    fn the_mark_tells_stacks_and_logical_ids_apart() {
        let other_stack = Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/2f0b", "Workloads");
        let other_resource = Owner::new(&owner().stack_id, "Sandbox");
        assert_ne!(owner().mark(), other_stack.mark());
        assert_ne!(owner().mark(), other_resource.mark());
    }

    #[test]
    fn the_tag_says_whose_a_thing_is_to_machines_and_to_people() {
        assert_eq!(owner().tag(), ("archipelago:owner".to_owned(), "22a7aa3d94 landing/Workloads".to_owned()));
        assert!(owner().made(&owner().tag_value()));
        assert!(!owner().made("22a7aa3d94ff landing/Workloads"));
    }

    #[test]
    fn what_a_request_has_written_is_known_from_then_on_and_to_that_request_alone() {
        let claim: Claim<u32> = Claim::new(owner(), None);
        claim.wrote("name");
        assert!(claim.has_written("name") && !claim.has_written("tags"));
        assert!(!Claim::<u32>::new(owner(), None).has_written("name"));
    }

    #[tokio::test]
    async fn what_is_shown_as_wanted_is_written_once_and_a_refusal_of_that_is_no_failure() {
        let refused = async || Err(Error::refused("no"));
        let claim: Claim<u32> = Claim::new(owner(), None);
        assert_eq!(claim.change("name", false, refused).await, Err(Error::refused("no")));
        assert!(!claim.has_written("name"));
        claim.change("name", true, refused).await.unwrap();
        claim.change("name", true, async || panic!("it was written before")).await.unwrap();
        assert_eq!(claim.change("name", false, refused).await, Err(Error::refused("no")));
    }

    #[tokio::test]
    async fn what_may_pass_is_waited_for_and_a_denial_that_lasts_is_a_refusal() {
        let denial = || Error::from(AwsError::refused("ram:TagResource", "AccessDenied", "").not_yet_within(SECOND));
        let denied = async || Err(denial());
        let claim: Claim<u32> = Claim::new(owner(), None);
        assert_eq!(claim.change("tags", true, denied).await, Err(denial()));
        let claim = claim.denied();
        assert_eq!(claim.change("tags", false, denied).await, Err(denial()));
        let busy = async || Err(Error::not_yet("busy"));
        assert_eq!(claim.change("tags", true, busy).await, Err(Error::not_yet("busy")));
        claim.change("tags", true, denied).await.unwrap();
    }

    #[test]
    fn an_answer_that_said_that_nothing_was_made_is_remembered() {
        let answered: Claim<u32> = Claim::new(owner(), Some(NOTHING_MADE.to_owned()));
        assert!(answered.made_nothing());
        assert!(!Claim::<u32>::new(owner(), None).made_nothing());
    }

    #[tokio::test]
    async fn what_is_not_all_is_looked_for_a_second_time_unless_nothing_was_made() {
        let looks = |claim: Claim<u32>, all: u32| async move {
            let looks = AtomicU32::default();
            let look = async || Ok(looks.fetch_add(1, Ordering::Relaxed));
            claim.look(|found| *found == all, look).await.unwrap();
            looks.into_inner()
        };
        let given = |id: &str| Claim::new(owner(), Some(id.to_owned()));
        assert_eq!(looks(given("7"), 0).await, 1);
        assert_eq!(looks(given("7"), 9).await, 2);
        assert_eq!(looks(given(NOTHING_MADE), 9).await, 1);
    }

    #[test]
    fn a_client_token_is_the_same_for_the_same_call_of_the_same_request_alone() {
        let claim = |owner, request_id| Claim::<u32>::new(owner, None).asked(request_id, 0, false);
        let token = claim(owner(), "5a7e").client_token("name=a");
        assert_eq!(token, claim(owner(), "5a7e").client_token("name=a"));
        assert_eq!(token.len(), 32);
        let other_owner = Owner::new(&owner().stack_id, "Sandbox");
        assert_ne!(token, claim(owner(), "5a7e").client_token("name=b"));
        assert_ne!(token, claim(owner(), "5a7f").client_token("name=a"));
        assert_ne!(token, claim(other_owner, "5a7e").client_token("name=a"));
    }

    #[test]
    fn what_turned_out_not_to_be_there_is_let_go() {
        let replacing: Claim<u32> = Claim::new(owner(), Some("1".to_owned()));
        replacing.hold(&2);
        replacing.let_go();
        assert_eq!(replacing.id(), Some(1));
    }

    #[test]
    fn an_id_that_does_not_parse_was_never_ours() {
        let invented: Claim<u32> = Claim::new(owner(), Some("landing-Workloads-1ABCDEF".to_owned()));
        assert_eq!(invented.id(), None);
        assert!(!invented.made_nothing());
        invented.hold(&7);
        assert_eq!(invented.id(), Some(7));
    }
}
