//! How an item of a table notes the requests for a resource: which one is the latest, and which others were made in its second.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};

use crate::{AwsError, Error, RequestOrder, Result, SdkResult};

/// An item, by the names of its attributes.
pub type Item = HashMap<String, AttributeValue>;

/// How many requests CloudFormation makes for one resource in one second, and more. The item must not grow for whoever
/// writes events by hand.
pub(crate) const IN_ONE_SECOND: usize = 20;

pub(crate) const RANK: &str = "Rank";
/// The attribute with the latest request.
pub const LATEST: &str = "Latest";
pub(crate) const SEEN: &str = "Seen";

pub(crate) const IS_NEWER: &str = "attribute_not_exists(#rank) OR #rank < :rank";
const NOTE_NEWER: &str = "SET #rank = :rank, #latest = :latest, #seen = :seen";
pub(crate) const IS_THE_SAME_STILL: &str = "#rank = :rank AND #latest = :before";
const NOTE_ANOTHER: &str = "SET #latest = :latest, #seen = list_append(#seen, :seen)";
const IS_LATEST: &str = "#latest = :latest";
const NOTE_AGAIN: &str = "SET #latest = :latest";

/// What `DynamoDB` says of a write that meets a transaction on the same item.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling>
pub const CONFLICT: &str = "TransactionConflictException";
const IN_CONFLICT_FOR: Duration = Duration::from_mins(2);

/// What an older request is answered. Whoever made it doesn't wait for it any more.
const OVERTAKEN: &str = "a later request for this resource was worked on meanwhile, so nothing was done";

/// An update of the item that has begun, perhaps on a condition of its own, and what else it sets: clauses such as
/// `#expires = :expires`, whose placeholders it has.
pub type Begun = (UpdateItemFluentBuilder, &'static str);

/// A change of the item in which the requests for one resource are noted.
pub struct RequestNote<First, Again> {
    /// Begins the update for a request that wasn't the latest.
    pub first: First,
    /// Begins the update for the latest request, which comes again, perhaps on a condition under which it still has something to set;
    /// `None` if there is nothing to set then.
    pub again: Again,
}

impl<First: Fn() -> Begun, Again: Fn() -> Option<Begun>> RequestNote<First, Again> {
    /// Notes that `order` is that of the latest request, and returns what the update is told to return; the item as it is where
    /// that request is noted already and has nothing to set again.
    ///
    /// # Errors
    /// Refused if a later request has been noted; not yet if another one is being noted; AWS's own.
    pub async fn write(&self, order: &RequestOrder) -> Result<Item, NotNoted> {
        let request = change((self.first)(), NOTE_NEWER, IS_NEWER, order);
        let request = with_rank(with_seen(request, order), order);
        let before = match sent(request).await? {
            Update::Done(item) => return Ok(item),
            Update::NotSo(item) => item,
        };
        let latest = text(&before, LATEST);
        if latest == order.request() {
            let Some(again) = (self.again)() else { return Ok(before) };
            return match sent(change(again, NOTE_AGAIN, IS_LATEST, order)).await? {
                Update::Done(item) => Ok(item),
                Update::NotSo(item) if is_noted(&item, order) => Ok(item),
                Update::NotSo(_) => Err(NotNoted::Error(Error::refused(OVERTAKEN))),
            };
        }
        check_same_time(&before, order).map_err(NotNoted::Error)?;
        // Nobody can say which of the two CloudFormation made later, so the one that arrives later is.
        let request = change((self.first)(), NOTE_ANOTHER, IS_THE_SAME_STILL, order);
        let request = with_rank(with_seen(request, order), order);
        let request = request.expression_attribute_values(":before", AttributeValue::S(latest.to_owned()));
        match sent(request).await? {
            Update::Done(item) => Ok(item),
            Update::NotSo(_) => {
                Err(NotNoted::Error(Error::not_yet("another request for this resource arrives at the same time")))
            }
        }
    }
}

fn change((update, also): Begun, change: &str, condition: &str, order: &RequestOrder) -> UpdateItemFluentBuilder {
    let comma = if also.is_empty() { "" } else { ", " };
    let condition = match update.get_condition_expression() {
        Some(own) => format!("({condition}) AND ({own})"),
        None => condition.to_owned(),
    };
    update
        .update_expression(format!("{change}{comma}{also}"))
        .condition_expression(condition)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .expression_attribute_names("#latest", LATEST)
        .expression_attribute_values(":latest", AttributeValue::S(order.request().to_owned()))
}

/// Whether the item says that `order` is that of the latest request for the resource.
#[must_use]
pub fn is_noted(item: &Item, order: &RequestOrder) -> bool {
    text(item, LATEST) == order.request()
}

/// Why a request is not noted as the latest.
#[derive(Debug)]
pub enum NotNoted {
    /// It isn't, or it can't be said yet.
    Error(Error),
    /// AWS's error.
    Aws(AwsError),
}

impl From<AwsError> for NotNoted {
    fn from(error: AwsError) -> Self {
        Self::Aws(error)
    }
}

/// What an older request is refused with.
#[must_use]
pub fn overtaken() -> Error {
    Error::refused(OVERTAKEN)
}

/// Lets a request in that was made in the second of the latest one and wasn't seen before.
fn check_same_time(item: &Item, order: &RequestOrder) -> Result<()> {
    let seen = item.get(SEEN).and_then(|seen| seen.as_l().ok()).map(Vec::as_slice).unwrap_or_default();
    let is_known = seen.iter().any(|request| request.as_s().is_ok_and(|request| request == order.request()));
    let rank = item.get(RANK).and_then(|rank| rank.as_n().ok());
    if is_known || rank.is_none_or(|rank| *rank != order.rank().to_string()) {
        return Err(overtaken());
    }
    if seen.len() >= IN_ONE_SECOND {
        return Err(Error::refused(format!(
            "more than {IN_ONE_SECOND} requests for this resource were made in one second, so nothing was done"
        )));
    }
    Ok(())
}

fn with_rank(request: UpdateItemFluentBuilder, order: &RequestOrder) -> UpdateItemFluentBuilder {
    request
        .expression_attribute_names("#rank", RANK)
        .expression_attribute_values(":rank", AttributeValue::N(order.rank().to_string()))
}

fn with_seen(request: UpdateItemFluentBuilder, order: &RequestOrder) -> UpdateItemFluentBuilder {
    request
        .expression_attribute_names("#seen", SEEN)
        .expression_attribute_values(":seen", AttributeValue::L(vec![AttributeValue::S(order.request().to_owned())]))
}

/// What became of an update.
enum Update {
    Done(Item),
    /// The condition doesn't hold for this item, which stays.
    NotSo(Item),
}

async fn sent(request: UpdateItemFluentBuilder) -> Result<Update, AwsError> {
    let answer = request.send().await;
    if let Err(error) = &answer
        && let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
    {
        return Ok(Update::NotSo(failed.item().cloned().unwrap_or_default()));
    }
    match answer.into_aws_error() {
        Ok(done) => Ok(Update::Done(done.attributes.unwrap_or_default())),
        Err(conflict) if conflict.code() == CONFLICT => Err(conflict.not_yet_within(IN_CONFLICT_FOR)),
        Err(error) => Err(error),
    }
}

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).unwrap_or_default()
}
