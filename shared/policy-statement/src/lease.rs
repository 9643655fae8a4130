//! The lease: one item a target in a `DynamoDB` table, so that one function at a time changes a policy.
//!
//! No AWS policy API has compare-and-set. A lease ends by itself, so a function that is killed holds nobody up for longer;
//! its holder's work always ends before it does. It also keeps which documents were replaced lately, so that a read that
//! lags behind is told from a change by somebody else.

use std::{
    cell::{Cell, RefCell},
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_dynamodb::{
    Client,
    config::Builder,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, ReturnValue},
};
use custom_resource::{Answer, AwsError, Error, Result, SdkConfig};
use tokio::time::{Instant, timeout_at};

/// The variable with the name of the table.
const TABLE: &str = "LEASE_TABLE";

/// How long a lease lasts.
const LEASE: Duration = Duration::from_secs(10);

/// How long its holder works at most. What is left of the lease is for a last write on its way, and for clocks that differ.
const WORK: Duration = Duration::from_secs(7);

/// How long a read may lag behind a write.
const LAG: Duration = Duration::from_secs(30);

/// How many replaced documents are remembered at most.
const REMEMBERED: usize = 200;

/// How long an item is of any use after its lease, before `DynamoDB` deletes it.
const KEPT: Duration = Duration::from_hours(24);

const POLICY: &str = "Policy";
const HOLDER: &str = "Holder";
const UNTIL: &str = "Until";
const REPLACED: &str = "Replaced";
const EXPIRES: &str = "Expires";

/// The table of leases.
pub(crate) struct Leases {
    client: Client,
    table: Option<String>,
}

impl Leases {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        Self::of(Client::from_conf(Builder::from(aws).build()), std::env::var(TABLE).ok())
    }

    pub(crate) fn of(client: Client, table: Option<String>) -> Self {
        Self { client, table }
    }

    /// Does `work` while nobody else changes `policy` (`repository app`). `mark` says to people who holds it.
    ///
    /// # Errors
    /// Not yet while somebody else holds the lease, and where `work` takes too long; refused, without any work, where the
    /// table can't be reached.
    pub(crate) async fn holding<T>(
        &self,
        policy: &str,
        mark: &str,
        work: impl AsyncFnOnce(&Lease) -> Result<T>,
    ) -> Result<T> {
        let began = Instant::now();
        let lease = self.take(policy, mark).await?;
        let worked = timeout_at(began + WORK, work(&lease)).await;
        // A write that nobody knows the end of may still come to pass: then nobody else may write before the lease is over.
        if !lease.open_end.get() {
            self.give_back(policy, &lease).await;
        }
        worked.unwrap_or_else(|_| {
            let seconds = WORK.as_secs();
            Err(Error::not_yet(format!("AWS took longer than {seconds} seconds to change the policy of {policy}")))
        })
    }

    async fn take(&self, policy: &str, mark: &str) -> Result<Lease> {
        let holder = format!("{mark} {:016x}", fastrand::u64(..));
        let now = now();
        let taken = self
            .update(policy, &holder)?
            .update_expression(format!("SET {HOLDER} = :holder, #until = :until, {EXPIRES} = :expires"))
            // The SDK may ask again when an answer was lost, and then finds its own lease.
            .condition_expression("attribute_not_exists(#until) OR #until < :now OR Holder = :holder")
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":until", millis(now + LEASE))
            .expression_attribute_values(":expires", AttributeValue::N((now + KEPT).as_secs().to_string()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match taken.none_if(&["ConditionalCheckFailedException"]) {
            Ok(Some(item)) => {
                let replaced = item.attributes.as_ref().and_then(|item| item.get(REPLACED)?.as_l().ok());
                let replaced = replaced.into_iter().flatten().filter_map(|entry| Replaced::read(entry.as_s().ok()?));
                Ok(Lease { holder, replaced: RefCell::new(replaced.collect()), open_end: Cell::new(false) })
            }
            Ok(None) => Err(Error::not_yet(format!("another resource is changing the policy of {policy}"))),
            Err(error) => Err(error.advised("a policy is only changed under a lease, so nothing was written").into()),
        }
    }

    /// Once it isn't needed. If that fails the lease ends by itself, and holds others up until then.
    async fn give_back(&self, policy: &str, lease: &Lease) {
        let given_back = async {
            let at = now();
            let replaced =
                lease.replaced.borrow().iter().filter(|past| past.is_recent(at)).map(Replaced::write).collect();
            let request = self
                .update(policy, &lease.holder)?
                .update_expression(format!("SET #until = :until, {REPLACED} = :replaced"))
                .condition_expression("Holder = :holder")
                .expression_attribute_values(":until", millis(Duration::ZERO))
                .expression_attribute_values(":replaced", AttributeValue::L(replaced));
            request.send().await.said().map_err(Error::from)
        };
        if let Err(reason) = given_back.await {
            tracing::warn!(%reason, "a lease was not given back");
        }
    }

    fn update(&self, policy: &str, holder: &str) -> Result<UpdateItemFluentBuilder> {
        let table = self.table.as_ref().ok_or_else(|| {
            Error::refused(format!("the function has no variable {TABLE}, which names the table of leases"))
        })?;
        // IAM's names are told apart by their letters alone, not by their case; the others have no capitals.
        let key = AttributeValue::S(policy.to_lowercase());
        let request = self.client.update_item().table_name(table).key(POLICY, key);
        Ok(request
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_values(":holder", AttributeValue::S(holder.to_owned())))
    }
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leases").field("table", &self.table).finish_non_exhaustive()
    }
}

/// The right to change one policy, for `WORK`.
pub(crate) struct Lease {
    holder: String,
    replaced: RefCell<Vec<Replaced>>,
    open_end: Cell<bool>,
}

impl Lease {
    /// Whether the document of this fingerprint was replaced lately, so that who reads it reads the past.
    pub(crate) fn is_past(&self, fingerprint: &str) -> bool {
        let now = now();
        self.replaced.borrow().iter().any(|replaced| replaced.fingerprint == fingerprint && replaced.is_recent(now))
    }

    /// Does `write`, which replaces the document of one fingerprint by that of another.
    pub(crate) async fn writing(
        &self,
        before: String,
        after: &str,
        write: impl Future<Output = Result<(), AwsError>>,
    ) -> Result<(), AwsError> {
        self.open_end.set(true);
        let written = write.await;
        self.open_end.set(written.as_ref().is_err_and(|error| !error.is_refusal()));
        if written.is_ok() {
            let at = now();
            let mut replaced = self.replaced.borrow_mut();
            replaced.retain(|past| past.is_recent(at) && past.fingerprint != after && past.fingerprint != before);
            replaced.push(Replaced { fingerprint: before, at });
            let too_many = replaced.len().saturating_sub(REMEMBERED);
            replaced.drain(..too_many);
        }
        written
    }
}

/// A document that was replaced, and when.
struct Replaced {
    fingerprint: String,
    at: Duration,
}

impl Replaced {
    fn is_recent(&self, now: Duration) -> bool {
        now < self.at + LAG
    }

    fn write(&self) -> AttributeValue {
        AttributeValue::S(format!("{} {}", self.fingerprint, self.at.as_millis()))
    }

    fn read(text: &str) -> Option<Self> {
        let (fingerprint, at) = text.split_once(' ')?;
        Some(Self { fingerprint: fingerprint.to_owned(), at: Duration::from_millis(at.parse().ok()?) })
    }
}

/// The time since 1970, which all functions share.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn millis(time: Duration) -> AttributeValue {
    AttributeValue::N(time.as_millis().to_string())
}
