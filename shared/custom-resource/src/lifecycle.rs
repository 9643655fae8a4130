//! From a request to its one answer: every rule of the protocol that isn't about sending it. No I/O of its own.

use std::{
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
    str::FromStr,
    time::Duration,
};

use futures_util::FutureExt;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::{
    Claim, Clock, Error, Invocation, Known, NotYet, Owner, RequestOrder, RequestTable, RequestType, Resource, Result,
    account_id::account_of,
    attributes,
    envelope::Envelope,
    error::Kind,
    event::{Asked, Continuation, Request},
    metrics,
    response::Response,
    waits::Waits,
    work::Work,
};

/// How long before Lambda's deadline the work stops, so that the answer and its retries still fit.
const RESERVE: Duration = Duration::from_secs(10);

/// The first pause between two attempts; each further one is half as long again, up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How far the clock of whoever signed a URL may be ahead of ours.
const AHEAD: Duration = Duration::from_mins(5);

/// With less than this left for CloudFormation to wait, another invocation would only be late.
const WORTH_GOING_ON: Duration = Duration::from_secs(15);

/// Lambda ends a chain in which a function invoked itself about sixteen times, and nobody answers CloudFormation then.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>
const LONGEST_CHAIN: u32 = 14;

pub(crate) const DEFECT: &str = "a defect in this handler stopped the work; the log says where, please report it";

/// What becomes of a request in one invocation.
#[derive(Debug)]
pub enum InvocationResult {
    /// CloudFormation gets this.
    Answer(Response),
    /// It isn't so yet: another invocation is to go on.
    Continue {
        /// What it has to know.
        continuation: Continuation,
        /// Why it failed, if there is no other invocation.
        reason: String,
    },
}

/// Whether a request may be worked on: the sentence of the refusal, if it may not. Whoever may invoke a function can write any event,
/// so it looks at what Lambda says of the invocation.
pub type Admission = fn(&Envelope) -> Result<(), String>;

/// Admits stacks of the function's own account.
///
/// # Errors
/// A sentence with both accounts.
pub fn of_own_account(envelope: &Envelope) -> Result<(), String> {
    let (function, stack) = (&envelope.function, account_of(&envelope.stack_id));
    if function.account == stack {
        return Ok(());
    }
    Err(format!("the stack is of account {stack}, and the function is for stacks of account {}", function.account))
}

/// What holds for every request of a function.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    /// Which requests are worked on.
    pub admission: Admission,
    /// Where requests are noted, so that one that is older than another for the same resource does nothing.
    pub requests: Option<RequestTable>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { admission: of_own_account, requests: None }
    }
}

impl Lifecycle {
    /// Does what `request` asks of `resource`, and says what to answer.
    pub async fn answer<R: Resource>(&self, resource: &R, request: &Request, clock: Clock) -> InvocationResult {
        let envelope = &request.envelope;
        if let Err(reason) = (self.admission)(envelope) {
            return InvocationResult::Answer(refused(request, &reason));
        }
        let failed =
            |reason: &str| InvocationResult::Answer(Response::failed(envelope, request.id_to_answer(), reason));
        let asked = match &request.asked {
            Ok(asked) => asked,
            Err(reason) => return failed(reason),
        };
        // Handlers' own code reads their properties, and may panic like any other.
        let read = || Work::<R::Properties>::read(asked);
        let work = match catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(DEFECT.to_owned())) {
            Ok(work) => work,
            Err(reason) => return failed(&reason),
        };
        let made = request.made(clock.began);
        if let Err(reason) = check_time(made, request.service_timeout, clock) {
            return failed(&reason);
        }
        let claim = self.claim(request, asked, made, clock);
        let worked = until_done(resource, request, &work, &claim, clock).await;
        if matches!(worked, Err(Unfinished::Refused(_) | Unfinished::Failed(_))) {
            give_up(resource, &claim, clock).await;
        }
        answered(request, &work, &claim, worked)
    }

    /// Says that work fails which was to go on in the next invocation, for the reason why there is none.
    pub(crate) async fn fail<R: Resource>(
        &self,
        resource: &R,
        request: &Request,
        held_id: Option<String>,
        reason: &str,
        clock: Clock,
    ) -> Response {
        let mut held_id = held_id;
        if let Ok(asked) = &request.asked {
            let claim = self.claim::<R::Id>(request, asked, request.made(clock.began), clock);
            give_up(resource, &claim, clock).await;
            held_id = claim.held_id().or(held_id);
        }
        // What was waited for may be a call whose answer was lost.
        Response::failed(&request.envelope, Known::of_text(request.id_with(held_id.as_deref())), reason)
    }

    /// Refuses a request that no resource is for.
    pub(crate) fn refuse(&self, request: &Request, reason: String) -> InvocationResult {
        let reason = (self.admission)(&request.envelope).err().unwrap_or(reason);
        InvocationResult::Answer(refused(request, &reason))
    }

    fn claim<Id: FromStr + Display + Clone>(
        &self,
        request: &Request,
        asked: &Asked,
        made: u64,
        clock: Clock,
    ) -> Claim<Id> {
        let envelope = &request.envelope;
        let owner = Owner::new(&*envelope.stack_id, &*envelope.logical_resource_id);
        let request_type = asked.request_type();
        // CloudFormation uses a RequestId again.
        let wording = asked.wording();
        let order =
            RequestOrder::new(made, request_type == RequestType::Delete, &format!("{} {wording}", envelope.request_id));
        let left = clock.deadline.saturating_duration_since(Instant::now());
        let ends =
            (Duration::from_millis(clock.began) + left).min(Duration::from_millis(made) + request.service_timeout);
        let invocation = Invocation::new(envelope.function.clone(), request_type, order, ends, self.requests.clone());
        Claim::of(owner, invocation, envelope.physical_resource_id.as_deref(), request.continuation.held_id.as_deref())
    }
}

/// Lets the resource take back what waits to be done.
async fn give_up<R: Resource>(resource: &R, claim: &Claim<R::Id>, clock: Clock) {
    let time = clock.deadline.saturating_duration_since(Instant::now()) / 2;
    let given_up = AssertUnwindSafe(Box::pin(resource.give_up(claim))).catch_unwind();
    if !matches!(timeout(time, given_up).await, Ok(Ok(()))) {
        tracing::warn!("what waited to be done could not be taken back before the answer");
    }
}

/// The answer to what isn't worked on. What was refused from the start is taken back without a word: its id says that no work was
/// done, none is done now, and a rollback must not hang.
fn refused(request: &Request, reason: &str) -> Response {
    let envelope = &request.envelope;
    match (&request.asked, Known::of_text(envelope.physical_resource_id.as_deref())) {
        (Ok(Asked::Delete { .. }), id @ Known::Nothing) => Response::success(envelope, id.as_text(), Map::new(), false),
        _ => Response::failed(envelope, request.id_to_answer(), reason),
    }
}

/// The answer to what was worked on.
fn answered<P, Id: FromStr + Display + Clone>(
    request: &Request,
    work: &Work<P>,
    claim: &Claim<Id>,
    worked: Result<Map<String, Value>, Unfinished>,
) -> InvocationResult {
    let envelope = &request.envelope;
    let held_id = claim.held_id();
    let id = request.id_with(held_id.as_deref());
    let is_delete = matches!(work, Work::Remove { .. });
    // Nothing was made as far as anybody knows, and nothing was found that had been made all the same.
    // CloudFormation invents an id where it has no answer: then nobody knows what was made.
    let knows_of_nothing = is_delete && matches!(claim.known(), Known::Nothing) && held_id.is_none();
    InvocationResult::Answer(match (worked, id) {
        (Ok(data), Some(id)) => Response::success(envelope, id, data, claim.masks_attributes()),
        (Ok(_), None) => {
            Response::failed(envelope, Known::Perhaps, "a defect in this handler: the work is done, but has no id")
        }
        // What AWS refuses to show can't be told from what isn't there. Anything else that goes wrong may hide what a lost
        // answer left.
        (Err(Unfinished::Refused(reason)), Some(id)) if knows_of_nothing => {
            tracing::warn!(%reason, "there was nothing to be found and nothing to be deleted");
            Response::success(envelope, id, Map::new(), false)
        }
        (Err(Unfinished::Refused(reason)), None) => Response::failed(envelope, Known::Nothing, &reason),
        // What was stopped may have had an effect that nobody saw.
        (Err(Unfinished::Refused(reason) | Unfinished::Failed(reason)), id) => {
            Response::failed(envelope, Known::of_text(id), &reason)
        }
        (Err(Unfinished::Waiting { continuation, reason }), _) => {
            return InvocationResult::Continue { continuation: Continuation { held_id, ..continuation }, reason };
        }
    })
}

/// Whether CloudFormation still waits for a request that it made at `made`.
fn check_time(made: u64, service_timeout: Duration, clock: Clock) -> Result<(), String> {
    let age = Duration::from_millis(clock.began.saturating_sub(made));
    if age >= service_timeout {
        return Err(format!(
            "the request was made {} seconds ago, which is beyond its ServiceTimeout of {}, so nothing was done",
            age.as_secs(),
            service_timeout.as_secs()
        ));
    }
    if Duration::from_millis(made.saturating_sub(clock.began)) > AHEAD {
        return Err("the ResponseURL was signed at a time to come, so nothing was done".to_owned());
    }
    Ok(())
}

/// Why the work ended without success.
enum Unfinished {
    Failed(String),
    /// It would end the same again.
    Refused(String),
    Waiting {
        continuation: Continuation,
        reason: String,
    },
}

/// The one loop that waits.
async fn until_done<R: Resource>(
    resource: &R,
    request: &Request,
    work: &Work<R::Properties>,
    claim: &Claim<R::Id>,
    clock: Clock,
) -> Result<Map<String, Value>, Unfinished> {
    let start = Instant::now();
    let now = || clock.began + u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let made = request.made(clock.began);
    let age = Duration::from_millis(clock.began.saturating_sub(made));
    // Time that is short itself is shared between the work and the answer.
    let without_reserve = |left: Duration| left.saturating_sub(RESERVE.min(left / 2));
    let end_of_invocation = start + without_reserve(clock.deadline.saturating_duration_since(start));
    let end_of_patience = start + without_reserve(request.service_timeout.saturating_sub(age));
    let end = end_of_invocation.min(end_of_patience);

    let mut waits = Waits(request.continuation.waits.clone());
    let mut last_wait: Option<NotYet> = None;
    let mut pause = FIRST_PAUSE;
    // A refusal says that nothing was made by the call that it answers, and nothing about others before: one that got no answer, or
    // one that made something beside the thing itself.
    let is_ensure = matches!(work, Work::Ensure { .. });
    let mut perhaps_made = is_ensure && request.is_continued();
    let refused = |reason, perhaps_made| {
        let has_made = perhaps_made || is_ensure && !claim.writes().is_empty();
        if has_made { Unfinished::Failed(reason) } else { Unfinished::Refused(reason) }
    };
    loop {
        // Boxed, since each future around it would be as large, and be moved on a stack that has to be paged in.
        let attempt = AssertUnwindSafe(Box::pin(attempt(resource, work, claim))).catch_unwind();
        match timeout_at(end, attempt).await {
            Ok(Ok(Ok(data))) => return Ok(data),
            Ok(Ok(Err(Error::Refused(reason)))) => return Err(refused(reason.to_string(), perhaps_made)),
            Ok(Ok(Err(Error::NotYet(not_yet)))) => {
                perhaps_made |= is_ensure && not_yet.kind == Kind::Unanswered;
                metrics::waited(&not_yet);
                let waited = waits.waited_for(&not_yet.topic, now());
                if not_yet.within.is_some_and(|window| waited >= window) {
                    if not_yet.is_denial() && claim.writes().deny() {
                        continue;
                    }
                    let reason = format!("{not_yet} (still so after {} seconds)", waited.as_secs());
                    return Err(if not_yet.is_denial() {
                        refused(reason, perhaps_made)
                    } else {
                        Unfinished::Failed(reason)
                    });
                }
                tracing::info!(waiting_for = %not_yet, seconds = waited.as_secs(), "not yet");
                last_wait = Some(not_yet);
            }
            Ok(Err(_)) => return Err(Unfinished::Failed(DEFECT.to_owned())),
            Err(_) if last_wait.is_none() => {
                let seconds = start.elapsed().as_secs();
                let whose = if end_of_patience < end_of_invocation { "ServiceTimeout" } else { "the function's time" };
                let reason = format!(
                    "the work was stopped after {seconds} seconds, shortly before {whose} ran out: AWS was slow to answer"
                );
                return Err(Unfinished::Failed(reason));
            }
            Err(_) => {}
        }
        let next = Instant::now() + pause.mul_f64(fastrand::f64().midpoint(1.0));
        pause = pause.mul_f64(1.5).min(LONGEST_PAUSE);
        if next < end {
            sleep_until(next).await;
            metrics::asked_again();
            continue;
        }
        let waiting_for = last_wait.map_or_else(String::new, |not_yet| not_yet.to_string());
        let invocations = request.continuation.invocations + 1;
        if end_of_invocation + WORTH_GOING_ON < end_of_patience && invocations < LONGEST_CHAIN {
            let continuation = Continuation { first_try: Some(made), invocations, held_id: None, waits: waits.0 };
            return Err(Unfinished::Waiting {
                continuation,
                reason: format!("not finished in the function's time: {waiting_for}"),
            });
        }
        let seconds = (age + start.elapsed()).as_secs();
        return Err(Unfinished::Failed(format!("gave up after {seconds} seconds: {waiting_for}")));
    }
}

async fn attempt<R: Resource>(
    resource: &R,
    work: &Work<R::Properties>,
    claim: &Claim<R::Id>,
) -> Result<Map<String, Value>> {
    // Before each one: a request that waits may have been overtaken meanwhile.
    if !R::KEEPS_ORDER {
        claim.check_latest().await?;
    }
    match work {
        Work::Remove { last } => resource.remove(last.as_ref(), claim).await.map(|()| Map::new()),
        Work::Ensure { desired, previous } => {
            let attributes = ensured(resource, desired, previous.as_ref(), claim).await?;
            match serde_json::to_value(attributes) {
                Ok(Value::Object(data)) => Ok(attributes::as_strings(data)),
                Ok(Value::Null) => Ok(Map::new()),
                _ => Err(Error::refused("a defect in this handler: its attributes are no object")),
            }
        }
    }
}

/// Makes things as `desired` says. Back at the id that CloudFormation knows, what a replacement made that was cancelled is
/// taken back.
pub(crate) async fn ensured<R: Resource>(
    resource: &R,
    desired: &R::Properties,
    previous: Option<&R::Properties>,
    claim: &Claim<R::Id>,
) -> Result<R::Attributes> {
    let attributes = resource.ensure(desired, previous, claim).await?;
    if let Some(cancelled) = previous.filter(|_| claim.is_at_known_id()) {
        let left = claim.left_behind();
        left.tolerated(resource.take_back(cancelled, desired, left, claim).await, claim.writes())?;
    }
    Ok(attributes)
}
