//! The lease: the right to change one policy, so that one function at a time does.
//!
//! ECR, KMS, S3 and IAM have no compare-and-set. A lease ends by itself, so a function that is killed holds nobody up for
//! longer; its holder's work always ends before it does. Its item also keeps what the next holder has to know of the documents
//! that the policy had.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    time::Duration,
};

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use custom_resource::{
    AwsError, Error, Result, SdkResult,
    request_note::{CONFLICT, Item},
};
use tokio::time::{Instant, timeout_at};

use crate::{
    Document,
    claim_record::{ClaimRecord, VERSION, VERSION_NAME, check_version, millis as millis_in},
    item_update::{ItemUpdate, millis},
    ledger::{Changed, Ledger, TYPE, out_of_reach},
    policy_history::{Pending, PolicyHistory},
};

/// The range key of the lease's item.
pub(crate) const LEASE_ITEM: &str = "lease";

const HOLDER: &str = "Holder";
const UNTIL: &str = "Until";
const RELEASED: &str = "Released";
const HISTORY: &str = "History";

const TAKE: &str = "SET #holder = :holder, #until = :until, #type = :type, #version = :version";
const IS_FREE: &str = "(attribute_not_exists(#version) OR #version = :version) AND \
                       (attribute_not_exists(#until) OR #until < :now OR #holder = :holder)";
const NOTE: &str = "SET #history = :history";
const RELEASE: &str = "SET #until = :until, #released = :now, #history = :history";
const IS_HELD: &str = "#holder = :holder AND #until > :now";

/// How far the clocks of two functions may be apart, and more.
const CLOCKS_APART: Duration = Duration::from_secs(1);

/// What came of asking for a lease.
#[derive(Debug)]
pub(crate) enum Asked {
    /// It is held from now on.
    Taken(Box<Lease>),
    /// Somebody else holds it.
    Held,
}

/// What became of a write.
#[derive(Debug)]
pub(crate) enum Written<T> {
    /// AWS has taken it.
    Done(T),
    /// AWS has refused it, or no answer came.
    NotDone(AwsError),
    /// It wasn't begun: what was to be noted before is not so.
    NotBegun,
}

/// The right to change one policy, for half the time that the lease lasts.
pub(crate) struct Lease {
    ledger: Rc<Ledger>,
    policy: String,
    holder: String,
    began: Instant,
    until: Duration,
    /// Since when its holder knows what it knows of its claim.
    since: Duration,
    /// Whether anybody held it before.
    pub(crate) was_held: bool,
    /// When the one before ended, by the time since 1970.
    ended_before: Duration,
    history: RefCell<PolicyHistory>,
    open_end: Cell<bool>,
}

impl Lease {
    /// Asks for the lease on `policy`, on behalf of the claim with that mark, of which was read `since` then what is known of it.
    ///
    /// # Errors
    /// Refused where the ledger can't be used, or read.
    pub(crate) async fn ask(ledger: &Rc<Ledger>, policy: &str, mark: &str, since: Duration) -> Result<Asked> {
        let (began, now) = (Instant::now(), ledger.now());
        let (holder, until) = (format!("{mark} {:016x}", fastrand::u64(..)), now + ledger.lasts);
        let request = ledger
            .update(policy, LEASE_ITEM)?
            .update_expression(TAKE)
            // The SDK may ask again when an answer was lost, and then finds its own lease.
            .condition_expression(IS_FREE)
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_names("#type", TYPE)
            .expression_attribute_names("#version", VERSION_NAME)
            .expression_attribute_values(":holder", AttributeValue::S(holder.clone()))
            .expression_attribute_values(":until", millis(until))
            .expression_attribute_values(":type", AttributeValue::S(ledger.resource_type.to_owned()))
            .expression_attribute_values(":version", AttributeValue::N(VERSION.to_owned()))
            .expression_attribute_values(":now", millis(now));
        let asked = request.send().await;
        if let Err(error) = &asked
            && let Some(UpdateItemError::ConditionalCheckFailedException(held)) = error.as_service_error()
        {
            if let Some(item) = held.item() {
                check_version(item)?;
            }
            return Ok(Asked::Held);
        }
        let before = match asked.into_aws_error() {
            Ok(taken) => taken.attributes.unwrap_or_default(),
            // Its holder is noting or confirming what is written for several.
            Err(conflict) if conflict.code() == CONFLICT => return Ok(Asked::Held),
            Err(error) => return Err(out_of_reach(error)),
        };
        let lease = Self {
            ledger: Rc::clone(ledger),
            policy: policy.to_owned(),
            holder,
            began,
            until,
            since,
            was_held: !before.is_empty(),
            ended_before: ended(&before),
            history: RefCell::default(),
            open_end: Cell::new(false),
        };
        match history(&before, now, ledger.lag) {
            Ok(history) => {
                lease.history.replace(history);
                Ok(Asked::Taken(Box::new(lease)))
            }
            // It ends by itself, and nobody could do more with it.
            Err(unreadable) => Err(unreadable),
        }
    }

    /// Whether its item says that somebody holds it: to ask for it would be in vain, and cost as much as to write it.
    pub(crate) fn is_held(item: &Item, now: Duration) -> bool {
        millis_in(item, UNTIL).is_some_and(|until| until >= now)
    }

    /// Whether others are likely to wait for it, or may have dealt with the claim, or changed the policy since it was read: it was released a
    /// moment ago, or its holder died.
    pub(crate) fn is_contended(&self) -> bool {
        let was_free = self.ended_before + CLOCKS_APART < self.since;
        self.was_held && (!was_free || self.history.borrow().is_pending())
    }

    /// When the work of its holder ends.
    pub(crate) fn half_time(&self) -> Instant {
        self.began + self.ledger.lasts / 2
    }

    /// When it ends, by the time since 1970.
    pub(crate) fn until(&self) -> Duration {
        self.until
    }

    /// Whether a write may still come to pass: then nobody else may write before the lease is over.
    pub(crate) fn has_open_end(&self) -> bool {
        self.open_end.get()
    }

    /// What is known of the policy's documents.
    pub(crate) fn history(&self) -> &RefCell<PolicyHistory> {
        &self.history
    }

    /// Does `write`, which replaces the document of one fingerprint by that of another and carries out the wishes of `claims`. That is
    /// noted before, together with `also`, so that whatever becomes of this function the next holder knows of it.
    pub(crate) async fn writing(
        &self,
        [before, after]: [String; 2],
        claims: Vec<String>,
        also: Vec<ItemUpdate>,
        write: impl Future<Output = Result<(), AwsError>>,
    ) -> Result<Written<()>> {
        // A third of the lease is over: what is sent now might come to pass after its end.
        if self.began.elapsed() > self.ledger.lasts / 3 {
            return Err(Error::not_yet("AWS was too slow to begin a change of the policy in this lease"));
        }
        let history = self.history.borrow().beginning(Pending { before, after, at: self.ledger.now(), claims });
        let alone = also.is_empty();
        let changes: Vec<_> = [self.note(&history, NOTE)].into_iter().chain(also).collect();
        match self.ledger.change_together(&self.policy, &changes).await? {
            Changed::Done => {}
            Changed::NotSo if alone => return Err(lost()),
            Changed::NotSo => return Ok(Written::NotBegun),
        }
        // Not before: what couldn't be noted isn't begun, and nobody has to wait for its end.
        self.history.replace(history);
        self.open_end.set(true);
        let written = write.await;
        self.open_end.set(written.as_ref().is_err_and(|error| !error.is_refusal()));
        let mut history = self.history.borrow_mut();
        Ok(match written {
            Ok(()) => {
                history.note_done(self.ledger.now());
                Written::Done(())
            }
            Err(error) => {
                if error.is_refusal() {
                    history.note_refused();
                }
                Written::NotDone(error)
            }
        })
    }

    /// Notes that somebody else has put that document in the place of the one that was there, and has taken out what it lacks of claims:
    /// nobody puts that back unasked. The wishes of `unclear` may be a part of it, so that nobody but their authors carries them out any more.
    ///
    /// # Errors
    /// Not yet where the claims are changing.
    pub(crate) async fn note_found(
        &self,
        document: &Document,
        lacking: &[&ClaimRecord],
        unclear: &[&ClaimRecord],
    ) -> Result<()> {
        let now = self.ledger.now();
        for record in unclear {
            self.ledger.change(&self.policy, &ItemUpdate::alone(record)).await?;
        }
        let missing: Vec<_> = lacking.iter().map(|record| ItemUpdate::missing(record, now)).collect();
        for changes in missing.chunks(Ledger::most_together()) {
            if self.ledger.change_together(&self.policy, changes).await? == Changed::NotSo {
                return Err(Error::not_yet("the claims on the policy are changing"));
            }
        }
        self.history.borrow_mut().note_found(&document.fingerprint(), now);
        Ok(())
    }

    /// Gives it back, and makes the changes of `also`: together where they are several, and otherwise before. If that fails it ends by itself,
    /// holds others up until then, and its item still says what was written for whom.
    ///
    /// # Errors
    /// What kept the ledger from noting it.
    pub(crate) async fn release(&self, also: Vec<ItemUpdate>) -> Result<()> {
        let end = self.began + self.ledger.lasts;
        let ended = timeout_at(end, self.released(also)).await;
        let ended = ended.unwrap_or_else(|_| Err(Error::not_yet("the lease ended before it was released")));
        if let Err(reason) = &ended {
            tracing::warn!(%reason, "a lease was not released");
        }
        ended
    }

    async fn released(&self, also: Vec<ItemUpdate>) -> Result<()> {
        let release = self.note(&self.history.borrow(), RELEASE);
        let release = release.names(&[("#released", RELEASED)]).value(":until", millis(Duration::ZERO));
        if also.len() > 1 && also.len() < Ledger::most_together() {
            let all: Vec<_> = [release].into_iter().chain(also).collect();
            if matches!(self.ledger.change_together(&self.policy, &all).await, Ok(Changed::Done)) {
                return Ok(());
            }
            // One of the claims has another request by now. The others are as they were.
            return self.released_after(&all[1..], &all[0]).await;
        }
        self.released_after(&also, &release).await
    }

    async fn released_after(&self, also: &[ItemUpdate], release: &ItemUpdate) -> Result<()> {
        let of_claims = also.iter().map(|change| self.ledger.change(&self.policy, change));
        for of_claim in futures_util::future::join_all(of_claims).await {
            of_claim?;
        }
        match self.ledger.change(&self.policy, release).await? {
            Changed::Done => Ok(()),
            Changed::NotSo => Err(lost()),
        }
    }

    /// A change of the lease's item, if it is still held.
    fn note(&self, history: &PolicyHistory, expression: &'static str) -> ItemUpdate {
        let history = history.write().into_iter().map(AttributeValue::S).collect();
        ItemUpdate::new(LEASE_ITEM, expression, IS_HELD)
            .names(&[("#history", HISTORY), ("#holder", HOLDER), ("#until", UNTIL)])
            .value(":history", AttributeValue::L(history))
            .value(":holder", AttributeValue::S(self.holder.clone()))
            .value(":now", millis(self.ledger.now()))
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("policy", &self.policy).finish_non_exhaustive()
    }
}

fn lost() -> Error {
    Error::not_yet("the lease on the policy was lost")
}

/// When the lease before ended: it was released, or is over.
fn ended(item: &Item) -> Duration {
    match millis_in(item, UNTIL) {
        Some(Duration::ZERO) => millis_in(item, RELEASED).unwrap_or_default(),
        until => until.unwrap_or_default(),
    }
}

fn history(item: &Item, now: Duration, lag: Duration) -> Result<PolicyHistory> {
    let lines = item.get(HISTORY).and_then(|history| history.as_l().ok()).into_iter().flatten();
    let lines: Option<Vec<_>> = lines.map(|line| line.as_s().ok().map(String::as_str)).collect();
    PolicyHistory::read(lines.unwrap_or_else(|| vec![""]).into_iter(), now, lag)
}
