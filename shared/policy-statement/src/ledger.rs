//! The ledger: a `DynamoDB` table in which each policy has a partition, with an item for the lease and one for each claim.
//!
//! Items are read consistently and written on conditions. What several items must say at once is written in a transaction.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_dynamodb::{
    Client,
    operation::{transact_write_items::TransactWriteItemsError, update_item::builders::UpdateItemFluentBuilder},
    types::{
        AttributeValue, CancellationReason, KeysAndAttributes, TransactWriteItem, Update, builders::UpdateBuilder,
    },
};
use custom_resource::{
    AwsError, Error, Result, SdkConfig, SdkResult,
    request_note::{CONFLICT, Item, NotNoted, RequestNote},
    table_client,
};

use tokio::time::sleep;

use crate::{
    Statement,
    claim_record::{CLAIM, ClaimRecord, ITEM, POLICY, WISH, text},
    claimant::Claimant,
    item_update::ItemUpdate,
    wish_note::WishNote,
};

/// The variable with the name of the table.
const TABLE: &str = "LEDGER_TABLE";

/// The variable with the seconds that a lease lasts, and the seconds if there is none. Tests that kill functions don't want
/// to wait that long.
const SECONDS: &str = "LEASE_SECONDS";
const LEASE: Duration = Duration::from_secs(15);

/// The index of the items of leases: by the type, the policies' names alone.
const BY_TYPE: &str = "ByType";
pub(crate) const TYPE: &str = "Type";

/// What `DynamoDB` says where a condition doesn't hold.
pub(crate) const NOT_SO: &str = "ConditionalCheckFailedException";

/// What it says of a transaction in which that is so, or that meets another one; and of a single write that meets one.
const IN_PROGRESS: &str = "TransactionInProgressException";

/// Why a transaction was cancelled, for an item whose condition doesn't hold.
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// How often a change is tried that meets another one, and how long the first pause is at most.
const TRIES: u32 = 6;
const IN_CONFLICT_FOR: Duration = Duration::from_millis(40);

/// How many items a transaction has at most: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const MOST: usize = 100;

/// The table, as the functions of one type use it.
pub(crate) struct Ledger {
    client: Client,
    table: Option<String>,
    /// The name of the type, by which the policies are listed.
    pub(crate) resource_type: &'static str,
    /// How long a lease lasts.
    pub(crate) lasts: Duration,
    /// How long a read of a policy may lag behind a write.
    pub(crate) lag: Duration,
    /// The time since 1970, which all functions share.
    clock: Box<dyn Fn() -> Duration>,
}

/// What became of changes that are made together or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    Done,
    /// A condition didn't hold, or somebody else changed one of the items at the same time.
    NotSo,
}

impl Ledger {
    pub(crate) fn new(aws: &SdkConfig, resource_type: &'static str, lag: Duration) -> Self {
        let seconds = std::env::var(SECONDS).ok().and_then(|seconds| seconds.parse().ok());
        let lasts = seconds.map_or(LEASE, Duration::from_secs);
        Self { lasts, ..Self::of(table_client(aws), std::env::var(TABLE).ok(), resource_type, lag) }
    }

    pub(crate) fn of(client: Client, table: Option<String>, resource_type: &'static str, lag: Duration) -> Self {
        let clock = Box::new(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        Self { client, table, resource_type, lasts: LEASE, lag, clock }
    }

    /// The same by another clock.
    pub(crate) fn by(self, clock: impl Fn() -> Duration + 'static) -> Self {
        Self { clock: Box::new(clock), ..self }
    }

    pub(crate) fn now(&self) -> Duration {
        (self.clock)()
    }

    /// A call as far as to the connection.
    pub(crate) async fn warm_up(&self) {
        let _ = self.client.update_item().set_table_name(self.table.clone()).send().await;
    }

    /// Notes the claim's request as its latest, and what it wishes; nothing where that request has ended. Returns the item.
    ///
    /// # Errors
    /// Refused where a later request was noted, or the ledger can't be used.
    pub(crate) async fn leave_wish(
        &self,
        claimant: &Claimant<'_>,
        statements: &[Statement],
        variable: Option<&str>,
        ends: Duration,
    ) -> Result<ClaimRecord> {
        let (client, table, now) = (&self.client, self.table()?, self.now());
        let wish = WishNote { client, table, now, claimant, statements, variable, ends };
        let note = RequestNote { first: || wish.first(), again: || Some(wish.again()) };
        match note.write(claimant.order).await {
            Ok(item) => ClaimRecord::read(item),
            Err(NotNoted::Error(error)) => {
                // It may not be the order of the requests, but the item's version.
                self.record(claimant.policy, claimant.key).await?;
                Err(error)
            }
            Err(NotNoted::Aws(error)) => Err(out_of_reach(error)),
        }
    }

    /// The item of a claim, if there is one.
    pub(crate) async fn record(&self, policy: &str, key: &str) -> Result<Option<ClaimRecord>> {
        let item = self.item(policy, key).await?;
        item.map(ClaimRecord::read).transpose()
    }

    async fn item(&self, policy: &str, key: &str) -> Result<Option<Item>> {
        let request = self.client.get_item().table_name(self.table()?).consistent_read(true);
        let request = request.set_key(Some(key_of(policy, key)));
        Ok(request.send().await.into_aws_error().map_err(out_of_reach)?.item)
    }

    /// Two items of a policy's partition, in one call. They come in any order, and perhaps not all at once.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
    pub(crate) async fn two_items(&self, policy: &str, keys: [&str; 2]) -> Result<[Option<Item>; 2]> {
        let table = self.table()?;
        let wanted = KeysAndAttributes::builder().consistent_read(true);
        let wanted = keys.iter().fold(wanted, |wanted, key| wanted.keys(key_of(policy, key))).build();
        let wanted = wanted.map_err(|error| Error::refused(error.to_string()))?;
        let request = self.client.batch_get_item().request_items(table, wanted);
        let mut answer = request.send().await.into_aws_error().map_err(out_of_reach)?;
        if answer.unprocessed_keys.is_some_and(|unread| !unread.is_empty()) {
            return Err(Error::not_yet("DynamoDB has read a part of the ledger's items only"));
        }
        let mut items = answer.responses.as_mut().and_then(|tables| tables.remove(table)).unwrap_or_default();
        Ok(keys.map(|key| {
            let place = items.iter().position(|item| text(item, ITEM).as_deref() == Some(key))?;
            Some(items.swap_remove(place))
        }))
    }

    /// All claims on a policy.
    pub(crate) async fn records(&self, policy: &str) -> Result<Vec<ClaimRecord>> {
        self.queried(policy, None).await
    }

    /// The claims on a policy whose wishes aren't confirmed.
    pub(crate) async fn wishes(&self, policy: &str) -> Result<Vec<ClaimRecord>> {
        self.queried(policy, Some("attribute_exists(#wish)")).await
    }

    /// All claims on a policy, and in the places of those that can't be read the reasons.
    pub(crate) async fn readable_records(&self, policy: &str) -> Result<(Vec<ClaimRecord>, Vec<Error>)> {
        let (mut records, mut unreadable) = (Vec::new(), Vec::new());
        for item in self.items(policy, None).await? {
            match ClaimRecord::read(item) {
                Ok(record) => records.push(record),
                Err(reason) => unreadable.push(reason),
            }
        }
        Ok((records, unreadable))
    }

    async fn queried(&self, policy: &str, filter: Option<&str>) -> Result<Vec<ClaimRecord>> {
        self.items(policy, filter).await?.into_iter().map(ClaimRecord::read).collect()
    }

    /// The policies of the type on which somebody has asked for a lease, in the order of their names: those after one of them, and of
    /// which the names begin so. The index may lag behind.
    pub(crate) async fn policies(&self, after: Option<&str>, beginning: Option<&str>) -> Result<Vec<String>> {
        let mut policies = Vec::new();
        let mut begin = None;
        let (condition, bound) = match (after, beginning) {
            (Some(after), _) => ("#type = :type AND #policy > :bound", Some(after)),
            (None, Some(beginning)) => ("#type = :type AND begins_with(#policy, :bound)", Some(beginning)),
            (None, None) => ("#type = :type", None),
        };
        loop {
            let request = self
                .client
                .query()
                .table_name(self.table()?)
                .index_name(BY_TYPE)
                .key_condition_expression(condition)
                .expression_attribute_names("#type", TYPE)
                .expression_attribute_values(":type", AttributeValue::S(self.resource_type.to_owned()))
                .set_exclusive_start_key(begin);
            let request = match bound {
                None => request,
                Some(bound) => request
                    .expression_attribute_names("#policy", POLICY)
                    .expression_attribute_values(":bound", AttributeValue::S(bound.to_owned())),
            };
            let page = request.send().await.into_aws_error().map_err(out_of_reach)?;
            policies.extend(page.items.unwrap_or_default().iter().filter_map(|item| text(item, POLICY)));
            begin = page.last_evaluated_key;
            if begin.is_none() {
                return Ok(policies);
            }
        }
    }

    /// Whether the claim was written to this very table, and not to one that was restored from another's backup.
    pub(crate) fn is_of_this_table(&self, record: &ClaimRecord) -> bool {
        self.table.as_ref() == Some(&record.table)
    }

    async fn items(&self, policy: &str, filter: Option<&str>) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        let mut begin = None;
        loop {
            let request = self
                .client
                .query()
                .table_name(self.table()?)
                .consistent_read(true)
                .key_condition_expression("#policy = :policy AND begins_with(#item, :claim)")
                .set_filter_expression(filter.map(ToOwned::to_owned))
                .expression_attribute_names("#policy", POLICY)
                .expression_attribute_names("#item", ITEM)
                .expression_attribute_values(":policy", AttributeValue::S(policy.to_owned()))
                .expression_attribute_values(":claim", AttributeValue::S(CLAIM.to_owned()))
                .set_exclusive_start_key(begin);
            let request = if filter.is_some() { request.expression_attribute_names("#wish", WISH) } else { request };
            let page = request.send().await.into_aws_error().map_err(out_of_reach)?;
            items.extend(page.items.unwrap_or_default());
            begin = page.last_evaluated_key;
            if begin.is_none() {
                return Ok(items);
            }
        }
    }

    /// Begins an update of an item.
    pub(crate) fn update(&self, policy: &str, key: &str) -> Result<UpdateItemFluentBuilder> {
        Ok(self.client.update_item().table_name(self.table()?).set_key(Some(key_of(policy, key))))
    }

    /// Makes one change.
    pub(crate) async fn change(&self, policy: &str, change: &ItemUpdate) -> Result<Changed> {
        self.unless_in_conflict(async || {
            let mut request = self.update(policy, &change.key)?;
            for (placeholder, name) in &change.names {
                request = request.expression_attribute_names(*placeholder, *name);
            }
            for (placeholder, value) in &change.values {
                request = request.expression_attribute_values(*placeholder, value.clone());
            }
            let request = request.update_expression(change.expression).condition_expression(change.condition);
            match request.send().await.none_if(&[NOT_SO]) {
                Ok(done) => Ok(Some(if done.is_some() { Changed::Done } else { Changed::NotSo })),
                Err(error) if error.code() == CONFLICT => Ok(None),
                Err(error) => Err(out_of_reach(error)),
            }
        })
        .await
    }

    /// Makes changes together, or none of them.
    pub(crate) async fn change_together(&self, policy: &str, changes: &[ItemUpdate]) -> Result<Changed> {
        match changes {
            [] => return Ok(Changed::Done),
            [one] => return self.change(policy, one).await,
            _ => {}
        }
        self.unless_in_conflict(async || {
            let items = changes.iter().map(|change| self.part(policy, change)).collect::<Result<_>>()?;
            let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
            if let Err(error) = &sent
                && let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            {
                let is_not_so = |reason: &CancellationReason| reason.code() == Some(CONDITION_FAILED);
                return Ok(cancelled.cancellation_reasons().iter().any(is_not_so).then_some(Changed::NotSo));
            }
            match sent.none_if(&[CONFLICT, IN_PROGRESS]) {
                Ok(done) => Ok(done.map(|_| Changed::Done)),
                Err(error) => Err(out_of_reach(error)),
            }
        })
        .await
    }

    /// Tries again what meets another change of the same item: the SDK doesn't.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling>
    async fn unless_in_conflict(&self, change: impl AsyncFn() -> Result<Option<Changed>>) -> Result<Changed> {
        for nth in 1..TRIES {
            if let Some(changed) = change().await? {
                return Ok(changed);
            }
            sleep(IN_CONFLICT_FOR.mul_f64(f64::from(nth) * fastrand::f64())).await;
        }
        match change().await? {
            Some(changed) => Ok(changed),
            None => Err(Error::not_yet("another request changes the same items of the ledger")),
        }
    }

    /// How many changes can be made together at most.
    pub(crate) const fn most_together() -> usize {
        MOST
    }

    fn part(&self, policy: &str, change: &ItemUpdate) -> Result<TransactWriteItem> {
        let names = |update: UpdateBuilder| {
            let update = change.names.iter().fold(update, |update, (placeholder, name)| {
                update.expression_attribute_names(*placeholder, *name) //
            });
            change.values.iter().fold(update, |update, (placeholder, value)| {
                update.expression_attribute_values(*placeholder, value.clone()) //
            })
        };
        let update = Update::builder()
            .table_name(self.table()?)
            .set_key(Some(key_of(policy, &change.key)))
            .update_expression(change.expression)
            .condition_expression(change.condition);
        let update = names(update).build().map_err(|error| Error::refused(error.to_string()))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn table(&self) -> Result<&str> {
        self.table.as_deref().ok_or_else(|| {
            Error::refused(format!("the function has no variable {TABLE}, which names the table of the ledger"))
        })
    }
}

fn key_of(policy: &str, key: &str) -> Item {
    [(POLICY, policy), (ITEM, key)].map(|(name, part)| (name.to_owned(), AttributeValue::S(part.to_owned()))).into()
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("table", &self.table).finish_non_exhaustive()
    }
}

pub(crate) fn out_of_reach(error: AwsError) -> Error {
    error.advised("a policy is only changed with the ledger").into()
}
