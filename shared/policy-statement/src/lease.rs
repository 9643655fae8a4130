//! The lease: one item a target in a `DynamoDB` table, so that one function at a time changes a policy.
//!
//! ECR, KMS, S3 and IAM have no compare-and-set. A lease ends by itself, so a function that is killed holds nobody up for
//! longer; its holder's work always ends before it does. The item also keeps what the next holder has to know: which documents were
//! replaced, so that a read that lags behind is told from a change by somebody else; the write whose end nobody saw; and
//! the latest request of each claim, so that one that was cancelled while it waited does nothing any more.

use std::{
    cell::{Cell, RefCell},
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, ReturnValue},
};
use custom_resource::{AwsError, Error, RequestOrder, Result, SdkConfig, SdkResult, table_client};
use tokio::time::{Instant, timeout_at};

use crate::policy_history::{Pending, PolicyHistory};

/// The variable with the name of the table.
const TABLE: &str = "LEDGER_TABLE";

/// The variable with the seconds that a lease lasts, and the seconds if there is none. Tests that kill functions don't want
/// to wait that long.
const SECONDS: &str = "LEASE_SECONDS";
const LEASE: Duration = Duration::from_secs(15);

/// How long an item is of any use after its lease, before `DynamoDB` deletes it.
const KEPT: Duration = Duration::from_hours(24);

const POLICY: &str = "Policy";
const ITEM: &str = "Item";
const HOLDER: &str = "Holder";
const UNTIL: &str = "Until";
const HISTORY: &str = "History";
const EXPIRES: &str = "Expires";

const IS_FREE: &str = "attribute_not_exists(#until) OR #until < :now OR #holder = :holder";
const IS_HELD: &str = "#holder = :holder AND #until > :now";

/// The table of leases.
pub(crate) struct Leases {
    client: Client,
    table: Option<String>,
    lasts: Duration,
    /// How long a read of a policy may lag behind a write.
    lag: Duration,
    /// The time since 1970, which all functions share.
    clock: Box<dyn Fn() -> Duration>,
}

impl Leases {
    pub(crate) fn new(aws: &SdkConfig, lag: Duration) -> Self {
        let seconds = std::env::var(SECONDS).ok().and_then(|seconds| seconds.parse().ok());
        let lasts = seconds.map_or(LEASE, Duration::from_secs);
        Self { lasts, ..Self::of(table_client(aws), std::env::var(TABLE).ok(), lag) }
    }

    pub(crate) fn of(client: Client, table: Option<String>, lag: Duration) -> Self {
        let clock = Box::new(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        Self { client, table, lasts: LEASE, lag, clock }
    }

    /// The same by another clock.
    pub(crate) fn by(self, clock: impl Fn() -> Duration + 'static) -> Self {
        Self { clock: Box::new(clock), ..self }
    }

    fn now(&self) -> Duration {
        (self.clock)()
    }

    /// A call as far as to the connection.
    pub(crate) async fn warm_up(&self) {
        let _ = self.client.update_item().set_table_name(self.table.clone()).send().await;
    }

    /// Does `work` while nobody else changes `policy` (`repository app`), for the claim with that mark.
    ///
    /// # Errors
    /// Those of `work`. Not yet while somebody else holds it, where `work` takes too long, and where what
    /// was done could not be noted; refused, without any work, where the table can't be reached or the request was overtaken.
    pub(crate) async fn holding<T>(
        &self,
        policy: &str,
        mark: &str,
        order: &RequestOrder,
        work: impl AsyncFnOnce(&Lease<'_>) -> Result<T>,
    ) -> Result<T> {
        let began = Instant::now();
        let lease = self.take(policy, mark, began).await?;
        if !lease.history.borrow_mut().admits(mark, order) {
            self.release(&lease).await?;
            return Err(Error::refused(
                "a later request for this resource was worked on meanwhile, so nothing was done",
            ));
        }
        let half_time = began + self.lasts / 2;
        let worked = timeout_at(half_time, work(&lease)).await.unwrap_or_else(|_| {
            let seconds = (self.lasts / 2).as_secs();
            Err(Error::not_yet(format!("AWS took longer than {seconds} seconds to change the policy of {policy}")))
        });
        // A write that nobody knows the end of may still come to pass: then nobody else may write before the lease is over.
        if !lease.open_end.get() {
            let released = self.release(&lease).await;
            // What was done counts once the next holder knows of it.
            if worked.is_ok() {
                released?;
            }
        }
        worked
    }

    async fn take(&self, policy: &str, mark: &str, began: Instant) -> Result<Lease<'_>> {
        let mut lease = Lease {
            leases: self,
            // IAM's names are told apart by their letters alone, not by their case; the others have no capitals.
            key: policy.to_lowercase(),
            holder: format!("{mark} {:016x}", fastrand::u64(..)),
            began,
            history: RefCell::default(),
            open_end: Cell::new(false),
        };
        let now = self.now();
        let taken = lease
            .update()?
            .update_expression(format!("SET #holder = :holder, #until = :until, {EXPIRES} = :expires"))
            // The SDK may ask again when an answer was lost, and then finds its own lease.
            .condition_expression(IS_FREE)
            .expression_attribute_values(":until", millis(now + self.lasts))
            .expression_attribute_values(":expires", AttributeValue::N((now + KEPT).as_secs().to_string()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match taken.none_if(&[NOT_SO]) {
            Ok(Some(item)) => {
                let history = item.attributes.as_ref().and_then(|item| item.get(HISTORY)?.as_l().ok());
                let lines = history.into_iter().flatten().filter_map(|line| line.as_s().ok());
                lease.history = RefCell::new(PolicyHistory::read(lines.map(String::as_str), now, self.lag));
                Ok(lease)
            }
            Ok(None) => {
                let waiting_for = format!("the policy of {policy} is being changed by another request");
                Err(Error::not_yet(waiting_for).counted_as("LeaseWaits"))
            }
            Err(error) => Err(out_of_reach(error)),
        }
    }

    /// If that fails the lease ends by itself, and holds others up until then.
    async fn release(&self, lease: &Lease<'_>) -> Result<()> {
        let history = lease.history.borrow().clone();
        let noted = lease.note(&history, "SET #until = :until, #history = :history", |request| {
            request.expression_attribute_values(":until", millis(Duration::ZERO))
        });
        let released = timeout_at(lease.began + self.lasts, noted).await;
        let released = released.unwrap_or_else(|_| Err(Error::not_yet("the lease ended before it was released")));
        if let Err(reason) = &released {
            tracing::warn!(%reason, "a lease was not released");
        }
        released
    }
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leases").field("table", &self.table).finish_non_exhaustive()
    }
}

/// What became of a write.
#[derive(Debug)]
pub(crate) enum Written<T> {
    /// AWS has taken it.
    Done(T),
    /// AWS has refused it, or no answer came.
    NotDone(AwsError),
}

/// The right to change one policy, for half the time that the lease lasts.
pub(crate) struct Lease<'a> {
    leases: &'a Leases,
    key: String,
    holder: String,
    began: Instant,
    history: RefCell<PolicyHistory>,
    open_end: Cell<bool>,
}

impl Lease<'_> {
    /// Whether the document of this fingerprint was replaced, so that who reads it has to read again.
    pub(crate) fn check_replaced(&self, fingerprint: &str) -> bool {
        self.history.borrow_mut().check_replaced(fingerprint, self.leases.now())
    }

    /// Notes that AWS has taken the statements of the digest `wanted` from a claim, of which it showed those of `before`.
    pub(crate) fn note_write(&self, mark: &str, wanted: String, before: String) {
        self.history.borrow_mut().wordings.note_write(mark, wanted, before, self.leases.now());
    }

    /// Notes that the claim's latest write is there as it was written.
    pub(crate) fn settle(&self, mark: &str) {
        self.history.borrow_mut().wordings.settle(mark);
    }

    /// Notes that the document of this fingerprint is current again, though it was replaced once.
    pub(crate) fn mark_current(&self, fingerprint: &str) {
        self.history.borrow_mut().mark_current(fingerprint);
    }

    /// Whether the statements of the digest `shown` are what AWS makes of those of `wanted`.
    pub(crate) fn is_wording(&self, mark: &str, wanted: &str, shown: &str) -> bool {
        self.history.borrow().wordings.is_known(mark, wanted, shown)
    }

    /// The same, found out just now, from a document that was not replaced.
    pub(crate) fn learns_wording(&self, mark: &str, wanted: &str, shown: &str) -> bool {
        self.history.borrow_mut().wordings.learns(mark, wanted, shown, self.leases.now(), self.leases.lag)
    }

    /// Does `write`, which replaces the document of one fingerprint by that of another. That is noted before, so that
    /// whatever becomes of this function the next holder knows of it.
    pub(crate) async fn writing(
        &self,
        before: String,
        after: String,
        write: impl Future<Output = Result<(), AwsError>>,
    ) -> Result<Written<()>> {
        // A third of the lease is over: what is sent now might come to pass after its end.
        if self.began.elapsed() > self.leases.lasts / 3 {
            return Err(Error::not_yet("AWS was too slow to begin a change of the policy in this lease"));
        }
        let pending = Pending { before, after, at: self.leases.now() };
        let mut history = self.history.borrow().clone();
        history.pending = Some(pending.clone());
        self.note(&history, "SET #history = :history", |request| request).await?;
        // Not before: what couldn't be noted isn't begun, and nobody has to wait for its end.
        self.history.replace(history);
        self.open_end.set(true);
        let written = write.await;
        self.open_end.set(written.as_ref().is_err_and(|error| !error.is_refusal()));
        let mut history = self.history.borrow_mut();
        history.pending = None;
        Ok(match written {
            Ok(()) => {
                history.note_replacement(pending.before, &pending.after, self.leases.now());
                Written::Done(())
            }
            Err(error) => Written::NotDone(error),
        })
    }

    /// Stores `history` as what is known, if the lease is still held.
    async fn note(
        &self,
        history: &PolicyHistory,
        expression: &str,
        more: impl FnOnce(UpdateItemFluentBuilder) -> UpdateItemFluentBuilder,
    ) -> Result<()> {
        let history = history.write(self.leases.now()).into_iter().map(AttributeValue::S).collect();
        let request = self.update()?.update_expression(expression).condition_expression(IS_HELD);
        let request = request.expression_attribute_names("#history", HISTORY);
        let request = more(request.expression_attribute_values(":history", AttributeValue::L(history)));
        match request.send().await.none_if(&[NOT_SO]) {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Error::not_yet("the lease on the policy was lost")),
            Err(error) => Err(out_of_reach(error)),
        }
    }

    fn update(&self) -> Result<UpdateItemFluentBuilder> {
        let table = self.leases.table.as_ref().ok_or_else(|| {
            Error::refused(format!("the function has no variable {TABLE}, which names the table of leases"))
        })?;
        let request = self.leases.client.update_item().table_name(table);
        Ok(request
            .key(POLICY, AttributeValue::S(self.key.clone()))
            .key(ITEM, AttributeValue::S("lease".to_owned()))
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_values(":holder", AttributeValue::S(self.holder.clone()))
            .expression_attribute_values(":now", millis(self.leases.now())))
    }
}

/// What `DynamoDB` says where a condition doesn't hold.
const NOT_SO: &str = "ConditionalCheckFailedException";

fn out_of_reach(error: AwsError) -> Error {
    error.advised("a policy is only changed under a lease").into()
}

fn millis(time: Duration) -> AttributeValue {
    AttributeValue::N(time.as_millis().to_string())
}
